# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change single keys of a JSON object and leave every other character as it is. Pure; private to this collection."""

from __future__ import annotations

import json
import json.decoder
import re
import typing as t

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class BrokenJson(ValueError):
    """A text that is no JSON object, or one with two meanings; says the line and the column."""


class Member(t.NamedTuple):
    """Where a key and its value stand in a text."""

    key: str
    start: int  # of the key
    key_end: int
    value_start: int
    value_end: int


def parse_object(text: str) -> dict:
    """The object that a text is; one of nothing but white space is empty. Raises BrokenJson.

    What Go's parser would refuse is refused, and so are two equal keys in one object: one of them has no effect, and nobody
    can know which one was meant.
    """
    if not text.strip(" \t\r\n"):
        return {}
    try:
        value = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise BrokenJson(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except _Twin as twin:
        raise BrokenJson(f"{_second_place(text, str(twin))}the key \"{twin}\" is there twice in one object") from None
    except (ValueError, RecursionError) as error:
        raise BrokenJson(str(error) or "nested too deep") from None
    if not isinstance(value, dict):
        raise BrokenJson("line 1, column 1: not an object, which begins with {")
    return value


class _Twin(Exception):
    pass


def _without_twins(pairs: list) -> dict:
    seen = {}  # type: dict
    for key, value in pairs:
        if key in seen:
            raise _Twin(key)
        seen[key] = value
    return seen


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _second_place(text: str, key: str) -> str:
    """``line 3, column 5: `` of the second key of this name; empty where other objects have it too, so that it cannot be told."""
    forms = {json.dumps(key), json.dumps(key, ensure_ascii=False)}
    places = sorted(match.start() for form in forms for match in re.finditer(re.escape(form) + r"[ \t\r\n]*:", text))
    if len(places) != 2:
        return ""
    return "line {}, column {}: ".format(text.count("\n", 0, places[1]) + 1, places[1] - text.rfind("\n", 0, places[1]))


def members(text: str, start: int = 0) -> list:
    """The members of the object that begins at start, in a text that parse_object() takes."""
    found = []
    position = _skip(text, _skip(text, start) + 1)
    while text[position] != "}":
        key, key_end = json.decoder.scanstring(text, position + 1, True)  # type: ignore[attr-defined]
        value_start = _skip(text, _skip(text, key_end) + 1)
        _value, value_end = _DECODER.raw_decode(text, value_start)
        found.append(Member(key, position, key_end, value_start, value_end))
        position = _skip(text, value_end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return found


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def with_member(text: str, key: str, value: t.Any) -> str:
    """The text of an object with this value for a key: in its place, or as the last one, in the manner of the others."""
    if not text.strip(" \t\r\n"):
        return "{\n  " + json.dumps(key) + ": " + _rendered(value, "\n  ", "  ") + "\n}\n"
    opening = _skip(text, 0) + 1
    there = members(text)
    lead = text[opening:there[0].start] if there else "\n  "
    indent = lead.rpartition("\n")[2] if "\n" in lead else ""
    inner = _rendered(value, lead, indent)
    for member in there:
        if member.key == key:
            return text[:member.value_start] + inner + text[member.value_end:]
    if not there:
        closing = _skip(text, opening)
        return text[:opening] + lead + json.dumps(key) + ": " + inner + "\n" + text[closing:]
    colon = text[there[0].key_end:there[0].value_start]
    between = lead if len(there) == 1 else text[there[-2].value_end:there[-1].start].lstrip(" \t\r\n")[1:]
    if len(there) == 1 and "\n" not in lead:
        between = " " if colon.endswith(" ") else ""
    end = there[-1].value_end
    return text[:end] + "," + between + json.dumps(key) + colon + inner + text[end:]


def without_member(text: str, key: str) -> str:
    """The text of an object without a key and its comma."""
    there = members(text)
    for number, member in enumerate(there):
        if member.key != key:
            continue
        if number:
            return text[:there[number - 1].value_end] + text[member.value_end:]
        if len(there) > 1:
            return text[:member.start] + text[there[1].start:]
        return text[:_skip(text, 0) + 1] + text[_skip(text, member.value_end):]
    return text


def _rendered(value: t.Any, lead: str, indent: str) -> str:
    """A value for a place with this white space in front of its key: over several lines only where the others are."""
    if "\n" not in lead or not isinstance(value, (dict, list)):
        return json.dumps(value)
    newline = "\r\n" if "\r\n" in lead else "\n"
    text = json.dumps(value, indent=indent if indent.strip("\t") == "" and indent else len(indent) or 2)
    return text.replace("\n", newline + indent)
