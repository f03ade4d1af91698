# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory limits of a control group, version 1 and 2. Private to this collection.

Sources: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of the Linux kernel.
"""

from __future__ import annotations

import os

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, smaller

_V1_UNLIMITED = 1 << 62  # version 1 says "no limit" by a number just below 2**63


def parse_cgroup(text: str) -> dict:
    """/proc/<pid>/cgroup as path by controller; the unified hierarchy has the empty name."""
    paths = {}
    for line in text.splitlines():
        fields = line.split(":", 2)
        if len(fields) == 3:
            for controller in fields[1].split(","):
                paths[controller] = fields[2]
    return paths


def memory_directories(cgroup_text: str, mounts: list) -> tuple:
    """``(version, directories)`` of the memory controller, from the group itself up to the root of its mount."""
    paths = parse_cgroup(cgroup_text)
    for version, controller in ((1, "memory"), (2, "")):
        if controller not in paths:
            continue
        for mount in mounts:
            matches = mount["fstype"] == "cgroup2" if version == 2 else (
                mount["fstype"] == "cgroup" and "memory" in mount["super_options"])
            if matches:
                return version, _upwards(mount["mountpoint"], _below(paths[controller], mount["root"]))
    return None, []


def memory_facts(cgroup_text: str, mounts: list) -> dict:
    """``{version, limit, high, limited_by, current}``: the tightest limit on the way up, and who sets it."""
    version, directories = memory_directories(cgroup_text, mounts)
    facts = {"version": version, "limit": None, "high": None, "limited_by": None, "current": None}
    if version is None:
        return facts
    names = ("memory.max", "memory.high", "memory.current") if version == 2 else (
        "memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.usage_in_bytes")
    for directory in directories:
        for key, name in (("limit", names[0]), ("high", names[1])):
            value = _read_limit(os.path.join(directory, name))
            if value is None:
                continue
            tightest = value if facts[key] is None else smaller(value, facts[key])
            if key == "limit" and tightest != facts["limit"] and tightest != UNLIMITED:
                facts["limited_by"] = os.path.join(directory, name)
            facts[key] = tightest
    if directories:
        facts["current"] = _read_limit(os.path.join(directories[0], names[2]))
    return facts


def _below(path: str, root: str) -> str:
    """A group's path as seen from a mount that shows only the part of the hierarchy below root."""
    if root != "/" and (path == root or path.startswith(root + "/")):
        path = path[len(root):]
    return path.strip("/")


def _upwards(mountpoint: str, path: str) -> list:
    parts = [part for part in path.split("/") if part and part != ".."]
    return [os.path.join(mountpoint, *parts[:depth]) for depth in range(len(parts), -1, -1)]


def _read_limit(path: str) -> int | None:
    """A limit file; that it is not there is normal (the root group has none)."""
    try:
        with open(path, encoding="ascii") as stream:
            text = stream.read(64).strip()
        value = UNLIMITED if text == "max" else int(text)
    except (OSError, ValueError):
        return None
    return UNLIMITED if value >= _V1_UNLIMITED else value
