# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.sarif: a report as SARIF 2.1.0, for dashboards that show findings. Pure; private to this collection."""

from __future__ import annotations

import hashlib
import inspect
import json
import typing as t

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._values import plain, rules_by_id
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import ADVICE, BLOCKER, DEFAULTS, INFO, RISK

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
TOOL = "aarch64.validator"
LEVELS = {BLOCKER: "error", RISK: "warning", ADVICE: "note", INFO: "none"}
NOT_JUDGED = ("failed", "unreachable")
LEFT_OUT, PENDING = "left-out", "restart-pending"
FINGERPRINT = "hostFindingService/v1"


def sarif_text(report: dict) -> str:
    """The file."""
    return json.dumps(sarif(report), sort_keys=True) + "\n"


def sarif(report: dict) -> dict:
    """One run: a rule for each finding that can be, a result for each that is, a notification for each host that failed."""
    known = rules_by_id()
    results = [result for entry in report["hosts"] for result in _results(entry)]
    failed = [entry for entry in report["hosts"] if entry["failure"]]
    # Older facts may have been judged by rules that are no longer there.
    identifiers = list(known) + sorted({result["ruleId"] for result in results} - set(known))
    index = {identifier: number for number, identifier in enumerate(identifiers)}
    for result in results:
        result["ruleIndex"] = index[result["ruleId"]]
    run = {
        "tool": {"driver": {
            "name": TOOL,
            "version": report["version"],
            "rules": [_rule(identifier, known.get(identifier)) for identifier in identifiers],
            "notifications": [{"id": name} for name in (*NOT_JUDGED, LEFT_OUT, PENDING)],
        }},
        "invocations": [{
            "executionSuccessful": not failed,
            "endTimeUtc": report["generated_at"],
            "toolExecutionNotifications": [one for entry in report["hosts"] for one in _notifications(entry)],
        }],
        "results": results,
        "properties": {name: report[name] for name in ("mode", "check", "policy", "summary")},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(identifier: str, rule: t.Any) -> dict:
    severity, explains = DEFAULTS.get(identifier, (ADVICE, False))
    described = {
        "id": identifier,
        "defaultConfiguration": {"level": LEVELS[severity]},
        "properties": {"severity": severity, "explains": explains, "tags": ["explains"] if explains else []},
    }
    if rule is None:
        return described
    text = inspect.cleandoc(rule.text).replace("``", "`")
    short = " ".join(text.split("\n\n", 1)[0].split())
    return dict(described, shortDescription=_message(short), fullDescription=_message(short), help=_message(text),
                helpUri=rule.reference)


def _results(entry: dict) -> t.Iterator[dict]:
    times = {}  # type: dict[tuple, int]
    for item in entry["findings"]:
        key = (item["id"], item["service"])
        times[key] = times.get(key, 0) + 1
        result = {
            "ruleId": item["id"],
            "level": LEVELS[item["severity"]],
            "message": _message(plain(item["summary"])),
            "locations": [_location(entry["name"], item["service"])],
            "fingerprints": {FINGERPRINT: _fingerprint(entry["name"], *key, times[key])},
            "properties": {
                "host": plain(entry["name"]), "verdict": entry["verdict"], "severity": item["severity"],
                "explains": item["explains"], "remedy": item["remedy"], "automatic": item["automatic"],
                "evidence": [plain(line) for line in item["evidence"]],
            },
        }
        if item["severity"] == INFO:
            result["kind"] = "informational"  # SARIF 2.1.0, 3.27.10: a level of none goes with a kind other than fail
        yield result


def _fingerprint(host: str, identifier: str, service: str | None, time: int) -> str:
    """The same in every run, whatever the summary says; with a number where a host has a finding more than once."""
    parts = [host, identifier, service or ""] + ([str(time)] if time > 1 else [])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _location(host: str, service: str | None) -> dict:
    """A host has no source file; a service lies within it, as a function does in a module."""
    name = plain(host)
    places = [{"name": name, "fullyQualifiedName": name, "kind": "resource"}]
    if service:
        inner = plain(service)
        places.append({"name": inner, "fullyQualifiedName": f"{name}/{inner}", "kind": "member"})
    return {"logicalLocations": places[::-1]}


def _notifications(entry: dict) -> t.Iterator[dict]:
    """What became of the host itself: it failed, with what was undone, was left out, or waits for a restart."""
    if entry["failure"]:
        lines = [entry["failure"]["message"], *(f"undone: {change}" for change in entry["undone"])]
        yield _notification(entry["name"], "error", entry["verdict"], "; ".join(plain(line) for line in lines))
    elif entry["skipped"]:
        yield _notification(entry["name"], "warning", LEFT_OUT, plain(entry["skipped"]))
    for unit in entry["pending"]:
        until = f" until {plain(entry['pending_until'])}" if entry["pending_until"] else ""
        yield _notification(entry["name"], "note", PENDING, plain(unit) + until)


def _notification(host: str, level: str, identifier: str, text: str) -> dict:
    return {
        "level": level,
        "message": _message(text),
        "locations": [_location(host, None)],
        "descriptor": {"id": identifier},
    }


def _message(text: str) -> dict:
    """Text that holds neither placeholders nor links, whatever it says (SARIF 2.1.0, 3.11.5 and 3.11.6)."""
    for letter, escaped in (("\\", "\\\\"), ("[", "\\["), ("]", "\\]")) if "](" in text else ():
        text = text.replace(letter, escaped)
    return {"text": text.replace("{", "{{").replace("}", "}}")}
