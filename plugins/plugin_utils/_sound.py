# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts in a shape that rules can rely on, whatever could not be read and whichever release recorded them.

Pure; private to this collection. A part that is missing or null becomes an empty one, and a limit of which nothing is
known is left out. Nothing is invented: a value that decides anything stays None.
"""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._node import DEFAULT_CACHE_SIZE, DEFAULT_STRATEGY

_KEYS = {
    "host": ("name", "machine", "service_manager", "container", "emulated", "time", "board", "distribution", "session"),
    "kernel": ("release", "page_size", "va_bits", "va_bits_source"),
    "libc": ("name", "version"),
    "toolchain": (),
    "shm": ("mounted", "fstype", "size", "used", "mode", "persistent"),
    "memory": ("total", "swap_total", "cgroup"),
    "pool": ("engine_bytes", "engine_bytes_source", "largest_reservation", "errno", "probed_fit"),
    "binaries": (),
}
PARTS = (*_KEYS, "limits", "services", "unread")
_SERVICE_KEYS = ("active", "active_state", "sub_state", "result", "main_pid", "user", "binary", "node", "cgroup", "container",
                 "shm", "libc", "credentials")
# A process that is no service's: it was there when it was found, and nothing starts it again that could be asked.
_RUNNING = {"active": True, "active_state": "active", "sub_state": "running", "result": "success"}
_POOL_KEYS = (*_KEYS["pool"], "mapped", "pie")


def sound_facts(facts: dict) -> dict:
    """The facts with every part in its place. The input stays as it is."""
    parts = {name: _filled(facts.get(name), keys) for name, keys in _KEYS.items()}
    parts["shm"]["options"] = parts["shm"].get("options") or []
    parts["toolchain"]["users"] = {name: held or {} for name, held in (parts["toolchain"].get("users") or {}).items()}
    parts["binaries"] = {path: binary or {} for path, binary in parts["binaries"].items()}
    services = {name: _service(held or {}) for name, held in (facts.get("services") or {}).items()}
    processes = {name: _service(dict(held or {}, **_RUNNING)) for name, held in (facts.get("processes") or {}).items()}
    return dict(facts, **parts, limits=_limits(facts.get("limits")), services=services, processes=processes,
                unread=facts.get("unread") or [])


def _filled(part: dict | None, keys: tuple) -> dict:
    return {**dict.fromkeys(keys), **(part or {})}


def _service(service: dict) -> dict:
    limits = service.get("limits") or {}
    live = limits.get("live")
    return {
        **dict.fromkeys(_SERVICE_KEYS), **service,
        "load_state": service.get("load_state") or "loaded",
        "sandbox": service.get("sandbox") or {},
        "log": service.get("log") or [],
        "limits": {"configured": _limits(limits.get("configured")), "live": None if live is None else _limits(live),
                   "grantable": {name: value for name, value in (limits.get("grantable") or {}).items() if value is not None}},
        "node": _node(service.get("node")),
        "pool": _filled(service.get("pool"), _POOL_KEYS),
    }


def _limits(limits: dict | None) -> dict:
    known = {name: limit for name, limit in (limits or {}).items() if limit and limit.get("soft") is not None}
    return {name: {"soft": limit["soft"], "hard": limit["soft"] if limit.get("hard") is None else limit["hard"]}
            for name, limit in known.items()}


def _node(node: dict | None) -> dict | None:
    """A node with what its command line says; where that was not told, the built-in defaults of a node."""
    if node is None:
        return None
    return {**node, "strategy": node.get("strategy") or [DEFAULT_STRATEGY],
            "runtime_cache_size": node.get("runtime_cache_size") or [DEFAULT_CACHE_SIZE]}
