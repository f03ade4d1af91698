# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of many hosts on disk, so that a report of thousands needs memory for its rows alone. Private to this collection.

What reads facts besides ``report.json`` itself needs a few values of them. Those stay in memory; the whole text waits in
an unnamed temporary file until ``report.json`` is written, host by host.
"""

from __future__ import annotations

import json
import tempfile
import typing as t

# All that the other files of a report and the terminal read of facts.
READ = {
    "schema": (), "unread": (),
    "host": ("machine", "board", "distribution", "container"),
    "kernel": ("release", "page_size", "va_bits", "va_bits_source"),
    "limits": ("nofile", "memlock"),
}  # type: dict[str, tuple]
# A mapping with these is the entry of a host.
ENTRY = ("name", "verdict", "findings", "facts")


def pretty(value: object) -> str:
    """JSON for people."""
    return json.dumps(value, indent=1, sort_keys=True, default=str)


def slim(facts: dict) -> dict:
    """The part of facts that stays in memory, of facts from any version or hand."""
    part = {}  # type: dict[str, t.Any]
    for name, keys in READ.items():
        value = facts.get(name)
        part[name] = {key: value[key] for key in keys if key in value} if keys and isinstance(value, dict) else value
    return part


def is_entry(value: dict) -> bool:
    """Whether a mapping out of JSON is the entry of a host."""
    return all(name in value for name in ENTRY) and isinstance(value["facts"], dict)


class KeptFacts(dict):
    """What stays in memory of the facts of one host, and where the whole text lies."""

    def __init__(self, part: dict, store: FactStore, offset: int, size: int) -> None:
        super().__init__(part)
        self.store, self.offset, self.size = store, offset, size

    def text(self) -> str:
        """All facts, as :func:`pretty` wrote them."""
        return self.store.read(self.offset, self.size)


class FactStore:
    """The facts of all hosts of one report. Texts and small parts that hosts share are held once."""

    def __init__(self, directory: str | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115  open as long as the report is made
        self._end = 0
        self._seen = {}  # type: dict[str, str]

    def keep(self, facts: dict, text: str | None = None) -> dict:
        """The facts as an entry holds them; text is that of :func:`pretty` where it is at hand. None stay none."""
        if not facts:
            return {}
        content = (text or pretty(facts)).encode()
        self._file.seek(self._end)
        self._file.write(content)
        kept = KeptFacts(self.shared(slim(facts)), self, self._end, len(content))
        self._end += len(content)
        return kept

    def read(self, offset: int, size: int) -> str:
        """What lies at a place of the file."""
        self._file.seek(offset)
        return self._file.read(size).decode()

    def hook(self, value: dict) -> dict:
        """For ``object_hook`` of json: takes the facts out of each entry of a report while it is read."""
        if is_entry(value):
            value["facts"] = self.keep(value["facts"])
        return value

    def entry(self, entry: dict) -> dict:
        """An entry in plain values, as it comes out of JSON: hosts tell theirs in types that other libraries do not take."""
        facts = entry["facts"]
        rest = json.loads(json.dumps({name: value for name, value in entry.items() if name != "facts"}, default=str))
        return dict(self.shared(rest), facts=facts if isinstance(facts, KeptFacts) else self.keep(facts))

    def shared(self, value: t.Any) -> t.Any:
        """The value, with one object for each text, however many hosts have it."""
        if isinstance(value, str):
            return self._seen.setdefault(value, value)
        if isinstance(value, dict):
            return {self.shared(key): self.shared(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.shared(item) for item in value]
        return value


def report_chunks(report: dict) -> t.Iterator[str]:
    """``report.json`` piece by piece, the same text as :func:`pretty` of the whole."""
    for number, name in enumerate(sorted(report)):
        yield ("{\n " if number == 0 else ",\n ") + json.dumps(name) + ": "
        if name == "hosts" and report[name]:
            for place, entry in enumerate(report[name]):
                yield ("[\n  " if place == 0 else ",\n  ") + _indented(_entry_text(entry), 2)
            yield "\n ]"
        else:
            yield _indented(pretty(report[name]), 1)
    yield "\n}"


def _entry_text(entry: dict) -> str:
    facts = entry["facts"]
    if not isinstance(facts, KeptFacts):
        return pretty(entry)
    values = {name: facts.text() if name == "facts" else pretty(value) for name, value in entry.items()}
    return "{\n " + ",\n ".join(f"{json.dumps(name)}: {_indented(values[name], 1)}" for name in sorted(values)) + "\n}"


def _indented(text: str, by: int) -> str:
    """A text of JSON deeper within another; a line break of its own can only stand between values."""
    return text.replace("\n", "\n" + " " * by)
