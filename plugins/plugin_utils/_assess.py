# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From facts to a verdict: every rule asked once, worst first. Pure; private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._service_limits import limit_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_exact
from ansible_collections.aarch64.validator.plugins.plugin_utils._differences import differences
from ansible_collections.aarch64.validator.plugins.plugin_utils._forecast import forecasts
from ansible_collections.aarch64.validator.plugins.plugin_utils._merge import merged
from ansible_collections.aarch64.validator.plugins.plugin_utils._opt_in import (
    ORDER,
    SANDBOX,
    engine_rows,
    opt_in_remedies,
    with_sandbox_remedy,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._policy import checked_policy
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules import (  # noqa: F401  # pylint: disable=unused-import  # each registers its rules
    _address_space,
    _binary,
    _clean_start,
    _container,
    _evaluated,
    _kernel,
    _limits,
    _release,
    _sandbox,
    _shm,
    _strategy,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import (
    BLOCKER,
    HEALTHY,
    RISK,
    SEVERITIES,
    VERDICTS,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import (
    HOST,
    LAST,
    POOL,
    SERVICE,
    TRIAL,
    Subject,
    changed,
    check_all,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._state import is_authority, is_down
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._trace import clean_start
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import settings_of
from ansible_collections.aarch64.validator.plugins.plugin_utils._signatures import explain_log
from ansible_collections.aarch64.validator.plugins.plugin_utils._size import check_size
from ansible_collections.aarch64.validator.plugins.plugin_utils._sound import PARTS, sound_facts

SCHEMA = 1
# What is wrong with a program file stops its next start, but not a node that was started before.
OF_THE_PROGRAM = ("foreign-architecture", "libc-mismatch", "page-size-unsupported", "program-unusable")


def assess_facts(facts: dict, policy: dict, refused: tuple | list = ()) -> dict:
    """``{verdict, findings, remedies, pools, settings, clean_starts, differences}`` of one host.

    refused lists ``{remedy, service, reason}`` for remedies that this run has tried and that cannot be had there.
    Raises OptionError for a policy that cannot be used, ValueError for facts of another schema, without a part, of another
    shape, or of a size that no host has.
    """
    wanted = checked_policy(policy)
    check_size(facts)
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        raise ValueError(f"these are not memory facts of schema {SCHEMA}; gather them with aarch64.validator.memory_facts")
    lacking = [part for part in PARTS if part not in facts]
    if lacking:
        raise ValueError("these memory facts are not whole, they lack {}; gather them again".format(", ".join(lacking)))
    try:
        return _judged(sound_facts(facts), wanted, refused)
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        # Whoever answers for a host may answer anything. The type of what is wrong is told, never its text.
        raise ValueError("these memory facts are not of the shape that aarch64.validator.memory_facts gives them "
                         f"({type(error).__name__} in {_where(error)}); gather them again") from error


def _where(error: BaseException) -> str:
    """The function that did not know what to do with a value."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place.tb_frame.f_code.co_name if place is not None else "a rule"


def _judged(facts: dict, wanted: dict, refused: tuple | list) -> dict:
    """assess_facts() of facts in their place."""
    pools = forecasts(facts, wanted)
    settings = settings_of(facts, wanted, pools)
    found = [_without_refused(with_sandbox_remedy(item, facts["services"], wanted), refused)
             for item in _findings(facts, wanted, pools, settings)]
    # Of equally bad findings, what can be the cause of the operator's message comes first.
    findings = sorted(found, key=lambda item: (SEVERITIES.index(item["severity"]), not item["explains"]))
    return {
        "verdict": VERDICTS[findings[0]["severity"]] if findings else HEALTHY,
        "findings": findings,
        "remedies": sorted(remedies_of(findings, facts["services"], settings, wanted) + opt_in_remedies(facts, wanted),
                           key=lambda item: ORDER.index(item["remedy"])),
        "pools": pools,
        "settings": settings + engine_rows(facts, wanted),
        "clean_starts": {name: clean_start(service["trace"])
                         for name, service in sorted(facts["services"].items()) if service.get("trace")},
        "differences": {name: differences(facts, service)
                        for name, service in sorted({**facts["services"], **facts["processes"]}.items())},
    }


def _findings(facts: dict, policy: dict, pools: dict, settings: list) -> list:
    services = {name: service for name, service in sorted(facts["services"].items()) if service["load_state"] == "loaded"}
    nothing = {"engine_bytes": None, "engines_fit": None, "engines_needed": 0, "bound": None, "why": "", "has_room": None}
    host = Subject(facts, policy, None, None, facts["pool"], pools.get("host", nothing),
                   [row for row in settings if row["service"] is None], {})
    nodes = [
        Subject(facts, policy, name, service, service["pool"], pools[name],
                [row for row in settings if row["service"] == name], _log_causes(service), is_process=name not in services)
        for name, service in {**services, **dict(sorted(facts["processes"].items()))}.items()
    ]
    found = check_all([host], (HOST,)) + check_all(nodes or [host], (POOL,)) + check_all(nodes, (SERVICE,))
    shown = [(node, item) for node in nodes for item in _clean_start.trial_findings(node)]
    explained = _explained(nodes, found + [item for _node, item in shown])
    found = merged(found, [_as_it_stands(item, node) for node, item in shown]) + check_all(explained, (TRIAL,))
    return [_for_a_person(item, facts) for item in found + check_all(_explained(nodes, found), (LAST,))]


def _for_a_person(item: dict, facts: dict) -> dict:
    """A finding of a node that is no service has no remedy here: what starts it is not known."""
    return changed(item, remedy=None) if item["service"] in facts["processes"] else item


def _without_refused(item: dict, refused: tuple | list) -> dict:
    """A finding without the remedy that this run has tried in vain, with the reason in its place."""
    reasons = [one["reason"] for one in refused if (one["remedy"], one["service"]) == (item["remedy"], item["service"])]
    if not reasons:
        return item
    summary = "{}; {}".format(item["summary"], reasons[0])
    return changed(item, remedy=None, summary=summary, evidence=item["evidence"] + reasons[:1])


def _explained(nodes: list, findings: list) -> list:
    """The services, each with whether one of the findings stops it, now or at its next start."""
    stopped = {item["service"] for item in findings if item["severity"] == BLOCKER or item["id"] in OF_THE_PROGRAM}
    return [node._replace(explained=node.name in stopped or None in stopped) for node in nodes]


def _as_it_stands(item: dict, node: Subject) -> dict:
    """What a trial shows of a service that is not down will stop it at its next start, not now."""
    return item if item["severity"] != BLOCKER or is_down(node.service or {}) else changed(item, severity=RISK)


def _log_causes(service: dict) -> dict:
    """What the journal of a service that is down says, by cause. Old lines of one that runs prove nothing."""
    causes = {}  # type: dict
    if is_down(service):
        for result in explain_log(service.get("log") or []):
            causes.setdefault(result["cause"], []).append(result)
    return causes


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
            wanted.items(), key=lambda entry: (ORDER.index(entry[0][0]), entry[0][1]))
    ]


def _options(remedy: str, service: dict | None, name: str, settings: list, policy: dict) -> dict:
    if remedy == "shm":
        return {
            "size": format_exact(policy["shm_size"]),
            "size_is_default": policy["shm_size_is_default"],
            "exact": policy["shm_exact"],
        }
    if remedy == "service-limits":
        wanted = {row["setting"]: limit_text(row["wanted"]) for row in settings if row["service"] == name}
        names = {"nofile": "LimitNOFILE", "memlock": "LimitMEMLOCK", "address_space": "LimitAS"}
        return dict({"unit": name}, **{option: wanted[label] for option, label in names.items() if label in wanted})
    if remedy in ("node-strategy", SANDBOX):
        return {"unit": name}
    if remedy == "node-release":
        manifest = policy["release"]
        files = [{"name": binary["name"], "sha256": binary["sha256"]} for binary in manifest["binaries"]]
        return {"unit": name, "release": manifest["release"], "files": files}
    # A vote that is not on disk yet must not be cast twice.
    return {"unit": name, "delay": policy["restart_delay"] if is_authority(service or {}) else 0}
