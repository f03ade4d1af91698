# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what strace prints, line by line and in bounded memory. Pure; private to this collection.

It knows which calls deal with memory and what their arguments are, not what a failure means.
Source: strace(1); shapes of lines were taken from strace 6.1 with ``-f``, ``-y`` and ``-yy``.
"""

from __future__ import annotations

import re
import typing as t

# Calls whose failures are kept, with the position of the argument that is a size in bytes.
SIZE_ARGUMENT = {
    "mmap": 1, "mmap2": 1, "mremap": 2, "mprotect": 1, "pkey_mprotect": 1, "mlock": 1, "mlock2": 1, "ftruncate": 1,
    "ftruncate64": 1, "fallocate": 3, "shmget": 1, "brk": None, "mlockall": None, "memfd_create": None, "memfd_secret": None,
    "prctl": None, "io_uring_setup": None, "io_uring_register": None, "setrlimit": None, "prlimit64": None, "shmat": None,
    "open": None, "openat": None, "openat2": None, "personality": None, "unshare": None, "clone": None, "clone3": None,
    "pivot_root": None, "landlock_create_ruleset": None, "landlock_restrict_self": None, "execve": None,
}  # type: dict[str, int | None]
# Position of the arguments that are shown as ``flags`` (what kind of memory) and ``protection``.
_FLAGS_ARGUMENT = {"mmap": 3, "mmap2": 3, "mremap": 3, "memfd_create": 1, "mlock2": 2, "mlockall": 0, "prctl": 0, "open": 1,
                   "openat": 2, "shmget": 2, "unshare": 0, "setrlimit": 0, "prlimit64": 1, "io_uring_register": 1}
_PROTECTION_ARGUMENT = {"mmap": 2, "mmap2": 2, "mprotect": 2, "pkey_mprotect": 2}
_PATH_ARGUMENT = {"open": 0, "openat": 1, "openat2": 1, "memfd_create": 0, "execve": 0, "mmap": 4, "mmap2": 4, "ftruncate": 0,
                  "ftruncate64": 0, "fallocate": 0}
_OPENS = ("open", "openat", "openat2")
_CLONES = ("clone", "clone3")
_RESERVING = {"mmap": 1, "mmap2": 1, "munmap": 1}
# Calls that a node makes all the time, that allocate nothing, and that no unit of a node forbids.
FREQUENT = (
    "futex", "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "epoll_wait", "epoll_pwait",
    "epoll_pwait2", "epoll_ctl", "poll", "ppoll", "select", "pselect6", "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg",
    "sendmmsg", "clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "sched_yield", "madvise", "lseek",
    "close", "fstat", "newfstatat", "stat", "statx", "lstat", "fcntl", "fsync", "fdatasync", "getrandom", "rt_sigprocmask",
    "rt_sigaction", "rt_sigreturn", "sigaltstack", "getpid", "gettid", "sched_getaffinity", "getdents64", "access",
    "faccessat", "readlink", "readlinkat", "sync_file_range", "timerfd_settime", "io_uring_enter", "tgkill", "times",
)

MAX_CALLS = 100  # different failures that are kept; the same one again is only counted
MAX_TEXT = 400
MAX_LINE = 1 << 16
_MAX_OPEN = 1 << 12  # of a call that goes on in a later line; longer than any that strace breaks off
_MAX_PROCESSES = 20000  # threads and processes remembered at once
LARGE = 1 << 30  # a mapping of this size or more counts as reserved address space

_PREFIX = re.compile(r"(?:\[pid +(?P<bracket>[0-9]{1,10})\]|(?P<pid>[0-9]{1,10})) +")
_TIME = re.compile(r"(?:\d\d:\d\d:\d\d(?:\.\d+)?|\d+\.\d+|\(\+ *[\d.]+\)) +")
_CALL = re.compile(r"(?P<name>[a-z_][a-z0-9_]{0,40})\(")
_RESUMED = re.compile(r"<\.\.\. (?P<name>[a-z_][a-z0-9_]{0,40}) resumed> ?")
_UNFINISHED = re.compile(r"(?: ?<unfinished \.\.\.>|<pid changed to \d+ \.\.\.>)$")
_RESULT = re.compile(r"\)\s+= (?P<value>0x[0-9a-f]{1,16}|0|-?[1-9][0-9]{0,19}|\?)(?P<rest>[^=]*)$")
_ERRNO = re.compile(r"^ (E[A-Z0-9]+)\b")
_EXITED = re.compile(r"\+\+\+ exited with (?P<status>\d{1,10}) \+\+\+$")
_KILLED = re.compile(r"\+\+\+ killed by (?P<signal>SIG[A-Z0-9+_]+)(?: \(core dumped\))? \+\+\+$")
_SIGSYS = re.compile(r"--- SIGSYS \{.*?si_syscall=__NR_(?P<name>[a-z0-9_]+)")
_DESCRIPTOR = re.compile(r"-?\d+<(?P<path>.*)>(?:\(deleted\))?$")
_CLOSERS = {"(": ")", "[": "]", "{": "}", "<": ">"}
_DECODED = re.compile(r"<[/a-zA-Z]")  # "3</path>", "4<socket:[1]>", but not "1<<20"


def trace_option() -> str:
    """The value of ``-e``: all calls but the frequent ones, so that a call that kills has a name.

    The question mark makes strace accept names that this kernel or version does not have.
    """
    return "trace=!" + ",".join("?" + name for name in FREQUENT)


def split_arguments(text: str) -> list:
    """Arguments of a call, cut at commas outside of quotes, brackets and decoded descriptors."""
    parts, start, quoted, escaped = [], 0, False, False
    closers = []  # type: list[str]
    for position, character in enumerate(text):
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character in _CLOSERS and (character != "<" or _DECODED.match(text, position)):
            closers.append(_CLOSERS[character])
        elif closers and character == closers[-1]:
            closers.pop()
        elif character == "," and not closers:
            parts.append(text[start:position].strip())
            start = position + 1
    last = text[start:].strip()
    return parts + [last] if last or parts else []


def split_line(line: str) -> tuple:
    """``(pid or None, rest)`` of a line, without the time that ``-t`` and ``-r`` add."""
    prefix = _PREFIX.match(line)
    pid = None
    if prefix:
        pid = int(prefix.group("bracket") or prefix.group("pid"))
        line = line[prefix.end():]
    time = _TIME.match(line)
    return pid, (line[time.end():] if time else line).strip()


def parse_call(text: str) -> dict | None:
    """A finished call as ``{call, arguments, value, errno}``; value is an integer or None, errno a name or None."""
    head = _CALL.match(text)
    result = _result(text)
    if head is None or result is None or result.start() < head.end() - 1:
        return None
    errno = _ERRNO.match(result.group("rest"))
    value = result.group("value")
    return {"call": head.group("name"), "arguments": split_arguments(text[head.end():result.start()]),
            "value": None if value == "?" else int(value, 0), "errno": errno.group(1) if errno else None}


def _result(text: str) -> t.Match[str] | None:
    # The result is behind the last ") = "; the name of an error may hold parentheses, but no equals sign.
    start = text.rfind(")", 0, max(text.rfind("= "), 0))
    return _RESULT.match(text, start) if start >= 0 else None


def failure_of(call: dict, pid: int, text: str) -> dict | None:
    """A failing memory call as startup_trace returns it, or None for any other call."""
    name, arguments = call["call"], call["arguments"]
    if call["errno"] is None or name not in SIZE_ARGUMENT:
        return None
    path = _path(_argument(arguments, _PATH_ARGUMENT.get(name)))
    if name in _OPENS and not (path or "").startswith("/dev/shm") and call["errno"] not in ("EMFILE", "ENFILE"):
        return None
    if name in _CLONES and not any("CLONE_NEW" in argument for argument in arguments):
        return None
    return {
        "call": name,
        "errno": call["errno"],
        "size": _number(_argument(arguments, SIZE_ARGUMENT[name])),
        "flags": _argument(arguments, _FLAGS_ARGUMENT.get(name)),
        "protection": _argument(arguments, _PROTECTION_ARGUMENT.get(name)),
        "path": path,
        "pid": pid,
        "text": text[:MAX_TEXT],
    }


def _argument(arguments: list, position: int | None) -> str | None:
    return arguments[position] if position is not None and position < len(arguments) else None


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        return None


def _path(text: str | None) -> str | None:
    """The path in a quoted argument or in a decoded descriptor."""
    if not text:
        return None
    if text.startswith('"'):
        return text.rstrip(".").strip('"')
    descriptor = _DESCRIPTOR.match(text)
    return descriptor.group("path") if descriptor else None


class Trace:
    """What a run of strace has said so far. ``feed`` takes one line after the other.

    failures: different failing memory calls in order, each with ``count`` and ``reserved``, the bytes of large mappings
    that the same process held before. ended: ``(exit status or None, signal or None)`` by process or thread id.
    """

    def __init__(self) -> None:
        self.failures = []  # type: list[dict]
        self.left_out = 0
        self.ended = {}  # type: dict[int, tuple]
        self.first_pid = None  # type: int | None
        self.lines = 0
        self._known = {}  # type: dict[tuple, dict]
        self._open = {}  # type: dict[int, str]
        self._last = {}  # type: dict[int, tuple]
        self._leader = {}  # type: dict[int, int]
        self._reserved = {}  # type: dict[int, int]
        self._filtered_at = 0

    def feed(self, line: str) -> None:
        """Take one line. Text that strace does not print is passed over."""
        pid, text = split_line(line[:MAX_LINE].rstrip("\n"))
        self.lines += 1
        pid = (self.first_pid or 0) if pid is None else pid
        self.first_pid = pid if self.first_pid is None else self.first_pid
        if len(self._last) > _MAX_PROCESSES:  # so many at once are no node, but must not fill the memory of a host
            for memory in (self._open, self._last, self._leader, self._reserved):
                memory.clear()
        if text.startswith("+++"):
            self._end(pid, text)
        elif text.startswith("---"):
            signal = _SIGSYS.match(text)
            if signal:
                self._filtered(pid, signal.group("name") + "()", self.lines)
        else:
            self._call(pid, text)

    def _call(self, pid: int, text: str) -> None:
        unfinished = _UNFINISHED.search(text)
        if unfinished:
            text = text[:unfinished.start()]
        resumed = _RESUMED.match(text)
        if resumed:
            text = self._open.pop(pid, resumed.group("name") + "(") + text[resumed.end():]
        if unfinished:
            self._open[pid] = text[:_MAX_OPEN]  # each time it is resumed it may go on, for ever
        if not _CALL.match(text):
            return
        self._last[pid] = (self.lines, text[:MAX_TEXT])
        call = None if unfinished else parse_call(text)
        if call is None:
            return
        if call["value"] is None:  # "= ?": it never came back
            self._open[pid] = text[:MAX_TEXT]
        self._account(pid, call)
        failure = failure_of(call, pid, text)
        if failure:
            self._keep(failure)

    def _account(self, pid: int, call: dict) -> None:
        """Keep count of reserved address space: threads share it, a fork inherits it, a new program starts at zero."""
        name, arguments, value = call["call"], call["arguments"], call["value"]
        if call["errno"] is not None or value is None:
            return
        leader = self._leader.get(pid, pid)
        size = _number(_argument(arguments, _RESERVING.get(name))) or 0
        if size >= LARGE:
            sign = -1 if name == "munmap" else 1
            self._reserved[leader] = max(0, self._reserved.get(leader, 0) + sign * size)
        elif name in _CLONES and any("CLONE_VM" in argument for argument in arguments):
            self._leader[value] = leader
        elif name in _CLONES or name == "fork":
            self._reserved[value] = self._reserved.get(leader, 0)
        elif name == "execve":
            self._leader.pop(pid, None)
            self._reserved.pop(pid, None)

    def _end(self, pid: int, text: str) -> None:
        exited, killed = _EXITED.match(text), _KILLED.match(text)
        line, last = self._last.pop(pid, (0, ""))
        waiting = self._open.pop(pid, None)
        self._leader.pop(pid, None)
        if exited:
            self._note_end(pid, (int(exited.group("status")), None))
        elif killed:
            self._note_end(pid, (None, killed.group("signal")))
            if killed.group("signal") == "SIGSYS":
                # The signal ends all threads. The one that made the call is shown with a result, the others wait.
                self._filtered(pid, "" if waiting else last, line)

    def _note_end(self, pid: int, end: tuple) -> None:
        if len(self.ended) < _MAX_PROCESSES or pid == self.first_pid:
            self.ended[pid] = end

    def _filtered(self, pid: int, text: str, line: int) -> None:
        """A call that a filter punished with SIGSYS. Of several candidates the latest one did it."""
        call = _CALL.match(text)
        failure = {"call": call.group("name") if call else "unknown", "errno": "SIGSYS", "size": None, "flags": None,
                   "protection": None, "path": None, "pid": pid, "text": text}
        earlier = next((item for item in self.failures if item["errno"] == "SIGSYS"), None)
        if earlier is None:
            self._keep(failure)
        elif call and line > self._filtered_at:
            earlier.update(failure)
        self._filtered_at = max(line if call else 0, self._filtered_at)

    def _keep(self, failure: dict) -> None:
        key = tuple(failure[name] for name in ("call", "errno", "size", "flags", "protection", "path"))
        if key in self._known:
            self._known[key]["count"] += 1
        elif len(self.failures) >= MAX_CALLS:
            self.left_out += 1
        else:
            leader = self._leader.get(failure["pid"], failure["pid"])
            self._known[key] = dict(failure, count=1, reserved=self._reserved.get(leader, 0))
            self.failures.append(self._known[key])
