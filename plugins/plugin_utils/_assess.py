# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From facts to a verdict: every rule asked once, worst first. Pure; private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, format_exact
from ansible_collections.aarch64.validator.plugins.plugin_utils._forecast import forecasts
from ansible_collections.aarch64.validator.plugins.plugin_utils._policy import checked_policy
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._address_space import (
    emulated_or_sandboxed,
    pool_does_not_fit,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import (
    AUTOMATIC_REMEDIES,
    BLOCKER,
    HEALTHY,
    SEVERITIES,
    VERDICTS,
    finding,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._limits import (
    daemon_reload_needed,
    limit_rules,
    not_running,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._shm import shm_rules
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import settings_of

SCHEMA = 1
AUTHORITY_ROLES = ("validator", "collator")  # a vote that is not on disk yet must not be cast twice
NOT_EVALUATED_REFERENCE = "https://www.freedesktop.org/software/systemd/man/sd_booted.html"


def assess_facts(facts: dict, policy: dict) -> dict:
    """``{verdict, findings, remedies, pools, settings}`` of one host.

    Raises OptionError for a policy that cannot be used, ValueError for facts of another schema.
    """
    wanted = checked_policy(policy)
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        raise ValueError(f"these are not memory facts of schema {SCHEMA}; gather them with aarch64.validator.memory_facts")
    pools = forecasts(facts, wanted)
    settings = settings_of(facts, wanted, pools)
    findings = sorted(_findings(facts, pools, settings), key=lambda item: SEVERITIES.index(item["severity"]))
    return {
        "verdict": VERDICTS[findings[0]["severity"]] if findings else HEALTHY,
        "findings": findings,
        "remedies": remedies_of(findings, facts["services"], settings, wanted),
        "pools": pools,
        "settings": settings,
    }


def _findings(facts: dict, pools: dict, settings: list) -> list:
    services = facts["services"]
    found = []
    for name, forecast in pools.items():
        service = services.get(name)
        pool = service["pool"] if service else facts["pool"]
        found += pool_does_not_fit(facts, name, pool, service, forecast)
        found += emulated_or_sandboxed(facts, name, pool, service, forecast)
    for name, service in sorted(services.items()):
        found += limit_rules(name, service, [row for row in settings if row["service"] == name])
        found += daemon_reload_needed(name, service)
        explained = any(item["severity"] == BLOCKER and item["service"] in (name, None) for item in found)
        found += not_running(name, service, explained)
    found += shm_rules(facts, next(row for row in settings if row["service"] is None))
    return found + not_evaluated(facts)


def not_evaluated(facts: dict) -> list:
    """Services that could not be judged, because systemd does not run this host or has not loaded them."""
    manager = facts["host"]["service_manager"]
    if manager != "systemd":
        summary = "services were not judged: PID 1 is {}, not systemd; only the host itself was".format(manager or "unknown")
        return [finding("not-evaluated", summary, [f"host.service_manager = {manager}"], NOT_EVALUATED_REFERENCE)]
    return [
        finding("not-evaluated", "{} was not judged: systemd says it is {}".format(name, service["load_state"]),
                ["LoadState={}".format(service["load_state"])], NOT_EVALUATED_REFERENCE, service=name)
        for name, service in sorted(facts["services"].items())
        if service["load_state"] != "loaded"
    ]


def remedies_of(findings: list, services: dict, settings: list, policy: dict) -> list:
    """What to apply, once for each remedy and service, in the order in which it is applied.

    Each is ``{remedy, service, findings, options}``; options are those of the module of that name.
    """
    wanted = {}  # type: dict
    for item in findings:
        if item["automatic"]:
            wanted.setdefault((item["remedy"], item["service"] or ""), []).append(item["id"])
    return [
        {"remedy": remedy, "service": service or None, "findings": identifiers,
         "options": _options(remedy, services.get(service), service, settings, policy)}
        for (remedy, service), identifiers in sorted(
            wanted.items(), key=lambda entry: (AUTOMATIC_REMEDIES.index(entry[0][0]), entry[0][1]))
    ]


def _options(remedy: str, service: dict | None, name: str, settings: list, policy: dict) -> dict:
    if remedy == "shm":
        return {
            "size": format_exact(policy["shm_size"]),
            "size_is_default": policy["shm_size_is_default"],
            "exact": policy["shm_exact"],
        }
    if remedy == "service-limits":
        wanted = {row["setting"]: _limit_option(row["wanted"]) for row in settings if row["service"] == name}
        names = {"nofile": "LimitNOFILE", "memlock": "LimitMEMLOCK", "address_space": "LimitAS"}
        return dict({"unit": name}, **{option: wanted[label] for option, label in names.items() if label in wanted})
    role = ((service or {}).get("node") or {}).get("role")
    return {"unit": name, "delay": policy["restart_delay"] if role in AUTHORITY_ROLES else 0}


def _limit_option(value: int) -> str:
    return "infinity" if value == UNLIMITED else str(value)
