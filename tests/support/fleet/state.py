# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of a fleet: its names, its hosts and its processes.

Everything that a fleet leaves on the machine is derived from its work
directory, so that `down` finds it even when the starter died half-way.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import typing as t
from dataclasses import asdict, dataclass, field
from pathlib import Path

RUN_DIR = Path("/run/aarch64-validator")


class FleetError(Exception):
    """Something that the caller must be told in one line."""


@dataclass(frozen=True)
class Host:
    """One host; each has a /24 of its own, to be a failure domain of its own."""

    name: str
    address: str


@dataclass
class Fleet:
    """A set of hosts that share a network namespace."""

    workdir: Path
    hosts: list[Host] = field(default_factory=list)

    @property
    def ident(self) -> str:
        """A short name that no other work directory has."""
        return hashlib.sha256(str(self.workdir.resolve()).encode()).hexdigest()[:8]

    @property
    def netns(self) -> str:
        """Name of the network namespace."""
        return "av-" + self.ident

    @property
    def network(self) -> str:
        """The first two octets; they differ from those of most other fleets."""
        return f"10.{128 + int(self.ident, 16) % 120}"

    @property
    def run_dir(self) -> Path:
        """A short path for ControlPersist sockets, whose paths must not be long."""
        return RUN_DIR / self.ident

    @property
    def state_file(self) -> Path:
        """Where the list of hosts is kept."""
        return self.workdir / "state.json"

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F`, and for the inventory."""
        return self.workdir / "ssh_config"

    @property
    def inventory(self) -> Path:
        """The inventory that reaches the hosts from the root namespace."""
        return self.workdir / "inventory.yml"

    def machine(self, name: str) -> str:
        """The nspawn machine name of a host, unique on this machine."""
        return f"{self.netns}-{name}"

    def host_dir(self, name: str) -> Path:
        """Directory of one host."""
        return self.workdir / "hosts" / name

    def root(self, name: str) -> Path:
        """Root file system of one host."""
        return self.host_dir(name) / "root"

    def host(self, name: str) -> Host:
        """Look a host up by its name."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise FleetError(f"no host {name!r} in {self.state_file}: there are {[h.name for h in self.hosts]}")

    def nsenter(self) -> list[str]:
        """Prefix that runs a command in the fleet's network.

        Not `ip netns exec`: that mounts a new /sys and so hides the cgroups.
        """
        return ["nsenter", f"--net=/run/netns/{self.netns}"]

    def save(self) -> None:
        """Write the state before anything is started."""
        self.workdir.mkdir(parents=True, exist_ok=True)
        write_json(self.state_file, {"hosts": [asdict(host) for host in self.hosts]})


def load(workdir: Path) -> Fleet:
    """Read a fleet's state; a work directory without one is a fleet without hosts."""
    fleet = Fleet(workdir.resolve())
    if fleet.state_file.exists():
        state = json.loads(fleet.state_file.read_text(encoding="utf-8"))
        fleet.hosts = [Host(**host) for host in state["hosts"]]
    return fleet


def write_json(path: Path, content: dict[str, t.Any]) -> None:
    """Replace a JSON file in one step, as others read it at any time."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    temporary.rename(path)


def run(command: t.Sequence[str], **options: t.Any) -> subprocess.CompletedProcess[str]:
    """Run a command; what it says is part of the error when it fails."""
    options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
    if options["stdin"] is None:
        del options["stdin"]
    done = subprocess.run(list(command), capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise FleetError(f"{' '.join(command)}: exit code {done.returncode}: {said}")
    return done


@dataclass(frozen=True)
class Process:
    """A process, told from a later one of the same number by its start time."""

    pid: int
    started: str

    @staticmethod
    def of(pid: int) -> Process:
        """Describe a process that runs now."""
        return Process(pid, _start_time(pid))

    @property
    def alive(self) -> bool:
        """Whether exactly this process still runs (a zombie does not)."""
        return bool(self.started) and _start_time(self.pid) == self.started

    def signal(self, number: int) -> None:
        """Send a signal to this process, never to another one."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _start_time(pid: int) -> str:
    """Field 22 of /proc/PID/stat, or nothing for a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def recorded(fleet: Fleet, name: str) -> dict[str, Process]:
    """The processes that a host's supervisor wrote down."""
    try:
        content = json.loads((fleet.host_dir(name) / "processes.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {role: Process(**process) for role, process in content.items()}


def record(fleet: Fleet, name: str, processes: dict[str, Process]) -> None:
    """Write the processes of a host down."""
    content = {role: asdict(process) for role, process in processes.items()}
    write_json(fleet.host_dir(name) / "processes.json", content)


def leader(fleet: Fleet, name: str) -> int:
    """PID of the host's own PID 1, as seen from outside."""
    process = recorded(fleet, name).get("nspawn")
    if process is None or not process.alive:
        raise FleetError(f"host {name} is not running")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
    for child in children:
        status = Path(f"/proc/{child}/status").read_text(encoding="utf-8")
        if any(line.startswith("NSpid:") and line.split()[-1] == "1" for line in status.splitlines()):
            return int(child)
    raise FleetError(f"host {name} has no PID 1 yet")
