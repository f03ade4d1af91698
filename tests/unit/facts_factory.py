# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain facts for tests of controller code: a healthy host, to be bent by each test."""

from __future__ import annotations

import copy
import typing as t

GIB = 1 << 30
ENGINE_2022, ENGINE_2023, ENGINE_NOW = 0x3080000000, 0x6080000000, 0x4082000000

_SERVICE: dict = {
    "load_state": "loaded", "active": True, "active_state": "active", "sub_state": "running", "result": "success",
    "exit_status": 0, "restarts": 0, "main_pid": 4711, "user": "polkadot",
    "exec_start": "/usr/bin/polkadot $POLKADOT_CLI_ARGS", "command_line": ["/usr/bin/polkadot", "--validator"],
    "fragment": "/usr/lib/systemd/system/polkadot.service", "drop_ins": [], "environment_files": [],
    "need_daemon_reload": False, "sandbox": {}, "cgroup": None, "container": None, "binary": "/usr/bin/polkadot",
    "node": {"role": "validator", "executors": 1, "strategy": ["pooling-copy-on-write"], "runtime_cache_size": [2]},
    "log": [],
    "limits": {
        "configured": {name: {"soft": soft, "hard": soft} for name, soft in (("nofile", 65535), ("memlock", -1), ("as", -1))},
        "live": {name: {"soft": soft, "hard": soft} for name, soft in (("nofile", 65535), ("memlock", -1), ("as", -1))},
        "grantable": {"nofile": 1048576, "memlock": -1, "as": -1, "data": -1},
    },
    "pool": {"engine_bytes": ENGINE_NOW, "engine_bytes_source": "policy", "mapped": [], "pie": True,
             "largest_reservation": 80000 * GIB, "errno": 0, "probed_fit": 3},
}

_FACTS: dict = {
    "schema": 1,
    "host": {"name": "val-1", "machine": "aarch64", "userland_bits": 64, "service_manager": "systemd", "container": None,
             "emulated": False, "root": True, "distribution": {"id": "debian", "version": "12", "name": "Debian"},
             "python": {"version": "3.11.2", "executable": "/usr/bin/python3", "pie": False}},
    "kernel": {"release": "6.1.0", "page_size": 4096, "va_bits": 48, "va_bits_source": "maps", "va_bits_config": 48,
               "overcommit_memory": 0, "overcommit_ratio": 50, "commit_limit": 16 * GIB, "committed": GIB,
               "max_map_count": 65530, "nr_open": 1048576, "lsm": []},
    "libc": {"name": "glibc", "version": "2.36"},
    "toolchain": {},
    "shm": {"mounted": True, "fstype": "tmpfs", "options": ["rw", "nosuid", "nodev"], "size": 16 * GIB, "used": 0,
            "inodes_free": 1000, "mode": "1777", "root": "/", "link": None,
            "persistent": 16 * GIB, "persistent_source": "default", "fstab_lines": []},
    "memory": {"total": 32 * GIB, "available": 30 * GIB, "swap_total": 0, "swap_free": 0, "cgroup": {}},
    "limits": {"nofile": {"soft": 1024, "hard": 524288}, "memlock": {"soft": 8 << 20, "hard": 8 << 20},
               "as": {"soft": -1, "hard": -1}},
    "pool": {"engine_bytes": ENGINE_NOW, "engine_bytes_source": "policy", "largest_reservation": 80000 * GIB,
             "errno": 0, "probed_fit": 3},
    "services": {},
    "binaries": {},
    "unread": [],
}


def host_facts(**changes: t.Any) -> dict:
    """Facts of a healthy host without a service; each change is laid over the part of that name."""
    facts = copy.deepcopy(_FACTS)
    for part, values in changes.items():
        facts[part] = dict(facts[part], **values) if isinstance(facts[part], dict) else values
    return facts


def node_facts(service: dict | None = None, **changes: t.Any) -> dict:
    """Facts of a healthy host that runs polkadot.service; ``service`` is laid over the facts of the service."""
    node = copy.deepcopy(_SERVICE)
    for part, values in (service or {}).items():
        both = isinstance(node.get(part), dict) and isinstance(values, dict)
        node[part] = dict(node[part], **values) if both else values
    return host_facts(services={"polkadot.service": node}, **changes)


def release_manifest(**binary: object) -> dict:
    """The manifest of a release for aarch64 that every recent host can run; binary is laid over the facts of its program."""
    facts = {"machine": "aarch64", "libc": "glibc", "glibc_wanted": "2.34", "page_alignment": 65536, "jemalloc_page_size": 65536,
             "wasmtime_version": "36.0.7", "error": None}
    program = {"name": "polkadot", "sha256": "0" * 64, "size": 1 << 20, "version": "polkadot 1.99.0",
               "facts": dict(facts, **binary)}
    return {"schema": 1, "release": "polkadot-1a2b3c4d5e6f-00000000", "revision": "1a2b3c4d5e6f" + "0" * 28, "dirty": False,
            "source": "/src", "inputs": {"target": "aarch64-unknown-linux-gnu"}, "command": [], "binaries": [program]}


def limits(**soft: int) -> dict:
    """Limits as facts have them, hard like soft; those not named are without limit."""
    values = dict({"nofile": 65535, "memlock": -1, "as": -1}, **soft)
    return {name: {"soft": value, "hard": value} for name, value in values.items()}


def container_facts(container: dict | None = None, process: dict | None = None, **changes: dict) -> dict:
    """Facts of a healthy host with a node in a Docker container, and no service; the first two are laid over its facts."""
    facts = node_facts(process, **changes)
    node = facts["services"].pop("polkadot.service")
    live = limits(nofile=1048576)
    shm = {"mounted": True, "size": 4 * GIB, "used": 0, "inodes_free": 100, "mode": "1777", "from": "container", "options": []}
    own = {
        "limits": dict({"configured": {}, "live": live, "grantable": {}}, **((process or {}).get("limits") or {})),
        "shm": shm,
        "container": dict({"runtime": "docker", "id": "3f2a1b4c5d6e" + "0" * 52, "name": None, "pod": None, "unit": None,
                           "rootless": False, "from": {"nofile": "container", "memory": "container"}}, **(container or {})),
        "libc": {"name": "glibc", "version": "2.36", "loaders": []},
        "program": "docker container 3f2a1b4c5d6e:/usr/bin/polkadot", "own_root": True,
    }
    own.update({name: value for name, value in (process or {}).items() if name in ("shm", "libc")})
    node.update(own)
    facts["processes"] = {"docker container 3f2a1b4c5d6e": node}
    return facts
