# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for a tired person at a terminal. Pure: gives ``(text, colour)`` lines. Private to this collection."""

from __future__ import annotations

import textwrap

from ansible_collections.aarch64.validator.plugins.plugin_utils._opt_in import WAY_OUT
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import VERDICTS
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._drift import drift_texts, fleet_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._settings_table import settings_lines
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._text import aligned, clean
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._values import gaps

COLOURS = {
    "failed": "red", "unreachable": "bright red", "blocked": "red", "at-risk": "yellow", "advice": "cyan", "healthy": "green",
}
MIN_WIDTH, MAX_WIDTH = 60, 160
MOST_GAPS = 4
BISECT = "to see which directive blocks {unit}, run: ansible {name} -b -m aarch64.validator.restriction_bisect -a unit={unit}"
OVERVIEW = ("verdict", "host", "first cause", "changed", "left to you")


def terminal_lines(report: dict, width: int, verbose: bool) -> list:
    """Counts, one line for each host, worst first, then what there is to say of each host that is not simply well."""
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))
    hosts = report["hosts"]
    overview = aligned([OVERVIEW] + [_overview_cells(entry, report) for entry in hosts], width)
    lines = [(_headline(report), None)]  # type: list[tuple[str, str | None]]
    lines += [(line, None) for line in textwrap.wrap(fleet_text(report), width)] if "drift" in report else []
    lines += [("", None), (overview[0], None)]
    lines += [(text, COLOURS[entry["verdict"]]) for text, entry in zip(overview[1:], hosts)]
    for entry in hosts:
        lines += _details(entry, report, width, verbose)
    return lines


def _headline(report: dict) -> str:
    summary = report["summary"]
    counts = [f"{summary[verdict]} {verdict}" for verdict in VERDICTS if summary[verdict]]
    mode = report["mode"] + (" (check: nothing was changed)" if report["check"] else "")
    return "{}: {} host{}: {}".format(mode, summary["hosts"], "" if summary["hosts"] == 1 else "s", ", ".join(counts))


def _overview_cells(entry: dict, report: dict) -> tuple:
    telling = _telling(entry["findings"])
    cause = telling[0]["id"] if telling else "-"
    if not telling and _telling(entry["before"]):
        cause = "was " + _telling(entry["before"])[0]["id"]
    if entry["failure"] or entry["skipped"]:
        cause = clean(entry["failure"]["message"] if entry["failure"] else entry["skipped"])[:40]
    changes = len(entry["changes"])
    changed = "{}{}".format("would: " if report["check"] else "", changes) if changes else "-"
    changed = "undone" if entry["undone"] else changed
    tasks = human_tasks(entry, report)
    return entry["verdict"], clean(entry["name"]), cause, changed, tasks[0][0] if tasks else "-"


def human_tasks(entry: dict, report: dict) -> list:
    """What is left for a person, as ``(short, long)``: what failed, what has no remedy here, what was not applied."""
    if entry["failure"]:
        return [("see below", "see what the message says, then run again: a second run is safe")]
    tasks = []
    if entry["skipped"]:
        tasks.append(("run again", "run the same again when nothing stands in the way any more; nothing was changed here"))
    serious = [item for item in entry["findings"] if item["severity"] in ("blocker", "risk")]
    manual = sorted({item["id"] for item in serious if not item["automatic"] and WAY_OUT not in item["summary"]})
    blocked = sorted({clean(item["service"]) for item in serious if WAY_OUT in item["summary"]})
    for unit in blocked:
        tasks.append(("find the blocker", BISECT.format(name=clean(entry["name"]), unit=unit)))
    if manual:
        tasks.append(("see below", "no remedy of this collection applies to {}; see docs/causes.md".format(", ".join(manual))))
    if report["mode"] in ("diagnose", "verify") and any(item["automatic"] for item in entry["findings"]):
        tasks.append(("run remediate", "run the playbook remediate with --limit {}".format(clean(entry["name"]))))
    units = ", ".join(clean(unit) for unit in entry["pending"])
    if units and entry["pending_until"]:
        tasks.append(("restart", "run the same again within {}, to restart {}".format(clean(entry["pending_until"]), units)))
    elif units:
        tasks.append(("restart", f"restart when it suits you, in one run with memory_pool_restart=when-needed: {units}"))
    return tasks


