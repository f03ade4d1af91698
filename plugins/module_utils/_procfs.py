# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of /proc text. Each takes text and returns plain data. Private to this collection.

Sources: Documentation/filesystems/proc.rst, fs/proc_namespace.c and fs/proc/task_mmu.c of the Linux kernel.
"""

from __future__ import annotations

import contextlib
import re

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED

# Rows of /proc/<pid>/limits, by the name that setrlimit(2) and systemd's Limit*= share.
LIMIT_ROWS = {
    "Max open files": "nofile",
    "Max locked memory": "memlock",
    "Max address space": "as",
    "Max data size": "data",
    "Max file size": "fsize",
    "Max stack size": "stack",
    "Max processes": "nproc",
}
CAP_SYS_RESOURCE = 24  # include/uapi/linux/capability.h

_DIGITS = re.compile(r"[0-9]{1,20}\Z")
_ESCAPE = re.compile(r"\\([01][0-7]{2})")  # ASCII only, which is all that the kernel escapes


def unescape(field: str) -> str:
    r"""A field of mountinfo or fstab with its octal escapes (``\040`` is a space, ``\043`` a #) resolved."""
    return _ESCAPE.sub(lambda match: chr(int(match.group(1), 8)), field)


def parse_mountinfo(text: str) -> list:
    """Mounts in the order the kernel lists them; a later one on the same mount point lies on top.

    Each is ``{mountpoint, root, fstype, source, options, super_options}``, both options as lists.
    """
    mounts = []
    for line in text.split("\n"):  # splitlines() would also cut at form feeds and the like inside a path
        fields = line.split(" ")
        try:
            dash = fields.index("-", 6)
            fstype, source, super_options = fields[dash + 1:dash + 4]
        except ValueError:
            continue
        mounts.append({
            "root": unescape(fields[3]),
            "mountpoint": unescape(fields[4]),
            "options": fields[5].split(","),
            "fstype": fstype,
            "source": unescape(source),
            "super_options": super_options.split(","),
        })
    return mounts


def mount_on(mounts: list, mountpoint: str) -> dict | None:
    """The topmost mount on exactly this mount point."""
    for mount in reversed(mounts):
        if mount["mountpoint"] == mountpoint:
            return mount
    return None


def parse_limits(text: str) -> dict:
    """/proc/<pid>/limits as ``{nofile: {soft, hard}, ...}``; -1 means no limit."""
    limits = {}
    for row, name in LIMIT_ROWS.items():
        for line in text.splitlines():
            if line.startswith(row):
                values = line[len(row):].split()[:2]
                if len(values) == 2:
                    with contextlib.suppress(ValueError):
                        limits[name] = {"soft": _limit(values[0]), "hard": _limit(values[1])}
    return limits


def _limit(text: str) -> int:
    return UNLIMITED if text == "unlimited" else int(text)


def _number(text: str) -> int | None:
    """A number in decimal digits of ASCII, which is all that the kernel writes."""
    return int(text) if _DIGITS.match(text) else None


def parse_meminfo(text: str) -> dict:
    """/proc/meminfo as bytes by the kernel's own names; counts such as HugePages_Total stay counts."""
    values = {}
    for line in text.splitlines():
        name, _colon, rest = line.partition(":")
        fields = rest.split()
        number = _number(fields[0]) if fields else None
        if number is not None:
            values[name] = number * (1024 if fields[1:] == ["kB"] else 1)
    return values


def parse_status(text: str) -> dict:
    """/proc/<pid>/status as text by field name."""
    fields = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields[name] = value.strip()
    return fields


def credentials(status: dict, label: str | None) -> dict:
    """``{uid, capabilities, seccomp, no_new_privs, label}`` of parse_status() and attr/current; None for what is not known.

    capabilities is the effective set as the kernel writes it, in hex; seccomp 0 none, 1 strict, 2 filter; label is that of
    SELinux or the AppArmor profile.
    """
    uids = status.get("Uid", "").split()
    return {
        "uid": _number(uids[1]) if uids[1:] else None,
        "capabilities": status.get("CapEff"),
        "seccomp": _number(status.get("Seccomp", "")),
        "no_new_privs": {"0": False, "1": True}.get(status.get("NoNewPrivs", "")),
        "label": (label or "").rstrip("\0\n") or None,
    }


def may_raise_limits(status: dict, uid_map: str) -> bool:
    """Whether a process can lift hard limits: CAP_SYS_RESOURCE, and not inside a user namespace.

    The kernel asks capable(), which means the first user namespace (kernel/sys.c, do_prlimit).
    """
    try:
        effective = int(status.get("CapEff", "0"), 16)
    except ValueError:
        return False
    return bool(effective >> CAP_SYS_RESOURCE & 1) and uid_map.split() == ["0", "0", "4294967295"]


def parse_maps(text: str) -> list:
    """/proc/<pid>/maps as ``(start, end, permissions, inode, path)`` tuples, in address order."""
    regions = []
    for line in text.splitlines():
        fields = line.split(None, 5)
        try:
            start, end = fields[0].split("-")
            regions.append((int(start, 16), int(end, 16), fields[1], int(fields[4]), fields[5] if fields[5:] else ""))
        except (IndexError, ValueError):
            continue
    return regions
