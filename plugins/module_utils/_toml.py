# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of TOML as rustup's own files need; Python has a parser of its own only from 3.11. Private to this collection."""

from __future__ import annotations

import json
import re

_DEPTH = 8  # of tables within tables that are followed
# A text that is left open ends with its line; looking for its end again and again would take forever.
_TOKEN = re.compile(r"""("(?:\\.|[^"\\\n])*"?|'[^'\n]*'?)|([\w+:-]+)|([\[\]{},=.\n])|\#[^\n]*""")


def parse_toml(text: str) -> dict:
    """The texts and lists of texts in a document, by their full key as a tuple: ``{("toolchain", "channel"): "1.79"}``.

    Never fails. Numbers and booleans are texts; dates, multi-line texts and tables in lists are left out.
    """
    values = {}  # type: dict[tuple, object]
    table = ()  # type: tuple
    statement = []  # type: list[str]
    depth = 0
    for piece in [match.group() for match in _TOKEN.finditer(text)] + ["\n"]:
        depth += (piece in ("[", "{")) - (piece in ("]", "}"))
        if piece == "\n" and depth <= 0:
            if statement[:1] == ["["]:
                table = _key(statement)
            else:
                _assign(values, table, statement)
            statement, depth = [], 0
        elif piece != "\n" and not piece.startswith("#"):
            statement.append(piece)
    return values


def _assign(values: dict, table: tuple, pieces: list) -> None:
    """Note what ``key = value`` sets, an inline table by its keys."""
    if "=" not in pieces:
        return
    at = pieces.index("=")
    key, rest = table + _key(pieces[:at]), pieces[at + 1:]
    if rest[:1] == ["{"] and len(key) < _DEPTH:
        for part in _parts(rest[1:]):
            _assign(values, key, part)
    elif rest[:1] == ["["]:
        values[key] = [_plain(piece) for piece in rest if piece[0] in "\"'"]
    elif len(rest) == 1:
        values[key] = _plain(rest[0])


def _parts(pieces: list) -> list:
    """What stands between the commas of an inline table, up to its end; commas further within do not count."""
    parts = [[]]  # type: list[list]
    depth = 0
    for piece in pieces:
        depth += (piece in ("[", "{")) - (piece in ("]", "}"))
        if depth < 0:
            break
        if piece == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(piece)
    return parts


def _key(pieces: list) -> tuple:
    return tuple(_plain(piece) for piece in pieces if piece not in ("[", "]", "."))


def _plain(token: str) -> str:
    if token[0] == '"':
        try:
            return str(json.loads(token))
        except ValueError:
            return token[1:-1]
    return token[1:-1] if token[0] == "'" else token
