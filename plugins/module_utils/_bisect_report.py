# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What restriction_bisect returns, from the starts it has made. Pure; private to this collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _bisect
from ansible_collections.aarch64.validator.plugins.module_utils._bisect_evidence import directives_of
from ansible_collections.aarch64.validator.plugins.module_utils._bisect_unit import deciding_line, later_files
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_arguments, redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._sandbox_directives import cost, lifting_line

_STATUS = re.compile(r"code=(?P<code>\w+)[/,] ?status=(?P<status>\w+)")
_READ_ONLY = re.compile(r"Read-only file system|os error 30|\bEROFS\b")


def described(unit: str, arguments: list, items: list) -> dict:
    """What is, or would be, tried."""
    return {"changed": False, "unit": unit, "command": redact_arguments(arguments),
            "restrictions": [dict(item.lines[-1], name=item.name) for item in items]}


def untried_note(names: list) -> list:
    """A sentence about directives that no trial can judge, if there are any."""
    return ["not tried, since a trial has its own protection of files and of the network: " + ", ".join(names)] if names else []


def not_set_up(message: str) -> dict:
    """The record of a start for which systemd could not even set up the sandbox."""
    found = _STATUS.search(message)
    code, status = (found.group("code"), found.group("status")) if found else ("", "")
    return {"good": False, "refusals": [], "signal": "SIG" + status if code in ("killed", "dumped") else None,
            "exit_status": int(status) if code == "exited" and status.isdigit() else None, "timed_out": False, "seconds": 0.0,
            "lines": [redact_text(message)], "asked": False, "answered": False, "rpc_error": None}


def how(record: dict) -> str:
    """How a start ended, in a few words."""
    if record.get("answered"):
        return "answered by RPC"
    if record.get("rpc_error"):
        return "ran, but its runtime did not: {rpc_error}".format(**record)
    if record.get("timed_out"):
        return "still ran after {seconds} s".format(**record)
    if record.get("signal"):
        return "ended by {signal}".format(**record)
    if record.get("exit_status") is not None:
        return "exit status {exit_status}".format(**record)
    return "; ".join(record.get("lines") or []) or "ended"


def clearest(records: list, name: str) -> dict | None:
    """Of the starts that failed under this directive the one with the fewest others beside it."""
    failed = [record for record in records if not record["good"] and name not in record["relaxed"]]
    return max(failed, key=lambda record: len(record["relaxed"]), default=None)


def end_as_evidence(record: dict | None) -> dict:
    """Evidence where no refused call was seen: how the program ended, and its last line."""
    last = ((record or {}).get("lines") or [""])[-1]
    return {"call": None, "errno": None, "text": how(record or {}) + (f": {last}" if last else "")}


def tried(record: dict) -> dict:
    """One start for the log."""
    return {"relaxed": record["relaxed"], "instead": record["instead"], "started": record["good"], "outcome": how(record),
            "seconds": record["seconds"]}


def last_notes(records: list, conclusion: str) -> list:
    """What the last start tells of a search that found nothing."""
    last = records[-1] if records else None
    if last and conclusion == _bisect.STARTS and last["asked"] and not last["answered"]:
        return ["it ran but did not answer by RPC in that time, so that it may still fail later; give more seconds"]
    if not last or conclusion != _bisect.NOT_THE_CAUSE:
        return []
    notes = ["with everything lifted: " + how(last) + "".join(f": {line}" for line in last["lines"][-1:])]
    if any(_READ_ONLY.search(line) for line in last["lines"]):
        notes.append("a trial can write only to its own directory, /dev/shm and /tmp, which may be what stopped this one")
    return notes


class Reporter:
    """Puts the result together. lines: assignments by directive; narrow: what lists have to allow, by directive."""

    def __init__(self, records: list, lines: dict, narrow: dict, groups: dict, in_force: t.Callable) -> None:
        self.records = records
        self.lines = lines
        self.narrow = narrow
        self.groups = groups
        self.in_force = in_force

    def result(self, found: _bisect.Result, notes: list, left: list) -> dict:
        """The result of the search."""
        directives = [self.directive(name, found) for name in found.culprits]
        lifted = [line for name in found.culprits for line in self.lifting_lines(name)]
        return {
            "conclusion": found.conclusion,
            "directives": directives,
            "relaxation": "[Service]\n" + "".join(line + "\n" for line in lifted) if lifted else None,
            "starts": len(self.records),
            "tried": [tried(record) for record in self.records],
            "notes": notes + found.notes + self.more_notes(found) + left,
        }

    def lifting_lines(self, name: str) -> list:
        """Lines of a drop-in that lift a directive, or as little of it as is needed."""
        if name in self.narrow:
            return [name + "=" + " ".join(self.narrow[name])]
        lines = [lifting_line(name)]
        return lines + [lifting_line("DeviceAllow")] if name == "DevicePolicy" else lines

    def directive(self, name: str, found: _bisect.Result) -> dict:
        """One culprit."""
        lines = self.lines[name]
        refusal = self.refusal(name)
        refused = (self.narrow.get(name) or [refusal["call"] if refusal else None])[0]
        return dict(
            deciding_line(name, lines, refused, self.groups), name=name, assignments=lines, evidence=self.evidence(name, refusal),
            cost=cost(name, self.narrow.get(name) or ()), relaxation="\n".join(self.lifting_lines(name)),
            alone=found.alone.get(name), together_with=found.together.get(name, []))

    def refusal(self, name: str) -> dict | None:
        """The latest call that this directive can have refused, of the clearest start."""
        record = clearest(self.records, name)
        if record is None:
            return None
        properties = self.in_force(record["relaxed"])
        return next((refusal for refusal in record["refusals"] if name in directives_of(refusal, properties)), None)

    def evidence(self, name: str, refusal: dict | None) -> dict:
        """What was seen of the refusal: the call, or at least how the program ended."""
        if refusal is not None:
            return {"call": refusal["call"], "errno": refusal["errno"], "text": redact_text(refusal["text"])}
        return end_as_evidence(clearest(self.records, name))

    def more_notes(self, found: _bisect.Result) -> list:
        """What an operator should know besides."""
        notes = []
        later = sorted({path for name in found.culprits for path in later_files(self.lines[name])})
        if later:
            notes.append("systemd reads {} after the drop-ins of this collection, and what it sets wins".format(", ".join(later)))
        return notes + last_notes(self.records, found.conclusion)
