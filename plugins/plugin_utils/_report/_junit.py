# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""junit.xml: a report as test results, for a CI server. Pure; private to this collection.

A host is a test suite. Each finding that can be is a test, which passes where the host does not have it, so that a
server sees what was fixed; so is each setting.
"""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET  # it is written here, and never read  # nosec B405

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._values import plain, rules_by_id
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import BLOCKER, RISK, SEVERITIES
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import value_text

NAME = "aarch64.validator"
VALUES = ("wanted", "configured", "live")
Case = t.Tuple[str, t.Optional[str], str, str]  # name, kind of element (None: passed), message, text


def junit_xml(report: dict) -> str:
    """The file."""
    every = tuple(rules_by_id())
    when = report["generated_at"].rstrip("Z")
    totals = dict.fromkeys(("tests", "failures", "errors"), 0)
    suites = []
    for entry in report["hosts"]:
        cases = _turn_cases(entry, report["check"]) + _cases(entry, every)
        counts = {
            "tests": len(cases),
            "failures": sum(case[1] == "failure" for case in cases),
            "errors": sum(case[1] == "error" for case in cases),
        }
        for name, count in counts.items():
            totals[name] += count
        suites.append(_suite(plain(entry["name"]), counts, when, cases))
    attributes = "".join(f' {name}="{count}"' for name, count in totals.items())
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="{NAME}"{attributes} time="0">\n'
    return head + "\n".join(suites) + ("\n" if suites else "") + "</testsuites>\n"


def _suite(host: str, counts: dict, when: str, cases: list) -> str:
    """One suite as text: the tree of a whole fleet would take its memory twice."""
    suite = ET.Element("testsuite", {"name": host, "hostname": host, "skipped": "0", "time": "0", "timestamp": when})
    for key, count in counts.items():
        suite.set(key, str(count))
    for name, kind, message, text in cases:
        case = ET.SubElement(suite, "testcase", {"classname": host, "name": name, "time": "0"})
        if kind == "system-out":
            ET.SubElement(case, kind).text = f"{message}\n{text}"
        elif kind:
            ET.SubElement(case, kind, {"message": message, "type": NAME}).text = text
    return ET.tostring(suite, encoding="unicode")


def _turn_cases(entry: dict, check: bool) -> list:
    """What became of the host itself. One that was undone was tried and failed; another error says nothing of its settings."""
    cases = []  # type: list[Case]
    undone = "".join(f"\nundone: {plain(change)}" for change in entry["undone"])
    if entry["failure"]:
        message = plain(entry["failure"]["message"])
        cases.append((entry["verdict"], "failure" if undone else "error", message, message + undone))
    elif entry["skipped"]:
        message = plain(entry["skipped"])
        cases.append(("left out", "system-out" if check else "failure", message, message))
    if entry["pending"]:
        units = ", ".join(plain(unit) for unit in entry["pending"])
        message = f"{units} until {plain(entry['pending_until'])}" if entry["pending_until"] else units
        cases.append(("restart pending", "system-out", message, ""))
    return cases


def _cases(entry: dict, every: tuple) -> list:
    cases = []  # type: list[Case]
    if not entry["settings"]:  # the host was not judged
        return cases
    found = {}  # type: dict[tuple, list]
    for item in entry["findings"]:
        found.setdefault((item["id"], item["service"] or ""), []).append(item)
    there = {identifier for identifier, _service in found}
    cases += [(identifier, None, "", "") for identifier in every if identifier not in there]
    cases += [_finding_case(identifier, service, items) for (identifier, service), items in found.items()]
    return cases + [_setting_case(row) for row in entry["settings"]]


def _finding_case(identifier: str, service: str, items: list) -> Case:
    worst = min((item["severity"] for item in items), key=SEVERITIES.index)
    message = "; ".join(plain(item["summary"]) for item in items)
    lines = [plain(line) for item in items for line in (*item["evidence"], item["reference"])]
    kind = "failure" if worst in (BLOCKER, RISK) else "system-out"
    return _name(identifier, service), kind, f"{worst}: {message}", "\n".join(lines)


def _setting_case(row: dict) -> Case:
    """One that is not live is a failure, as it is for verify; one that only waits for the next boot is not."""
    name = _name("setting " + row["setting"], row["service"] or "")
    if row["ok"]:
        return name, None, "", ""
    text = ", ".join(f"{key} {plain(value_text(row, key))}" for key in VALUES)
    return name, "system-out" if row["live_ok"] else "failure", text, plain(row["note"] or "")


def _name(name: str, service: str) -> str:
    return f"{name} {plain(service)}" if service else name
