# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/tested-on.md: what runs of the tests saw. Its tables stand between markers; each run puts its own rows in.

Usage: tested_on.py CORE PYTHON SANITY UNITS CHAIN      the row of an ansible-core
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/tested-on.md"


def _order(key: str) -> list[tuple[int, str]]:
    """Sort 2.9 before 2.17."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", key)]


def put_row(page: Path, table: str, key: str, cells: list[str]) -> None:
    """Put a row into a table of the page, in place of the older one with this key.

    The key is the first cell without its patch release where it is a version of three numbers, so that a newer patch release
    takes the place of an older one. Raises ValueError if the page has no such table.
    """
    text = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {table}: rows -->\n", f"<!-- {table}: end -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"{page}: has no markers of the table {table}")
    before, rest = text.split(begin)
    inside, after = rest.split(end)
    lines = inside.splitlines()
    head = [line for line in lines if line.startswith("|")][:2]
    rows = {_key(line.split("|")[1].strip()): line for line in lines if line.startswith("|") and line not in head}
    rows[_key(key)] = "| " + " | ".join(cells) + " |"
    table_lines = [*head, *(rows[name] for name in sorted(rows, key=_order))]
    page.write_text(before + begin + "\n" + "\n".join(table_lines) + "\n\n" + end + after, encoding="utf-8")


def _key(cell: str) -> str:
    """2.17 of 2.17.14; any other cell is its own key."""
    return re.sub(r"^(\d+\.\d+)\.\d+$", r"\1", cell)


@dataclass
class Figures:
    """What was seen on one kernel."""

    kernel: str
    values: dict[str, str] = field(default_factory=dict)

    def cells(self) -> list[str]:
        """The row of this kernel."""
        names = ("release", "page_size", "va_bits", "engines", "before", "changed", "after", "rebooted")
        return [self.values.get(name, "not seen") for name in names]


def write_page(page: Path, figures: Figures) -> None:
    """Put the row of a kernel into the page, in place of its older one."""
    put_row(page, "kernels", figures.values.get("release", figures.kernel), figures.cells())


def main(arguments: list[str]) -> int:
    """Command line: the row of one ansible-core."""
    if len(arguments) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    put_row(PAGE, "cores", arguments[0], arguments)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
