# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""strace as a child process: start it, see that it really traces, say why it cannot. Private to this collection."""

from __future__ import annotations

import os
import subprocess
import time
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _strace
from ansible_collections.aarch64.validator.plugins.module_utils._child import end
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import parse_status
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._startup_process import Lines, StartupError

_ATTACH_SECONDS = 10
_STRING_LENGTH = "96"  # bytes of each string that strace prints
_SIGNALS = "signal=SIGSYS,SIGSEGV,SIGBUS,SIGABRT,SIGILL"
YAMA = "/proc/sys/kernel/yama/ptrace_scope"
CLEAN_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def options(output: int) -> list:
    """Options of strace that write to this descriptor all that _strace.Trace can read."""
    return ["-f", "-q", "-y", "-s", _STRING_LENGTH, "-e", _SIGNALS, "-e", _strace.trace_option(), "-o", f"/proc/self/fd/{output}"]


class Tracer:
    """strace attached to one process. Use ``trace`` for what it has seen."""

    def __init__(self, strace: str, pid: int, trace: _strace.Trace) -> None:
        self.trace = trace
        self.lines = Lines(self.trace.feed)
        self.pipe, writer = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603  # pylint: disable=ansible-bad-function  # a list of words, never a line of text
                [strace] + options(writer) + ["-p", str(pid)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, pass_fds=[writer], start_new_session=True, env=CLEAN_ENVIRONMENT)
        except OSError as error:
            os.close(self.pipe)
            raise StartupError("strace-failed", f"{strace}: {error.strerror or error}") from error
        finally:
            os.close(writer)
        try:
            self._wait(pid)
        except BaseException:
            os.close(self.pipe)
            self.end()
            raise

    def _wait(self, pid: int) -> None:
        deadline = time.monotonic() + _ATTACH_SECONDS
        while parse_status(read_text(f"/proc/{pid}/status", []) or "").get("TracerPid") in (None, "0"):
            if self._process.poll() is not None:
                stderr = self._process.stderr.read(4096) if self._process.stderr else b""
                raise refused(stderr.decode("utf-8", "replace"))
            if time.monotonic() > deadline:
                raise refused(f"it did not attach within {_ATTACH_SECONDS} seconds")
            time.sleep(0.01)

    def end(self) -> None:
        """End strace; the process that it traces goes on if it still runs."""
        end(self._process)


def refused(said: str) -> StartupError:
    """Why strace could not trace, from what it said."""
    said = " ".join(said.split())
    if "ptrace" not in said.lower() and "attach" not in said.lower():
        return StartupError("strace-failed", f"strace failed: {said or 'it said nothing'}")
    return StartupError("ptrace-forbidden", (
        f"tracing is forbidden on this host ({said}){_who_forbids()}; "
        "run the trial without it (trace: false), or on the host that this container belongs to"))


def _who_forbids() -> str:
    if (read_text(YAMA, []) or "").strip() == "3":
        return f": {YAMA} is 3, which only a reboot lifts"
    status = parse_status(read_text("/proc/self/status", []) or "")
    if status.get("Seccomp") == "2":
        return ": a seccomp filter lies over this session"
    capabilities = int(status.get("CapEff", "0"), 16)
    return "" if capabilities >> 19 & 1 else ": this session lacks CAP_SYS_PTRACE"


def is_refusal(lines: t.Iterable) -> str | None:
    """The line in which a strace that starts the program itself says that it may not trace."""
    for line in lines:
        if line.startswith(("strace:", "/usr/bin/strace:")) and "ptrace" in line.lower():
            return str(line)
    return None
