# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From log text in any wrapping to messages, one for each failure. Private to this collection.

Colours and the prefixes of journal, containers and loggers are taken off; ``Caused by:`` blocks, wrapped lines and
strace calls that were split in two are joined. Only lines that hold a word of interest, and their neighbours, are
looked at, so a large log costs little more than searching it.
"""

from __future__ import annotations

import bisect
import functools
import json
import re
from typing import NamedTuple

JOIN_WITHIN = 60  # lines between the parts of one message, when other sources write in between
MAX_JOINED = 200  # lines of one message; backtraces are longer, and nobody looks for a cause there

_COLOUR = re.compile(
    r"(?:\x1b|\^\[|#033|\\x1b|\\u001[bB])\[[0-9;?]{0,30}[A-Za-z]"  # as it is, and as less, rsyslog, journal and JSON write it
    r"|\x1b\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]")
_COLOUR_MARKS = ("\x1b", "^[[", "#033[", "\\x1b[", "\\u001b[", "\\u001B[")
_TIME = (
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?Z| ?UTC|[+-]\d\d:?\d\d)?"  # ISO, Substrate, tracing, short-iso
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?"  # syslog, journal short
    r"|[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})? [A-Z]{2,5}"  # short-full
    r"|\d{9,10}\.\d{3,9}"  # short-unix
)
_CONTAINER = re.compile(
    rf"(?:{_TIME}) (?:stdout|stderr) (?P<part>[FP])(?: |$)"  # Kubernetes CRI
    r"|(?P<name>[\w.-]{1,80}) +\| "  # docker compose
    r"|\[(?:pod/)?[\w.-]{1,80}/[\w./-]{1,160}\] ")  # kubectl logs --prefix
_STAMP = re.compile(rf"(?:<\d{{1,3}}>(?:1 )?)?(?:\[ *\d{{1,9}}\.\d{{3,9}}\]|\[(?:{_TIME})\]|{_TIME})(?: |$)")
_WRITER = re.compile(r"(?:[\w.:-]{1,80} )?(?P<writer>[\w@./:\\+-]{1,120}\[\d{1,10}\]): ?")
_WRITER_WITHOUT_PID = re.compile(r"[\w.:-]{1,80} (?P<writer>kernel|audit|systemd|dockerd|containerd): ?|(?P<kernel>kernel): ")
_LEVEL = re.compile(r" *(?:TRACE|DEBUG|INFO|WARN|ERROR) +(?:[\w-]{1,60} )?[\w:.-]{1,120}: (?:\[\w+\] )?")
_NUMBERED = re.compile(r"\s*\d{1,3}: ")
_UNFINISHED = re.compile(r"^(?P<head>(?:\[pid +(?P<pid>\d+)\] |(?P<bare>\d+) +)?.{0,40}?\b(?P<call>\w+)\(.*)<unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(?:\[pid +(?P<pid>\d+)\] |(?P<bare>\d+) +)?.{0,40}?<\.\.\. (?P<call>\w+) resumed> ?(?P<rest>.*)$")
# What _lines_of_interest must not drop although no signature asks for it.
_STRUCTURE = ("aused by", "unfinished ...>", " resumed>", '"MESSAGE":[', '"MESSAGE": [', '"MESSAGE" : [')


class Message(NamedTuple):
    """One log message: its text without prefixes (parts joined by newlines), who wrote it, where it began and ended."""

    text: str
    source: str
    stamped: bool
    first: int
    last: int


class _Open:
    """A message that may still grow."""

    def __init__(self, text: str, source: str, stamped: bool, index: int) -> None:
        self.parts = [text]
        self.source, self.stamped, self.first, self.last = source, stamped, index, index
        self.quotes, self.chain, self.expects_more = 0, False, False
        self._note(text)

    def add(self, text: str, index: int) -> None:
        self.last = index
        if len(self.parts) < MAX_JOINED:
            self.parts.append(text)
            self._note(text)

    def _note(self, text: str) -> None:
        stripped = text.rstrip()
        self.chain = self.chain or "aused by:" in text or stripped == "Error:"
        self.expects_more = stripped.endswith(":")
        self.quotes += text.count('"') - text.count('\\"')

    def message(self) -> Message:
        return Message("\n".join(self.parts), self.source, self.stamped, self.first, self.last)


def split_lines(value: str | list | tuple) -> list:
    """Lines of a text, or of a list of texts, without colours. Only newline and carriage return end a line."""
    text = value if isinstance(value, str) else "\n".join(value)
    return _plain(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")


def _plain(text: str) -> str:
    """The text without terminal colours and titles."""
    return _COLOUR.sub("", text) if any(mark in text for mark in _COLOUR_MARKS) else text


def messages_with(lines: list, words: tuple) -> list:
    """The messages that hold one of these words, in order of their first line; a few neighbours may be among them."""
    done: list = []
    open_by_source: dict = {}
    unfinished: dict = {}
    partial: dict = {}
    for index in _lines_of_interest(lines, words):
        for source, stamped, text in _unwrap(lines[index], partial):
            whole = _whole_call(text, source, unfinished)
            if whole is None or not whole.strip():
                continue
            current = open_by_source.get(source)
            if current is not None and _continues(whole, stamped, index, current):
                current.add(whole, index)
                continue
            open_by_source[source] = _Open(whole, source, stamped, index)
            done.append(open_by_source[source])
    return [item.message() for item in done]


@functools.lru_cache(maxsize=None)
def _needles(words: tuple) -> list:
    return [word.encode() for word in words + _STRUCTURE]


def _lines_of_interest(lines: list, words: tuple) -> list:
    """Indexes of lines that hold a word, and of those next to them.

    The whole text is searched for one word after the other: that costs a few milliseconds for each megabyte and word,
    however many lines there are.
    """
    data = "\n".join(lines).encode("utf-8", "surrogatepass")  # searched faster than text with emoji in it
    starts = [0]
    for line in data.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    indexes: set = set()
    for wanted in _needles(words):
        position = data.find(wanted)
        while position >= 0:
            index = bisect.bisect_right(starts, position) - 1
            indexes.update((index - 1, index, index + 1))
            position = data.find(wanted, starts[index + 1])
    return sorted(index for index in indexes if 0 <= index < len(lines))


def _continues(text: str, stamped: bool, index: int, current: _Open) -> bool:
    if index - current.last > JOIN_WITHIN:
        return False
    if text.lstrip()[:9].lower() == "caused by":
        return True
    if _NUMBERED.match(text):
        return current.chain or not stamped
    if current.expects_more and current.parts[-1].lstrip()[:9].lower() == "caused by":
        return True
    if stamped or index - current.last > 1:
        return False
    return text[0] in " \t" or current.expects_more or current.quotes % 2 == 1


def _whole_call(text: str, source: str, unfinished: dict) -> str | None:
    """A strace call in one piece: None for its first half, both halves joined for its second."""
    if text.endswith("<unfinished ...>"):
        head = _UNFINISHED.match(text)
        if head:
            unfinished[(source, head.group("pid") or head.group("bare"), head.group("call"))] = head.group("head").rstrip()
            return None
    elif " resumed>" in text:
        tail = _RESUMED.match(text)
        if tail:
            started = unfinished.pop((source, tail.group("pid") or tail.group("bare"), tail.group("call")), None)
            return None if started is None else started + tail.group("rest")
    return text


def _unwrap(line: str, partial: dict) -> list:
    """``(source, stamped, text)`` of each line inside this line. stamped: it carries the writer's own time."""
    start = line.lstrip("\x1e \t")
    if start.startswith("data: {"):
        start = start[6:]
    if start.startswith("{"):
        decoded = _from_json(start)
        if decoded is not None:
            source, text = decoded
            return [item for part in _plain(text).split("\n") for item in _strip(part.rstrip("\r"), source, partial)]
    return _strip(line, "", partial)


