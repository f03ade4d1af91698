# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock by flock(2) on a file that only this user can have made. Private to this collection.

The kernel takes it from a process that ends, however it ends, so that no lock is ever stale: a file that is left behind means
nothing. Whoever holds it removes the file before closing it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time


class Taken(Exception):
    """Another process holds the lock: its number, or ``unknown``."""


def acquire(path: str, patience: float, poll: float) -> tuple:
    """``(descriptor, waited)``: what holds the lock, and whether another process had it first. Raises Taken, OSError.

    Waits for as many seconds as patience, looking every poll seconds.
    """
    deadline = time.monotonic() + patience
    waited = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            _check_owner(descriptor, path)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same_file(descriptor, path):  # else its last holder has removed it meanwhile
                with contextlib.suppress(OSError):  # only for the message of others
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, b"%d\n" % os.getpid())
                return descriptor, waited
        except BlockingIOError:
            holder = os.read(descriptor, 32).strip().decode("ascii", "replace")
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise Taken(holder or "unknown") from None
            waited = True
            time.sleep(poll)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _check_owner(descriptor: int, path: str) -> None:
    """Refuse what somebody else has put there: a file of his, or a second name for one of ours. Raises PermissionError."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_nlink > 1:
        raise PermissionError(errno.EPERM, "this is not a lock that root has made; remove it", path)


def _is_same_file(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
