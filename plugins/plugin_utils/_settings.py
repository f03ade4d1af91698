# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each setting this collection looks after: wanted, configured, live. Pure; private to this collection.

The rules judge these rows and the terminal shows them, so that both always say the same.
"""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._fstab import default_size
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import (
    UNLIMITED,
    at_least,
    format_human,
    smaller,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._forecast import is_pooling
from ansible_collections.aarch64.validator.plugins.plugin_utils._release import is_of_release, shown_release

SMALLEST_PAGE = 4096
SHM_SIZE = "/dev/shm size"
STRATEGY = "instantiation strategy"
RELEASE = "release"
RECREATE = "recreate-instance-copy-on-write"
LIMITS = {"nofile": "LimitNOFILE", "memlock": "LimitMEMLOCK"}


def settings_of(facts: dict, policy: dict, forecasts: dict) -> list:
    """Rows ``{service, setting, wanted, configured, live, session, grantable, configured_ok, live_ok, ok, note}``.

    ``session`` is what a shell of the person who gathered the facts has: often not what the service has.
    Values are integers (-1 is no limit), a text for the strategy, None where unknown. A value that is not known is not
    held against a host in ``configured_ok``; a live value that is not known is never ok.
    """
    rows = [shm_setting(facts, policy)]
    services = {**(facts.get("processes") or {}), **(facts.get("services") or {})}
    for name, service in sorted(services.items()):
        if service["load_state"] != "loaded":
            continue
        rows += _own_shm_setting(name, service, facts, policy)
        rows += [_limit_row(name, service, limit, label, _wanted(limit, policy, facts), facts) for limit, label in LIMITS.items()]
        if is_of_release(service, policy["release"]):
            rows.append(_release_row(name, service, policy["release"]["release"]))
        forecast = forecasts[name]
        if forecast["has_room"] is False and service["node"] and policy["node_strategy"] == "auto":
            rows.append(_strategy_row(name, service))
        elif forecast["bound"] == "limit" and forecast["engines_fit"] < forecast["engines_needed"]:
            rows.append(_limit_row(name, service, "as", "LimitAS", UNLIMITED, facts))
    return rows


def wanted_shm_size(facts: dict, policy: dict) -> tuple:
    """``(bytes, note)``: what the operator asks for; the default is lowered to half of RAM on a small board."""
    wanted = policy["shm_size"]
    total = (facts.get("memory") or {}).get("total")
    half = default_size(total or 0, facts["kernel"].get("page_size") or SMALLEST_PAGE)
    if not total or wanted <= half:
        return wanted, None
    if policy["shm_size_is_default"]:
        return half, f"the default of {format_human(wanted)} is lowered to half of this host's RAM, {format_human(half)}"
    return wanted, f"{format_human(wanted)} is more than half of this host's RAM of {format_human(total)}"


def shm_setting(facts: dict, policy: dict) -> dict:
    """The row of /dev/shm. Configured is what the next boot gives."""
    shm = facts["shm"]
    wanted, note = wanted_shm_size(facts, policy)
    exact = policy["shm_exact"]
    configured = shm.get("persistent")
    live = shm.get("size") if shm.get("mounted") else None
    return setting_row(None, SHM_SIZE, wanted, configured, live, live, None,
                       configured is None or _shm_ok(configured, wanted, exact),
                       live is not None and _shm_ok(live, wanted, exact), note)


def _own_shm_setting(name: str, service: dict, facts: dict, policy: dict) -> list:
    """The row of a /dev/shm that a container has for itself. What a new one will get is known to its engine only."""
    shm = service.get("shm") or {}
    if shm.get("from") != "container":
        return []
    wanted = wanted_shm_size(facts, policy)[0]
    live = shm.get("size") if shm.get("mounted") else None
    session = (facts.get("shm") or {}).get("size")
    live_ok = live is not None and at_least(live, wanted)
    return [setting_row(name, SHM_SIZE, wanted, None, live, session, None, True, live_ok, None)]


def _shm_ok(value: int, wanted: int, exact: bool) -> bool:
    return value == wanted if exact else value >= wanted


def _wanted(limit: str, policy: dict, facts: dict) -> int:
    wanted = policy["limit_" + limit]
    nr_open = facts["kernel"].get("nr_open")
    if limit == "nofile" and wanted == UNLIMITED and nr_open:
        return nr_open  # the kernel knows no unlimited number of descriptors (fs/file.c, sysctl fs.nr_open)
    return wanted


def _limit_row(name: str, service: dict, limit: str, label: str, wanted: int, facts: dict) -> dict:
    limits = service["limits"]
    configured = (limits.get("configured") or {}).get(limit, {}).get("soft")
    live = (limits.get("live") or {}).get(limit, {}).get("soft")
    grantable = (limits.get("grantable") or {}).get(limit)
    note = None
    if grantable is not None and not at_least(grantable, wanted):
        note = f"PID 1 of this host cannot grant more than {_text(label, grantable)}"
    session = (facts.get("limits") or {}).get(limit, {}).get("soft")
    return setting_row(name, label, wanted, configured, live, session, grantable,
                       configured is None or at_least(configured, wanted), live is not None and at_least(live, wanted), note)


def _strategy_row(name: str, service: dict) -> dict:
    """How the node makes its instances, on a kernel without room for pools."""
    coming, running = next_node(service), service["node"] if service["main_pid"] else None
    configured, live = (" -- ".join(node["strategy"]) if node else None for node in (coming, running))
    return setting_row(name, STRATEGY, RECREATE, configured, live, None, None,
                       not is_pooling(coming), running is not None and not is_pooling(running), None)


def _release_row(name: str, service: dict, wanted: str) -> dict:
    """The release that the node runs, and the one that its next start runs."""
    configured = shown_release(service.get("program_file"))
    live = shown_release(service["binary"]) if service["main_pid"] else None
    return setting_row(name, RELEASE, wanted, configured, live, None, None, configured == wanted, live == wanted, None)


def next_node(service: dict) -> dict:
    """What the next start of a node will say on its command line; what runs now where that could not be read."""
    return service.get("next_node") or service["node"]


def setting_row(service: str | None, setting: str, wanted: int | str, configured: int | str | None, live: int | str | None,
                session: int | None, grantable: int | None, configured_ok: bool, live_ok: bool, note: str | None) -> dict:
    """One row of settings_of()."""
    return {
        "service": service, "setting": setting, "wanted": wanted, "configured": configured, "live": live,
        "session": session, "grantable": grantable, "configured_ok": configured_ok, "live_ok": live_ok,
        "ok": configured_ok and live_ok, "note": note,
    }


def reachable(row: dict) -> int:
    """The most that this host can give to the live process of a row: what is wanted, or what PID 1 can grant."""
    return row["wanted"] if row["grantable"] is None else smaller(row["wanted"], row["grantable"])


def value_text(row: dict, key: str) -> str:
    """One value of a row as people read it: sizes with units, counts plain, ``-`` where there is none."""
    return "-" if row[key] is None else _text(row["setting"], row[key])


def _text(setting: str, value: int | str) -> str:
    if isinstance(value, str):
        return value
    return str(value) if setting == "LimitNOFILE" and value != UNLIMITED else format_human(value)
