# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run modules inside a real host, as Ansible does, and give it services to run them on."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import ansible
from conftest import SUPPORT, HostHandle, MakeFleet
from fleet import shaping
from fleet.state import leader

LIBRARY = "/opt/aarch64-validator-test"
COLLECTION = "ansible_collections/aarch64/validator/plugins"
MODULES = COLLECTION.replace("/", ".") + ".modules."
REPOSITORY = SUPPORT.parent.parent
STATE = "/var/lib/aarch64-validator"
PID_FILE = "/run/aarch64-validator-test.pid"
GUARDS = "aarch64-validator-start-*"
NOBODY = "65534"


def install(handle: HostHandle) -> None:
    """Copy the collection and the part of ansible-core that modules use to a host."""
    library = handle.fleet.root(handle.name) / LIBRARY.lstrip("/")
    package = Path(ansible.__file__).parent
    names = ("__init__.py", "release.py", "_vendor", "_internal", "module_utils")
    sources = [(package / name, library / "ansible" / name) for name in names]
    sources += [(REPOSITORY / "plugins" / name, library / COLLECTION / name) for name in ("modules", "module_utils")]
    for source, target in sources:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, target)
    for path in [library, *library.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def installed(make_fleet: MakeFleet, name: str) -> HostHandle:
    """A host of its own, with the modules on it."""
    started = HostHandle(make_fleet(name), name)
    install(started)
    return started


class ServiceHost:
    """A host with services of the test's own."""

    def __init__(self, handle: HostHandle) -> None:
        self.handle = handle
        self.units: list[str] = []

    def run(self, *command: str, **options: Any) -> str:
        """Run a command that must succeed; its output."""
        return self.handle.inside(*command, **options)

    def command(self, name: str, nobody: bool = False) -> list[str]:
        """The argument list that runs a module; it leaves its process id in PID_FILE."""
        become = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups" if nobody else f"echo $$ >{PID_FILE}; exec"
        python = f"{become} env PYTHONPATH={LIBRARY} python3 -B -m {MODULES}{name}"
        return ["nsenter", f"--target={leader(self.handle.fleet, self.handle.name)}", "--all", "sh", "-c", python]

    def start(self, name: str, **options: Any) -> subprocess.Popen[str]:
        """Start a module and leave it running."""
        process = subprocess.Popen(self.command(name), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin is not None
        process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
        process.stdin.close()
        return process

    def module(self, name: str, check: bool = False, nobody: bool = False, **options: Any) -> dict[str, Any]:
        """Run a module; its result."""
        arguments = dict(options, _ansible_check_mode=check, _ansible_diff=True)
        done = subprocess.run(
            self.command(name, nobody), input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}), capture_output=True,
            text=True, check=False,
        )
        assert done.stdout.strip(), done.stderr
        return dict(json.loads(done.stdout))

    def foretold(self, name: str, **options: Any) -> dict[str, Any]:
        """Run a module in check mode and for real; both must say the same, and check mode must touch nothing."""
        before = self.tree()
        predicted = self.module(name, check=True, **options)
        assert self.tree() == before, f"{name} changed something in check mode"
        real = self.module(name, **options)
        assert predicted == real, f"{name} did something else than check mode had told"
        return real

    def limits(self, **options: Any) -> dict[str, Any]:
        """Run service_limits."""
        return self.module("service_limits", **options)

    def restart(self, **options: Any) -> dict[str, Any]:
        """Run service_restart."""
        return self.module("service_restart", **options)

    def signal_module(self, signal: str) -> None:
        """Send a signal to the module that start() started."""
        self.run("sh", "-c", f"kill -{signal} $(cat {PID_FILE})")

    def write(self, path: str, text: str) -> None:
        """Write a file on the host."""
        shaping.write(self.handle.fleet, self.handle.name, path, text)

    def unit(self, name: str, *lines: str, start: bool = True, head: str = "") -> str:
        """Make a service of these lines, enabled as a node is, and start it."""
        unit = name + ".service"
        text = f"{head}\n[Service]\n" + "\n".join(lines) + "\n[Install]\nWantedBy=multi-user.target\n"
        self.write(f"/etc/systemd/system/{unit}", text)
        self.units.append(unit)
        self.run("systemctl", "daemon-reload")
        if not name.endswith("@"):
            self.run("systemctl", "--quiet", "enable", unit)
        if start:
            self.run("systemctl", "start", unit)
        return unit

    def drop_in(self, unit: str, file: str, *lines: str, reload: bool = True) -> str:
        """Write a drop-in; its path."""
        path = f"/etc/systemd/system/{unit}.d/{file}.conf"
        self.write(path, "[Service]\n" + "".join(line + "\n" for line in lines))
        if reload:
            self.run("systemctl", "daemon-reload")
        return path

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Properties of a unit."""
        return self.handle.show(*properties, unit=unit)

    def state(self, unit: str) -> str:
        """``active running``"""
        found = self.show(unit, "ActiveState", "SubState")
        return f"{found['ActiveState']} {found['SubState']}"

    def pid(self, unit: str) -> int:
        """The main process of a unit."""
        return int(self.show(unit, "MainPID")["MainPID"])

    def soft_nofile(self, pid: int) -> int:
        """The live soft limit of open files of a process."""
        return int(self.run("prlimit", "--nofile", "--raw", "--noheadings", "--output=SOFT", f"--pid={pid}"))

    def wait_for(self, unit: str, state: str, seconds: float = 15) -> None:
        """Wait until a unit is in this state."""
        deadline = time.monotonic() + seconds
        while self.state(unit) != state:
            assert time.monotonic() < deadline, f"{unit} is {self.state(unit)}, wanted {state}"
            time.sleep(0.05)

    def guards(self) -> list[str]:
        """Names of the timers and services with which this collection secures a restart: active, with a job or failed."""
        listing = self.run("systemctl", "list-units", "--plain", "--no-legend", "--full", GUARDS)
        return [line.split()[0] for line in listing.splitlines()]

    def wait_for_guards(self, *suffixes: str, seconds: float = 15) -> None:
        """Wait until the guards are of these kinds, such as ``.timer``; without any, until none is left."""
        deadline = time.monotonic() + seconds
        while sorted(suffixes) != sorted(name[name.rindex("."):] for name in self.guards()):
            assert time.monotonic() < deadline, f"wanted {suffixes}, there are {self.guards()}"
            time.sleep(0.05)

    def tree(self) -> str:
        """All of /etc/systemd, with modes and contents."""
        listing = "find . -printf '%p %y %m %u %g %l\\n' | sort; find . -type f | sort | xargs sha256sum"
        return self.run("sh", "-c", "cd /etc/systemd; " + listing)

    def clean_up(self) -> None:
        """Put the host back as it was before the test."""
        self.run("sh", "-c", f"systemctl stop '{GUARDS}' || true")  # a timer goes with its service
        for unit in self.units:
            commands = [f"systemctl {verb} {shlex.quote(unit)}" for verb in ("kill -s KILL", "stop", "-q disable")]
            self.run("sh", "-c", "; ".join(commands) + "; true")
            self.run("rm", "-rf", f"/etc/systemd/system/{unit}", f"/etc/systemd/system/{unit}.d")
        self.run("rm", "-rf", STATE, "/etc/systemd/system.control")
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "reset-failed")
