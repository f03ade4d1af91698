# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replace a file so that every reader and every crash sees the old one or the new one, whole.

Private to this collection.
"""

from __future__ import annotations

import contextlib
import os
import stat

_TEMPORARY_SUFFIX = ".aarch64-validator-new"


def replace_file(path: str, content: bytes, mode: int = 0o644) -> None:
    """Write content in place of path, keeping owner, mode and labels of what is there.

    A symbolic link is followed, so that the link stays. mode is for a file that does not exist yet.
    The directory must exist. Raises OSError and leaves the old file as it was.
    """
    target = os.path.realpath(path)
    directory = os.path.dirname(target)
    temporary = _temporary_of(target)
    old = os.stat(target) if os.path.exists(target) else None
    _unlink_if_there(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        try:
            _write_all(descriptor, content)
            if old is None:
                os.fchmod(descriptor, mode)
            else:
                os.fchown(descriptor, old.st_uid, old.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
                _copy_labels(target, descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, target)
    except BaseException:
        _unlink_if_there(temporary)
        raise
    sync_directory(directory)


def remove_file(path: str) -> None:
    """Remove a file, if it is there, and make the removal survive a power cut."""
    _unlink_if_there(_temporary_of(path))
    _unlink_if_there(path)
    sync_directory(os.path.dirname(path))


def sync_directory(directory: str) -> None:
    """Make a rename or removal in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_labels(source: str, target: str) -> None:
    """Give a file the labels and capabilities of another. Raises OSError."""
    descriptor = os.open(target, os.O_RDONLY)
    try:
        _copy_labels(source, descriptor)
    finally:
        os.close(descriptor)


def _temporary_of(target: str) -> str:
    # A fixed name: whatever an earlier, killed run left behind is taken away by the next one.
    return os.path.join(os.path.dirname(target), "." + os.path.basename(target) + _TEMPORARY_SUFFIX)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view):]


def _copy_labels(source: str, descriptor: int) -> None:
    """Carry over extended attributes: SELinux and SMACK labels, ACLs, file capabilities."""
    try:
        names = os.listxattr(source)
    except OSError:  # the file system has none
        return
    for name in names:
        os.setxattr(descriptor, name, os.getxattr(source, name))


def _unlink_if_there(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
