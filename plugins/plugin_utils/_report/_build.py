# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what each host told to one report. Pure; private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import INFO
from ansible_collections.aarch64.validator.plugins.plugin_utils._version import VERSION

SCHEMA = 1
VERDICTS = ("failed", "unreachable", "blocked", "at-risk", "advice", "healthy")  # worst first
# What ends a run with an error under each value of memory_pool_fail_on.
FAILING = {
    "blocked": ("failed", "unreachable", "blocked"),
    "at-risk": ("failed", "unreachable", "blocked", "at-risk"),
    "drift": ("failed", "unreachable"),
    "never": (),
}


def host_entry(name: str, outcome: dict) -> dict:
    """One host of a report, from the variables that the role left for it.

    outcome holds any of ``diagnosis`` (what was wrong before), ``assessment`` (how it is now), ``facts``,
    ``changes``, ``undone``, ``notes``, ``pending``, ``pending_until``, ``skipped``, ``failure``.
    """
    assessment = outcome.get("assessment") or {}
    failure = outcome.get("failure")
    verdict = assessment.get("verdict", "failed")
    if failure:
        verdict = "unreachable" if failure.get("unreachable") else "failed"
    elif not assessment:
        failure = {"task": None, "message": "the run ended before this host was judged", "unreachable": False}
    return {
        "name": name,
        "verdict": verdict,
        "findings": assessment.get("findings", []),
        "before": _gone(outcome.get("diagnosis") or {}, assessment),
        "changes": outcome.get("changes") or [],
        "undone": outcome.get("undone") or [],
        "notes": outcome.get("notes") or [],
        "pending": outcome.get("pending") or [],
        "pending_until": outcome.get("pending_until") or None,
        "skipped": outcome.get("skipped") or None,
        "failure": failure,
        "settings": assessment.get("settings", []),
        "pools": assessment.get("pools", {}),
        "clean_starts": assessment.get("clean_starts", {}),
        "differences": assessment.get("differences", {}),
        "remedies": assessment.get("remedies", []),
        "facts": outcome.get("facts") or {},
    }


def _gone(diagnosis: dict, assessment: dict) -> list:
    """Findings of the diagnosis that are no longer there."""
    still = {(item["id"], item["service"]) for item in assessment.get("findings", [])}
    return [item for item in diagnosis.get("findings", []) if (item["id"], item["service"]) not in still]


def build_report(entries: list, policy: dict, mode: str, check: bool, generated_at: str) -> dict:
    """The report of design: ``{schema, version, generated_at, policy, summary, hosts}``, worst hosts first."""
    summary = dict.fromkeys(("hosts", *VERDICTS), 0)
    summary["hosts"] = len(entries)
    for entry in entries:
        summary[entry["verdict"]] += 1
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "generated_at": generated_at,
        "mode": mode,
        "check": check,
        "policy": policy,
        "summary": summary,
        "hosts": sorted(entries, key=lambda entry: (VERDICTS.index(entry["verdict"]), entry["name"])),
    }


def not_live(entry: dict) -> list:
    """Settings that were asked for and that the live host does not have."""
    return [row for row in entry["settings"] if not row["live_ok"]]


def drifted(entry: dict) -> bool:
    """Whether a host has a finding that the earlier report did not have and that asks for something, or one that is worse."""
    drift = entry.get("drift") or {"new": [], "changed": []}
    return any(item["severity"] != INFO for item in drift["new"]) or any(item["worse"] for item in drift["changed"])


def complaint(report: dict, fail_on: str) -> str | None:
    """Why a run must end with an error, or None.

    Besides the verdicts, a run that was to bring or prove settings fails where one is not live; a check
    run does not fail for what it did not do. Under ``drift`` what was so before is not held against a run.
    """
    if fail_on == "never":
        return None
    bad = [entry for entry in report["hosts"] if entry["verdict"] in FAILING[fail_on]]
    if report["mode"] == "revert":
        bad = [entry for entry in bad if entry["failure"]]
    parts = []
    for verdict in VERDICTS:
        names = [entry["name"] for entry in bad if entry["verdict"] == verdict]
        if names:
            parts.append(f"{verdict}: {_names(names)}")
    if fail_on == "drift":
        names = [entry["name"] for entry in report["hosts"] if not entry["failure"] and drifted(entry)]
        if names and report["mode"] != "revert":
            parts.append(f"new or worse than in the earlier report: {_names(names)}")
    elif report["mode"] == "verify" or (report["mode"] == "remediate" and not report["check"]):
        names = [entry["name"] for entry in report["hosts"] if not entry["failure"] and not_live(entry)]
        if names:
            parts.append(f"wanted but not live: {_names(names)}")
    names = [entry["name"] for entry in report["hosts"] if entry["skipped"] and not entry["failure"]]
    if names and not report["check"]:
        parts.append(f"left out: {_names(names)}")
    return "; ".join(parts) or None


def _names(names: list) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
