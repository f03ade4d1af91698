# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a trial as a child process, where systemd cannot be used. Private to this collection.

Root gives it a network of its own with only loopback. Whatever the program starts and leaves behind becomes a child
of this module (PR_SET_CHILD_SUBREAPER) and is ended with it. There is no sandbox, and files are protected only by
their modes.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import time
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _strace
from ansible_collections.aarch64.validator.plugins.module_utils._child import end
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import parse_limits
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import smaller
from ansible_collections.aarch64.validator.plugins.module_utils._startup_process import (
    Job,
    Lines,
    Outcome,
    Pump,
    StartupError,
    Tail,
    Workspace,
    shared_namespaces,
)
from ansible_collections.aarch64.validator.plugins.module_utils._startup_rpc import Asker, new_network
from ansible_collections.aarch64.validator.plugins.module_utils._startup_strace import is_refusal, options, refused

RESOURCES = {
    "nofile": resource.RLIMIT_NOFILE, "memlock": resource.RLIMIT_MEMLOCK, "as": resource.RLIMIT_AS, "data": resource.RLIMIT_DATA,
    "fsize": resource.RLIMIT_FSIZE, "stack": resource.RLIMIT_STACK, "nproc": resource.RLIMIT_NPROC,
}
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # include/uapi/linux/prctl.h
_SWEEP_SECONDS = 5


class Account(t.NamedTuple):
    """The user of a trial."""

    name: str
    uid: int
    gid: int


def reachable_limits(limits: dict) -> tuple:
    """``(limits as this process may set them, notes about those that are lower than asked for)``."""
    result, notes = {}, []
    for name, wanted in limits.items():
        ceiling = resource.getrlimit(RESOURCES[name])[1]
        hard = wanted["hard"] if os.geteuid() == 0 else smaller(wanted["hard"], ceiling)
        result[name] = {"soft": smaller(wanted["soft"], hard), "hard": hard}
        if result[name] != wanted:
            notes.append(f"{name}: this session may set at most {hard}")
    return result, notes


class Trial:
    """One run of one job in its workspace; account is None to stay the user who runs this module."""

    def __init__(self, strace: str | None, workspace: Workspace, job: Job, account: Account | None) -> None:
        self.strace = strace
        self.workspace = workspace
        self.job = job
        self.account = account
        self.tail = Tail()
        self.trace = _strace.Trace() if strace else None
        self.limits = None  # type: dict | None
        self.job_limits, self.notes = reachable_limits(job.limits)

    def run(self) -> Outcome:
        """Run the job until it ends or its time is over; nothing of it is left. Raises StartupError."""
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        pump = Pump()
        process = self._start(pump)
        asker = Asker(self.job.rpc_port) if self.job.rpc_port else None
        begin = time.monotonic()
        try:
            in_time = pump.run(begin + self.job.seconds, lambda: self._finished(process, asker))
            seconds = time.monotonic() - begin
        finally:
            if asker:
                asker.close()
            _end(process)
            pump.rest()
            pump.close()
        refusal = is_refusal(self.tail.lines)
        if refusal:
            raise refused(refusal)
        return self._outcome(process, in_time, seconds, asker)

    def _start(self, pump: Pump) -> subprocess.Popen:
        output, writer = os.pipe()
        passed = [writer]
        command = list(self.job.arguments)
        pump.add(output, Lines(self.tail.take).feed)
        if self.strace and self.trace is not None:
            calls, calls_writer = os.pipe()
            passed.append(calls_writer)
            pump.add(calls, Lines(self.trace.feed).feed)
            become = ["-u", self.account.name] if self.account else []
            command = [self.strace] + options(calls_writer) + become + ["--"] + command
        environment = dict(os.environ, **self.job.environment)
        try:
            return subprocess.Popen(  # noqa: S603  # pylint: disable=ansible-bad-function  # a list of words, never a line of text
                command, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, pass_fds=passed[1:], cwd=self.workspace.node,
                start_new_session=True, env=environment, preexec_fn=self._prepare)  # noqa: PLW1509 - no threads
        except (OSError, subprocess.SubprocessError) as error:
            pump.close()
            raise StartupError("command-failed", f"{command[0]}: {error}") from error
        finally:
            for descriptor in passed:
                os.close(descriptor)

    def _prepare(self) -> None:
        """In the child, before it becomes strace or the program."""
        library = ctypes.CDLL(None)
        if os.geteuid() == 0:
            new_network()  # where that is forbidden, the options of the node have to do
        for name, limit in self.job_limits.items():
            resource.setrlimit(RESOURCES[name], (limit["soft"], limit["hard"]))
        if self.account and not self.strace:
            os.initgroups(self.account.name, self.account.gid)
            os.setgid(self.account.gid)
            os.setuid(self.account.uid)
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    def _pid(self, process: subprocess.Popen) -> int | None:
        return self.trace.first_pid if self.trace is not None else process.pid

    def _finished(self, process: subprocess.Popen, asker: Asker | None) -> bool:
        pid = self._pid(process)
        if pid is not None and self.limits is None:
            text = read_text(f"/proc/{pid}/limits", [])
            self.limits = parse_limits(text) if text else None
            self.notes += shared_namespaces(pid, ("net",))
        if process.poll() is not None or (self.trace is not None and pid in self.trace.ended):
            return True
        return asker is not None and pid is not None and asker.tick(pid) and self.job.stop_on_answer

    def _outcome(self, process: subprocess.Popen, in_time: bool, seconds: float, asker: Asker | None) -> Outcome:
        answered = asker is not None and asker.result["answered"] and self.job.stop_on_answer
        status, name = None, None
        ran_on = not in_time or answered
        if not ran_on:
            pid = self._pid(process)
            status, name = exit_of(process.returncode) if self.trace is None else self.trace.ended.get(pid or 0, (None, None))
        return Outcome(status, name, ran_on, seconds, list(self.tail.lines), self.tail.text, self.limits,
                       asker.result if asker else None, self.trace, self.notes)


def exit_of(returncode: int) -> tuple:
    """``(exit status or None, signal or None)`` from what subprocess returns."""
    if returncode >= 0:
        return returncode, None
    try:
        return None, signal.Signals(-returncode).name
    except ValueError:  # a real-time signal
        return None, f"SIG{-returncode}"


def _end(process: subprocess.Popen) -> None:
    """Kill the whole group, then everything that has left it and became a child of this module."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # also where the program itself has ended
    end(process)
    deadline = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < deadline:
        children = _children()
        if not children:
            return
        for pid in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)


def _children() -> list:
    """Children of this process, also those that ended and were not waited for."""
    me = str(os.getpid())
    found = []
    for name in os.listdir("/proc"):
        text = read_text(f"/proc/{name}/stat", []) if name.isdigit() else None
        if text and text.rpartition(")")[2].split()[1:2] == [me]:
            found.append(int(name))
    return found
