# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of one host as a table: those of the host, then those of each service. Pure; private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._text import aligned, clean
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import STRATEGY, value_text

VALUES = ("wanted", "configured", "live")
SHORT = {STRATEGY: "strategy"}
LONGEST_RELEASE = 24


def settings_lines(rows: list, width: int, verbose: bool) -> list:
    """``(text, colour)`` lines: what is not as wanted first, and the rest only when asked for."""
    shown = [row for row in rows if verbose or not row["ok"]]
    if not shown:
        return []
    values = (*VALUES, "session") if verbose else VALUES
    cells = [("setting", *values, "ok")]  # type: list[tuple]
    colours = [None]  # type: list[str | None]
    for service in sorted({row["service"] or "" for row in shown}):
        own = sorted((row for row in shown if (row["service"] or "") == service), key=lambda row: row["ok"])
        if service:
            cells.append((clean(service),))
            colours.append(None)
        cells += [_cells(row, values) for row in own]
        colours += [None if row["ok"] else "yellow" for row in own]
    return [("  " + text, colour) for text, colour in zip(aligned(cells, width - 2), colours)]


def _cells(row: dict, values: tuple) -> tuple:
    setting = SHORT.get(row["setting"], row["setting"])
    indent = "  " if row["service"] else ""
    return (indent + setting, *(_value(row, key) for key in values), "yes" if row["ok"] else "no")


def _value(row: dict, key: str) -> str:
    text = clean(value_text(row, key)).replace("copy-on-write", "CoW")
    # The beginning of a release is that of all others too; its end is what tells them apart. A finding has it in full.
    return f"{text[:13]}\u2026{text[-8:]}" if row["setting"] == "release" and len(text) > LONGEST_RELEASE else text
