# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replace a file so that every reader and every crash sees the old one or the new one, whole.

Private to this collection.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from ansible_collections.aarch64.validator.plugins.module_utils._swap import (
    KEPT_SUFFIX,
    TEMPORARY_SUFFIX,
    ChangedMeanwhile,
    check_kept,
    is_swap,
    put_in_place,
    settle,
    unlink_if_there,
)

_MAX_LINKS = 40  # as the kernel, MAXSYMLINKS


class Expected:
    """What a file must still hold for it to be replaced; None for a file that is not there."""

    def __init__(self, content: bytes | None) -> None:
        self.content = content


def replace_file(path: str, content: bytes, mode: int = 0o644, expected: Expected | None = None) -> None:
    """Write content in place of path, keeping owner, mode and labels of what is there.

    A symbolic link is followed, so that the link stays. mode is for a file that does not exist yet. With expected, the work
    of others is never lost: a file that holds something else by now is left as it is. The directory must exist.
    Raises OSError, which names the path, or Kept, and leaves the old file as it was.
    """
    target = os.path.realpath(path)
    temporary = temporary_of(target)
    try:
        check_way(path)
        unlink_if_there(temporary)
        _write_temporary(target, temporary, content, mode)
        try:
            if expected is None:
                os.rename(temporary, target)
            else:
                _put_in_place(temporary, target, content, expected.content)
        except BaseException:
            with contextlib.suppress(OSError):  # the next run takes it away
                unlink_if_there(temporary)
            raise
        sync_directory(os.path.dirname(target))
    except OSError as error:
        error.filename = path  # a write or a sync names none, others the temporary file
        del error.filename2
        raise


def remove_file(path: str) -> None:
    """Remove a file, if it is there, and make the removal survive a power cut."""
    unlink_if_there(temporary_of(path))
    unlink_if_there(path)
    sync_directory(os.path.dirname(path))


def remove_left_over(directory: str) -> None:
    """Bring to its end what runs that were killed have left in a directory. Only for the holder of the lock of all runs.

    Raises Kept where somebody has to do that by hand, OSError.
    """
    try:
        names = sorted(os.listdir(directory))
    except OSError:  # not there: then nothing was left in it
        return
    for name in names:
        path = os.path.join(directory, name)
        if name.startswith(".") and name.endswith(TEMPORARY_SUFFIX):
            try:
                if not is_swap(path):
                    unlink_if_there(path)
                elif _is_roots(directory):
                    settle(path)
            finally:
                sync_directory(directory)
        elif name.endswith(KEPT_SUFFIX) and _is_roots(directory):
            check_kept(path)


def _is_roots(directory: str) -> bool:
    """Whether nobody else can have made up what lies in a directory."""
    try:
        check_directory(directory)
    except OSError:
        return False
    return True


def sync_directory(directory: str) -> None:
    """Make a rename or removal in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        error.filename = directory
        raise
    finally:
        os.close(descriptor)


def check_directory(directory: str, sticky: bool = False) -> None:
    """As check_way(), for what is to lie in a directory."""
    check_way(os.path.join(directory, "."), sticky)


def check_way(path: str, sticky: bool = False) -> None:
    """Refuse a path on whose way somebody else than root could put another file, or a link, in place of what is there.

    Every directory counts that holds a part of it, also of the links on the way. One like /tmp will do for what is root's,
    but not as the last one, unless sticky. A part that is not there ends the way. Raises PermissionError, OSError.
    """
    if os.geteuid() != 0:
        return
    waiting = [part for part in reversed(os.path.abspath(path).split("/")) if part]
    if path.endswith("/."):
        waiting.insert(0, ".")
    here, links = "/", 0
    while waiting:
        part = waiting.pop()
        _check_owner(here, part, sticky or bool(waiting))
        if part == "..":
            here = os.path.dirname(here)
        elif part != ".":
            here = os.path.join(here, part)
        if not os.path.lexists(here):
            return
        if os.path.islink(here):
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = os.readlink(here)
            here = "/" if target.startswith("/") else os.path.dirname(here)
            waiting += [part for part in reversed(target.split("/")) if part not in ("", ".")]


def _check_owner(directory: str, part: str, sticky: bool) -> None:
    """Refuse a directory in which somebody else can change this part."""
    status = os.stat(directory)
    for_group = status.st_mode & stat.S_IWGRP and status.st_gid != 0
    theirs = directory
    if status.st_uid == 0 and not status.st_mode & stat.S_IWOTH and not for_group:
        return
    if status.st_uid == 0 and status.st_mode & stat.S_ISVTX and sticky:
        inside = os.path.join(directory, part)
        if part == "." or not os.path.lexists(inside) or os.lstat(inside).st_uid == 0:
            return
        theirs = inside
    raise PermissionError(errno.EPERM, f"root does not write below {theirs}, which another user can change")


def unwritable(directory: str, needs_space: bool = True) -> str | None:
    """Why a directory cannot be changed, as far as its file system says that: it is read-only, or full.

    Taking a file away needs no space.
    """
    space = os.statvfs(directory)
    if space.f_flag & os.ST_RDONLY:
        return f"{directory} is on a read-only file system"
    # A file system that does not count its blocks or files says that it has none in all.
    if needs_space and ((space.f_blocks and not space.f_bfree) or (space.f_files and not space.f_ffree)):
        return f"{directory} is on a file system that is full"
    return None


def temporary_of(target: str) -> str:
    """Where the new content lies until it is whole: a fixed name, so that what a killed run has left behind is known."""
    return os.path.join(os.path.dirname(target), "." + os.path.basename(target) + TEMPORARY_SUFFIX)


def _write_temporary(target: str, temporary: str, content: bytes, mode: int) -> None:
    """The new file under its temporary name, whole and on disk. Nothing is left of one that could not be written."""
    old = os.stat(target) if os.path.exists(target) else None
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
    except BaseException:
        with contextlib.suppress(OSError):
            unlink_if_there(temporary)
        raise


def _put_in_place(temporary: str, target: str, content: bytes, expected: bytes | None) -> None:
    """Give a file its new name unless what is there is not what was expected. Raises ChangedMeanwhile, Kept."""
    if expected is not None:
        put_in_place(temporary, target, content, expected)
        return
    try:
        os.link(temporary, target)  # unlike a rename, it never takes the place of another file
    except FileExistsError:
        raise ChangedMeanwhile(target) from None
    unlink_if_there(temporary)


def copy_labels(source: str, target: str) -> None:
    """Give a file the labels and capabilities of another. Raises OSError."""
    descriptor = os.open(target, os.O_RDONLY)
    try:
        _copy_labels(source, descriptor)
    finally:
        os.close(descriptor)


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
