# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system calls at which a module can be stopped, and how strace stops it there.

strace counts the calls of each name. A process that is killed on entering a call has not made it.
"""

from __future__ import annotations

import re
import typing as t

KILL = "KILL"
# What a full, broken, read-only or protected file system, and a user's quota, say.
ERRORS = ("ENOSPC", "EIO", "EROFS", "EACCES", "EDQUOT")
# Every call that changes files, and those that start a child: what a child such as systemctl has done lies between two of
# them. "?" is for calls that this architecture does not have.
CHANGING = (
    "open", "openat", "creat", "write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "link", "linkat",
    "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmod", "fchmodat", "chown",
    "fchown", "fchownat", "lchown", "setxattr", "fsetxattr", "truncate", "ftruncate", "mount", "umount2",
    "sendfile", "sendfile64", "copy_file_range",  # by which shutil.copyfile() writes
)
STARTING = ("clone", "clone3", "fork", "vfork")
_CALL = re.compile(r"^(\w+)\((.*)")
_WRITES = re.compile(r"\bO_(?:WRONLY|RDWR|CREAT|TRUNC)\b")


class Point(t.NamedTuple):
    """The nth call of this name, and what strace wrote of it."""

    call: str
    number: int
    text: str


def trace(log: str, *inject: str) -> list[str]:
    """The start of an argument list that runs a command under strace; children are not looked at."""
    calls = ",".join("?" + call for call in CHANGING + STARTING)
    return ["strace", "-qq", "-y", "-o", log, "-e", "signal=none", "-e", f"trace={calls}",
            *(word for order in inject for word in ("-e", "inject=" + order))]


def points(log: str) -> list[Point]:
    """The points in the log of a run that was not disturbed."""
    counts: dict[str, int] = {}
    found = []
    for line in log.splitlines():
        match = _CALL.match(line)
        if match:
            call = match.group(1)
            counts[call] = counts.get(call, 0) + 1
            opens = call.startswith(("open", "creat"))
            if "</dev/" not in line and (not opens or _WRITES.search(line)):
                found.append(Point(call, counts[call], line))
    return found


def moved(point: Point, log: str) -> Point:
    """The same point in another run, in which files of more or fewer processes were read before it."""
    alike = [one for one in points(log) if one.call == point.call and one.text == point.text]
    return min(alike, key=lambda one: abs(one.number - point.number), default=point)


def orders(point: Point, how: str, lasting: bool = False) -> str:
    """What to tell strace. A lasting error hits all later calls of this name as well."""
    effect = "signal=KILL" if how == KILL else f"error={how}"
    return f"{point.call}:{effect}:when={point.number}{'+' if lasting else ''}"


def ways(point: Point) -> tuple[str, ...]:
    """How a point is tried: no error where the call is the result of the module, or starts a child."""
    if point.call in STARTING or re.match(r"\w+\([12]<", point.text):
        return (KILL,)
    return (KILL, *ERRORS)


def hit(log: str) -> bool:
    """Whether an order was carried out."""
    return "(INJECTED)" in log or log.endswith(" = ?\n")


def writing(log: str) -> str:
    """The lines of a log for a message: without the files that were only read."""
    return "\n".join(line for line in log.splitlines() if not line.startswith("open") or _WRITES.search(line))
