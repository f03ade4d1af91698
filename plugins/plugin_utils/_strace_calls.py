# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one line of strace says about memory. Private to this collection.

A failing call names the refused right exactly, which a log message does not: size, protection and errno together
tell address space, commit accounting, locked memory, W^X and syscall filters apart (measured on Linux 6.18 and 6.1).
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Numbers of arm64 and x86_64 Linux; the controller may be another system with other numbers.
ERRNO = {"EPERM": 1, "ENOENT": 2, "ENOEXEC": 8, "EAGAIN": 11, "ENOMEM": 12, "EACCES": 13, "EINVAL": 22, "ENFILE": 23,
         "EMFILE": 24, "EFBIG": 27, "ENOSPC": 28, "EROFS": 30, "ENOSYS": 38, "EOPNOTSUPP": 95}
# Smaller PROT_NONE mappings are thread stacks and malloc arenas, not the memory of a WebAssembly engine.
SMALLEST_RESERVATION = 1 << 30
SMALL_ADDRESS_SPACE = 1 << 39
# A mapping above this was placed by a kernel with at least 42 bits, where any pool of Wasmtime fits.
LARGE_ADDRESS = 1 << 41

_HEAD = re.compile(
    r"(?:\[pid +\d+\] |\d+ +)?(?:\d\d:\d\d:\d\d(?:\.\d+)? +|\d+\.\d+ +)?(?:\(\+ *[\d.]+\) )?(?P<name>[a-z][a-z0-9_]{1,40})\(")
_RESULT = re.compile(r"\)\s{1,60}= (?P<value>0x[0-9a-f]{1,16}|0|-?[1-9][0-9]{0,19}|\?)(?: (?P<errno>E[A-Z0-9]+)\b)?")
_RLIMIT = re.compile(r"rlim_cur=(?P<count>[0-9]{1,20})(?P<kib>\*1024)?|rlim_cur=RLIM(?:64)?_INFINITY")
_SHM_PATH = re.compile(r'"/dev/shm(?:/[^"]*)?"')


class Call(NamedTuple):
    """A finished system call. value is what it returned, errno the symbol of its error, or an empty text."""

    name: str
    arguments: str
    value: int
    errno: str


class Refusal(NamedTuple):
    """What a failed call means: the signature, the cause, and how many bytes were asked for."""

    signature: str
    cause: str
    size: int | None


def parse_call(text: str) -> Call | None:
    """The call of a line; None for anything else. Calls that did not return count as no call."""
    head = _HEAD.match(text)
    if head is None:
        return None
    end = text.rfind(") ")
    result = _RESULT.match(text, end) if end > 0 else None
    while result is None and end > 0:  # "= -1 ENOMEM (Cannot allocate memory) <0.01>" has a later parenthesis
        end = text.rfind(")", 0, end)
        result = _RESULT.match(text, end) if end > 0 else None
    if result is None or result.group("value") == "?":
        return None
    return Call(head.group("name"), text[head.end():end], int(result.group("value"), 0), result.group("errno") or "")


def limit_set_or_read(call: Call) -> int | None:
    """The address-space limit that a getrlimit, setrlimit or prlimit call shows; -1 for none, None if it shows nothing."""
    if not call.name.endswith(("rlimit", "rlimit64")) or "RLIMIT_AS" not in call.arguments or call.errno:
        return None
    found = _RLIMIT.search(call.arguments)
    if found is None:
        return None
    return int(found.group("count")) * (1024 if found.group("kib") else 1) if found.group("count") else -1


def shows_large_address_space(call: Call) -> bool:
    """Whether the call was given an address that a kernel with 39 bits does not have."""
    return call.name in ("mmap", "mremap") and call.value >= LARGE_ADDRESS


def judge(call: Call) -> Refusal | None:
    """What a failed call means, or None where it succeeded or is of no interest here."""
    if not call.errno:
        return None
    by_name = _JUDGES.get(call.name)
    return by_name(call) if by_name else None


