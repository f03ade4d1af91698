# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that is safe to show, in columns. Pure; private to this collection."""

from __future__ import annotations


def clean(text: object) -> str:
    """Text of a host without control characters, so that it can neither colour nor move what is on the screen."""
    return "".join(character if character.isprintable() else " " for character in str(text))


def aligned(rows: list, width: int) -> list:
    """Rows of cells as lines in columns, cut at width. A row of a single cell is a heading and widens no column."""
    columns = max(len(row) for row in rows)
    widths = [max(len(row[column]) for row in rows if len(row) > max(column, 1)) for column in range(columns)]
    lines = ["  ".join(cell.ljust(size) for cell, size in zip(row, widths)).rstrip() for row in rows]
    return [line if len(line) <= width else line[:width - 1] + "\u2026" for line in lines]
