# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of docs/reliability.md with the faults of hosts: what a run of tests/integration/test_field_faults.py saw."""

from __future__ import annotations

import typing as t

BEGIN, END = "<!-- faults: written by the tests -->", "<!-- faults: end -->"
HEAD = "| fault | audit | remediate, with the fault there | remediate, without it |\n|---|---|---|---|\n"


class Row(t.NamedTuple):
    """What was seen of one fault."""

    title: str
    audit: str
    remediate: str
    after: str


def titles(page: str) -> list[str]:
    """The faults that the page lists."""
    return [line.split("|")[1].strip() for line in _table(page).splitlines()[2:]]


def with_rows(page: str, rows: list[Row], order: list[str]) -> str:
    """The page with these rows, in this order of titles; faults that were not tried keep what was seen of them earlier."""
    seen = {row.title: "| " + " | ".join(_cell(text) for text in row) + " |" for row in rows}
    kept = {line.split("|")[1].strip(): line for line in _table(page).splitlines()[2:]}
    lines = {**kept, **seen}
    table = "".join(lines[title] + "\n" for title in order if title in lines)
    return page.replace(_between(page), "\n" + HEAD + table)


def _between(page: str) -> str:
    return page.split(BEGIN)[1].split(END)[0]


def _table(page: str) -> str:
    return _between(page).strip("\n")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
