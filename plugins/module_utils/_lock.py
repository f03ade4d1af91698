# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time changes a host. Private to this collection."""

from __future__ import annotations

import contextlib
import glob
import os
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _fstab
from ansible_collections.aarch64.validator.plugins.module_utils._atomic import remove_left_over
from ansible_collections.aarch64.validator.plugins.module_utils._flock import Taken, acquire
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
    try:
        descriptor, _waited = acquire(path, wait, _POLL_SECONDS)
    except Taken as holder:
        raise Busy(f"another run is changing this host (process {holder} holds {path}); "
                   "nothing was changed, try again when it has ended") from None
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
