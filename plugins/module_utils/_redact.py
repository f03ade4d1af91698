# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hide secrets in what a host says. Pure; private to this collection.

A text is searched for words that announce a secret, such as ``--node-key``, ``"password":`` or ``API_TOKEN=``, and the value
behind each is hidden, however it is quoted. Each part is looked at a bounded number of times: a log line of megabytes must not
take minutes. Where it cannot be told where a value ends, more is hidden rather than less.
"""

from __future__ import annotations

import re

from ansible_collections.aarch64.validator.plugins.module_utils._redact_shapes import shaped_spans
from ansible_collections.aarch64.validator.plugins.module_utils._redact_value import Text

HIDDEN = "********"

_KEYWORD = re.compile(
    r"(?:secret|seed|recovery|mnemonic)[-_ ]?phrase|secret[-_ ](?:seed|key[-_ ]uri|key|uri)"
    r"|pass(?:word|wd|phrase)|secret|token|mnemonic|credential|(?:node|private|api|access|auth)[-_ ]?key"
    # Parts of other words, such as "measuring": these count only as the whole end of a name.
    r"|(?<![A-Za-z0-9])(?:suri|seed|pass|pw|cookie|authorization)(?![\w-])", re.IGNORECASE)
# One of these is in each of them; most lines have none, which is seen much quicker so.
_HINTS = ("pass", "secret", "phrase", "token", "mnemonic", "credential", "key", "suri", "seed", "pw", "cookie", "authorization")
_LONGEST_NAME = 80
_NAME_END = re.compile(r"[A-Za-z0-9_-]{0,80}")
_NAME_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
# What a name ends in that only says where a secret is, or something about it.
_HARMLESS_ENDS = frozenset((
    "file", "files", "filename", "path", "paths", "dir", "directory", "type", "interactive", "prompt", "generation", "env",
    "name", "policy", "ttl", "expiry", "lifetime", "timeout", "length", "size", "count", "limit", "symbol", "decimals", "price"))
# What the name of a switch without a value begins with.
_SWITCHES = frozenset(("no", "disable", "without", "require", "enable", "allow", "skip"))
# Said of many things in prose: with a colon and without quotes, only as a part of a longer name does it announce a secret.
_COMMON = frozenset(("token", "seed", "credential", "pass", "pw"))
_HEADERS = frozenset(("authorization", "cookie"))  # whose value has several words

_ASSIGNED = re.compile(r"[ \t]{0,20}(?:=>|:=|=)[ \t]{0,20}")
_MAPPED = re.compile(r"[ \t]{0,20}:(?!:)[ \t]{0,20}")
_SPOKEN = re.compile(r"[ \t]{0,20}(?=`)")  # Secret phrase `bottom drive ...` is account
_NO_VALUE = "Permission denied"  # what follows "password:" where ssh was refused
# Between an option and its value: blanks, the parts of a list, and what systemd and JSON write for them.
_GAP = re.compile(
    r"(?:[\s\0=,]|\\(?:x20|x09|x3d|u0020|u003d|040|s|t)|\\?\r?\n(?:[ \t]*[#;][^\n]*\n){0,20}|(?<=[ \t\n])-(?=[ \t]))+")
_LONE_FLAG = re.compile(r"--?[A-Za-z][A-Za-z0-9_-]{0,80}(?![^\s=])")
# What an engine or a manager is told to give to what it starts: any variable.
_GIVES = re.compile(r"-(?<![\w-]-)(?:e(?=[\s=,\"'\\A-Z_])|E(?=[\s\"'\\])|-env(?=[\s=,\"'\\])|-setenv(?=[\s=,\"'\\]))")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}=")
_VARIABLE_OPTIONS = ("-e", "-E", "--env", "--setenv")


def redact_arguments(arguments: list) -> list:
    """The command line with the value of every secret option hidden."""
    shown = []
    hide_next, variable_next = False, False
    for argument in arguments:
        flag, equals, _value = argument.partition("=")
        secret = flag.startswith("-") and is_secret_name(flag)
        if hide_next:
            shown.append(HIDDEN)
        elif equals and (secret or variable_next):
            shown.append(flag + "=" + HIDDEN)
        else:
            shown.append(redact_text(argument))
        hide_next, variable_next = secret and not equals, argument in _VARIABLE_OPTIONS
    return shown


def redact_text(text: str) -> str:
    """Free text, such as an ExecStart line or a log line, with every secret in it hidden."""
    parts = []  # type: list[str]
    at = 0
    for start, end in sorted(_announced(text) + _given(text) + shaped_spans(text)):
        if end <= at:
            continue
        if start >= at:
            # Side by side, what is hidden is one.
            parts += [text[at:start]] + ([] if parts and start == at else [HIDDEN])
        at = end
    return "".join(parts) + text[at:]


def is_secret_name(name: str) -> bool:
    """Whether an option, a variable or a key of this name holds a secret."""
    return any(_is_secret(name[:match.start()], name[match.end():]) for match in _KEYWORD.finditer(name[:400]))


def _is_secret(before: str, after: str) -> bool:
    if after[:1].islower() and after != "s":  # another word, such as tokenizer
        return False
    if after.replace("-", "_").rpartition("_")[2].lower() in _HARMLESS_ENDS:
        return False
    return not before.startswith("-") or before.lstrip("-").replace("-", "_").partition("_")[0].lower() not in _SWITCHES


def _announced(text: str) -> list:
    """Where values are that a name announces, as ``(start, end)``."""
    lowered = text.lower()
    if not any(hint in lowered for hint in _HINTS):
        return []
    looked = Text(text)
    spans = []  # type: list[tuple]
    done = 0
    for match in _KEYWORD.finditer(text):
        if match.start() < done:
            continue
        head = text[max(0, match.start() - _LONGEST_NAME):match.start()]
        before = head[len(head.rstrip(_NAME_LETTERS)):]
        tail = _NAME_END.match(text, match.end())
        after = tail.group() if tail else ""
        if not _is_secret(before, after):
            continue
        start, end = match.start() - len(before), match.end() + len(after)
        span = _of_flag(looked, start, end) if before.startswith("-") else _of_name(looked, start, end, match.group().lower())
        if span is None or span[0] == span[1]:
            continue
        spans.append(span)
        # What looks like the next option may be a value, and may be an option that announces one.
        lone = before.startswith("-") and _LONE_FLAG.match(text, span[0])
        done = span[0] if lone and lone.end() >= span[1] else span[1]
    return spans


def _of_flag(looked: Text, start: int, end: int) -> tuple | None:
    """The value of an option whose name is there."""
    text = looked.text
    opened = looked.opener_before(start)
    closed = bool(opened) and text.startswith(opened, end)
    gap = _GAP.match(text, end + len(opened) * closed)
    if gap is None:
        return None
    if opened and not closed and text[end] == "=":  # "--node-key=a b" is one word
        return end + 1, looked.quoted(end + 1, opened, looked.quote_at(start))
    lone = _LONE_FLAG.match(text, gap.end()) if "=" not in gap.group() else None
    return (gap.end(), lone.end()) if lone else looked.value(gap.end(), "" if closed else opened)


def _of_name(looked: Text, start: int, end: int, keyword: str) -> tuple | None:
    """The value of a variable, a key or a header whose name is there."""
    text = looked.text
    opened = looked.opener_before(start)
    closed = bool(opened) and text.startswith(opened, end)
    after = end + len(opened) * closed
    gap = _ASSIGNED.match(text, after)
    if gap is None:
        gap = _MAPPED.match(text, after) or (_SPOKEN.match(text, after) if " " in keyword else None)
        if gap is None or (not closed and keyword in _COMMON and start == end - len(keyword)):
            return None
        if closed:
            return looked.json_value(gap.end())
        if text.startswith(_NO_VALUE, gap.end()):
            return None
    if keyword in _HEADERS and not closed:
        return gap.end(), looked.closing(gap.end(), opened or looked.quote_at(start))
    if opened and not closed:
        return gap.end(), looked.quoted(gap.end(), opened, looked.quote_at(start))
    if text[start - 1:start] in ("?", "&"):
        return looked.query_value(gap.end())
    return looked.value(gap.end(), "")


def _given(text: str) -> list:
    """Where the values of variables are that are given to a container, as ``(start, end)``."""
    looked = Text(text)
    spans = []  # type: list[tuple]
    for match in _GIVES.finditer(text):
        if spans and match.start() < spans[-1][1]:
            continue
        opened = looked.opener_before(match.start())
        closed = bool(opened) and text.startswith(opened, match.end())
        gap = _GAP.match(text, match.end() + len(opened) * closed)
        at = gap.end() if gap else match.end()
        around = looked.opener_at(at)
        name = _VARIABLE.match(text, at + len(around))
        if name is None:
            continue
        whole = around or ("" if closed else opened)
        around = looked.quote_at(match.start())
        spans.append((name.end(), looked.quoted(name.end(), whole, around)) if whole else looked.value(name.end(), ""))
    return spans
