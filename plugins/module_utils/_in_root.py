# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths below another root directory, such as that of a container. Private to this collection.

An absolute symbolic link in there means a file in there, while the kernel would follow it out of there: so each part of a
path is followed by hand.
"""

from __future__ import annotations

import os
import stat

from ansible_collections.aarch64.validator.plugins.module_utils._read import regular_file

_MAX_LINKS = 40  # as the kernel, MAXSYMLINKS
_MAX_TEXT = 1 << 16


def in_root(root: str, path: str) -> str | None:
    """Where a path of that root directory is, seen from here; None if it is not there, or cannot be looked at."""
    waiting = [part for part in reversed(path.split("/")) if part not in ("", ".")]
    done = []  # type: list[str]
    links = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            done = done[:-1]
            continue
        here = os.path.join(root, *done, part)
        try:
            is_link = stat.S_ISLNK(os.lstat(here).st_mode)
            target = os.readlink(here) if is_link else ""
        except (OSError, ValueError):  # ValueError: a path with a NUL byte
            return None
        if not is_link:
            done.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            return None
        if target.startswith("/"):
            done = []
        waiting += [part for part in reversed(target.split("/")) if part not in ("", ".")]
    return os.path.join(root, *done) if done else root


def file_head(root: str, path: str, most: int) -> bytes | None:
    """The first bytes of a regular file in there; None where there is none. A pipe or a device in there must not stop us."""
    found = in_root(root, path)
    if found is None:
        return None
    try:
        descriptor = regular_file(found, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            return os.read(descriptor, most)
        finally:
            os.close(descriptor)
    except OSError:
        return None


def small_text(root: str, path: str) -> str | None:
    """The text of a small regular file in there, as file_head()."""
    content = file_head(root, path, _MAX_TEXT)
    return None if content is None else content.decode("utf-8", "replace")
