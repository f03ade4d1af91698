# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module service_restart: arm, stop, wait, start, disarm. Private to this collection.

A process that runs this may be killed at any moment. So nothing here cleans up on the way out: the guard is disarmed
only after the unit was seen to be up, or to have failed for good.
"""

from __future__ import annotations

import binascii
import contextlib
import os
import time
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _restart
from ansible_collections.aarch64.validator.plugins.module_utils._flock import Taken, acquire
from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager, ManagerError
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text

LOCK_DIRECTORY = "/run"
POLL_SECONDS = 0.5
STOP_POLL_SECONDS = 0.2  # a unit without a delay is down until its stop has been seen
PATIENCE = 10  # what a host under load may take longer than it should
NOTHING_DONE = {"changed": False, "actions": []}  # type: dict[str, object]


class RestartFailed(Exception):
    """What went wrong, as one message, with what is known of the unit."""

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(redact_text(message))
        self.facts = facts


class Order(t.NamedTuple):
    """What the operator asked for; all times in seconds."""

    delay: int
    margin: int
    timeout: int
    settle: int


@contextlib.contextmanager
def lock(unit: str, patience: float) -> t.Iterator[bool]:
    """Keep a second restart of the same unit out while this process lives; whether there was one to wait for.

    Its module may well outlive the controller that ordered it. Raises RestartFailed if it lasts longer than patience.
    """
    path = os.path.join(LOCK_DIRECTORY, f"aarch64-validator-restart-{unit}.lock")
    try:
        descriptor, waited = acquire(path, patience, POLL_SECONDS)
    except Taken:
        message = f"{unit}: another restart of it is still under way on this host after {patience:.0f} seconds"
        raise RestartFailed(message, **NOTHING_DONE) from None
    try:
        yield waited
    finally:
        os.unlink(path)
        os.close(descriptor)


class Restart:
    """One restart of one unit."""

    def __init__(self, manager: Manager, unit: str, order: Order, programs: dict) -> None:
        self.manager = manager
        self.unit = unit
        self.order = order
        self.programs = programs
        self.systemctl = programs["systemctl"]
        self.started_with = [unit]
        self.guard = ""
        self.armed = 0.0
        self.notes = []  # type: list[str]

    def show(self) -> dict:
        return self.manager.show(self.unit, _restart.PROPERTIES)

    @property
    def timer(self) -> str:
        """What messages call the guard."""
        return self.guard + ".timer"

    def left_over_guards(self) -> list:
        """Units with which an earlier, interrupted restart of this unit still guards it."""
        # Without --all these are units that are active or have a job, such as a service that waits for the stop.
        command = [self.systemctl, "list-units", "--plain", "--no-legend", "--no-pager", "--full", "--",
                   _restart.GUARD_PREFIX + "*"]
        return _restart.own_guards(self.manager.call(command), self.unit)

    def active_dependents(self, properties: dict) -> list:
        """Running services that will be stopped together with this one."""
        names = _restart.dependents(properties)
        if not names:
            return []
        shown = self.manager.show_all(names, ["Id", "ActiveState"])
        return [one["Id"] for one in shown if one.get("ActiveState") in ("active", "activating", "reloading")]

    def arm(self) -> None:
        """Have the unit started after the delay and the margin, counted from the end of its stop."""
        name = _restart.guard_name(self.unit, binascii.hexlify(os.urandom(4)).decode())
        armed = time.monotonic()
        seconds = self.order.delay + self.order.margin
        self.manager.call(_restart.arm_command(self.programs, name, seconds, self.started_with))
        self.guard, self.armed = name, armed

    def drop(self, guards: list) -> None:
        """End guards, whether their timers run or their services wait."""
        try:
            self.manager.call([self.systemctl, "stop", "--"] + guards)
        except ManagerError as error:
            if "not loaded" not in str(error):  # one that has just done its work is gone
                raise

    def disarm(self) -> None:
        try:
            self.drop(_restart.guard_units(self.guard))
        except ManagerError as error:  # it only starts a unit that runs anyway
            self.notes.append(f"{self.unit}: its timer could not be disarmed: {error}")

    def longest(self, before: dict) -> float:
        """For how many seconds another restart of this unit may take, if it was ordered like this one."""
        return _restart.stop_seconds(before) + sum(self.order) + PATIENCE

    def done_meanwhile(self, before: dict) -> dict | None:
        """The outcome of another restart that has ended well since before; None if there was none."""
        after = self.show()
        if not (_restart.runs_on(after) and _restart.started_since(before, after)):
            return None
        return self.outcome(before, after, _restart.down_since(before, after, time.monotonic()))

    def run(self, before: dict, left_over: list, others: list) -> dict:
        """Restart the unit; what became of it. Raises RestartFailed."""
        self.started_with += others
        try:
            self.arm()
        except ManagerError as error:
            message = f"{self.unit}: left alone, since the timer that secures its restart could not be armed: {error}"
            raise RestartFailed(message, **NOTHING_DONE) from error
        try:
            if left_over:
                self.drop(left_over)
                before = self.show()  # the old guard may have done its work while the new one was armed
            since = self.stop(before)
            self.wait(since)
            return self.start(before, since)
        except ManagerError as error:
            raise RestartFailed(f"{self.unit}: {error}; the timer {self.timer} starts it") from error

    def stop(self, before: dict) -> float:
        """Stop the unit; since when it has been down."""
        try:
            self.manager.call([self.systemctl, "stop", "--no-block", "--", self.unit])
        except ManagerError as error:
            # An order whose answer was lost may still be carried out; only a unit that runs on needs no timer.
            if not _restart.runs_on(self.show()):
                raise
            self.disarm()
            message = f"{self.unit}: left alone, since it could not be stopped: {error}"
            raise RestartFailed(message, **NOTHING_DONE) from error
        if time.monotonic() > self.armed + _restart.LEAD_SECONDS:
            # A slow host: the guard may have begun to count before the stop was ordered. A new one waits for its end.
            early = _restart.guard_units(self.guard)
            self.arm()
            self.drop(early)
        longest = _restart.stop_seconds(before)
        deadline = time.monotonic() + longest
        while True:
            after = self.show()
            now = time.monotonic()
            if _restart.is_down(after):
                break
            if _restart.runs_on(after):
                self.disarm()
                message = f"{self.unit}: somebody else has cancelled the stop; it is active"
                raise RestartFailed(message, **state_facts(after))
            if now > deadline:
                message = f"{self.unit}: still not stopped after {longest:.0f} seconds ({_restart.state_text(after)})"
                raise RestartFailed(f"{message}; the timer {self.timer} starts it again", **state_facts(after))
            time.sleep(STOP_POLL_SECONDS)
        return _restart.down_since(before, after, now)

    def wait(self, since: float) -> None:
        """Wait until the unit has been down for the delay."""
        with contextlib.suppress(ManagerError):  # it may be unloaded, and its failures forgotten with it
            # A unit that failed often enough may not be started again until this (StartLimitBurst).
            self.manager.call([self.systemctl, "reset-failed", "--", self.unit])
        while time.monotonic() < since + self.order.delay:
            time.sleep(max(0.01, min(since + self.order.delay - time.monotonic(), 60)))

    def start(self, before: dict, since: float) -> dict:
        """Start the unit and watch it; what became of it."""
        clock = time.time()
        try:
            self.manager.call([self.systemctl, "start", "--no-block", "--"] + self.started_with)
        except ManagerError as error:
            message = f"{self.unit}: it could not be started ({error}); the timer {self.timer} tries once more"
            raise RestartFailed(message) from error
        begin = time.monotonic()
        seen = _restart.Watch("starting")
        while True:
            after = self.show()
            now = time.monotonic()
            seen = _restart.watch(seen, after, now, self.order.settle)
            if seen.verdict in ("up", "failed"):
                self.disarm()
                break
            if now - begin > self.order.timeout + (self.order.settle + PATIENCE if seen.process else 0):
                break
            time.sleep(POLL_SECONDS)
        outcome = self.outcome(before, after, since)
        if seen.verdict != "up":
            raise RestartFailed(self.failure(seen, after, clock), **outcome)
        return outcome

    def outcome(self, before: dict, after: dict, since: float) -> dict:
        """The unit before and after, for the result of the module."""
        started = int(after.get("ExecMainStartTimestampMonotonic") or 0) / 1e6
        down = started - since if started > since else time.monotonic() - since
        return dict(state_facts(after), main_pid_before=int(before.get("MainPID") or 0), down_seconds=round(down, 3))

    def failure(self, seen: _restart.Watch, after: dict, clock: float) -> str:
        """The message for a unit that did not come up, with what it has logged since; a rollout puts more before the log."""
        if seen.verdict == "failed":
            what = "did not stay up" if seen.process else "did not start"
        else:
            what = f"was not active within {self.order.timeout} seconds, and is still trying"
        try:
            log = _restart.bounded_log(self.manager.call(_restart.journal_command(self.unit, clock)))
        except ManagerError as error:
            log = str(error)
        return "{} {}: {} (its log since the start stands at the end)\n{}".format(
            self.unit, what, _restart.state_text(after), log or "(it logged nothing)")


def state_facts(properties: dict) -> dict:
    """The state of a unit, for the result of the module."""
    return {
        "main_pid": int(properties.get("MainPID") or 0),
        "active_state": properties.get("ActiveState", ""),
        "sub_state": properties.get("SubState", ""),
    }
