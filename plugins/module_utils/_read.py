# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where files of the host are read. Private to this collection.

A path that cannot be read is not an error: it is noted, so that facts can say what is missing and why.
"""

from __future__ import annotations

import errno
import os
import stat

MAX_BYTES = 4 << 20  # no file this collection reads is larger on a sane host; a hostile one must not fill memory
_REPLACED = " (deleted)"  # fs/d_path.c of Linux
_CHUNK = 1 << 16  # sysctl files refuse reads with a buffer of megabytes (fs/proc/proc_sysctl.c)


def read_text(path: str, unread: list, max_bytes: int = MAX_BYTES) -> str | None:
    """The text of a file, or None with the reason appended to unread as ``{path, reason}``."""
    try:
        with open(path, "rb", buffering=0, opener=regular_file) as stream:
            content = bytearray()
            while len(content) < max_bytes:
                chunk = stream.read(_CHUNK)
                if not chunk:
                    break
                content += chunk
            return content.decode("utf-8", "replace")
    except OSError as error:
        unread.append({"path": path, "reason": error.strerror or str(error)})
        return None


def regular_file(path: str, flags: int) -> int:
    """A descriptor of a regular file, for open(). A pipe, which anybody can make, would hold us up for ever. Raises OSError."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO, "not a regular file", path)
    return descriptor


def decode(content: bytes) -> str:
    """Text of a file that is to be written again, from which encode() makes the same bytes, whatever encoding it is in."""
    return content.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Bytes of text that came from decode(), or was read as it reads."""
    return text.encode("utf-8", "surrogateescape")


def read_link(path: str) -> str | None:
    """The target of a symbolic link as it is written; None for anything else, or nothing."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def program_path(link: str) -> str:
    """The target of /proc/<pid>/exe without what the kernel adds to it once that file is no longer there."""
    return link[:-len(_REPLACED)] if link.endswith(_REPLACED) else link


def read_optional_int(path: str) -> int | None:
    """The number in a file that need not be there."""
    return read_int(path, [])


def read_int(path: str, unread: list) -> int | None:
    """The number a one-line file such as a sysctl holds."""
    text = read_text(path, unread)
    if text is None:
        return None
    try:
        return int(text.split()[0])
    except (IndexError, ValueError):
        unread.append({"path": path, "reason": f"not a number: {text[:40]!r}"})
        return None
