# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measured part of docs/performance.md: tables with what is wanted, and a plot."""

from __future__ import annotations

import html
import typing as t
from pathlib import Path

from bars import Bar

BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
PLOT = "performance.svg"
Rows = t.Mapping[str, tuple[float, float]]
# What is wanted of each ratio: numerator, denominator, whether at most, and how much.
WANTED: tuple[tuple[str, str, t.Literal["at most", "at least"], float], ...] = (
    ("audit", "ping", "at most", 1.15),
    ("diagnose", "ping", "at most", 1.15),
    ("diagnose", "setup, min", "at most", 0.85),
    ("runbook, 16 commands", "audit", "at least", 12),
    ("runbook, 16 commands", "diagnose", "at least", 12),
    ("runbook, 12 by pyinfra", "diagnose", "at least", 4),
    ("remediate, nothing to do", "ping", "at most", 2.5),
)
_BAR, _LEFT, _ROW = 420, 220, 24


def table(names: int, rows: Rows) -> tuple[str, list[Bar]]:
    """Markdown of what was measured over SSH, and what is wanted of it."""
    lines = [f"| {names} names over SSH | seconds | of the processors | times ping |", "|---|---|---|---|"]
    ping = rows["ping"]
    lines += [f"| {name} | {spent:.1f} | {worked:.1f} | {spent / ping[0]:.2f} |" for name, (spent, worked) in rows.items()]
    lines += ["", "| ratio | wanted | seconds | of the processors |", "|---|---|---|---|"]
    bars = []
    for over, under, how, wanted in WANTED:
        if over in rows and under in rows:
            ratios = [rows[over][column] / rows[under][column] for column in (0, 1)]
            lines.append(f"| {over} / {under} | {how} {wanted:g} | {ratios[0]:.2f} | {ratios[1]:.2f} |")
            bars.append(Bar(f"{over} / {under}", ratios[0], how, wanted))
    return "\n".join(lines), bars


def plot(rows: Rows) -> str:
    """Bars of seconds, as SVG that is readable on light and dark pages."""
    longest = max(spent for spent, _worked in rows.values())
    height = _ROW * len(rows) + 40
    shapes = []
    for number, (name, (spent, _worked)) in enumerate(rows.items()):
        top = 30 + number * _ROW
        ours = name.startswith(("audit", "diagnose", "remediate"))
        shapes.append(f'<text x="{_LEFT - 8}" y="{top + 13}" text-anchor="end">{html.escape(name)}</text>'
                      f'<rect x="{_LEFT}" y="{top}" width="{max(spent / longest * _BAR, 1):.1f}" height="16" rx="2" '
                      f'fill="{"#2563eb" if ours else "#8b95a5"}"/>'
                      f'<text x="{_LEFT + spent / longest * _BAR + 6:.1f}" y="{top + 13}">{spent:.1f} s</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _BAR + 70} {height}" font-family="sans-serif" '
            f'font-size="13" role="img" aria-label="Seconds to ask all names, by way">'
            f'<rect width="100%" height="100%" fill="#ffffff"/><g fill="#1f2937">'
            f'<text x="{_LEFT}" y="18">seconds, less is better</text>' + "".join(shapes) + "</g></svg>\n")


def record(docs: Path, text: str, rows: Rows) -> None:
    """Write the table into docs/performance.md and the plot beside it."""
    page = docs / "performance.md"
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    (docs / PLOT).write_text(plot(rows), encoding="utf-8")
