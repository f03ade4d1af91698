# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffs of files, for people, without the secrets that stand in them. Pure; private to this collection.

Of a file that others write too, only what changes is shown: whatever else stands there may be a secret that looks like none.
"""

from __future__ import annotations

import json

from ansible_collections.aarch64.validator.plugins.module_utils._exec_start import parse_exec_start
from ansible_collections.aarch64.validator.plugins.module_utils._json_edit import BrokenJson, parse_object
from ansible_collections.aarch64.validator.plugins.module_utils._read import encode
from ansible_collections.aarch64.validator.plugins.module_utils._redact import HIDDEN, redact_arguments, redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._unit_lines import logical_lines

_HIDDEN_CHANGE = "(what changes here is hidden: {})\n"


def difference(path: str, before: str | None, after: str | None) -> list:
    """One entry of a diff, or none."""
    return _entry(path, before, after, before or "", after or "")


def line_difference(path: str, before: str | None, after: str | None) -> list:
    """As difference(), of the lines alone between which nothing stays."""
    old, new = (before or "").split("\n"), (after or "").split("\n")
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    shown = ["".join(line + "\n" for line in lines[head:len(lines) - tail] if line) for lines in (old, new)]
    return _entry(path, before, after, shown[0], shown[1])


def key_difference(path: str, before: str | None, after: str | None) -> list:
    """As difference(), of the keys alone of a JSON object that come, go or change."""
    try:
        old, new = parse_object(before or ""), parse_object(after or "")
    except BrokenJson:
        return _entry(path, before, after, _CHANGED[0], _CHANGED[1])
    keys = [key for key in {**old, **new} if (key in old, old.get(key)) != (key in new, new.get(key))]
    return _entry(path, before, after, *(_members(values, keys) for values in (old, new)))


_CHANGED = [_HIDDEN_CHANGE.format(state) for state in ("before", "after")]


def _members(values: dict, keys: list) -> str:
    shown = {key: values[key] for key in keys if key in values}
    return json.dumps(shown, indent=2) + "\n" if shown else ""


def _entry(path: str, before: str | None, after: str | None, old: str, new: str) -> list:
    if before == after:
        return []
    texts = [without_secrets(encode(text).decode("utf-8", "replace")) for text in (old, new)]
    if texts[0] == texts[1] and old != new:  # a diff that says nothing would be taken for no change
        texts = [text + note for text, note in zip(texts, _CHANGED)]
    return [{"before_header": path, "after_header": path, "before": texts[0], "after": texts[1]}]


def without_secrets(text: str) -> str:
    """A text as it may be shown. Of a command that has a secret still, as systemd would read it, nothing is shown."""
    shown = redact_text(text)
    for _number, line in logical_lines(shown):
        name, equals, value = line.partition("=")
        if equals and name.strip().startswith("Exec") and _has_secrets(value.strip()):
            return "".join(_without_commands(shown))
    return shown


def _has_secrets(command: str) -> bool:
    try:
        words = [found["arguments"] for found in parse_exec_start(command)]
    except ValueError:
        return False
    return any(redact_arguments(arguments) != arguments for arguments in words)


def _without_commands(text: str) -> list:
    """The lines of a unit with all commands hidden, however many lines each has."""
    lines = []  # type: list[str]
    inside = False
    for line in text.splitlines(keepends=True):
        begins = line.lstrip().startswith("Exec") and "=" in line
        if begins:
            lines.append(line.partition("=")[0] + ("=" + HIDDEN if line.partition("=")[2].strip() else "=") + "\n")
        elif not inside:
            lines.append(line)
        inside = (begins or inside) and line.rstrip("\r\n").endswith("\\")
    return lines
