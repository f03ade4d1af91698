# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines on which a module is stopped in the middle: a private root for /dev/shm, a real host for services."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import crash_points
from private_root import COLLECTIONS, MODULE_PACKAGE, STATE, PrivateRoot
from service_host import ServiceHost
from shm_box import ShmBox

LOG = "/opt/points.log"
FSTAB = "/etc/fstab"
# Type, mode, owner and content of all that a module may write, with what lies beside it under a temporary name.
LOOK = r"""
import glob, hashlib, os, re, stat, sys
for top in [path for each in sys.argv[1:] for path in (sorted(glob.glob(each)) if "*" in each else [each])]:
    for path in [top] + sorted(os.path.join(at, name) for at, names, files in os.walk(top) for name in names + files):
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            continue
        content = open(path, "rb").read() if stat.S_ISREG(status.st_mode) else b""
        content = os.fsencode(os.readlink(path)) if stat.S_ISLNK(status.st_mode) else content
        content = re.sub(rb'"at": [0-9.]+', b'"at": 0', content)  # when a change went on trial
        print(path, oct(status.st_mode), status.st_uid, status.st_gid, hashlib.sha256(content).hexdigest(), sep="\t")
"""

Seen = dict[str, tuple[str, ...]]


class Ended(t.NamedTuple):
    """How a run ended: what the module answered (nothing if it was killed), what it complained of, what strace saw."""

    answer: dict[str, t.Any]
    errors: str
    log: str


class Machine(t.Protocol):
    """What the tests need of a machine."""

    def traced(self, module: str, options: dict[str, t.Any], orders: t.Sequence[str]) -> Ended:
        ...

    def module(self, name: str, options: dict[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
        ...

    def run(self, *command: str) -> str:
        ...

    def prepare(self, steps: t.Sequence[tuple[str, dict[str, t.Any]]]) -> None:
        ...

    def files(self) -> Seen:
        ...

    def live(self) -> t.Any:
        ...

    def read(self, path: str) -> bytes:
        ...

    def between(self, path: str) -> bool:
        ...


def run_all(machine: Machine, steps: t.Iterable[tuple[str, dict[str, t.Any]]]) -> None:
    """Run modules that must succeed."""
    for module, options in steps:
        answer = machine.module(module, options)
        assert not answer.get("failed"), f"{module} {options}: {answer.get('msg')}"


def ended(process: subprocess.CompletedProcess[str], log: str) -> Ended:
    """From a process to what tests look at."""
    return Ended(json.loads(process.stdout) if process.stdout.strip() else {}, process.stderr, log)


def seen(listing: str) -> Seen:
    """The output of LOOK by path."""
    return {path: tuple(rest) for path, *rest in (line.split("\t") for line in listing.splitlines())}


class PrivateMachine(PrivateRoot):
    """A private root in which modules are traced."""

    watched: tuple[str, ...] = (STATE,)  # all that the modules may write

    def between(self, path: str) -> bool:
        """Whether a file may be neither the old one nor the new one, since the next run knows how it has to be."""
        return False

    def traced(self, module: str, options: dict[str, t.Any], orders: t.Sequence[str]) -> Ended:
        """Run a module under strace."""
        environment = ["env", f"PYTHONPATH={COLLECTIONS}"]
        python = [sys.executable, "-B", "-m", MODULE_PACKAGE + module]
        command = self.command(*environment, *crash_points.trace(LOG, *orders), *python)
        process = subprocess.run(
            command, input=json.dumps({"ANSIBLE_MODULE_ARGS": options}), capture_output=True, text=True, check=False)
        return ended(process, self.path(LOG).read_text(errors="replace"))

    def prepare(self, steps: t.Sequence[tuple[str, dict[str, t.Any]]]) -> None:
        """Bring the machine to where a trial begins."""
        run_all(t.cast("Machine", self), steps)

    def files(self) -> Seen:
        """All that the modules may write."""
        return seen(self.run(sys.executable, "-B", "-c", LOOK, *self.watched))

    def read(self, path: str) -> bytes:
        """A file in there."""
        return self.path(path).read_bytes()


class ShmMachine(PrivateMachine, ShmBox):
    """A private root with a /dev/shm of 64 MiB and some lines in fstab; of /dev/shm itself the mode alone is looked at."""

    watched = (FSTAB, STATE, "/etc/.fstab*.aarch64-validator-new", "/dev/shm")

    def __init__(self, base: Path, fstab: str) -> None:
        super().__init__(base)
        self.path(FSTAB).write_text(fstab)
        self.run("chmod", "640", FSTAB)
        self.run("chown", "1:2", FSTAB)

    def live(self) -> t.Any:
        """The size of /dev/shm."""
        return self.shm_size()


class ServiceMachine:
    """A real host with a service."""

    def __init__(self, host: ServiceHost, unit: str) -> None:
        self.host = host
        self.unit = unit
        self.saved: t.Any = None
        # Programs that write units at each reload have nothing to do here, and take most of its time.
        self.run("sh", "-c", "cd /usr/lib/systemd/system-generators && mkdir -p /etc/systemd/system-generators && "
                             "for name in *; do ln -sf /dev/null /etc/systemd/system-generators/$name; done")

    def prepare(self, steps: t.Sequence[tuple[str, dict[str, t.Any]]]) -> None:
        """Bring the host to where a trial begins: by the modules once, and then by a copy of what they wrote."""
        if not steps:
            return
        if self.saved is not steps:
            run_all(t.cast("Machine", self), steps)
            self.run("tar", "--create", "--file=/opt/saved.tar", *self.written())
            self.saved = steps
        else:
            self.run("tar", "--extract", "--file=/opt/saved.tar", "--directory=/")
            self.run("systemctl", "daemon-reload")

    def written(self) -> tuple[str, ...]:
        """The directories that the modules write in."""
        return f"/etc/systemd/system/{self.unit}.d", STATE

    def traced(self, module: str, options: dict[str, t.Any], orders: t.Sequence[str]) -> Ended:
        """Run a module under strace."""
        command = self.host.command(module)
        command[-1] = command[-1].replace("python3 -B", " ".join([*crash_points.trace(LOG, *orders), "python3 -B"]))
        command[-1] = command[-1].replace("?", "\\?")
        process = subprocess.run(
            command, input=json.dumps({"ANSIBLE_MODULE_ARGS": options}), capture_output=True, text=True, check=False)
        return ended(process, self.read(LOG).decode("utf-8", "replace"))

    def module(self, name: str, options: dict[str, t.Any], check: bool = False) -> dict[str, t.Any]:
        """Run a module; its result."""
        return self.host.module(name, check, **options)

    def run(self, *command: str) -> str:
        """Run a command that must succeed; its output."""
        return self.host.run(*command)

    def files(self) -> Seen:
        """The unit's drop-ins, those that are our own, and the state."""
        return seen(self.run("python3", "-B", "-c", LOOK, *self.written(), FSTAB))

    def live(self) -> t.Any:
        """What systemd has loaded."""
        shown = self.host.show(self.unit, "LimitNOFILE", "LimitNOFILESoft", "ExecStart", "DropInPaths", "NeedDaemonReload",
                               "MemoryDenyWriteExecute")
        return dict(shown, ExecStart=shown["ExecStart"].partition(" ; ignore_errors")[0])

    def between(self, path: str) -> bool:
        """No file is ever anything but the old one or the new one."""
        return False

    def read(self, path: str) -> bytes:
        """A file of the host."""
        handle = self.host.handle
        return (handle.fleet.root(handle.name) / path.lstrip("/")).read_bytes()
