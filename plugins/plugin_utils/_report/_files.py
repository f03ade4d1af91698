# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a report on the controller: whole or not at all. Private to this collection.

The directory may lie where others may write, such as /tmp, or belong to the user who has called sudo. So no link of another
user is followed, and a file is made and put in place within the directory that was looked at, whatever its name means by then.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import typing as t

from ansible.errors import AnsibleActionFail


def located(directory: str, name: str) -> str:
    """Where a file of the report lies."""
    return os.path.join(os.path.abspath(os.path.expanduser(directory)), name)


def write_text(text: str | t.Iterable[str], directory: str, name: str, mode: int = 0o600) -> str:
    """Write one file, whole or not at all, and give its path. Raises AnsibleActionFail for a directory that takes none."""
    path = located(directory, name)
    with _made(os.path.dirname(path), directory) as holder:
        _write(text, holder, os.path.basename(path), mode)
    return path


def check_writable(directory: str) -> None:
    """Make the directory and a file in it that goes again, while nothing is lost yet. Raises AnsibleActionFail."""
    path = located(directory, "")
    with _made(os.path.dirname(path), directory) as holder:
        draft, number = _draft(holder)
        os.close(number)
        os.unlink(draft, dir_fd=holder)


@contextlib.contextmanager
def _made(directory: str, given: str) -> t.Iterator[int]:
    """A descriptor of a directory, which is made where it is missing; what goes wrong with it is told of the given name."""
    try:
        os.makedirs(directory, exist_ok=True)
        holder = opened(directory)
        try:
            yield holder
        finally:
            os.close(holder)
    except OSError as error:
        raise AnsibleActionFail(
            f"memory_pool_report_dir: {given!r} cannot be written ({error.strerror}); give a directory that you may write"
        ) from None  # ansible-core would add the message of the cause to this one


def opened(directory: str) -> int:
    """A descriptor of a directory. Raises OSError for one that is reached by a link of another user."""
    status = os.lstat(directory)
    is_link = stat.S_ISLNK(status.st_mode)
    if is_link and status.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, "it is a link of another user", directory)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if is_link else os.O_NOFOLLOW))
    # In a directory of somebody else, even a link of ours may have been replaced since.
    if is_link and not os.path.samestat(os.lstat(directory), status):
        os.close(descriptor)
        raise PermissionError(errno.EPERM, "somebody else changes it at this moment", directory)
    return descriptor


def _write(text: str | t.Iterable[str], holder: int, name: str, mode: int) -> None:
    """Write a file into an open directory under a name of its own, then give it its name."""
    draft, number = _draft(holder)
    try:
        with open(number, "w", encoding="utf-8", newline="") as stream:
            os.fchmod(number, mode)
            stream.writelines([text] if isinstance(text, str) else text)
        os.replace(draft, name, src_dir_fd=holder, dst_dir_fd=holder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft, dir_fd=holder)
        raise


def _draft(holder: int) -> tuple[str, int]:
    """A new file in an open directory, under a name that no other has."""
    name = f".report-{secrets.token_hex(8)}"
    return name, os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=holder)


def remove(directory: str, name: str) -> None:
    """A file of an earlier run must not pass for one of this report."""
    path = located(directory, name)
    with contextlib.suppress(OSError):
        holder = opened(os.path.dirname(path))
        try:
            os.unlink(os.path.basename(path), dir_fd=holder)
        finally:
            os.close(holder)
