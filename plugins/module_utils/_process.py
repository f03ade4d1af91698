# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc tells of a live process. Private to this collection."""

from __future__ import annotations

import os

from ansible_collections.aarch64.validator.plugins.module_utils._address_space import pool_regions
from ansible_collections.aarch64.validator.plugins.module_utils._cgroup import cgroup_facts
from ansible_collections.aarch64.validator.plugins.module_utils._container_facts import (
    Here,
    Seen,
    confinement_facts,
    container_facts,
    has_own_root,
    mounts_of,
    own_shm,
)
from ansible_collections.aarch64.validator.plugins.module_utils._elf import read_pie
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import (
    credentials,
    parse_limits,
    parse_maps,
    parse_status,
)
from ansible_collections.aarch64.validator.plugins.module_utils._read import program_path, read_text
from ansible_collections.aarch64.validator.plugins.module_utils._root_libc import root_libc

_MAX_MAPS = 64 << 20  # 65530 mappings, the default vm.max_map_count, take 7 MB

NO_PROCESS = {"limits": None, "cgroup": None, "binary": None, "binary_replaced": False, "own_root": False, "arguments": None,
              "credentials": None, "mapped": [], "pie": None, "shm": None, "container": None, "libc": None,
              "wasmtime_mapped": False, "parent": 0}  # type: dict


def process_facts(pid: int, here: Here, unread: list, texts: dict | None = None) -> dict:
    """Facts of a process, with the keys of NO_PROCESS. texts by name are files of /proc/<pid> that have been read already.

    ``mapped``, its pools, is None where its maps may not be read (needs root). ``binary_replaced``: the file it was
    started from has been replaced or removed since, so that the next start runs another. ``own_root``: it has another root
    directory than this host, so that its paths mean other files, and ``libc`` is what root_libc() says of that one.
    ``shm`` and ``container`` are those of own_shm() and container_facts(). ``wasmtime_mapped``: it has loaded a library
    of that name.
    """
    base = f"/proc/{pid}/"
    texts = dict(texts or {})
    for name in ("limits", "status", "cgroup", "cmdline"):
        texts[name] = texts.get(name) or read_text(base + name, unread)
    limits = parse_limits(texts["limits"]) if texts["limits"] else None
    maps = read_text(base + "maps", unread, _MAX_MAPS) if pid in here.huge else ""
    regions = parse_maps(maps or "")
    command_line = texts["cmdline"] or ""
    binary = _link(base + "exe", unread)
    path = program_path(binary) if binary else binary
    seen = Seen(base=base, status=parse_status(texts["status"] or ""), cgroup=texts["cgroup"] or "",
                own_root=has_own_root(base), mounts=mounts_of(base, here, unread), uid_map=read_text(base + "uid_map", []))
    cgroup = cgroup_facts(seen.cgroup, here.mounts, here.read_limit)
    shm = own_shm(seen, here, unread)
    return {
        "limits": limits,
        "cgroup": cgroup,
        "binary": path,
        "binary_replaced": path != binary,
        "own_root": bool(seen.own_root),
        "arguments": command_line.rstrip("\0").split("\0") if command_line else None,
        "credentials": dict(credentials(seen.status, read_text(base + "attr/current", [])), **confinement_facts(seen, here))
        if texts["status"] else None,
        "mapped": None if maps is None else pool_regions(regions),
        "pie": read_pie(base + "exe", []),
        "shm": shm,
        "container": container_facts(seen, here, cgroup, shm, limits),
        "libc": root_libc(base + "root") if seen.own_root else None,
        "parent": int(seen.status["PPid"]) if seen.status.get("PPid", "").isdigit() else 0,
        "wasmtime_mapped": any("wasmtime" in region[4].rpartition("/")[2] for region in regions),
    }


def _link(path: str, unread: list) -> str | None:
    try:
        return os.readlink(path)
    except OSError as error:
        unread.append({"path": path, "reason": os.strerror(error.errno) if error.errno else str(error)})
        return None
