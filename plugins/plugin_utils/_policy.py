# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator wants, with defaults and checks. Private to this collection.

The names are those of the role's variables without their prefix; both spellings are taken.
"""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._container_defaults import wanted_ulimits
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError, parse_limit, parse_size
from ansible_collections.aarch64.validator.plugins.plugin_utils._release import checked_manifest

PREFIX = "memory_pool_"
DEFAULT_SHM_SIZE = "2G"
NODE_STRATEGIES = ("auto", "keep")
DEFAULTS = {
    "shm_size": DEFAULT_SHM_SIZE,
    "shm_exact": False,
    "limit_nofile": 65535,
    "limit_memlock": "infinity",
    "restart_delay": 120,
    "engines_needed": None,
    "node_strategy": "auto",
    "relax_sandbox": False,
    "container_defaults": False,
    "container_shm": DEFAULT_SHM_SIZE,
    "container_ulimits": {},
    "release": "",  # the manifest of the release that nodes are to run
    "clean_start_seconds": 20,  # judges nothing, but is refused here before anything is changed
}


def checked_policy(policy: dict) -> dict:
    """The policy with every value parsed: sizes and limits as integers. Raises OptionError.

    Besides the keys of DEFAULTS the result has ``shm_size_is_default``: the default alone may be lowered on a
    board with little memory, a size that the operator chose may not.
    """
    if not isinstance(policy, dict):
        raise OptionError("policy", policy, "a dictionary with any of: " + ", ".join(sorted(DEFAULTS)))
    given = {}
    for key, value in policy.items():
        name = key[len(PREFIX):] if isinstance(key, str) and key.startswith(PREFIX) else key
        if name not in DEFAULTS:
            raise OptionError("policy", key, "any of: " + ", ".join(sorted(DEFAULTS)))
        if value is not None:
            given[name] = value
    merged = dict(DEFAULTS, **given)
    for name in ("shm_exact", "relax_sandbox", "container_defaults"):
        if not isinstance(merged[name], bool):
            raise OptionError(PREFIX + name, merged[name], "true or false")
    if merged["node_strategy"] not in NODE_STRATEGIES:
        raise OptionError(PREFIX + "node_strategy", merged["node_strategy"], " or ".join(NODE_STRATEGIES))
    return {
        "shm_size": parse_size(merged["shm_size"], PREFIX + "shm_size"),
        "shm_size_is_default": merged["shm_size"] == DEFAULT_SHM_SIZE,
        "shm_exact": merged["shm_exact"],
        "limit_nofile": parse_limit(merged["limit_nofile"], PREFIX + "limit_nofile"),
        "limit_memlock": parse_limit(merged["limit_memlock"], PREFIX + "limit_memlock"),
        "restart_delay": _seconds(merged["restart_delay"], "restart_delay", 0, 3600),
        "engines_needed": _count(merged["engines_needed"]),
        "node_strategy": merged["node_strategy"],
        "relax_sandbox": merged["relax_sandbox"],
        "container_defaults": merged["container_defaults"],
        "container_shm": parse_size(merged["container_shm"], PREFIX + "container_shm"),
        "container_shm_is_default": merged["container_shm"] == DEFAULT_SHM_SIZE,
        "container_ulimits": _ulimits(merged["container_ulimits"]),
        "release": checked_manifest(merged["release"], PREFIX + "release") if merged["release"] else None,
        "clean_start_seconds": _seconds(merged["clean_start_seconds"], "clean_start_seconds", 1, 600),
    }


def differences(one: dict, other: dict) -> list:
    """Names of what two policies differ in. ``65535`` and ``'65535'`` are the same, as ``-e`` makes text of numbers."""
    first, second = _read(one), _read(other)
    return sorted(name for name in set(one) | set(other)
                  if one.get(name) != other.get(name) and _meaning(first, name) != _meaning(second, name))


def _read(policy: dict) -> dict:
    """The policy with every value parsed; one that this version cannot read as it is."""
    try:
        return checked_policy(policy)
    except OptionError:
        return policy


def _meaning(policy: dict, name: str) -> tuple:
    return policy.get(name), policy.get(name + "_is_default")


def _ulimits(value: object) -> dict:
    if not isinstance(value, dict):
        raise OptionError(PREFIX + "container_ulimits", value, "a dictionary such as {nofile: 65535}")
    try:
        return wanted_ulimits(value, None)
    except OptionError as error:
        raise ValueError(f"{PREFIX}container_{error}") from error


def _count(value: object) -> int | None:
    if value in (None, ""):  # a template without a value gives an empty text
        return None
    text = str(value)
    if isinstance(value, bool) or not text.isdigit() or not 1 <= int(text) <= 64:
        raise OptionError(PREFIX + "engines_needed", value, "a whole number from 1 to 64")
    return int(text)


def _seconds(value: object, name: str, least: int, most: int) -> int:
    text = str(value)
    if isinstance(value, bool) or not text.isdigit() or not least <= int(text) <= most:
        raise OptionError(PREFIX + name, value, f"a whole number of seconds from {least} to {most}")
    return int(text)
