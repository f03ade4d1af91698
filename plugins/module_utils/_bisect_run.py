# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module restriction_bisect for a unit: trial starts with some of its restrictions lifted.

Private to this collection. A start is that of startup_trace: a transient service with an empty base path.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _bisect, _bisect_report, _bisect_unit
from ansible_collections.aarch64.validator.plugins.module_utils._bisect_evidence import RefusalTrace, suspects, wanted
from ansible_collections.aarch64.validator.plugins.module_utils._manager import ManagerError
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._sandbox_directives import NARROW_COSTS
from ansible_collections.aarch64.validator.plugins.module_utils._startup import Plan, Startup, executable, refuse_script
from ansible_collections.aarch64.validator.plugins.module_utils._startup_process import Outcome, StartupError
from ansible_collections.aarch64.validator.plugins.module_utils._startup_unit import copied_settings
from ansible_collections.aarch64.validator.plugins.module_utils._unit_files import read_files

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

_TRACER_FAILED = ("strace-missing", "ptrace-forbidden", "strace-failed")
_MAX_PROOFS = 4  # starts to find out all that a list has to allow, where its evidence shows one thing at a time


class Bisection(Startup):
    """One execution of the module for a unit."""

    new_trace = RefusalTrace

    def __init__(self, module: AnsibleModule) -> None:
        super().__init__(module)
        self.parameters = dict(module.params, limits={}, user=None, sandbox=True)
        self.records = []  # type: list[dict]
        self.notes = []  # type: list[str]

    def run(self) -> dict:
        """The result of the module. Raises StartupError, ManagerError, ValueError or OSError."""
        self.read()
        described = _bisect_report.described(self.unit.name, self.base.arguments, self.items)
        if self.module.check_mode:
            return dict(described, conclusion=None, notes=self.notes)
        if not executable(self.base.arguments[0]):
            raise StartupError("command-not-found", f"command: {self.base.arguments[0]} is not a program on this host")
        refuse_script(self.base)
        self.prepare()
        return dict(described, **self.search())

    def read(self) -> None:
        """Read the unit and its restrictions."""
        self.base = self.plan()
        if self.base.unit is None:
            raise StartupError("unit", "unit: a service is needed")
        self.unit = self.base.unit
        shown = self.manager.show(self.unit.name, ["FragmentPath", "DropInPaths"])
        unread = []  # type: list[dict]
        files = read_files([shown.get("FragmentPath", "")] + shown.get("DropInPaths", "").split(), unread)
        self.items = _bisect_unit.restrictions(self.unit.properties, files)
        self.fixed = self.base.settings[len(copied_settings(self.unit.properties, True)):]
        self.notes += self.base.notes + ["{path} could not be read: {reason}".format(**entry) for entry in unread]
        self.notes += _bisect_report.untried_note(_bisect_unit.untried(files))

    def prepare(self) -> None:
        """Find strace, and ask the program for its options, without restrictions."""
        self.owner = self.account(self.base)
        self.strace = None
        if self.parameters["trace"]:
            try:
                self.strace = self.tool("strace")
            except StartupError as error:
                self.untraced(error)
        self.help = self.ask(self.with_lifted([item.name for item in self.items]), "--help", self.owner)

    def untraced(self, error: StartupError) -> None:
        """Go on without strace."""
        self.strace = None
        self.notes.append(f"without strace, so that there is less evidence: {error}")

    def with_lifted(self, lifted: t.Collection, extra: t.Sequence = ()) -> Plan:
        """The plan of a start with these restrictions lifted; extra settings come after those of the unit."""
        properties = _bisect_unit.lifted_properties(self.unit.properties, self.items, lifted)
        settings = copied_settings(properties, True) + list(extra) + self.fixed
        return self.base._replace(unit=self.unit._replace(properties=properties), settings=settings)

    def search(self) -> dict:
        """Start again and again; what it has shown."""
        if self.help.exit_status != 0 and not self.help.timed_out:
            end = _bisect_report.how({"signal": self.help.signal, "exit_status": self.help.exit_status})
            note = f"it does not even answer to --help with all restrictions lifted ({end})"
            return self.result(_bisect.Result(_bisect.NOT_THE_CAUSE, [], {}, {}, [], [note]), {})
        names = [item.name for item in self.items]
        found = _bisect.Search(names, self.start, self.suspects, self.parameters["max_starts"]).run()
        return self.result(found, self.narrow(found.culprits))

    def start(self, lifted: frozenset, extra: t.Sequence = ()) -> _bisect.Outcome:
        """One start with these restrictions lifted."""
        everything = lifted.issuperset(item.name for item in self.items)
        strace = None if everything else self.strace
        try:
            record = self.trial_of(self.with_lifted(lifted, extra), strace)
        except StartupError as error:
            if error.reason not in _TRACER_FAILED or strace is None:
                raise
            self.untraced(error)
            record = self.trial_of(self.with_lifted(lifted, extra), None)
        record.update(relaxed=sorted(lifted), instead=[f"{name}={value}" for name, value in extra])
        self.records.append(record)
        return _bisect.Outcome(record["good"], record)

    def trial_of(self, plan: Plan, strace: str | None) -> dict:
        """Run the program once by this plan; how that went."""
        try:
            with self.workspace(plan, self.owner) as workspace:
                isolated = self.isolate(plan, workspace, self.help)
                job = self.node_job(plan, workspace, isolated)._replace(stop_on_answer=True, stop_on_error=True)
                outcome = self.execute(plan, workspace, job, strace, self.owner)
        except StartupError as error:
            if error.reason != "sandbox":
                raise
            return _bisect_report.not_set_up(str(error))
        if not self.records:
            self.notes += outcome.notes
        return record_of(outcome)

    def suspects(self, lifted: frozenset, outcome: _bisect.Outcome) -> list:
        """Directives in force that the evidence of a failing start points to."""
        return suspects(outcome.detail, self.in_force(lifted))

    def in_force(self, lifted: t.Collection) -> dict:
        """Properties of a start with these restrictions lifted."""
        return _bisect_unit.lifted_properties(self.unit.properties, self.items, lifted)

    def narrow(self, culprits: list) -> dict:
        """What lists have to allow beyond what they do, so that they need not be lifted as a whole; proved by a start."""
        allow = {}  # type: dict[str, list]
        for name in culprits:
            record = _bisect_report.clearest(self.records, name)
            words = wanted(name, record["refusals"], self.in_force(record["relaxed"])) if name in NARROW_COSTS and record else []
            if words:
                allow[name] = words
        lifted = frozenset(culprits) - frozenset(allow)
        for _number in range(_MAX_PROOFS):
            if not allow or len(self.records) >= self.parameters["max_starts"]:
                break
            outcome = self.start(lifted, [(name, " ".join(words)) for name, words in allow.items()])
            if outcome.good:
                return allow
            more = {name: wanted(name, outcome.detail["refusals"], self.in_force(lifted)) for name in allow}
            if not any(set(more[name]) - set(words) for name, words in allow.items()):
                break
            allow = {name: sorted(set(words) | set(more[name])) for name, words in allow.items()}
        if allow:
            self.notes.append("to allow only {} was not enough or not tried, so that more is lifted".format(
                " and ".join(word for words in allow.values() for word in words)))
        return {}

    def result(self, found: _bisect.Result, narrow: dict) -> dict:
        """The result of the module."""
        groups = {}  # type: dict[str, set]
        lines = {item.name: item.lines for item in self.items}
        if "SystemCallFilter" in found.culprits and _bisect_unit.named_groups(lines["SystemCallFilter"]):
            with contextlib.suppress(ManagerError):  # it may be missing; then fewer lines can be told apart
                groups = _bisect_unit.parse_groups(self.manager.call(["systemd-analyze", "--no-pager", "syscall-filter"]))
        reporter = _bisect_report.Reporter(self.records, lines, narrow, groups, self.in_force)
        return reporter.result(found, self.notes, self.left)


def record_of(outcome: Outcome) -> dict:
    """What one start has shown."""
    rpc = outcome.rpc or {}
    return {
        "good": outcome.timed_out and not rpc.get("error"),  # still running, and not unable to use its runtime
        "refusals": outcome.trace.all_refusals() if outcome.trace else [],
        "signal": outcome.signal,
        "exit_status": outcome.exit_status,
        "timed_out": outcome.timed_out,
        "seconds": round(outcome.seconds, 1),
        "lines": [redact_text(line) for line in outcome.lines],
        "asked": bool(rpc),
        "answered": bool(rpc.get("answered")),
        "rpc_error": redact_text(rpc["error"]) if rpc.get("error") else None,
    }
