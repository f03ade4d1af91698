# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time changes a host. Private to this collection.

The lock is that of flock(2) on a file in /run. The kernel takes it from a process that ends, however it ends, so that
no lock is ever stale: a file that is left behind means nothing.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import stat
import time
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _fstab
from ansible_collections.aarch64.validator.plugins.module_utils._atomic import remove_left_over
from ansible_collections.aarch64.validator.plugins.module_utils._state import DIRECTORY
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import UNIT_DIRECTORY

PATH = "/run/aarch64-validator.lock"
WAIT_SECONDS = 60  # a change takes less than a second, unless systemd does not answer
_POLL_SECONDS = 0.1


class Busy(ValueError):
    """Another run has been changing this host for too long."""


@contextlib.contextmanager
def changing_host(dry: bool, path: str = PATH, wait: float = WAIT_SECONDS) -> t.Iterator[None]:
    """Keep other runs out while this one reads, decides and writes; nothing if dry, or without root.

    Waits for another run for so many seconds. Takes away what runs that were killed have left behind.
    Raises Busy, OSError.
    """
    if dry or os.geteuid() != 0:
        yield
        return
    descriptor = _acquire(path, time.monotonic() + wait)
    try:
        for directory in (os.path.dirname(os.path.realpath(_fstab.PATH)), DIRECTORY, *glob.glob(UNIT_DIRECTORY + "/*.d")):
            remove_left_over(directory)
        yield
    finally:
        with contextlib.suppress(OSError):  # it holds the state of a remedy, or was never there
            os.rmdir(DIRECTORY)
        with contextlib.suppress(OSError):  # what is left is a file without a lock
            os.unlink(path)
        os.close(descriptor)


def _acquire(path: str, deadline: float) -> int:
    """The descriptor that holds the lock."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            _check_owner(descriptor, path)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same_file(descriptor, path):  # else its last holder has removed it meanwhile
                with contextlib.suppress(OSError):  # only for the message of others
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, b"%d\n" % os.getpid())
                return descriptor
        except BlockingIOError:
            holder = os.read(descriptor, 32).strip().decode("ascii", "replace")
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise Busy(f"another run is changing this host (process {holder or 'unknown'} holds {path}); "
                           "nothing was changed, try again when it has ended") from None
            time.sleep(_POLL_SECONDS)
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
