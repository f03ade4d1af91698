# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an interrupted run has left: changes that nobody has seen a node live with, and nodes that a timer will start."""

from __future__ import annotations

import functools
import time
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _left_over, _provisional, _restart
from ansible_collections.aarch64.validator.plugins.module_utils._drop_in import LIMITS
from ansible_collections.aarch64.validator.plugins.module_utils._state import load_state, save_state

UNIT = "node@1.service"
BOOT = _provisional.boot_id()


@pytest.fixture
def drop_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A drop-in that was written on trial just now."""
    for module in (_provisional, _left_over):
        monkeypatch.setattr(module, "load_state", functools.partial(load_state, directory=str(tmp_path)))
    monkeypatch.setattr(_provisional, "save_state", functools.partial(save_state, directory=str(tmp_path)))
    path = tmp_path / "60.conf"
    _provisional.remember_drop_in(LIMITS, UNIT, str(path), None, "new\n", None)
    path.write_text("new\n")
    return path


def trials(started_at: float, boot: str = BOOT) -> list:
    """What is told of a service that was started at this time, in seconds from now."""
    stamp = str(int((time.monotonic() + started_at) * 1e6))
    found = _left_over.on_trial({UNIT: {"ExecMainStartTimestampMonotonic": stamp}}, boot, [])
    assert found is not None
    return [(trial["remedy"], trial["unit"], trial["started"]) for trial in found]


def test_a_service_has_to_be_proven_once_it_was_started_with_the_change(drop_in: Path):
    assert trials(-10) == [(LIMITS, UNIT, False)], "it still runs as it did before the change"
    assert trials(10) == [(LIMITS, UNIT, True)]
    assert trials(-10, boot="another") == [(LIMITS, UNIT, True)], "after a boot everything runs with the change"


def test_a_change_that_is_not_there_any_more_was_not_started_with(drop_in: Path):
    drop_in.write_text("edited")
    assert trials(10) == [(LIMITS, UNIT, False)]
    drop_in.unlink()
    assert trials(10) == [(LIMITS, UNIT, False)]


def test_what_needs_no_start_is_told_too(drop_in: Path):
    _provisional.remember(_provisional.SHM, _provisional.SHM, {"made": {}, "state": {}})
    _provisional.forget(LIMITS)
    assert trials(0) == [("shm", None, None)]


def test_a_damaged_record_is_unknown_and_said(drop_in: Path):
    (drop_in.parent / "provisional.json").write_text("[")
    unread: list = []
    assert _left_over.on_trial({}, BOOT, unread) is None and "damaged" in unread[0]["reason"]
    (drop_in.parent / "provisional.json").write_text('{"service-limits": {"a.service": {}}}')
    assert _left_over.on_trial({}, BOOT, unread) is None


@pytest.mark.parametrize(("unit", "pid", "guard", "expected"), [
    (UNIT, "0", UNIT, True), (UNIT, "", UNIT, True), (UNIT, "7", UNIT, False), (UNIT, "0", "node@2.service", False),
    ("node.service", "0", "node.service-a.service", False),
])
def test_a_service_is_interrupted_while_a_timer_waits_to_start_it(unit: str, pid: str, guard: str, expected: bool):
    guards = [{"Id": _restart.guard_name(guard, "0a1b2c3d") + ".service", "ActiveState": "inactive"}]
    assert _left_over.is_guard(guards[0]) and not _left_over.is_guard({"Id": unit})
    assert _left_over.interrupted({"Id": unit, "MainPID": pid}, guards) is expected
    assert not _left_over.interrupted({"Id": unit, "MainPID": pid}, [])
