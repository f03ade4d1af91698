# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of a host that cannot drive the terminal on which they are shown. Pure; private to this collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text

# What turns the order of a text around, and what ends a line where nobody sees it.
_BIDI = r"\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_CONTROLS = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}]")
# In JSON, by which ansible-core shows facts, the first 32 are escaped; rules look for them where a node logs in colours.
_RAW_IN_JSON = re.compile(rf"[\x7f-\x9f{_BIDI}]")
MOST_TEXT = 64 << 10
_DIFF = ("before", "after", "before_header", "after_header", "prepared")


def printable(text: str) -> str:
    """The text without control characters but ends of lines and tabs, and in one direction."""
    return _CONTROLS.sub(" ", text)


def printable_all(value: t.Any, most: int | None = None) -> t.Any:
    """Nested data with all its texts and names printable, and cut; None in place of what is not of JSON."""
    return _each(value, lambda text: printable(text[:most]))


def as_facts(value: t.Any) -> t.Any:
    """Nested facts as rules need them: nothing is taken from them but what JSON shows as it is."""
    return _each(value, lambda text: _RAW_IN_JSON.sub(" ", text))


def diff_parts(value: t.Any) -> list[dict[str, str]]:
    """A diff of a host, as far as it is one: ansible-core prints these texts as they are."""
    parts = value if isinstance(value, list) else [value]
    texts = [{name: printable(part[name][:MOST_TEXT]) for name in _DIFF if isinstance(part.get(name), str)}
             for part in parts if isinstance(part, dict)]
    return [part for part in texts if part]


def warning_texts(*lists: t.Any) -> list[str]:
    """Warnings of a host as texts, without secrets. Some are tables; since ansible-core 2.19 some hold their text in an event."""
    texts = []
    for entry in (entry for entries in lists if isinstance(entries, list) for entry in entries):
        held = _field(_field(entry, "event") or entry, "msg") or entry
        if isinstance(held, str):
            texts.append(redact_text(printable(held[:MOST_TEXT])))
    return texts


def _field(value: t.Any, name: str) -> t.Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _each(value: t.Any, change: t.Callable[[str], str]) -> t.Any:
    """The same with each text and name changed. How deep it is has been looked at before."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(name) if isinstance(name, str) else name: _each(held, change) for name, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_each(held, change) for held in value]
    return value if value is None or isinstance(value, (bool, int, float)) else None
