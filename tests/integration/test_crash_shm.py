# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module shm, stopped at every system call that changes a file or a mount: nothing is ever half done.

With CRASH_POINTS=all each point also fails in each way, once and for good.
"""

from __future__ import annotations

import typing as t

import crash_trial
import pytest
from crash_machines import ShmMachine
from crash_trial import Trial

FSTAB_TEXT = "# /etc/fstab\nproc /proc proc defaults,nosuid 0 0\n\ntmpfs\t/tmp tmpfs\tmode=1777 0 0\n"
SIZED, LARGER = {"size": "128M"}, {"size": "192M"}
REVERT = ("shm", {"state": "reverted"})
UNDO = ("changes", {"state": "undone"})
TRIALS = (
    Trial("shm: a line added", "shm", SIZED, after=(REVERT,)),
    Trial("shm: a line changed on trial", "shm", {**LARGER, "provisional": True}, before=(("shm", SIZED),), after=(UNDO, REVERT)),
    Trial("shm: reverted", "shm", REVERT[1], before=(("shm", SIZED),), after=(REVERT,)),
    Trial("changes: shm undone", "changes", UNDO[1], before=(("shm", SIZED), ("shm", {**LARGER, "provisional": True})),
          after=(UNDO, REVERT)),
)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[list[ShmMachine]]:
    """Two, so that both processors have something to do."""
    try:
        started = [ShmMachine(tmp_path_factory.mktemp("crash"), FSTAB_TEXT) for _machine in range(2)]
    except OSError as error:
        pytest.skip(str(error))
    yield started
    for machine in started:
        machine.__exit__()


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_nothing_is_half_done(machines: list[ShmMachine], trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    told = crash_trial.attempts(machines, trial)
    with capsys.disabled():
        print("\n" + told)
