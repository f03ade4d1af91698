# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules for the defaults of containers, stopped at every system call that changes a file or talks to an engine.

Each run with a real engine takes seconds, so that there a part of the points is tried; with CRASH_POINTS=all each is.
"""

from __future__ import annotations

import shutil
import typing as t

import crash_trial
import pytest
from crash_engines import Podman, RunningDocker, StoppedDocker
from crash_trial import Trial
from private_root import PrivateRoot

pytestmark = pytest.mark.nspawn

SIZED, LARGER = {"shm_size": "128M"}, {"shm_size": "192M"}
ON_TRIAL = {"provisional": True}
UNDO = ("changes", {"state": "undone"})


def trials(module: str) -> tuple[Trial, ...]:
    """A value added, changed on trial, reverted, and undone."""
    revert = (module, {"state": "reverted"})
    return (
        Trial(f"{module}: a value added", module, SIZED, after=(revert,)),
        Trial(f"{module}: a value changed on trial", module, {**LARGER, **ON_TRIAL}, before=((module, SIZED),),
              after=(UNDO, revert)),
        Trial(f"{module}: reverted", module, revert[1], before=((module, SIZED),), after=(revert,)),
        Trial(f"changes: {module} undone", "changes", UNDO[1], before=((module, SIZED), (module, {**LARGER, **ON_TRIAL})),
              after=(UNDO, revert)),
    )


def started(kind: type[PrivateRoot], program: str, tmp_path_factory: pytest.TempPathFactory) -> PrivateRoot:
    """A machine of this kind, if this one has the program."""
    if shutil.which(program) is None:
        pytest.skip("not installed: " + program)
    try:
        return kind(tmp_path_factory.mktemp("crash"))
    except OSError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[PrivateRoot]:
    with started(StoppedDocker, "dockerd", tmp_path_factory) as machine:
        yield machine


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[PrivateRoot]:
    with started(RunningDocker, "dockerd", tmp_path_factory) as machine:
        yield machine


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[PrivateRoot]:
    with started(Podman, "podman", tmp_path_factory) as machine:
        yield machine


def tried(machine: t.Any, trial: Trial, every: int, capsys: pytest.CaptureFixture[str]) -> None:
    told = crash_trial.attempts([machine], trial, every)
    with capsys.disabled():
        print("\n" + told)


@pytest.mark.parametrize("trial", trials("docker_defaults"), ids=lambda trial: trial.name)
def test_settings_of_an_engine_that_does_not_run(stopped: PrivateRoot, trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    tried(stopped, trial._replace(name=trial.name + ", engine stopped"), 2, capsys)


@pytest.mark.parametrize("trial", trials("docker_defaults"), ids=lambda trial: trial.name)
def test_settings_of_a_running_engine(docker: PrivateRoot, trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    tried(docker, trial._replace(name=trial.name + ", engine running"), 6, capsys)


@pytest.mark.parametrize("trial", trials("podman_defaults"), ids=lambda trial: trial.name)
def test_settings_of_podman(podman: PrivateRoot, trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    tried(podman, trial, 6, capsys)
