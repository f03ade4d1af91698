# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc tells of a live process. Private to this collection."""

from __future__ import annotations

import os

from ansible_collections.aarch64.validator.plugins.module_utils._address_space import pool_regions
from ansible_collections.aarch64.validator.plugins.module_utils._cgroup import memory_facts
from ansible_collections.aarch64.validator.plugins.module_utils._elf import read_pie
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import (
    credentials,
    parse_limits,
    parse_maps,
    parse_status,
)
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text

_MIN_POOL_BYTES = 64 << 30  # a process with less virtual memory than this maps no pool; its maps stay unread
_MAX_MAPS = 64 << 20  # 65530 mappings, the default vm.max_map_count, take 7 MB
_REPLACED = " (deleted)"  # what the kernel adds to the path of a file that is no longer there (fs/d_path.c)

NO_PROCESS = {"limits": None, "cgroup": None, "binary": None, "binary_replaced": False, "own_root": False, "arguments": None,
              "credentials": None, "mapped": [], "pie": None}  # type: dict


def process_facts(pid: int, mounts: list, unread: list) -> dict:
    """``{limits, cgroup, binary, binary_replaced, own_root, arguments, credentials, mapped, pie}`` of a process.

    ``mapped``, its pools, is None where its maps may not be read (needs root). ``binary_replaced``: the file it was
    started from has been replaced or removed since, so that the next start runs another. ``own_root``: it has another root
    directory than this host, so that its paths mean other files.
    """
    base = f"/proc/{pid}/"
    limits = read_text(base + "limits", unread)
    maps = read_text(base + "maps", unread, _MAX_MAPS) if is_huge(str(pid)) else ""
    command_line = read_text(base + "cmdline", unread) or ""
    status = read_text(base + "status", unread)
    binary = _link(base + "exe", unread)
    replaced = binary is not None and binary.endswith(_REPLACED)
    return {
        "limits": parse_limits(limits) if limits else None,
        "cgroup": memory_facts(read_text(base + "cgroup", unread) or "", mounts),
        "binary": binary[:-len(_REPLACED)] if binary and replaced else binary,
        "binary_replaced": replaced,
        "own_root": _has_own_root(base),
        "arguments": command_line.rstrip("\0").split("\0") if command_line else None,
        "credentials": credentials(parse_status(status), read_text(base + "attr/current", [])) if status else None,
        "mapped": None if maps is None else pool_regions(parse_maps(maps)),
        "pie": read_pie(base + "exe", []),
    }


def is_huge(pid: str) -> bool:
    """Whether a process has enough virtual memory to hold a pool; statm is readable by everyone."""
    pages = (read_text(f"/proc/{pid}/statm", []) or "0").split()[0] if pid not in ("", "0") else "0"
    return pages.isdigit() and int(pages) * os.sysconf("SC_PAGE_SIZE") >= _MIN_POOL_BYTES


def _has_own_root(base: str) -> bool:
    try:
        return not os.path.samefile(base + "root/", "/")
    except OSError:  # only root may look; what cannot be read is noted with the program
        return False


def _link(path: str, unread: list) -> str | None:
    try:
        return os.readlink(path)
    except OSError as error:
        unread.append({"path": path, "reason": os.strerror(error.errno) if error.errno else str(error)})
        return None
