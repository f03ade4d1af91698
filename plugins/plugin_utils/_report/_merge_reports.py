# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report of the reports of several runs, each of which had a part of the fleet. Pure; private to this collection."""

from __future__ import annotations

import re

from ansible_collections.aarch64.validator.plugins.plugin_utils._identity import duplicate_identities
from ansible_collections.aarch64.validator.plugins.plugin_utils._policy import differences
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import VERDICTS, build_report, host_entry
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._drift import (
    FINDING,
    MAYBE_TEXT,
    SETTING,
    VALUE,
    are_rows,
    checked_baseline,
)

# What a report has besides its hosts, and what every host has; another version has others.
REPORT = {"version": str, "generated_at": str, "mode": str, "check": bool, "policy": dict}
HOST = {name: type(value) for name, value in host_entry("", {}).items() if value is not None and name != "failure"}
MAY_BE_NONE = tuple(name for name in host_entry("", {}) if name not in HOST)
# What the files, the table and the exit of a run read of each finding and each setting.
WHOLE = {**FINDING, "explains": bool, "automatic": bool, "evidence": list, "remedy": MAYBE_TEXT, "reference": str}
ROWS = {
    "findings": WHOLE,
    "before": WHOLE,
    "settings": {**SETTING, "session": VALUE, "configured_ok": bool, "live_ok": bool, "note": MAYBE_TEXT},
}  # type: dict[str, dict]
WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def identities(outcome: dict) -> list:
    """What a report keeps of who the nodes of a host are, so that a merge can compare them. Names in a keystore are public."""
    nodes = [node for node in outcome.get("identities") or [] if node]
    return [{"peer_id": node.get("peer_id"), "keystore": node.get("keystore")} for node in nodes]


def merge_reports(pieces: list) -> dict:
    """One report of ``[(file, report)]``, as one run on all their hosts would have made it.

    Besides, it has ``pieces`` and ``duplicate_identities``. Drift of a piece is left out: of the whole it says nothing.
    Raises ValueError for what is no report, for runs of another kind or policy, and for a host that two pieces have.
    """
    if not pieces:
        raise ValueError("there is no piece; give report.json of each run")
    checked = [(file, _checked(file, report)) for file, report in pieces]
    (first, model), *others = checked
    for file, report in others:
        _same_run(first, model, file, report)
    entries = _entries(checked)
    newest = max(report["generated_at"] for _file, report in checked)
    merged = build_report(entries, model["policy"], model["mode"], model["check"], newest)
    merged["version"] = model["version"]  # of those who judged
    merged["pieces"] = [{"file": file, "generated_at": report["generated_at"], "hosts": len(report["hosts"])}
                        for file, report in checked]
    merged["duplicate_identities"] = _duplicates(entries)
    return merged


def _checked(file: str, report: object) -> dict:
    """A piece that has all that the files of a report are made of."""
    try:
        whole = checked_baseline(report)
    except ValueError as error:
        raise ValueError(f"{file} {error}") from None
    missing = [name for name, kind in REPORT.items() if not isinstance(whole.get(name), kind)]
    if not missing and not WHEN.fullmatch(whole["generated_at"]):
        missing = ["generated_at that is a time"]
    if missing:
        raise ValueError(f"{file} has no {', '.join(missing)}; give a report of this version")
    for entry in whole["hosts"]:
        problem = _problem(entry)
        if problem:
            raise ValueError(f"{file}: host {entry['name']!r} has no {problem} that this version can read; "
                             "run all pieces with one version of aarch64.validator")
    return whole


def _problem(entry: dict) -> str | None:
    """The name of what a host lacks."""
    if entry["verdict"] not in VERDICTS:
        return "verdict"
    for name, kind in HOST.items():
        if not isinstance(entry.get(name), kind):
            return name
    for name, kinds in ROWS.items():
        if not are_rows(entry[name], kinds):
            return name
    failure = entry.get("failure")
    if failure is not None and not (isinstance(failure, dict) and "message" in failure):
        return "failure"
    if not all(isinstance(said, dict) and "text" in said for said in entry["clean_starts"].values()):
        return "clean_starts"
    if not _are_identities(entry.get("identities", [])):
        return "identities"
    return next((name for name in MAY_BE_NONE if name not in entry), None)


def _are_identities(nodes: object) -> bool:
    return isinstance(nodes, list) and all(
        isinstance(node, dict) and isinstance(node.get("peer_id") or "", str)
        and isinstance(node.get("keystore") or [], list) and all(isinstance(key, str) for key in node.get("keystore") or [])
        for node in nodes)


def _same_run(first: str, model: dict, file: str, report: dict) -> None:
    """Whether two pieces are of one kind of run and were judged alike; another version may know other findings."""
    if report["version"] != model["version"]:
        raise ValueError(f"version is {report['version']!r} in {file} and {model['version']!r} in {first}; "
                         "run all pieces with one version of aarch64.validator")
    for name in ("mode", "check"):
        if report[name] != model[name]:
            raise ValueError(f"{name} is {report[name]!r} in {file} and {model[name]!r} in {first}; "
                             "give pieces of one kind of run")
    for name in differences(model["policy"], report["policy"]):
        raise ValueError(f"memory_pool_{name} was {report['policy'].get(name)!r} in {file} and "
                         f"{model['policy'].get(name)!r} in {first}; run all pieces with one policy")


def _entries(pieces: list) -> list:
    """The hosts of all pieces, each of which only one piece may have."""
    owner = {}  # type: dict[str, str]
    entries = []
    for file, report in pieces:
        for entry in report["hosts"]:
            name = entry["name"]
            if name in owner:
                where = f"twice in {file}" if owner[name] == file else f"in {owner[name]} and in {file}"
                raise ValueError(f"host {name!r} is {where}; give pieces that share no host")
            owner[name] = file
            entries.append({key: value for key, value in entry.items() if key != "drift"})
    return entries


def _duplicates(entries: list) -> list:
    """Nodes of one identity. Each run looks only at its own hosts, so those of two pieces come to light here."""
    hostvars = {entry["name"]: {"memory_pool_identities": entry.get("identities") or []} for entry in entries}
    return duplicate_identities(sorted(hostvars), hostvars)


def duplicates_complaint(report: dict, fail_on: str) -> str | None:
    """Why a merge must end with an error although every host is well, or None."""
    if fail_on == "never" or not report.get("duplicate_identities"):
        return None
    return "; ".join(item["text"] for item in report["duplicate_identities"])
