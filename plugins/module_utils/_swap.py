# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a new file in place of an old one, unless somebody else has written that meanwhile. Private to this collection.

renameat2(2) swaps first, and only then can be looked at what came out. A run that is killed in between leaves the work of
somebody else under the name that ours had. So that name tells, by digests, what was expected to come out and what went in,
and whoever finds it later knows what it is: settle().
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import re
import stat

TEMPORARY_SUFFIX = ".aarch64-validator-new"
KEPT_SUFFIX = ".aarch64-validator-kept"
_DIGITS = 32  # of SHA-256
_NAME = re.compile(r"\A\.(?P<file>.+)\.(?P<expected>[0-9a-f]{32})\.(?P<ours>[0-9a-f]{32})" + re.escape(TEMPORARY_SUFFIX) + r"\Z")
_KEPT = re.compile(r"\A(?P<file>.+)\.[0-9a-f]{8}" + re.escape(KEPT_SUFFIX) + r"\Z")
_AT_FDCWD = -100  # include/uapi/linux/fcntl.h
_RENAME_EXCHANGE = 2  # include/uapi/linux/fs.h
# What kernels, C libraries and file systems without renameat2(2) say.
_NO_EXCHANGE = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


class ChangedMeanwhile(OSError):
    """Somebody else has written a file after it was read; what they wrote is there."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.EBUSY, "somebody else has changed it at the same moment; run this again", path)


class Kept(ValueError):
    """What somebody else wrote into a file cannot be put back, since the file was written again; names both."""

    def __init__(self, target: str, kept: str) -> None:
        super().__init__(
            f"{target}: a run was stopped while it replaced this file, and somebody else wrote it at that moment, and once more "
            f"since then. What was written first is in {kept}: take over from there what is missing in {target}, then remove "
            f"{kept}. Nothing was changed")


def put_in_place(temporary: str, target: str, content: bytes, expected: bytes) -> None:
    """Give a whole file, with this content, its new name if the expected is there. Raises ChangedMeanwhile, Kept, OSError."""
    wanted = _digest(expected)
    directory, name = os.path.split(target)
    swap = os.path.join(directory, f".{name}.{wanted}.{_digest(content)}{TEMPORARY_SUFFIX}")
    os.rename(temporary, swap)
    try:
        if exchange(swap, target):
            found = _digest_of(swap)
            settle(swap)
        else:
            found = _digest_of(target)
            if found == wanted:
                os.rename(swap, target)
    finally:
        # Also of a run that is interrupted in between: nothing is left here that settles itself.
        with contextlib.suppress(OSError, Kept):
            settle(swap)
    if found != wanted:
        raise ChangedMeanwhile(target)


def is_swap(path: str) -> bool:
    """Whether this is the name of a swap that has begun."""
    return _NAME.match(os.path.basename(path)) is not None


def settle(path: str) -> None:
    """Bring a swap that has begun to its end, if this is the name of one. Raises Kept, OSError.

    What is our own, or was to be replaced, goes. What somebody else has written goes back to its place if our text is still
    there, and otherwise stays under a name of its own.
    """
    directory, base = os.path.split(path)
    name = _NAME.match(base)
    if name is None:
        return
    target, ours = os.path.join(directory, name.group("file")), name.group("ours")
    if _is_theirs(path, name) and _digest_of(target) == ours and exchange(path, target) and _is_theirs(path, name):
        exchange(path, target)  # written once more between the two: the newest stays in place
    if _is_theirs(path, name):
        kept = f"{target}.{_digest_of(path)[:8]}{KEPT_SUFFIX}"
        with contextlib.suppress(FileExistsError):  # of the same content
            os.link(path, kept)
        unlink_if_there(path)
        raise Kept(target, kept)
    unlink_if_there(path)


def check_kept(path: str) -> None:
    """Refuse to go on as long as there is something that only a person can put in its place. Raises Kept."""
    directory, base = os.path.split(path)
    name = _KEPT.match(base)
    if name:
        raise Kept(os.path.join(directory, name.group("file")), path)


def exchange(one: str, other: str) -> bool:
    """Swap the names of two files in one step, or say that this cannot be done here. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        renameat2 = libc.renameat2
    except AttributeError:  # glibc before 2.28, older musl
        return False
    renameat2.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NO_EXCHANGE:
        return False
    if number == errno.ENOENT:
        raise ChangedMeanwhile(other)
    raise OSError(number, os.strerror(number), other)


def _is_theirs(path: str, name: re.Match) -> bool:
    return _digest_of(path) not in ("", name.group("expected"), name.group("ours"))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def _digest_of(path: str) -> str:
    """Of the content of a file; empty where there is nothing, and what no file has for a link or a directory."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return "no file"
        with open(path, "rb") as stream:
            return _digest(stream.read())
    except FileNotFoundError:
        return ""


def unlink_if_there(path: str) -> None:
    """Remove a file; that it is gone already is as good."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