def _strip(text: str, source: str, partial: dict) -> list:
    """Prefixes off, from the outside in: container, time and writer of the journal, time of the program itself."""
    stamped = False
    bare = text.lstrip()
    for _layer in range(5):
        container = _CONTAINER.match(bare)
        if container:
            bare = bare[container.end():]
            if container.group("name"):
                source = source or container.group("name")
            if container.group("part") == "P":
                partial[source] = partial.get(source, "") + bare
                return []
            if container.group("part") == "F":
                bare = partial.pop(source, "") + bare
            stamped, text = False, bare
            continue
        stamp = _STAMP.match(bare)
        rest = bare[stamp.end():] if stamp else bare
        writer = _WRITER.match(rest) or (_WRITER_WITHOUT_PID.match(rest) if stamp else None)
        if writer:
            source = writer.group("writer") or "kernel"
            bare = text = rest[writer.end():]
            stamped = False
        elif stamp:
            level = _LEVEL.match(rest)
            bare = text = rest[level.end():] if level else rest
            stamped = True
        else:
            break
    return [(source, stamped, text)]


def _from_json(line: str) -> tuple | None:
    """``(source, text)`` of a journal, Docker or tracing record in JSON; None for other JSON."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    if "MESSAGE" in record:
        writer = record.get("_PID") or record.get("SYSLOG_IDENTIFIER") or record.get("_SYSTEMD_UNIT") or "journal"
        text = _journal_text(record["MESSAGE"])
        return None if text is None else (str(writer), text)
    if isinstance(record.get("log"), str):
        return "", record["log"].rstrip("\n")
    inner = record["fields"] if isinstance(record.get("fields"), dict) else record
    texts = [inner[key] for key in ("message", "msg", "error", "err", "reason") if isinstance(inner.get(key), str)]
    return ("", ": ".join(texts)) if texts else None


def _journal_text(value: object) -> str | None:
    """A journal field: a text, a list of byte values where it is not plain text, or a list of these if it came twice."""
    while isinstance(value, list):
        if value and all(isinstance(item, int) and 0 <= item < 256 for item in value):
            return bytes(value).decode("utf-8", "replace")
        value = value[-1] if value else None
    return value if isinstance(value, str) else None
