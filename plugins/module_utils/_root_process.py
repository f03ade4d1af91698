# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of root's on this host, by name. Private to this collection.

Anybody can give a process of his any name and any command line, and would have root read what that names. So a process counts
only if every one of its user ids is root's, and if it is in the namespaces of this one: root of a container is not root here.
"""

from __future__ import annotations

import os

from ansible_collections.aarch64.validator.plugins.module_utils._procfs import parse_status
from ansible_collections.aarch64.validator.plugins.module_utils._read import program_path, read_link, read_text

PROC = "/proc"
_NAMESPACES = ("pid", "user")


def root_processes(name: str, proc: str = PROC) -> list:
    """Process ids, as texts, of the programs of this name that root runs on this host, outside of containers."""
    return [pid for pid in sorted(os.listdir(proc)) if pid.isdigit() and _is_of_root(name, f"{proc}/{pid}", proc)]


def _is_of_root(name: str, process: str, proc: str) -> bool:
    if (read_text(f"{process}/comm", []) or "").strip() != name:
        return False
    status = parse_status(read_text(f"{process}/status", []) or "")
    # Real, effective, saved, and that of file systems, as this user namespace sees them: a program with the set-uid bit, which
    # anybody can start by any name, has not all of them.
    if status.get("Uid", "").split() != ["0"] * 4 or len(status.get("NSpid", "").split()) > 1:
        return False
    # Some programs with that bit take all ids later; but their file is called otherwise.
    program = _link(f"{process}/exe")
    if program is not None and os.path.basename(program_path(program)) != name:
        return False
    return _is_here(process, proc)


def _is_here(process: str, proc: str) -> bool:
    """Whether a process has our namespaces and our root directory. Without root that cannot be seen, and counts as yes."""
    for kind in _NAMESPACES:
        theirs = _link(f"{process}/ns/{kind}")
        if theirs is not None and theirs != read_link(f"{proc}/self/ns/{kind}"):
            return False
    try:
        found, own = os.stat(f"{process}/root/"), os.stat("/")
    except OSError:
        return os.geteuid() != 0
    return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)


def _link(path: str) -> str | None:
    """Where a link points to; None for those who may not know. For root there is none that it may not know."""
    target = read_link(path)
    return "" if target is None and os.geteuid() == 0 else target
