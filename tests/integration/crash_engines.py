# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines with container engines, on which the modules for their defaults are stopped in the middle."""

from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

from crash_machines import PrivateMachine
from engine_box import CONF_D, DAEMON_JSON, OURS, EngineBox
from private_root import STATE

from ansible_collections.aarch64.validator.plugins.module_utils._docker_engine import Api, Trial
from ansible_collections.aarch64.validator.plugins.module_utils._docker_plan import shm_of
from ansible_collections.aarch64.validator.plugins.module_utils._docker_proof import BETWEEN

OPERATORS = '{\n    "labels": ["kept=yes"],\n    "shutdown-timeout": 3\n}\n'
_SECONDS = 10  # for an engine to read its settings


class StoppedDocker(PrivateMachine):
    """Docker is installed, but does not run: only its file is changed."""

    watched = ("/etc/docker", STATE)

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.path("/etc/docker").mkdir(exist_ok=True)
        self.path(DAEMON_JSON).write_text(OPERATORS)
        self.run("chmod", "640", DAEMON_JSON)
        self.run("chown", "1:2", DAEMON_JSON)

    def live(self) -> t.Any:
        """Nothing runs."""
        return None


class RunningDocker(PrivateMachine, EngineBox):
    """A real engine."""

    watched = ("/etc/docker", STATE)

    def between(self, path: str) -> bool:
        """An engine that is to forget a value reads it once more as it was by default; the state has what comes then."""
        state = self.path(f"{STATE}/{BETWEEN}.json")
        return state.exists() and json.loads(state.read_bytes())[path]["between"].encode() == self.read(path)

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.write(DAEMON_JSON, OPERATORS, 0o640)
        self.start_docker()

    def live(self) -> t.Any:
        """What a new container gets, once the engine has read the file as it is, and what trials have left."""
        wanted = shm_of(json.loads(self.read(DAEMON_JSON)))
        deadline = time.monotonic() + _SECONDS
        left = self.left_behind("docker")
        with Trial(Api(str(self.path("/run/docker.sock")))) as trial:
            while trial.told_shm() != wanted and time.monotonic() < deadline:
                time.sleep(0.05)
            return trial.told_shm(), left


class Podman(PrivateMachine, EngineBox):
    """A real Podman, which has no engine."""

    watched = (CONF_D, STATE)

    def command(self, *arguments: str, user: int = 0, user_namespace: bool = False) -> list[str]:
        """Without the capability to lift limits, like the other machines."""
        return super().command(*arguments, user=user, user_namespace=user_namespace)

    def live(self) -> t.Any:
        """What trials have left; Podman itself reads its files for each container."""
        names = sorted(path.name for path in self.path("/tmp").glob("aarch64-validator-trial-*"))
        return self.left_behind("podman"), names


__all__ = ["OURS", "Podman", "RunningDocker", "StoppedDocker"]
