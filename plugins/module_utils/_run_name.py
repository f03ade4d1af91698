# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of what a run makes for itself alone, by which a later one knows that it is dead. Private to this collection.

A name holds the process, when it was started, and its namespace of process numbers. No file and no lock is needed, so that there
is no moment in which a run that is killed leaves something that nobody dares to take away.
"""

from __future__ import annotations

import os
import re

_NAME = re.compile(r"\A(?P<pid>[0-9a-f]{1,8})\.(?P<started>[0-9a-f]{1,16})\.(?P<space>[0-9a-f]{1,3})-")


def named(prefix: str) -> str:
    """The beginning of a name that is this run's alone; short, for a path that names sockets must not be long."""
    pid = os.getpid()
    return f"{prefix}{pid:x}.{started(pid) or 0:x}.{_space():x}-"


def is_of_the_dead(name: str, prefix: str) -> bool:
    """Whether a name was made by named() in a run that does not live any more. What cannot be told does live."""
    match = _NAME.match(name[len(prefix):]) if name.startswith(prefix) else None
    if match is None or int(match.group("space"), 16) != _space():
        return False
    pid = int(match.group("pid"), 16)
    try:
        os.kill(pid, 0)
    except PermissionError:  # of another user, where /proc may hide it (hidepid=)
        return False
    except (OSError, OverflowError):
        return True
    return started(pid) != int(match.group("started"), 16)


def _space() -> int:
    """Numbers of processes mean nothing in another container."""
    return os.stat("/proc/self/ns/pid").st_ino & 0xfff


def started(pid: int) -> int | None:
    """When a process was started, in ticks since the boot (field 22 of stat, proc(5)); None where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            return int(stream.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None
