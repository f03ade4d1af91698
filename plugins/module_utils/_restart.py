# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to restart a node so that it comes up again whatever happens. Pure functions; private to this collection.

Times are seconds of CLOCK_MONOTONIC, the clock of systemd's ``*TimestampMonotonic`` properties.

What systemd 252 was seen to do, and what follows from it:

* A start job that arrives while a unit is stopping cancels the stop job, and the unit starts the moment its processes
  are gone. That is a good end for a node, but without the delay. So the timer that is armed before the stop fires only
  after the longest stop plus the delay, and once the unit is down a second one with the exact time takes its place.
* ``systemctl start`` of a unit that is active or starting does nothing: both timer and module may start it.
* A stopped unit that nothing refers to is unloaded, and its time stamps and its result are gone with it.
"""

from __future__ import annotations

import re
import typing as t

PROPERTIES = [
    "Id", "LoadState", "ActiveState", "SubState", "Result", "Job", "MainPID", "NRestarts", "ExecMainStatus",
    "ExecMainStartTimestampMonotonic", "ExecMainExitTimestampMonotonic", "InactiveEnterTimestampMonotonic",
    "TimeoutStopUSec", "NeedDaemonReload", "RequiredBy", "BoundBy", "ConsistsOf",
]
TIMER_PREFIX = "aarch64-validator-start-"
UNKNOWN_STOP_SECONDS = 600  # for TimeoutStopSec=infinity: longer than any node that stops at all
MAX_STOP_SECONDS = 3600
# ExecStop=, SIGTERM and SIGKILL each get TimeoutStopSec (systemd.service(5)).
STOP_PHASES = 3
LOG_LINES = 20
LOG_CHARACTERS = 4000

_SPAN = re.compile(r"\A([0-9.]+)(us|ms|s|min|h|d|w|month|y)\Z")
_SPAN_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800, "month": 2629800,
                 "y": 31557600}


def parse_timespan(text: str) -> float | None:
    """A time span as ``systemctl show`` prints it (``1min 30s``) in seconds; None for infinity or nonsense."""
    seconds = 0.0
    for word in text.split():
        match = _SPAN.match(word)
        if not match:
            return None
        seconds += float(match.group(1)) * _SPAN_SECONDS[match.group(2)]
    return seconds if text.split() else None


def stop_seconds(properties: dict) -> int:
    """How long a stop of this unit can take at most."""
    phase = parse_timespan(properties.get("TimeoutStopUSec", ""))
    if phase is None or phase == 0:  # TimeoutStopSec=0 is another way to say infinity
        return UNKNOWN_STOP_SECONDS
    return int(min(STOP_PHASES * phase + 10, MAX_STOP_SECONDS))


def timer_name(unit: str, token: str) -> str:
    """The name, without suffix, of a timer that starts this unit."""
    return f"{TIMER_PREFIX}{_escape(unit)}-{token}"


def _escape(unit: str) -> str:
    # "@" would make the timer an instance of a template, and "\" would have to be quoted in patterns.
    return "".join(f":{ord(char):02x}" if char in "@\\:" else char for char in unit)


def own_timers(listing: str, unit: str) -> list:
    """Of the timers in the output of ``systemctl list-units --plain``, those that start this unit."""
    pattern = re.compile(re.escape(TIMER_PREFIX + _escape(unit)) + r"-[0-9a-f]+\.timer\Z")
    words = [line.split() for line in listing.splitlines()]
    return [fields[0] for fields in words if fields and pattern.match(fields[0])]


def arm_command(systemd_run: str, systemctl: str, name: str, seconds: float, units: list, replaces: list) -> list:
    """The argument list that starts these units after this many seconds, whoever is alive then.

    Timers that it replaces are disarmed in the same transaction, so that there is always exactly one.
    """
    return [
        systemd_run, "--quiet", "--collect", "--unit=" + name, f"--on-active={seconds:.3f}s",
        "--timer-property=AccuracySec=1s", f"--description=Start {units[0]} if its restart was interrupted",
    ] + ["--timer-property=Conflicts=" + timer for timer in replaces] + [
        "--", systemctl, "start", "--no-block", "--",
    ] + list(units)


def dependents(properties: dict) -> list:
    """Services that systemd stops together with this one, and that its start does not bring back."""
    names = " ".join(properties.get(key, "") for key in ("RequiredBy", "BoundBy", "ConsistsOf")).split()
    return sorted({name for name in names if name.endswith(".service")})


def reason_to_leave(unit: str, properties: dict, interrupted: bool) -> str | None:
    """Why a unit must not be restarted, or None. interrupted: a timer of ours waits to start it."""
    if interrupted:
        return None
    if properties.get("ActiveState") == "inactive" and properties.get("SubState", "dead") == "dead":
        return f"{unit}: stopped on purpose (inactive), so that it was left stopped"
    if properties.get("ActiveState") == "deactivating" and properties.get("Job", "") not in ("", "0"):
        return f"{unit}: somebody else is stopping it right now, so that it was left alone"
    return None


def is_down(properties: dict) -> bool:
    """Whether a unit has no process, and nothing will start one."""
    return properties.get("ActiveState") in ("inactive", "failed")


def runs_on(properties: dict) -> bool:
    """Whether a unit is active and nothing is about to change that."""
    return properties.get("ActiveState") == "active" and properties.get("Job", "") in ("", "0")


def had_process(properties: dict) -> bool:
    """Whether a unit has a process: one that waits for its next try has none."""
    return not is_down(properties) and not is_waiting_for_retry(properties)


def is_waiting_for_retry(properties: dict) -> bool:
    """Whether a unit has failed and systemd will start it again (``auto-restart``, since 254 also ``-queued``)."""
    return "auto-restart" in properties.get("SubState", "")


def _stamp(properties: dict, name: str) -> float:
    text = properties.get(name + "TimestampMonotonic", "")
    return int(text) / 1e6 if text.isdigit() else 0.0


def down_since(before: dict, after: dict, seen_down: float) -> float:
    """When the last process of a unit ended.

    before are its properties when the restart began, after those when it was down, seen at the time seen_down.
    A unit that waits for its next try has no process already, but the stop itself sets its time of becoming inactive;
    so, unless it was started once more in between, the earlier stamps count.
    """
    started_since = _stamp(after, "ExecMainStart") > _stamp(before, "ExecMainStart")
    source = after if had_process(before) or started_since else before
    known = max(_stamp(source, "ExecMainExit"), _stamp(source, "InactiveEnter"))
    # Unloaded meanwhile, or never seen by this manager: then only what was seen just now is sure.
    return known if 0 < known <= seen_down else seen_down


class Watch(t.NamedTuple):
    """A start as it is observed: the verdict and, once the unit was active, which process and since when."""

    verdict: str  # starting, settling, up, failed
    process: tuple | None = None
    since: float = 0.0


def watch(previous: Watch, properties: dict, now: float, settle: float) -> Watch:
    """Judge a start by one more look. ``up`` needs the same process for settle seconds; ``failed`` is final."""
    state, sub_state = properties.get("ActiveState", ""), properties.get("SubState", "")
    if state == "failed" or is_waiting_for_retry(properties):
        return previous._replace(verdict="failed")
    if state == "inactive":
        queued = properties.get("Job", "") not in ("", "0")
        return previous._replace(verdict=previous.verdict if queued else "failed")
    if state not in ("active", "reloading") or (properties.get("MainPID", "0") == "0" and sub_state != "exited"):
        return previous
    process = (properties.get("MainPID"), properties.get("NRestarts"))
    if previous.process is None:
        previous = Watch("settling", process, now)
    elif previous.process != process:
        return previous._replace(verdict="failed")
    return previous._replace(verdict="up") if now - previous.since >= settle else previous


def state_text(properties: dict) -> str:
    """``ActiveState=failed SubState=failed Result=exit-code ExecMainStatus=1``"""
    names = ("ActiveState", "SubState", "Result", "ExecMainStatus")
    return " ".join("{}={}".format(name, properties.get(name, "?")) for name in names)


def journal_command(unit: str) -> list:
    """The argument list for the last log lines of a unit."""
    return ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", str(LOG_LINES), "-u", unit]


def bounded_log(text: str) -> str:
    """The end of a log, short enough for a message."""
    return text.strip()[-LOG_CHARACTERS:]
