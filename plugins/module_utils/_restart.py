# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to restart a node so that it comes up again whatever happens. Pure functions; private to this collection.

Times are seconds of CLOCK_MONOTONIC, the clock of systemd's ``*TimestampMonotonic`` properties.

What systemd 252 was seen to do, and what follows from it:

* A start job that arrives while a unit is stopping cancels the stop job, and the unit starts the moment its processes
  are gone. That is a good end for a node, but without the delay.
* A start job of another unit that is ordered after it, however, waits until the stop job has ended: "if one unit is
  shut down and the other is started up, the shutdown is ordered before the start-up" (systemd.unit(5), also of systemd
  239). So the guard is a transient service with ``After=`` of the unit, which a timer starts at once: systemd itself
  lets it count the delay from the moment the unit is down. This holds if the stop job is there before the timer fires.
* ``systemctl start`` of a unit that is active or starting does nothing: both guard and module may start it.
* A stopped unit that nothing refers to, be it by ``After=``, is unloaded, and its time stamps are gone with it.
* The command of a transient service is read back from a file at each daemon-reload, and not always as it was: ``;``
  comes back as ``\\;``. A property given to systemd-run loses single backslashes.
* A service that is told to stop while it runs an ExecStartPre= ends as failed; a main process may die of SIGTERM.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text

PROPERTIES = [
    "Id", "LoadState", "ActiveState", "SubState", "Result", "Job", "MainPID", "NRestarts", "ExecMainStatus",
    "ExecMainStartTimestampMonotonic", "ExecMainExitTimestampMonotonic", "InactiveEnterTimestampMonotonic",
    "TimeoutStopUSec", "NeedDaemonReload", "RequiredBy", "BoundBy", "ConsistsOf",
]
GUARD_PREFIX = "aarch64-validator-start-"
# From arming to the start of the guard's count. Ordering the stop takes less, or the guard is armed anew.
LEAD_SECONDS = 3
# Wait and start the units. The limit of starts (StartLimitBurst=) must not keep them down. A single expression, without
# any of ; " $ % \ and line breaks, for the sake of what systemd reads back.
GUARD_CODE = (
    "(lambda os, sys, time: (time.sleep(int(sys.argv[1])),"
    " os.spawnv(os.P_WAIT, sys.argv[2], [sys.argv[2], 'reset-failed', '--'] + sys.argv[3:]),"
    " os.execv(sys.argv[2], [sys.argv[2], 'start', '--no-block', '--'] + sys.argv[3:])))"
    "(*map(__import__, ['os', 'sys', 'time']))"
)
UNKNOWN_STOP_SECONDS = 600  # for TimeoutStopSec=infinity: longer than any node that stops at all
MAX_STOP_SECONDS = 3600
# ExecStop=, SIGTERM and SIGKILL each get TimeoutStopSec (systemd.service(5)).
STOP_PHASES = 3
LOG_LINES = 20
LOG_CHARACTERS = 4000

_SPAN = re.compile(r"\A([0-9]{1,20}(?:\.[0-9]{1,20})?)(us|ms|s|min|h|d|w|month|y)\Z")
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


def guard_name(unit: str, token: str) -> str:
    """The name, without suffix, of a timer and a service that start this unit."""
    return f"{GUARD_PREFIX}{_escape(unit)}-{token}"


def _escape(unit: str) -> str:
    # "@" would make the guard an instance of a template, and "\" would have to be quoted in patterns.
    return "".join(f":{ord(char):02x}" if char in "@\\:" else char for char in unit)


def guard_units(name: str) -> list:
    """Both units of a guard: one of them, or both, are there until it has done its work."""
    return [name + ".timer", name + ".service"]


def own_guards(listing: str, unit: str) -> list:
    """Of the units in the output of ``systemctl list-units --plain``, those that are to start this unit."""
    pattern = re.compile(re.escape(GUARD_PREFIX + _escape(unit)) + r"-[0-9a-f]+\.(timer|service)\Z")
    words = [line.split() for line in listing.splitlines()]
    return [fields[0] for fields in words if len(fields) > 2 and pattern.match(fields[0]) and fields[2] != "failed"]


def arm_command(programs: dict, name: str, seconds: int, units: list) -> list:
    """The argument list that starts these units this many seconds after the first is down, whoever is alive then."""
    return [
        programs["systemd-run"], "--quiet", "--collect", "--unit=" + name, f"--on-active={LEAD_SECONDS}s",
        "--timer-property=AccuracySec=100ms", "--property=After=" + units[0].replace("\\", "\\\\"),
        f"--description=Start {units[0]} if its restart was interrupted",
        "--", programs["python"], "-IS", "-c", GUARD_CODE, str(seconds), programs["systemctl"],
    ] + list(units)


def dependents(properties: dict) -> list:
    """Services that systemd stops together with this one, and that its start does not bring back."""
    names = " ".join(properties.get(key, "") for key in ("RequiredBy", "BoundBy", "ConsistsOf")).split()
    return sorted({name for name in names if name.endswith(".service")})


def reason_to_leave(unit: str, properties: dict, interrupted: bool) -> str | None:
    """Why a unit must not be restarted, or None. interrupted: a guard of ours waits to start it."""
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
    source = after if had_process(before) or started_since(before, after) else before
    known = max(_stamp(source, "ExecMainExit"), _stamp(source, "InactiveEnter"))
    # Unloaded meanwhile, or never seen by this manager: then only what was seen just now is sure.
    return known if 0 < known <= seen_down else seen_down


def started_since(before: dict, after: dict) -> bool:
    """Whether a unit was started between two looks."""
    return _stamp(after, "ExecMainStart") > _stamp(before, "ExecMainStart")


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


def journal_command(unit: str, since: float) -> list:
    """The argument list for the last log lines of a unit since a time, in seconds of the clock on the wall."""
    return ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", str(LOG_LINES), f"--since=@{since:.6f}", "-u", unit]


def bounded_log(text: str) -> str:
    """The end of a log, without secrets and short enough for a message."""
    return redact_text(text).strip()[-LOG_CHARACTERS:]  # in this order: half a secret looks like none
