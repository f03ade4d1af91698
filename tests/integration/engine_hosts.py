# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine whose Docker and Podman have the image of a node, before and after each test."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_box import (
    CONF_D,
    DAEMON_JSON,
    EngineBox,
    node_root,
)
from private_root import STATE

GIB = 1 << 30
OPERATORS = """{
    "labels": ["kept=yes"],
    "log-opts" : {"max-size": "10m"},
    "default-ulimits": {
        "core": {"Name": "core", "Hard": 0, "Soft": 0}
    },
    "shutdown-timeout": 3
}
"""
BROKEN = {
    '{"labels": [],}': "line 1, column 1",
    '{\n  "labels": []\n  "debug": true\n}': "line 3, column 3",
    '{"debug": true, "debug": false}': 'line 1, column 17: the key "debug" is there twice',
    '{"default-shm-size": 64}': '"default-shm-size" is 64',
    '["debug"]': "line 1, column 1",
    '{"debug": tru': "line 1, column 11",
}
WAIT = ["sleep", "infinity"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the file system of a node."""
    lacking = [program for program in ("dockerd", "docker", "podman", "lxc-start", "setpriv") if shutil.which(program) is None]
    if lacking:
        pytest.skip("not installed: " + ", ".join(lacking))
    place = tmp_path_factory.mktemp("containers")
    node_root(place / "node")
    return place


@pytest.fixture(scope="module")
def box(place: Path) -> Iterator[EngineBox]:
    """A machine whose engines have the node."""
    (place / "base").mkdir()
    with EngineBox(place / "base") as started:
        started.write(DAEMON_JSON, OPERATORS)
        started.start_docker()
        with subprocess.Popen(["tar", "-C", str(place / "node"), "-c", "."], stdout=subprocess.PIPE) as archive:
            subprocess.run(started.limited("docker", "import", "-", "node:test"), stdin=archive.stdout, check=True,
                           capture_output=True)
        with subprocess.Popen(["tar", "-C", str(place / "node"), "-c", "."], stdout=subprocess.PIPE) as archive:
            subprocess.run(started.limited("podman", "import", "-", "localhost/node:test"), stdin=archive.stdout, check=True,
                           capture_output=True)
        yield started


@pytest.fixture
def docker(box: EngineBox) -> Iterator[EngineBox]:
    """An engine with settings of its operator, in which nothing is left behind."""
    box.write(DAEMON_JSON, OPERATORS, 0o640)
    box.run("rm", "-rf", STATE)
    box.start_docker()
    yield box
    assert box.left_behind("docker") == "", "a trial has left something in Docker"
    box.stop_docker()


@pytest.fixture
def podman(box: EngineBox) -> Iterator[EngineBox]:
    """Podman without our settings."""
    box.run("rm", "-rf", STATE, CONF_D)
    yield box
    for name in box.engine("podman", "ps", "--all", "--quiet").split():
        box.engine("podman", "rm", "--force", "--time=0", name)
    box.run("rm", "-rf", CONF_D)
    assert box.left_behind("podman") == "", "a trial has left something in Podman"


def start(box: EngineBox, engine: str, name: str, *options: str) -> str:
    """A container of the node's image that only waits."""
    image = "node:test" if engine == "docker" else "localhost/node:test"
    box.engine(engine, "run", "--detach", "--network=none", "--name=" + name, *options, image, *WAIT)
    return name


def seen(box: EngineBox, path: str) -> tuple[bytes, int, int, int]:
    """A file as an undo has to give it back."""
    found = box.path(path).stat()
    return box.path(path).read_bytes(), stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid
