# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a unit file as systemd puts them together. Private to this collection.

Source: systemd.syntax(7); where it is silent, what systemd 252 did (tests/integration/test_environment_file_real.py).
"""

from __future__ import annotations

import re

from ansible_collections.aarch64.validator.plugins.module_utils._environment_file import BLANKS

_LINE_END = re.compile(r"\r\n|[\n\r\0]")


def logical_lines(text: str) -> list:
    """``(number of the first line, joined line)``, continued lines joined, without comments and blank lines.

    Only a backslash that is the very last character and has no backslash of its own before it continues a line.
    """
    lines = []
    joined = []  # type: list[str]
    start = 0
    for number, piece in enumerate(_LINE_END.split(text.lstrip("\ufeff")) + [""], 1):
        if piece.lstrip(BLANKS)[:1] in ("#", ";"):
            continue
        start = start if joined else number
        joined.append(piece[:-1] + " " if continues(piece) else piece)
        if not continues(piece):
            lines.append((start, "".join(joined).strip(BLANKS)))
            joined = []
    return [(number, line) for number, line in lines if line]


def continues(line: str) -> bool:
    """Whether the next line belongs to this one."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1
