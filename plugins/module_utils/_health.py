# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a node until it is healthy, it never will be, or the time is over. Private to this collection.

One execution takes at most a slice of time, so that who waits sees progress; a small state carries on to the next. Times are
those of the monotonic clock of the host, which goes on between executions and not across a boot.
"""

from __future__ import annotations

import datetime
import os
import time
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _health_checks as checks_
from ansible_collections.aarch64.validator.plugins.module_utils import _health_unit as unit_
from ansible_collections.aarch64.validator.plugins.module_utils._health_http import Endpoint, Unanswered
from ansible_collections.aarch64.validator.plugins.module_utils._health_paths import (
    Place,
    free_space,
    keystore_names,
    option,
    place_of,
    sides,
)
from ansible_collections.aarch64.validator.plugins.module_utils._live_limits import read_limits
from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager, ManagerError, unusable_unit
from ansible_collections.aarch64.validator.plugins.module_utils._rpc import Answer, Client
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import parse_show, show_command

POLL_SECONDS = 2
GRACE_SECONDS = 3  # that a look which began in time may take beyond it
QUICK_SECONDS = 10  # for what a node knows by heart
RUNTIME_SECONDS = 15  # for what may have to compile a runtime first
COMMAND_SECONDS = 10
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LEAST_SECONDS = 0.25  # that anything gets, however late it is


class Options(t.NamedTuple):
    """The checked options of node_health."""

    unit: str
    endpoint: Endpoint
    readiness_path: str
    checks: list
    timeout: int
    slice: int
    min_peers: int
    min_free: int
    limits: dict
    restarts: int | None
    since: float | None
    state: dict  # next of an earlier execution, or empty


class NoSuchUnit(Exception):
    """The unit cannot be looked at."""


class Health:
    """The looks of one execution."""

    def __init__(self, options: Options, manager: Manager, boot: str) -> None:
        self.options = options
        self.manager = manager
        self.client = Client(options.endpoint)
        self.begin = time.monotonic()
        self.notes = []  # type: list[str]
        self.properties = {}  # type: dict[str, str]
        self.reason = None  # type: str | None
        self.looks = 0
        self.answers = {}  # type: dict[str, Answer]
        new = {"unit": options.unit, "boot": boot, "began": self.begin, "deadline": self.begin + options.timeout}
        self.state = dict(options.state or new)
        if self.state["boot"] != boot:
            self.reason = "this host was rebooted meanwhile"
            self.state = dict(new, deadline=self.begin)
        self.deadline = float(self.state["deadline"])
        slice_end = self.begin + options.slice
        self.once = options.timeout == 0
        self.end = slice_end if self.once else min(slice_end, max(self.deadline, self.begin))
        self.hard_end = self.end + GRACE_SECONDS

    def run(self) -> dict:
        """Look until there is an outcome or the slice is over; the result of the module. Raises NoSuchUnit."""
        while True:
            started = time.monotonic()
            found = self.look()
            self.looks += 1
            last = self.once or time.monotonic() >= self.end
            if last or self.is_decided(found):
                self.add_last(found)
                if last or self.is_decided(found):
                    return self.result([found[name] for name in self.options.checks])
            time.sleep(max(0.0, min(started + POLL_SECONDS, self.end) - time.monotonic()))

    def is_decided(self, found: dict) -> bool:
        """Whether another look would tell nothing more."""
        wanted = [found[name] for name in self.options.checks if name in found]
        return self.reason is not None or not any(one["ok"] is False for one in wanted)

    def left(self, longest: float) -> float:
        """How many seconds something may take that should take no longer than this."""
        return max(_LEAST_SECONDS, min(longest, self.hard_end - time.monotonic()))

    def until(self, longest: float) -> float:
        """When something has to end that should take no longer than this."""
        return time.monotonic() + self.left(longest)

    def command(self, arguments: list) -> str:
        """Output of a command. Raises ManagerError."""
        return self.manager.call(arguments, max(1, int(self.left(COMMAND_SECONDS))))

    def look(self) -> dict:
        """All checks but those that only the last look needs."""
        found = self.of_unit()
        wanted = self.options.checks
        asked = checks_.methods(wanted)
        answers = {}  # type: dict[str, Answer]
        try:
            if asked:
                answers = self.client.ask(asked, self.until(QUICK_SECONDS))
            self.of_answers(found, answers)
            if "readiness" in wanted:
                path = self.options.readiness_path
                status = self.client.status(path, self.until(QUICK_SECONDS))
                found["readiness"] = checks_.readiness(status, path, answers[checks_.HEALTH])
            if "runtime" in wanted:
                found["runtime"] = self.runtime()
        except Unanswered as error:
            for name in ("rpc", "runtime", "readiness", "syncing", "peers", "advancing"):
                found.setdefault(name, checks_.check(name, False, str(error)))
        self.answers = answers
        return found

    def of_unit(self) -> dict:
        """What systemd and the kernel say of the service."""
        try:
            properties = self.show()
        except ManagerError as error:
            return {name: checks_.check(name, False, str(error)) for name in ("active", "limits")}
        self.properties = properties
        self.remember()
        if "active" in self.options.checks:
            self.reason = self.reason or unit_.hopeless(properties, self.restarts(), self.state.get("invocation", ""))
        pid = int(properties.get("MainPID") or 0)
        return {
            "active": unit_.active(properties, self.restarts(), self.reason),
            "limits": unit_.limits(pid, read_limits(pid) or {}, self.options.limits),
        }

    def show(self) -> dict:
        """Properties of the unit. Raises ManagerError or NoSuchUnit."""
        units = parse_show(self.command(show_command([self.options.unit], unit_.PROPERTIES)))
        properties = units[0] if units else {}
        obstacle = unusable_unit(self.options.unit, properties)
        if obstacle and properties.get("ActiveState") != "active":  # the process may outlive its file
            raise NoSuchUnit(obstacle)
        return properties

    def restarts(self) -> int | None:
        """The NRestarts that the service should have."""
        return self.state.get("restarts") if self.options.restarts is None else self.options.restarts

    def remember(self) -> None:
        """Keep which start of the service is to be proven, and forget what another one has proven."""
        invocation = self.properties.get("InvocationID", "")
        restarts = unit_.restarts_of(self.properties)
        if restarts is not None:
            self.state.setdefault("restarts", restarts)
        if self.properties.get("ActiveState") in ("active", "activating", "reloading") and invocation:
            self.state.setdefault("invocation", invocation)
        if self.state.get("proven") != invocation:
            for key in ("runtime", "block", "block_at", "advanced"):
                self.state.pop(key, None)
        self.state["proven"] = invocation

    def of_answers(self, found: dict, answers: dict) -> None:
        """Add the checks that the answers decide."""
        wanted = self.options.checks
        if "rpc" in wanted:
            found["rpc"] = checks_.rpc(answers, str(self.options.endpoint))
        if "syncing" in wanted:
            found["syncing"] = checks_.syncing(answers[checks_.HEALTH])
        if "peers" in wanted:
            found["peers"] = checks_.peers(answers[checks_.HEALTH], self.options.min_peers)
        if "advancing" in wanted:
            found["advancing"] = self.advancing(answers[checks_.HEADER])

    def advancing(self, answer: Answer) -> dict:
        """Whether blocks come; one that was seen to advance counts for as long as the service is the same."""
        if "advanced" in self.state:
            return dict(self.state["advanced"])
        now, number = time.monotonic(), checks_.block_number(answer)
        first = self.state.get("block")
        found = checks_.advancing(answer, first, now - self.state.get("block_at", now), self.once)
        if first is None and number is not None:
            self.state.update(block=number, block_at=round(now, 3))
        if found["ok"]:
            self.state["advanced"] = found
        return found

    def runtime(self) -> dict:
        """Whether the node calls its runtime; asked until it is proven once, since the answer is megabytes."""
        if "runtime" not in self.state:
            answers = {}  # type: dict[str, Answer]
            try:
                answers.update(self.client.ask([checks_.RUNTIME], self.until(RUNTIME_SECONDS)))
                if answers[checks_.RUNTIME].error is None or answers[checks_.RUNTIME].denied:
                    answers[checks_.METADATA] = self.client.measure(checks_.METADATA, self.until(RUNTIME_SECONDS))
            except Unanswered as error:
                return checks_.check("runtime", False, str(error))
            found = checks_.runtime(answers[checks_.RUNTIME], answers.get(checks_.METADATA, Answer()))
            if not found["ok"]:
                return found
            self.state["runtime"] = found
        return dict(self.state["runtime"])

    def add_last(self, found: dict) -> None:
        """Add the checks for which one look is enough."""
        if "journal" in self.options.checks:
            found["journal"] = self.journal()
            if found["journal"]["ok"] is False and self.reason is None:
                self.reason = "the journal of this start tells of a failure"  # which it will tell from now on
        place = place_of(self.properties)
        if "disk" in self.options.checks:
            found["disk"] = checks_.check("disk", *free_space(place, self.options.min_free))
        if "identity" in self.options.checks:
            found["identity"] = checks_.identity(self.answers, *keystore_names(place))
        self.note_port(place)

    def note_port(self, place: Place) -> None:
        """Say so if the node's command line has it answer elsewhere."""
        given = [option(side, "--rpc-port") for side in sides(place.arguments)][:1]
        endpoint = self.options.endpoint
        if endpoint.host in LOOPBACK and given and given[0] not in (None, str(endpoint.port)):
            note = f"{self.options.unit} is told to answer on port {given[0]} (--rpc-port), while {endpoint} was asked"
            if note not in self.notes:
                self.notes.append(note)

    def journal(self) -> dict:
        """Whether the journal is free of failures since the start that is to be proven."""
        starts = [self.state.get("invocation", ""), self.properties.get("InvocationID", "")]
        starts = [one for one in dict.fromkeys(starts) if one]
        unit = self.properties.get("Id") or self.options.unit
        if not starts and self.options.since is None:
            return checks_.check("journal", None, f"{unit} was never started")
        command = unit_.journal_command(unit, starts, self.options.since)
        root = os.geteuid() == 0
        try:
            return unit_.journal(self.command(command), root)
        except ManagerError as error:  # without root, newer releases complain and older ones are silent
            return checks_.check("journal", None, str(error)) if root else unit_.journal("", root)

    def result(self, found: list) -> dict:
        """What the module returns."""
        now = time.monotonic()
        waiting = [one["name"] for one in found if one["ok"] is False]
        healthy = not waiting and self.reason is None and any(one["ok"] for one in found)
        left = max(0.0, self.deadline - now)
        done = self.once or not waiting or self.reason is not None or left <= 0
        ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=left)
        return {
            "changed": False,
            "done": done,
            "healthy": healthy,
            "hopeless": self.reason is not None,
            "reason": self.reason,
            "checks": found,
            "waiting_for": waiting,
            "seconds_left": round(left),
            "ends_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "progress": self.progress(found, healthy, done, left, ends.strftime("%H:%M:%S UTC")),
            "looks": self.looks,
            "notes": self.notes,
            "next": dict(self.state),
        }

    def progress(self, found: list, healthy: bool, done: bool, left: float, ends: str) -> str:
        """The outcome in one line, or what is still waited for and until when."""
        unit = self.options.unit
        if healthy:
            return "{}: healthy ({})".format(unit, ", ".join(one["name"] for one in found if one["ok"]))
        missing = "; ".join("{}: {}".format(one["name"], one["text"]) for one in found if one["ok"] is False)
        if self.reason is not None:
            return f"{unit}: will not become healthy, {self.reason}" + (f" ({missing})" if missing else "")
        if not missing:
            return f"{unit}: nothing that was asked for can be told of it"
        waited = time.monotonic() - self.state["began"]
        if done:
            return f"{unit}: not healthy" + ("" if self.once else f" after {waited:.0f} seconds") + f" ({missing})"
        return f"{unit}: waiting for {waited:.0f} seconds, until {ends} ({left:.0f} more); {missing}"