def _details(entry: dict, report: dict, width: int, verbose: bool) -> list:
    changed = "would change: " if report["check"] else "reverted: " if report["mode"] == "revert" else "changed: "
    told = []  # type: list[tuple[str, str | None]]
    if entry["failure"]:
        said = [clean(line) for line in str(entry["failure"]["message"]).splitlines() if line.strip()]
        told += [(("| " if number else "") + line, COLOURS[entry["verdict"]]) for number, line in enumerate(said)]
    if entry["skipped"]:
        told.append(("left out: " + clean(entry["skipped"]), "yellow"))
    findings = entry["findings"] if verbose else _telling(entry["findings"])
    told += [("was " + _finding_text(finding), None) for finding in entry["before"]]
    told += [(_finding_text(finding), _finding_colour(finding)) for finding in findings]
    known = tuple(finding["summary"] for finding in findings)
    trials = [said["text"] for _unit, said in sorted(entry["clean_starts"].items())
              if not any(summary.startswith(said["text"]) for summary in known)]
    told += [("clean start: " + clean(text), None) for text in trials]
    told += [("since then: " + text, None) for text in _verdict_before(entry) + drift_texts(entry)]
    told += [(changed + clean(change), None) for change in entry["changes"]]
    told += [("undone: " + clean(change), None) for change in entry["undone"]]
    own = [row["note"] for row in entry["settings"] if row["note"] and row["service"] is None]
    told += [("note: " + clean(note), None) for note in own + entry["notes"]]
    told += [("not read: " + text, None) for text in _gap_texts(entry, verbose)]
    if verbose:
        told += [(_difference_text(unit, rows), None) for unit, rows in sorted(entry["differences"].items()) if rows]
    told += [("you: " + long, "bright yellow") for _short, long in human_tasks(entry, report)]
    table = settings_lines(entry["settings"], width, verbose)
    if not told and not table:
        return []
    lines = [("", None), (clean(entry["name"]), None)]  # type: list[tuple[str, str | None]]
    for text, colour in told:
        wrapped = textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
        lines += [(line, colour) for line in wrapped]
    lines += table
    return lines


def _verdict_before(entry: dict) -> list:
    """The earlier verdict of a host that could not be judged this time, of which no finding is compared."""
    was = (entry.get("drift") or {}).get("verdict_before")
    return [f"was {clean(was)}"] if was and entry["failure"] and was != entry["verdict"] else []


def _gap_texts(entry: dict, verbose: bool) -> list:
    """What could not be read. Without root that is much of the same kind, so that some of it stands for all."""
    texts = gaps(entry)
    left = 0 if verbose else len(texts) - MOST_GAPS
    return texts if left <= 0 else [*texts[:MOST_GAPS], f"{left} more, see report.json or -v"]


def _telling(findings: list) -> list:
    """Findings that ask for something; the others are shown with -v."""
    return [finding for finding in findings if finding["severity"] != "info"]


def _finding_text(finding: dict) -> str:
    """A finding in one sentence; one that is serious says whether it can be why a pool was refused."""
    text = "{}: {}".format(finding["id"], clean(finding["summary"]))
    if finding["severity"] in ("blocker", "risk"):
        text += " (refuses memory pools)" if finding["explains"] else " (never the cause of a refused memory pool)"
    return text


def _finding_colour(finding: dict) -> str | None:
    return {"blocker": "red", "risk": "yellow"}.get(finding["severity"])


def _difference_text(unit: str, rows: list) -> str:
    """What a node has otherwise than the shell of the person who wonders why it works there."""
    parts = ["{} {} (session {})".format(row["what"], clean(row["service"]), clean(row["session"])) for row in rows]
    return f"{clean(unit)} is unlike this session: {', '.join(parts)}"
