# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for a tired person at a terminal. Pure: gives ``(text, colour)`` lines. Private to this collection."""

from __future__ import annotations

import textwrap

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import VERDICTS
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import value_text

COLOURS = {
    "failed": "red", "unreachable": "bright red", "blocked": "red", "at-risk": "yellow", "advice": "cyan", "healthy": "green",
}
DONE = {"diagnose": "would change", "verify": "would change", "remediate": "changed", "revert": "reverted"}
MIN_WIDTH, MAX_WIDTH = 60, 160
COLUMNS = ("setting", "wanted", "configured", "live", "ok")


def terminal_lines(report: dict, width: int, verbose: bool) -> list:
    """The whole summary: one line of counts, then each host, worst first."""
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))
    lines = [(_headline(report), None), ("", None)]
    name_width = max([len(clean(entry["name"])) for entry in report["hosts"]] + [4])
    for entry in report["hosts"]:
        lines += _host_lines(entry, report, min(name_width, 30), width)
    for entry in report["hosts"]:
        lines += _table(entry, verbose, width)
    return lines


def clean(text: object) -> str:
    """Text of a host without control characters, so that it can neither colour nor move what is on the screen."""
    return "".join(character if character.isprintable() else " " for character in str(text))


def _headline(report: dict) -> str:
    summary = report["summary"]
    counts = [f"{summary[verdict]} {verdict}" for verdict in VERDICTS if summary[verdict]]
    mode = report["mode"] + (" (check: nothing was changed)" if report["check"] else "")
    return "{}: {} host{}: {}".format(mode, summary["hosts"], "" if summary["hosts"] == 1 else "s", ", ".join(counts))


def _host_lines(entry: dict, report: dict, name_width: int, width: int) -> list:
    head = "{0:<11}  {1:<{2}}  ".format(entry["verdict"], clean(entry["name"]), name_width)
    lines = _wrapped(head, first_cause(entry), width, COLOURS[entry["verdict"]])
    indent = " " * len(head)
    done = "would be changed" if report["check"] else DONE[report["mode"]]
    for change in entry["changes"]:
        lines += _wrapped(indent, f"{done}: {clean(change)}", width, None)
    for unit in entry["pending"]:
        lines += _wrapped(indent, f"restart pending: {clean(unit)}", width, "yellow")
    for note in entry["notes"]:
        lines += _wrapped(indent, f"note: {clean(note)}", width, None)
    for finding in entry["findings"][1:]:
        lines += _wrapped(indent, "also {}: {}".format(finding["id"], clean(finding["summary"])), width, None)
    for task in human_tasks(entry, report):
        lines += _wrapped(indent, f"you: {task}", width, "bright yellow")
    return lines


def first_cause(entry: dict) -> str:
    """The worst thing to say of a host, in one sentence; says when it cannot be the cause of the message."""
    if entry["failure"]:
        return clean(entry["failure"]["message"])
    if not entry["findings"]:
        return "nothing to do"
    worst = entry["findings"][0]
    suffix = "" if worst["explains"] or worst["severity"] in ("advice", "info") else " (not the cause of a refused memory pool)"
    return "{}: {}{}".format(worst["id"], clean(worst["summary"]), suffix)


def human_tasks(entry: dict, report: dict) -> list:
    """What is left for a person: what failed, what has no remedy here, what was not applied yet."""
    if entry["failure"]:
        return ["see what the message says, then run again; a second run is safe"]
    tasks = []
    serious = [item for item in entry["findings"] if item["severity"] in ("blocker", "risk")]
    if any(not item["automatic"] for item in serious):
        tasks.append("no remedy of this collection applies to: " + ", ".join(
            sorted({item["id"] for item in serious if not item["automatic"]})) + "; see docs/causes.md")
    if report["mode"] in ("diagnose", "verify") and any(item["automatic"] for item in entry["findings"]):
        tasks.append("run the remediate playbook with --limit {}".format(clean(entry["name"])))
    if entry["pending"]:
        tasks.append("restart when it suits you: " + ", ".join(clean(unit) for unit in entry["pending"]))
    return tasks


def _wrapped(head: str, text: str, width: int, colour: str | None) -> list:
    lines = textwrap.wrap(text, max(20, width - len(head))) or [""]
    indent = " " * len(head)
    return [((head if number == 0 else indent) + line, colour) for number, line in enumerate(lines)]


def _table(entry: dict, verbose: bool, width: int) -> list:
    rows = [row for row in entry["settings"] if verbose or not row["ok"]]
    if not rows:
        return []
    rows = sorted(rows, key=lambda row: row["ok"])
    cells = [COLUMNS] + [_cells(row) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    lines = [("", None), (clean(entry["name"]), None)]
    for number, line in enumerate(cells):
        text = "  " + "  ".join("{0:<{1}}".format(cell, widths[column]) for column, cell in enumerate(line))
        lines.append((text.rstrip()[:width], None if number == 0 or rows[number - 1]["ok"] else "yellow"))
    return lines


def _cells(row: dict) -> tuple:
    setting = row["setting"] if row["service"] is None else "{} {}".format(clean(row["service"]), row["setting"])
    values = tuple(value_text(row, key) for key in ("wanted", "configured", "live"))
    return (setting,) + values + ("yes" if row["ok"] else "no",)