def _mmap(call: Call) -> Refusal | None:
    parts = [part.strip() for part in call.arguments.split(",")]
    if len(parts) < 5:
        return None
    address, size = _number(parts[0]), _number(parts[1])
    protection, flags = parts[2], parts[3]
    anonymous = "MAP_ANON" in flags
    if call.errno == "ENOMEM" and "MAP_HUGETLB" not in flags:
        if "MAP_FIXED" in flags and SMALL_ADDRESS_SPACE <= (address or 0) < 1 << 47:
            return Refusal("strace-mmap-high-address", "address-space-too-small", size)
        if protection == "PROT_NONE" and anonymous and (size or 0) >= SMALLEST_RESERVATION:
            return Refusal("strace-mmap-reservation", "address-space-too-small", size)
        if "PROT_WRITE" in protection and anonymous:
            return Refusal("strace-mmap-commit", "overcommit-refused", size)
        return None
    if call.errno in ("EACCES", "EPERM") and "PROT_EXEC" in protection:
        return Refusal("strace-mmap-executable", "wx-denied", size) if anonymous else None
    if call.errno == "EPERM":
        return Refusal("strace-mmap-filtered", "syscall-filtered", size)
    if call.errno == "EAGAIN":
        return Refusal("strace-mmap-locked", "memlock-limit", size)
    if call.errno == "EINVAL" and "MAP_FIXED" in flags:
        return Refusal("strace-mmap-alignment", "page-size-unsupported", size)
    return None


def _mprotect(call: Call) -> Refusal | None:
    parts = [part.strip() for part in call.arguments.split(",")]
    if len(parts) < 3:
        return None
    size = _number(parts[1])
    if call.errno in ("EACCES", "EPERM"):
        return Refusal("strace-mprotect-executable", "wx-denied", size) if "PROT_EXEC" in parts[2] else None
    if call.errno == "ENOMEM":
        written = "PROT_WRITE" in parts[2]
        return Refusal("strace-mprotect-refused", "overcommit-refused" if written else "map-count-low", size)
    return Refusal("strace-mprotect-alignment", "page-size-unsupported", size) if call.errno == "EINVAL" else None


def _memfd_create(call: Call) -> Refusal | None:
    cause = {"EPERM": "syscall-filtered", "EACCES": "syscall-filtered", "ENOSYS": "syscall-filtered",
             "EMFILE": "nofile-limit", "ENFILE": "file-table-full"}.get(call.errno)
    return Refusal("strace-memfd", cause, None) if cause else None


def _io_uring(call: Call) -> Refusal | None:
    cause = {"ENOMEM": "memlock-limit", "EPERM": "syscall-filtered", "ENOSYS": "syscall-filtered",
             "EMFILE": "nofile-limit", "ENFILE": "file-table-full"}.get(call.errno)
    return Refusal("strace-io-uring", cause, None) if cause else None


def _mlock(call: Call) -> Refusal | None:
    parts = call.arguments.split(",")
    size = _number(parts[1]) if len(parts) > 1 else None
    return Refusal("strace-mlock", "memlock-limit", size) if call.errno in ("ENOMEM", "EAGAIN", "EPERM") else None


def _namespace(call: Call) -> Refusal | None:
    wanted = call.name == "pivot_root" or "CLONE_NEW" in call.arguments
    refused = call.errno in ("EPERM", "EACCES", "ENOSPC")
    return Refusal("strace-user-namespace", "userns-restricted", None) if wanted and refused else None


def _landlock(call: Call) -> Refusal | None:
    cause = {"ENOSYS": "secure-validator-mode-unavailable", "EOPNOTSUPP": "secure-validator-mode-unavailable",
             "EPERM": "syscall-filtered"}.get(call.errno)
    return Refusal("strace-landlock", cause, None) if cause else None


def _open(call: Call) -> Refusal | None:
    if call.errno in ("EMFILE", "ENFILE"):
        return Refusal("strace-open-files", "nofile-limit" if call.errno == "EMFILE" else "file-table-full", None)
    if not _SHM_PATH.search(call.arguments) or "O_CREAT" not in call.arguments:
        return None
    cause = {"EACCES": "shm-mode", "EROFS": "shm-read-only", "ENOSPC": "shm-full", "ENOENT": "shm-missing"}.get(call.errno)
    return Refusal("strace-shm-open", cause, None) if cause else None


def _execve(call: Call) -> Refusal | None:
    return Refusal("exec-format", "foreign-architecture", None) if call.errno == "ENOEXEC" else None


def _number(text: str) -> int | None:
    try:
        return 0 if text == "NULL" else int(text, 0)
    except ValueError:
        return None


_JUDGES = {
    "mmap": _mmap, "mmap2": _mmap, "mprotect": _mprotect, "pkey_mprotect": _mprotect, "memfd_create": _memfd_create,
    "io_uring_setup": _io_uring, "io_uring_register": _io_uring, "mlock": _mlock, "mlock2": _mlock, "mlockall": _mlock,
    "unshare": _namespace, "clone": _namespace, "clone3": _namespace, "pivot_root": _namespace,
    "landlock_create_ruleset": _landlock, "landlock_add_rule": _landlock, "landlock_restrict_self": _landlock,
    "open": _open, "openat": _open, "shm_open": _open, "execve": _execve,
}
