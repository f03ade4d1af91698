# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which C library a root directory has, from its files: that of a container, or of RootDirectory=. Private to this collection."""

from __future__ import annotations

import os
import re
import stat

from ansible_collections.aarch64.validator.plugins.module_utils._in_root import file_head, in_root, small_text

# Where loaders and the C library lie: /lib of every distribution, and the directories that Debian and Fedora have besides.
_DIRECTORIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
_LOADER = re.compile(r"\Ald-(?:linux[a-z0-9_-]*|musl-[a-z0-9_]+)\.so\.[0-9]+\Z")
_TRIPLE = re.compile(r"\A[a-z0-9_]+-linux-gnu[a-z0-9]*\Z")
_BANNER = re.compile(rb"GNU C Library [^\n\0]{0,80}release version ([0-9]+\.[0-9]+)")
_MUSL_PACKAGE = re.compile(r"^P:musl\nV:([0-9.]+)", re.MULTILINE)
_APK_DATABASE = "/lib/apk/db/installed"
_MAX_LIBRARY = 8 << 20  # libc.so.6 has 2 MB
GLIBC, MUSL = "glibc", "musl"


def root_libc(root: str) -> dict:
    """``{name, version, loaders}`` of the C library below a root directory, as far as its files tell.

    ``name`` is ``glibc``, ``musl`` or None; of two, the one whose loader is no link to the other's. ``loaders`` are paths.
    """
    listed = {directory: _names(root, directory) for directory in _DIRECTORIES}
    loaders = [directory + "/" + name for directory, names in listed.items() for name in names if _LOADER.match(name)]
    real = {os.path.basename(in_root(root, path) or "") for path in loaders}
    libraries = [directory + "/" + name for directory, names in listed.items() for name in names if name == "libc.so.6"]
    libraries += [f"{directory}/{name}/libc.so.6" for directory, names in listed.items() for name in names if _TRIPLE.match(name)]
    # Alpine's gcompat gives musl's loader the name of glibc's, and no libc.so.6.
    version = next(filter(None, (_glibc_version(root, path) for path in libraries)), None)
    if version or any(name.startswith("ld-linux") for name in real) or any(in_root(root, path) for path in libraries):
        return {"name": GLIBC, "version": version, "loaders": loaders}
    if any("musl" in path for path in loaders):
        match = _MUSL_PACKAGE.search(small_text(root, _APK_DATABASE) or "")
        return {"name": MUSL, "version": match.group(1) if match else None, "loaders": loaders}
    return {"name": None, "version": None, "loaders": loaders}


def has_interpreter(root: str, interpreter: str | None) -> bool | None:
    """Whether the loader that a program asks for is a file below a root directory; None for a program that asks for none."""
    if not interpreter or not interpreter.startswith("/"):
        return None
    path = in_root(root, interpreter)
    try:
        return path is not None and stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def _names(root: str, directory: str) -> list:
    path = in_root(root, directory)
    try:
        return sorted(os.listdir(path)) if path else []
    except OSError:
        return []


def _glibc_version(root: str, path: str) -> str | None:
    """The release that the library prints when it is executed, from its bytes."""
    match = _BANNER.search(file_head(root, path, _MAX_LIBRARY) or b"")
    return match.group(1).decode() if match else None
