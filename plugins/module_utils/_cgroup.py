# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of a control group on memory, swap and processes, version 1 and 2. Private to this collection.

Sources: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst and cgroup-v1/pids.rst of the Linux kernel.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, smaller

_V1_UNLIMITED = 1 << 62  # version 1 says "no limit" by a number just below 2**63
# By version: files of the memory controller for the limit, the brake before it, what is in use, and swap. Version 1 limits
# the sum of memory and swap, version 2 swap alone.
_FILES = {
    1: {"limit": "memory.limit_in_bytes", "high": "memory.soft_limit_in_bytes", "current": "memory.usage_in_bytes",
        "swap": "memory.memsw.limit_in_bytes"},
    2: {"limit": "memory.max", "high": "memory.high", "current": "memory.current", "swap": "memory.swap.max"},
}
_MAX_PATH = 4096  # PATH_MAX, which the kernel does not go beyond either
_PIDS = ("pids.max", "pids.current")


def parse_cgroup(text: str) -> dict:
    """/proc/<pid>/cgroup as path by controller; the unified hierarchy has the empty name."""
    paths = {}
    for line in text.split("\n"):
        fields = line.split(":", 2)
        if len(fields) == 3:
            for controller in fields[1].split(","):
                paths[controller] = fields[2][:_MAX_PATH]
    return paths


def directories_of(controller: str, paths: dict, mounts: list) -> tuple:
    """``(version, directories)`` of a controller, from the group of parse_cgroup() itself up to the root of its mount."""
    for version, name in ((1, controller), (2, "")):
        if name not in paths:
            continue
        for mount in mounts:
            matches = mount["fstype"] == "cgroup2" if version == 2 else (
                mount["fstype"] == "cgroup" and controller in mount["super_options"])
            if matches:
                return version, _upwards(mount["mountpoint"], _below(paths[name], mount["root"]))
    return None, []


def cgroup_facts(cgroup_text: str, mounts: list, read: t.Callable[[str], int | None]) -> dict:
    """The tightest limits on the way up from a group, and the file that sets each. read is read_limit().

    ``{version, limit, limited_by, high, current, swap, pids, pids_limited_by, pids_current}``. limit, high, current and swap
    are bytes, -1 is no limit and None not known. ``swap`` is what swap may take, without memory. pids are processes.
    """
    paths = parse_cgroup(cgroup_text)
    version, directories = directories_of("memory", paths, mounts)
    facts = dict.fromkeys(("limit", "limited_by", "high", "current", "swap", "pids", "pids_limited_by", "pids_current"))
    facts["version"] = version
    if version is not None:
        files = _FILES[version]
        facts["limit"], facts["limited_by"] = _tightest(directories, files["limit"], read)
        facts["high"] = _tightest(directories, files["high"], read)[0]
        facts["swap"] = _swap(version, _tightest(directories, files["swap"], read)[0], facts["limit"])
        facts["current"] = read(os.path.join(directories[0], files["current"]))
    _version, directories = directories_of("pids", paths, mounts)
    if directories:
        facts["pids"], facts["pids_limited_by"] = _tightest(directories, _PIDS[0], read)
        facts["pids_current"] = read(os.path.join(directories[0], _PIDS[1]))
    return facts


def _tightest(directories: list, name: str, read: t.Callable[[str], int | None]) -> tuple:
    """``(value, path)`` of the tightest limit on the way up; of equal ones the innermost. No path where there is no limit."""
    value, path = None, None
    for directory in directories:
        found = read(os.path.join(directory, name))
        if found is None or (value is not None and smaller(value, found) == value):
            continue
        value, path = found, None if found == UNLIMITED else os.path.join(directory, name)
    return value, path


def _swap(version: int, value: int | None, memory: int | None) -> int | None:
    if version == 2 or value is None or value == UNLIMITED or memory is None or memory == UNLIMITED:
        return value
    return max(value - memory, 0)


def _below(path: str, root: str) -> str:
    """A group's path as seen from a mount that shows only the part of the hierarchy below root."""
    if root != "/" and (path == root or path.startswith(root + "/")):
        path = path[len(root):]
    return path.strip("/")


def _upwards(mountpoint: str, path: str) -> list:
    parts = [part for part in path.split("/") if part and part != ".."]
    directories = [mountpoint]
    for part in parts:
        directories.append(os.path.join(directories[-1], part))
    return directories[::-1]


def read_limit(path: str) -> int | None:
    """A limit file; that it is not there is normal (the root group has none)."""
    try:
        with open(path, encoding="ascii") as stream:
            text = stream.read(64).strip()
        value = UNLIMITED if text == "max" else int(text)
    except (OSError, ValueError):
        return None
    return UNLIMITED if value >= _V1_UNLIMITED else value
