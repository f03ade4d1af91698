# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html: a report as one page that needs nothing but a browser. Pure but for its own templates; private to this collection.

Names, units and log lines are those of hosts, and none of them may become part of the page: the script gets them as JSON
without a character that ends a script, and makes text nodes of them; what stands in the page without the script is escaped.
The policy of the page then forbids all but its one style and its one script, and scripts to make markup of text.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import re
from pathlib import Path

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import VERDICTS
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._html_data import page_data, shown
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._values import gaps, telling

TEMPLATES = Path(__file__).with_name("html")
STYLES = ("page.css", "lists.css")
SCRIPTS = ("data.js", "view.js", "charts.js", "heatmap.js", "table.js", "detail.js", "main.js")  # in this order, as one
WORST = 50  # hosts that are shown without the script
LABELS = {"failed": "Failed", "unreachable": "Unreachable", "blocked": "Blocked", "at-risk": "At risk", "advice": "Advice",
          "healthy": "Healthy"}
PIECE = ("file", "hosts", "generated_at")  # what is shown of a piece of a merged report
MEANINGS = {
    "failed": "the run ended in an error", "unreachable": "did not answer", "blocked": "cannot run the node",
    "at-risk": "will break, or lacks a need", "advice": "could be better", "healthy": "nothing to do",
}
# What could end a script element, or a line within one.
JSON_ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def report_html(report: dict) -> str:
    """The page."""
    style, script = ("\n".join(template(name) for name in names) for names in (STYLES, SCRIPTS))
    parts = {
        "policy": html.escape(content_policy(style, script)),
        "title": html.escape(shown(title(report))),
        "style": style,
        "script": script,
        "data": embedded(page_data(report)),
        "headline": html.escape(headline(report["summary"])),
        "second": html.escape(second_line(report)),
        "when": html.escape(shown(report["generated_at"]).replace("T", " ").replace("Z", " UTC")),
        "mode": html.escape(shown(report["mode"]) + (" (check mode: nothing was changed)" if report["check"] else "")),
        "tiles": tiles(report["summary"]),
        "worst": worst_rows(report),
        "twice": "\n".join(row(item["text"]) for item in report.get("duplicate_identities") or []),
        "twice_state": "" if report.get("duplicate_identities") else "hidden",
        "pieces": "\n".join(row(*(piece[name] for name in PIECE)) for piece in report.get("pieces") or []),
        "pieces_state": "" if report.get("pieces") else "hidden",
        "worst_note": html.escape(worst_note(report["summary"]["hosts"])),
    }
    # In one pass, so that nothing a host told is taken for a place to fill.
    return re.sub(r"<!--([a-z_]+)-->", lambda place: parts[place.group(1)], template("page.html"))


@functools.lru_cache(maxsize=None)
def template(name: str) -> str:
    """A file of the page, without the lines about its licence that begin it."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    return re.sub(r"\A(<!--.*?-->|/\*.*?\*/)\n", "", text, flags=re.DOTALL)


def embedded(data: dict) -> str:
    """JSON that is harmless within a script element; it holds no letter beyond ASCII."""
    return json.dumps(data, separators=(",", ":")).translate(JSON_ESCAPES)


def content_policy(style: str, script: str) -> str:
    """Nothing is loaded from anywhere, and nothing runs but this script."""
    return "; ".join((
        "default-src 'none'",
        f"script-src '{_hash(script)}'",
        f"style-src '{_hash(style)}'",
        "img-src data:",  # the empty icon, without which a browser asks the server for one
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ))


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def title(report: dict) -> str:
    """What a tab is called."""
    return "{} hosts, {} blocked: memory pools, {}".format(
        report["summary"]["hosts"], report["summary"]["blocked"], report["mode"])


def headline(summary: dict) -> str:
    """The one sentence that a person must take home."""
    hosts = summary["hosts"]
    if not hosts:
        return "No host was looked at."
    if summary["healthy"] == hosts:
        return "{} healthy.".format("The host is" if hosts == 1 else f"All {hosts:,} hosts are")
    blocked, unknown = summary["blocked"], summary["failed"] + summary["unreachable"]
    if blocked:
        text = f"{blocked:,} of {hosts:,} host{_s(hosts)} cannot run {'its' if blocked == 1 else 'their'} node."
    elif unknown == hosts:
        return "Nothing is known: no host could be judged."
    else:
        text = "No host that could be judged is blocked." if unknown else "No host is blocked."
    return text + (f" {summary['at-risk']:,} {_is(summary['at-risk'])} at risk." if summary["at-risk"] else "")


def second_line(report: dict) -> str:
    """On how many hosts memory pools are refused, since the message alone brings people here; and what is not known."""
    summary = report["summary"]
    refused = sum(any(item["explains"] for item in telling(entry["findings"])) for entry in report["hosts"])
    unknown = summary["failed"] + summary["unreachable"]
    parts = []
    if summary["hosts"] > unknown:
        when = "Memory pools are refused, or will be at the next start or runtime upgrade,"
        parts.append(f"{when} on {refused:,} host{_s(refused)}."
                     if refused else "Memory pools are refused on none of the hosts that were judged.")
    partly = sum(bool(gaps(entry)) for entry in report["hosts"])
    if partly:
        parts.append(f"On {partly:,} host{_s(partly)} something could not be read; the details of each name it.")
    if unknown:
        parts.append(f"Of {unknown:,} host{_s(unknown)} nothing is known: {'it' if unknown == 1 else 'they'} "
                     "did not answer, or the run failed there.")
    return " ".join(parts)


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def tiles(summary: dict) -> str:
    """Hosts by verdict, worst first."""
    return "\n".join(
        f'<li class="tile v-{verdict}{"" if summary[verdict] else " none"}"><b>{summary[verdict]:,}</b> '
        f"<span>{LABELS[verdict]}</span> <small>{MEANINGS[verdict]}</small></li>"
        for verdict in VERDICTS)


def worst_note(hosts: int) -> str:
    """What the plain table shows."""
    return f"The worst {WORST} of {hosts:,} hosts." if hosts > WORST else "All hosts, worst first."


def worst_rows(report: dict) -> str:
    """The worst hosts as plain HTML, for a browser without scripts and for paper."""
    return "\n".join(row(*_worst_cells(entry)) for entry in report["hosts"][:WORST])


def row(*cells: object) -> str:
    """One row of a table."""
    return "<tr>" + "".join(f"<td>{html.escape(shown(cell))}</td>" for cell in cells) + "</tr>"


def _worst_cells(entry: dict) -> tuple:
    causes = telling(entry["findings"])
    if entry["failure"]:
        return LABELS[entry["verdict"]], entry["name"], entry["failure"]["message"], ""
    first = "{}: {}".format(causes[0]["id"], causes[0]["summary"]) if causes else "-"
    return LABELS[entry["verdict"]], entry["name"], first, ", ".join(item["id"] for item in causes[1:])
