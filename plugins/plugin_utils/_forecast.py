# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many engines a node will need and how many this host lets it map. Pure; private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._node import DEFAULT_STRATEGY
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, at_least, format_human
from ansible_collections.aarch64.validator.plugins.plugin_utils._pool_layout import (
    fit_in_address_space,
    fit_in_limit,
)

# Runtime cache size 2 by default, and the engine of a new runtime is made before an old one is dropped.
DEFAULT_ENGINES_NEEDED = 3


def forecasts(facts: dict, policy: dict) -> dict:
    """The forecast of each service and each node that is none, or of the session as ``host`` where there is neither."""
    services = {**(facts.get("processes") or {}), **(facts.get("services") or {})}
    if services:
        return {name: service_forecast(facts, service, policy) for name, service in sorted(services.items())}
    return {"host": _forecast(facts, facts.get("pool") or {}, facts.get("limits") or {}, None, policy)}


def service_forecast(facts: dict, service: dict, policy: dict) -> dict:
    """The forecast of one service, by the tighter of the limits it has and those of its next start."""
    return _forecast(facts, service["pool"], start_limits(service), service.get("node"), policy)


def start_limits(service: dict) -> dict:
    """By limit, the tighter of what the live process has and what the next start gets."""
    live, configured = service["limits"].get("live") or {}, service["limits"].get("configured") or {}
    both = {**configured, **live}
    return {name: configured[name] if name in configured and at_least(limit["soft"], configured[name]["soft"]) else limit
            for name, limit in both.items()}


def comes_with_next_start(service: dict, name: str) -> bool:
    """Whether a running process still has more of a limit than its next start will give."""
    live, configured = ((service["limits"].get(when) or {}).get(name, {}).get("soft") for when in ("live", "configured"))
    return None not in (live, configured) and not at_least(configured, live)


def _forecast(facts: dict, pool: dict, limits: dict, node: dict | None, policy: dict) -> dict:
    engine_bytes = pool.get("engine_bytes")
    needed = engines_needed(node, policy)
    va_bits = facts["kernel"].get("va_bits")
    pie = pool.get("pie") is not False
    mapped = bool(pool.get("mapped"))
    if mapped and not needed:  # whatever its command line says
        needed = engines_needed(None, policy)
    if not engine_bytes:
        return _result(None, None, needed, None, "what an engine of it reserves is not known")
    if not va_bits:
        why = "the size of the address space could not be read; a trial on this host held as many"
        return _result(engine_bytes, pool.get("probed_fit"), needed, None, why)
    space = fit_in_address_space(va_bits, engine_bytes, pie)
    has_room = space >= engines_if_pooling(node, policy)
    limit_as = limits.get("as", {}).get("soft", UNLIMITED)
    limited = fit_in_limit(limit_as, engine_bytes)
    if limited is not None and limited < space:
        why = f"RLIMIT_AS {format_human(limit_as)} holds {limited} of {format_human(engine_bytes)}"
        return _result(engine_bytes, limited, needed, "limit", why, has_room)
    why = "{} bits of address space{} hold {} of {}".format(
        va_bits, ", cut in two by a position-independent program," if pie else "", space, format_human(engine_bytes))
    return _result(engine_bytes, space, needed, "address-space", why, has_room)


def _result(engine_bytes: int | None, fit: int | None, needed: int, bound: str | None, why: str,
            has_room: bool | None = None) -> dict:
    """``has_room``: whether the address space, limits aside, holds all engines of a node that maps pools."""
    if not needed:
        why = "its instantiation strategy maps no pool"
    return {"engine_bytes": engine_bytes, "engines_fit": fit, "engines_needed": needed, "bound": bound, "why": why,
            "has_room": has_room}


def engines_needed(node: dict | None, policy: dict) -> int:
    """Engines alive at once at the worst moment: the operator's figure, else cache size + 1 for each pooling executor."""
    if node is not None and not is_pooling(node):
        return 0
    if policy["engines_needed"] is not None:
        return policy["engines_needed"]
    if node is None:
        return DEFAULT_ENGINES_NEEDED
    return sum(
        size + 1
        for strategy, size in zip(node["strategy"], node["runtime_cache_size"])
        if strategy.startswith("pooling")
    )


def engines_if_pooling(node: dict | None, policy: dict) -> int:
    """Engines that a node would need if each of its executors mapped pools, as they do by default."""
    pooling = None if node is None else dict(node, strategy=[DEFAULT_STRATEGY] * len(node["strategy"]))
    return engines_needed(pooling, policy)


def is_pooling(node: dict) -> bool:
    """Whether any executor of a node maps pools."""
    return any(strategy.startswith("pooling") for strategy in node["strategy"])
