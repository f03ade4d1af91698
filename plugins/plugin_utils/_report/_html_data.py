# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What report.html holds of a report: all that its page shows, each thing once. Pure; private to this collection.

Thousands of hosts have the same few settings and findings. Each of them stands in a list of its own, and a host has
the numbers of its own; so does each text. The page must stay small enough to be opened on a phone.
"""

from __future__ import annotations

import inspect
import typing as t

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import VERDICTS, drifted
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._drift import drift_texts, fleet_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._values import (
    SESSION,
    at,
    gaps,
    plain,
    rules_by_id,
    telling,
    worst_pool,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import DEFAULTS, SEVERITIES
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import Rule
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import value_text

LONGEST = 600  # characters of one text; report.json has all of it
MOST = 40  # texts of one kind of one host
FACTS = (
    ("machine", ("host", "machine")),
    ("board", ("host", "board")),
    ("system", ("host", "distribution", "name")),
    ("container", ("host", "container")),
    ("kernel", ("kernel", "release")),
    ("page size", ("kernel", "page_size")),
    ("address space bits", ("kernel", "va_bits")),
)
VALUES = ("wanted", "configured", "live", "session")
DRIFT = ("new", "gone", "changed")


class Tables:
    """Lists of things that hosts share; add gives the number of a thing."""

    def __init__(self) -> None:
        self._raw = {}  # type: dict[str, int]
        self._known = {}  # type: dict[str, dict[t.Any, int]]

    def add(self, name: str, thing: t.Any) -> int:
        """The number of a thing in the list of this name."""
        known = self._known.setdefault(name, {})
        return known.setdefault(thing, len(known))

    def text(self, value: object) -> int:
        """The number of a text, made safe to show."""
        raw = str(value)
        if raw not in self._raw:
            self._raw[raw] = self.add("texts", shown(raw))
        return self._raw[raw]

    def texts(self, values: t.Iterable) -> list:
        """The numbers of some texts."""
        listed = list(values)
        left = [f"... and {len(listed) - MOST} more in report.json"] if len(listed) > MOST else []
        return [self.text(value) for value in listed[:MOST] + left]

    def lists(self) -> dict:
        """Each list."""
        return {name: list(self._known.get(name, {})) for name in ("texts", "findings", "settings", "pools", "facts", "unlike")}


def shown(text: object) -> str:
    """A text of a host as the page shows it: printable, and not without end."""
    printable = plain(str(text)[:LONGEST + 1])
    return printable if len(printable) <= LONGEST else printable[:LONGEST] + " ... (cut; report.json has all of it)"


def page_data(report: dict) -> dict:
    """All that the page shows. Numbers are places in the lists; what a host does not have is left out."""
    tables = Tables()
    hosts = [_host(entry, tables) for entry in report["hosts"]]
    found = {item["id"] for entry in report["hosts"] for item in entry["findings"] + entry["before"]}
    known = rules_by_id()
    return {
        "generated_at": shown(report["generated_at"]),
        "mode": shown(report["mode"]),
        "check": bool(report["check"]),
        "verdicts": list(VERDICTS),
        "severities": list(SEVERITIES),
        "fact_names": [name for name, _path in FACTS],
        "session": SESSION,
        "rules": {shown(identifier): _rule(identifier, known.get(identifier)) for identifier in sorted(found)},
        "drift": _fleet_drift(report),
        **tables.lists(),
        "hosts": hosts,
    }


def _host(entry: dict, tables: Tables) -> dict:
    failure = entry["failure"]
    told = {
        "name": shown(entry["name"]),
        "verdict": VERDICTS.index(entry["verdict"]),
        "judged": bool(entry["settings"] or entry["findings"] or entry["pools"]),
        "failure": tables.text(failure["message"]) if failure else None,
        "findings": _findings(entry["findings"], tables),
        "before": _findings(entry["before"], tables),
        "settings": [tables.add("settings", _setting(row, tables)) for row in entry["settings"]],
        "pools": _pools(entry["pools"], tables),
        "facts": tables.add("facts", tuple(_fact(at(entry["facts"], *path), tables) for _name, path in FACTS)),
        "changes": tables.texts(entry["changes"]),
        "undone": tables.texts(entry.get("undone") or []),
        "pending": tables.texts(entry["pending"]),
        "pending_until": _known(entry.get("pending_until"), tables),
        "skipped": _known(entry.get("skipped"), tables),
        "notes": tables.texts([row["note"] for row in entry["settings"] if row["note"]] + list(entry["notes"])),
        "gaps": tables.texts(gaps(entry)),
        "trials": tables.texts(f"{unit}: {said['text']}" for unit, said in sorted(entry["clean_starts"].items())),
        "unlike": [tables.add("unlike", tuple(map(tables.text, (unit, row["what"], row["service"], row["session"]))))
                   for unit, rows in sorted(entry["differences"].items()) for row in rows],
        "drift": _drift(entry, tables),
    }
    return {name: value for name, value in told.items() if value is not None and value is not False and value != []}


def _findings(items: list, tables: Tables) -> list:
    return [tables.add("findings", (
        tables.text(item["id"]),
        SEVERITIES.index(item["severity"]),
        _known(item["service"], tables),
        tables.text(item["summary"]),
        tuple(tables.texts(item["evidence"])),
        bool(item["explains"]),
        bool(item["automatic"]),
        _link(item["reference"], tables),
    )) for item in items]


def _link(reference: object, tables: Tables) -> int | None:
    """Only what leads to a page: a report may have been made by any hand."""
    return tables.text(reference) if str(reference).startswith("https://") and shown(reference) == reference else None


def _setting(row: dict, tables: Tables) -> tuple:
    values = tuple(tables.text(value_text(row, key)) for key in VALUES)
    service, name = _known(row["service"], tables), tables.text(row["setting"])
    return (service, name, *values, bool(row["configured_ok"]), bool(row["live_ok"]))


def _pools(pools: dict, tables: Tables) -> list:
    """Of each service, the one with least room first."""
    worst = worst_pool(pools)
    return [tables.add("pools", (
        tables.text(name),
        _number(pools[name].get("engine_bytes")),
        _number(pools[name].get("engines_fit")),
        _number(pools[name].get("engines_needed")),
        tables.text(pools[name].get("why") or ""),
    )) for name in sorted(pools, key=lambda name: (name != worst, name))]


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _known(value: object, tables: Tables) -> int | None:
    return None if value is None else tables.text(value)


def _fact(value: object, tables: Tables) -> int | None:
    return None if value is None or isinstance(value, (dict, list)) else tables.text(value)


def _rule(identifier: str, rule: Rule | None) -> dict:
    """What a finding means and what to do about it, whatever the host."""
    severity, explains = DEFAULTS.get(identifier, (SEVERITIES[-1], False))
    told = {"explains": explains, "severity": SEVERITIES.index(severity), "title": "", "why": "", "do": ""}
    if rule:
        text = inspect.cleandoc(rule.text).replace("``", "")
        told["title"] = _joined(text.split("\n\n", 1)[0])
        told["why"] = _part(text, "Why:")
        told["do"] = _part(text, "Do:")
    return told


def _part(text: str, label: str) -> str:
    """What a docstring says after a label, up to the next one."""
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if line.startswith(label)), None)
    if start is None:
        return ""
    part = [lines[start][len(label):]]
    for line in lines[start + 1:]:
        if line.startswith(("Shows:", "Why:", "Do:")):
            break
        part.append(line)
    return _joined("\n".join(part))


def _joined(text: str) -> str:
    return " ".join(text.split())


def _drift(entry: dict, tables: Tables) -> dict | None:
    """What is told of the drift of one host, and how it counts."""
    drift = entry.get("drift")
    if not drift:
        return None
    was = drift["verdict_before"]
    counts = [len(telling(drift["new"])), len(telling(drift["gone"])), sum(bool(item["worse"]) for item in drift["changed"])]
    texts = drift_texts(entry)
    first = was is None
    if not texts and not first and was == entry["verdict"]:
        return None
    return {"was": VERDICTS.index(was) if was in VERDICTS else None, "first": first, "counts": counts,
            "worse": drifted(entry), "texts": tables.texts(texts)}


def _fleet_drift(report: dict) -> dict | None:
    """What is told of the drift of the fleet: of each finding, on how many hosts it is new, gone, and worse."""
    if "drift" not in report:
        return None
    counts = {}  # type: dict[str, list]
    for entry in report["hosts"]:
        for column, kind in enumerate(DRIFT):
            for identifier in {item["id"] for item in telling(entry["drift"][kind]) if kind != "changed" or item["worse"]}:
                counts.setdefault(shown(identifier), [0, 0, 0])[column] += 1
    ordered = sorted(counts.items(), key=lambda row: (-row[1][0] - row[1][2], -row[1][1], row[0]))
    drift = report["drift"]
    return {
        "text": shown(fleet_text(report)),
        "same_policy": bool(drift["same_policy"]),
        "findings": [[identifier, *numbers] for identifier, numbers in ordered],
        "hosts_new": len(drift["hosts_new"]),
        "hosts_gone": [shown(name) for name in drift["hosts_gone"][:MOST]],
        "hosts_gone_count": len(drift["hosts_gone"]),
    }
