# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a node may be started again, what secures that, and when a start counts as good."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _restart


@pytest.mark.parametrize(("text", "seconds"), [
    ("1min 30s", 90), ("5s", 5), ("1h 2min 3s", 3723), ("100ms", 0.1), ("1d", 86400), ("0", None), ("infinity", None),
    ("", None), ("1.5s", 1.5),
])
def test_timespan(text: str, seconds: float | None) -> None:
    assert _restart.parse_timespan(text) == seconds


@pytest.mark.parametrize(("text", "seconds"), [
    ("1min 30s", 280), ("2s", 16), ("infinity", 600), ("0", 600), ("3h", 3600), ("", 600),
])
def test_longest_stop(text: str, seconds: int) -> None:
    assert _restart.stop_seconds({"TimeoutStopUSec": text}) == seconds


def test_guards_are_found_again_by_unit() -> None:
    units = ["node.service", "node@1.service", "node@12.service", r"node\x2d.service", "node.service-1.service"]
    names = [_restart.guard_name(unit, "00ff") for unit in units]
    assert len(set(names)) == len(units)
    assert "@" not in "".join(names)
    # armed; waiting for the stop, with a column for the job; counting; failed, which systemd does not collect at once
    listing = "".join(f"{name}.timer loaded active waiting Start\n" for name in names)
    listing += "".join(f"{name}.service loaded inactive dead start Start\n" for name in names)
    listing += f"{names[0]}x.timer loaded active waiting Start\n\nother.timer loaded active\n"
    listing += f"{names[0]}0.service loaded failed failed Start\n"
    for unit, name in zip(units, names):
        assert _restart.own_guards(listing, unit) == _restart.guard_units(name) == [name + ".timer", name + ".service"]


PROGRAMS = {"systemd-run": "/bin/systemd-run", "systemctl": "/bin/systemctl", "python": "/bin/python3"}


def test_arming() -> None:
    command = _restart.arm_command(PROGRAMS, "t", 150, [r"no\x2dde.service", "sidecar.service"])
    assert command[-5:] == [_restart.GUARD_CODE, "150", "/bin/systemctl", r"no\x2dde.service", "sidecar.service"]
    assert command[command.index("--") + 1] == "/bin/python3"
    assert "--on-active=3s" in command
    assert "--property=After=no\\\\x2dde.service" in command  # systemd-run takes one of two backslashes away


def test_guard_waits_then_starts_even_at_the_limit_of_starts(tmp_path: Path) -> None:
    log, systemctl = tmp_path / "log", tmp_path / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >>{log}\ntest "$1" != reset-failed\n')
    systemctl.chmod(0o755)
    programs = dict(PROGRAMS, python=sys.executable, systemctl=str(systemctl))
    command = _restart.arm_command(programs, "t", 1, ["node.service", "sidecar.service"])
    begin = time.monotonic()
    subprocess.run(command[command.index("--") + 1:], check=True)
    assert time.monotonic() - begin >= 1
    units = "-- node.service sidecar.service\n"
    assert log.read_text() == f"reset-failed {units}start --no-block {units}"


def test_guard_survives_being_written_to_a_unit_file() -> None:
    assert not set(_restart.GUARD_CODE) & set(';"$%\\\n`')


def test_dependents_are_services() -> None:
    properties = {"RequiredBy": "b.service x.target", "BoundBy": "a.service", "ConsistsOf": "a.service", "Wants": "c"}
    assert _restart.dependents(properties) == ["a.service", "b.service"]


@pytest.mark.parametrize(("state", "sub_state", "job", "interrupted", "left"), [
    ("active", "running", "", False, False),
    ("inactive", "dead", "", False, True),
    ("inactive", "dead", "", True, False),
    ("failed", "failed", "", False, False),
    ("activating", "auto-restart", "", False, False),
    ("inactive", "dead-before-auto-restart", "", False, False),
    ("deactivating", "stop-sigterm", "17", False, True),
    ("deactivating", "stop-sigterm", "17", True, False),
    ("deactivating", "stop-post", "", False, False),
])
def test_what_is_left_alone(state: str, sub_state: str, job: str, interrupted: bool, left: bool) -> None:
    properties = {"ActiveState": state, "SubState": sub_state, "Job": job}
    assert (_restart.reason_to_leave("node.service", properties, interrupted) is not None) is left


