# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a trial as a transient service of systemd. Private to this collection.

strace cannot run inside the sandbox of a unit, whose filters usually forbid ptrace(2), and a filter of its own would
change what is looked at. So the service starts as flock(1), which waits for a lock with the whole sandbox around it.
strace attaches from outside, the lock is given free, and flock turns into the program, traced from its first call on.
Everything that the program starts stays in the control group of the service, which is ended as a whole; systemd does
that by itself, and removes the directory, when this module is killed. The network of the service has only loopback,
and all files outside of its directory are read-only for it. Tried with systemd 252.
"""

from __future__ import annotations

import binascii
import contextlib
import fcntl
import os
import re
import subprocess
import time
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._child import end
from ansible_collections.aarch64.validator.plugins.module_utils._manager import ENVIRONMENT, ManagerError
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import parse_limits
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._startup_command import environment_text
from ansible_collections.aarch64.validator.plugins.module_utils._startup_process import (
    PREFIX,
    Job,
    Lines,
    Outcome,
    Pump,
    StartupError,
    Tail,
    Workspace,
    shared_namespaces,
)
from ansible_collections.aarch64.validator.plugins.module_utils._startup_rpc import Asker
from ansible_collections.aarch64.validator.plugins.module_utils._startup_strace import Tracer
from ansible_collections.aarch64.validator.plugins.module_utils._startup_unit import PROPERTIES, differences

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils import _strace
    from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager

_HOLD_SECONDS = 20
_MARGIN_SECONDS = 20  # how much later systemd ends what this module could not
# What no trial may do or keep, whatever its unit says.
_ISOLATION = (
    ("PrivateNetwork", "yes"), ("PrivateTmp", "yes"), ("ProtectSystem", "strict"), ("KillMode", "control-group"),
    ("KillSignal", "SIGKILL"), ("SendSIGKILL", "yes"), ("TimeoutStopSec", "10"), ("Restart", "no"), ("OOMScoreAdjust", "900"),
)
# Lines of systemd-run itself, among those of the program.
_TRAILER = re.compile(r"Main process(?:es)? terminated with: code=(?P<code>\w+)[/,] ?status=(?P<status>\w+)")
_OWN_LINE = re.compile(
    r"Running as unit: aarch64-validator-trace-|Finished with result: |Main process(?:es)? terminated with: |Service runtime: "
    r"|CPU time consumed: |Memory peak: |IP traffic |IO bytes |Press \^\]")


class Tools(t.NamedTuple):
    """Programs that are needed; strace is None for a trial without it."""

    systemd_run: str
    flock: str
    rm: str
    nsenter: str
    strace: str | None


class Trial:
    """One run of one job in its workspace; unit_properties are those of the unit whose sandbox it should have.

    trace takes what strace prints.
    """

    def __init__(self, manager: Manager, tools: Tools, workspace: Workspace, job: Job, unit_properties: dict | None,
                 trace: _strace.Trace) -> None:
        self.manager = manager
        self.tools = tools
        self.workspace = workspace
        self.job = job
        self.unit_properties = unit_properties
        self.trace = trace
        self.name = PREFIX + binascii.hexlify(os.urandom(6)).decode() + ".service"
        self.tail = Tail()
        self.notes = []  # type: list[str]
        self.limits = None  # type: dict | None

    def run(self) -> Outcome:
        """Run the job until it ends or its time is over; nothing of it is left. Raises StartupError or ManagerError."""
        pump = Pump()
        tracer = asker = None
        with open(self.workspace.lock, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            process, output = self._start()
            pump.add(output, Lines(self.tail.take).feed)
            try:
                pid = self._held(process, pump)
                if self.tools.strace:
                    tracer = Tracer(self.tools.strace, pid, self.trace)
                    pump.add(tracer.pipe, tracer.lines.feed)
                asker = Asker(self.job.rpc_port) if self.job.rpc_port else None
                fcntl.flock(lock, fcntl.LOCK_UN)
                begin = time.monotonic()
                in_time = pump.run(begin + self.job.seconds, lambda: self._finished(process, tracer, asker, pid))
                seconds = time.monotonic() - begin
            finally:
                self._end(process)
                pump.rest()
                pump.close()
                for helper in (tracer, asker):
                    getattr(helper, "end", getattr(helper, "close", lambda: None))()
        return self._outcome(pid, in_time, seconds, tracer, asker)

    def _properties(self) -> list:
        settings = dict(_ISOLATION)
        settings["ReadWritePaths"] = self.workspace.node
        settings["RuntimeMaxSec"] = str(int(self.job.seconds) + _HOLD_SECONDS + _MARGIN_SECONDS)
        settings["ProtectHome"] = _protect_home((self.unit_properties or {}).get("ProtectHome"))
        # From the mount namespace of PID 1, since the directory is a mount point in that of the service.
        remove = f"{self.tools.rm} -rf --one-file-system -- {self.workspace.path}"
        settings["ExecStopPost"] = f"+{self.tools.nsenter} --target 1 --mount -- {remove}"
        first, last = (self._environment_file(*one) for one in (
            ("unit-environment", self.job.unit_environment), ("environment", self.job.environment)))
        pairs = [first] + list(self.job.settings) + list(settings.items()) + [last]
        return [f"--property={name}={value}" for name, value in pairs]

    def _environment_file(self, name: str, variables: dict) -> tuple:
        """Variables go by a file that only root can read, and not by a command line that everybody can."""
        path = os.path.join(self.workspace.path, name)
        if not os.path.exists(path):
            self.workspace.write(path, environment_text(variables), 0o600)
        return "EnvironmentFile", path

    def _start(self) -> tuple:
        """``(systemd-run, pipe with what the program prints)``."""
        # systemd looks for variables once more, in what has been resolved already.
        words = [word.replace("$", "$$") for word in self.job.arguments]
        command = [self.tools.systemd_run, "--pipe", "--wait", "--collect", "--unit=" + self.name] + self._properties()
        command += ["--", self.tools.flock, "--no-fork", self.workspace.lock] + words
        reader, writer = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603  # pylint: disable=ansible-bad-function  # a list of words, never a line of text
                command, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, start_new_session=True,
                env=dict(os.environ, **ENVIRONMENT))
        except OSError as error:
            os.close(reader)
            raise StartupError("systemd-run", f"{self.tools.systemd_run}: {error.strerror or error}") from error
        finally:
            os.close(writer)
        return process, reader

    def _held(self, process: subprocess.Popen, pump: Pump) -> int:
        """Wait until flock holds the service inside its sandbox; its process id."""
        deadline = time.monotonic() + _HOLD_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            shown = self.manager.show(self.name, PROPERTIES)
            pid = int(shown.get("MainPID") or 0)
            # Before it is flock, systemd's own child carries the name in parentheses. Its name is for everybody to read.
            if pid and (read_text(f"/proc/{pid}/comm", []) or "").strip() == os.path.basename(self.tools.flock):
                self.limits = parse_limits(read_text(f"/proc/{pid}/limits", []) or "")
                self.notes += shared_namespaces(pid, ("net", "mnt"))
                if self.unit_properties is not None:
                    self.notes += differences(self.unit_properties, shown)
                return pid
            pump.run(time.monotonic() + 0.02, lambda: False)
        self._end(process)
        pump.rest()
        said = "; ".join(line for line in self.tail.lines if not _OWN_LINE.match(line)) or self._trailer_text()
        raise StartupError("sandbox", f"the trial could not be started as a transient service: {said}")

    def _finished(self, process: subprocess.Popen, tracer: Tracer | None, asker: Asker | None, pid: int) -> bool:
        if process.poll() is not None or (tracer is not None and pid in tracer.trace.ended):
            return True
        if asker is None:
            return False
        asker.tick(pid)
        return self._said_enough(asker)

    def _said_enough(self, asker: Asker) -> bool:
        """Whether the node has answered what it was started for."""
        good, error = asker.result["answered"], asker.result["error"] is not None
        return (good and self.job.stop_on_answer) or (error and self.job.stop_on_error)

    def _end(self, process: subprocess.Popen) -> None:
        """End every process of the service, and wait until systemd has forgotten it."""
        with contextlib.suppress(ManagerError):  # it may be gone already
            self.manager.call(["systemctl", "stop", "--", self.name])
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            end(process)

    def _trailer_text(self) -> str:
        lines = [line for line in self.tail.lines if _TRAILER.search(line)]
        return lines[-1] if lines else "it said nothing"

    def _outcome(self, pid: int, in_time: bool, seconds: float, tracer: Tracer | None, asker: Asker | None) -> Outcome:
        status, signal = None, None
        ran_on = not in_time or (asker is not None and self._said_enough(asker))
        if not ran_on:
            status, signal = tracer.trace.ended.get(pid, (None, None)) if tracer else exit_of(list(self.tail.lines))
        lines = [line for line in self.tail.lines if not _OWN_LINE.match(line)]
        text = "\n".join(line for line in self.tail.text.split("\n") if not _OWN_LINE.match(line))
        return Outcome(status, signal, ran_on, seconds, lines, text, self.limits, asker.result if asker else None,
                       tracer.trace if tracer else None, self.notes)


def exit_of(lines: list) -> tuple:
    """``(exit status or None, signal or None)`` from the last lines of systemd-run."""
    for line in reversed(lines):
        found = _TRAILER.search(line)
        if found and found.group("code") == "exited":
            status = found.group("status")
            return (int(status) if re.match(r"[0-9]{1,9}\Z", status) else None), None
        if found:
            return None, "SIG" + found.group("status")
    return None, None


def _protect_home(value: str | None) -> str:
    """At least read-only, as files of a running node may lie in a home directory."""
    return value if value in ("yes", "tmpfs") else "read-only"