def unit(state: str, exit_at: float = 0, inactive_at: float = 0, start_at: float = 0, sub_state: str = "") -> dict:
    stamps = {"ExecMainExit": exit_at, "InactiveEnter": inactive_at, "ExecMainStart": start_at}
    properties = {name + "TimestampMonotonic": str(int(value * 1e6)) for name, value in stamps.items()}
    return dict(properties, ActiveState=state, SubState=sub_state)


@pytest.mark.parametrize(("before", "after", "expected"), [
    # running until just now: the later of the end of its main process and of all of them
    (unit("active", 0, 10, 11), unit("inactive", 90, 95, 11), 95),
    # running, and unloaded once stopped: when it was seen down
    (unit("active", 0, 10, 11), unit("inactive"), 100),
    # failed before: that counts, whatever the stop changes
    (unit("failed", 40, 41, 39), unit("inactive", 40, 99, 39), 41),
    # crash loop: the stop itself makes it inactive, but its process has been gone for longer
    (unit("activating", 60, 60, 59, "auto-restart"), unit("inactive", 60, 99, 59), 60),
    # crash loop that started once more before it was stopped
    (unit("activating", 60, 60, 59, "auto-restart"), unit("inactive", 98, 99, 97), 99),
    # nothing known, or from the future
    (unit("inactive"), unit("inactive"), 100),
    (unit("failed", 500, 500), unit("inactive"), 100),
])
def test_down_since(before: dict, after: dict, expected: float) -> None:
    assert _restart.down_since(before, after, 100) == expected


def looks(*states: tuple, settle: float = 5) -> str:
    """The verdict after looks at ``(time, ActiveState, SubState, MainPID, NRestarts, Job)``."""
    seen = _restart.Watch("starting")
    for now, state, sub_state, pid, restarts, job in states:
        properties = {"ActiveState": state, "SubState": sub_state, "MainPID": pid, "NRestarts": restarts, "Job": job}
        seen = _restart.watch(seen, properties, now, settle)
        if seen.verdict in ("up", "failed"):
            break
    return seen.verdict


@pytest.mark.parametrize(("states", "verdict"), [
    ([(0, "active", "running", "7", "0", "")], "settling"),
    ([(0, "active", "running", "7", "0", ""), (5, "active", "running", "7", "0", "")], "up"),
    ([(0, "active", "running", "7", "0", ""), (1, "reloading", "reload", "7", "0", ""),
      (6, "active", "running", "7", "0", "")], "up"),
    ([(0, "active", "running", "7", "0", ""), (1, "active", "running", "8", "1", "")], "failed"),
    ([(0, "active", "running", "7", "0", ""), (1, "active", "running", "7", "1", "")], "failed"),
    ([(0, "active", "running", "7", "0", ""), (1, "inactive", "dead", "0", "0", "")], "failed"),
    ([(0, "inactive", "dead", "0", "0", "12")], "starting"),
    ([(0, "inactive", "dead", "0", "0", "")], "failed"),
    ([(0, "activating", "start", "7", "0", "12")], "starting"),
    ([(0, "activating", "auto-restart", "0", "0", "")], "failed"),
    ([(0, "activating", "auto-restart-queued", "0", "0", "")], "failed"),
    ([(0, "failed", "failed", "0", "0", "")], "failed"),
    ([(0, "active", "running", "0", "0", ""), (9, "active", "running", "0", "0", "")], "starting"),
    ([(0, "active", "exited", "0", "0", ""), (9, "active", "exited", "0", "0", "")], "up"),
])
def test_watch(states: list, verdict: str) -> None:
    assert looks(*states) == verdict


def test_log_is_bounded() -> None:
    assert _restart.bounded_log("x" * 9000 + "end\n\n").endswith("end")
    assert len(_restart.bounded_log("x" * 9000)) == _restart.LOG_CHARACTERS
    for size in range(3980, 4010):  # also where the end of the log begins inside of it
        assert "S3CRET" not in _restart.bounded_log("--node-key S3CRET" + " " + "x" * size), "the log in a message has a secret"
