# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restriction_bisect for the options of containers, with a real Docker and a real Podman around the real Wasmtime."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_box import NODE, node_root
from service_host import MODULES, REPOSITORY

from ansible_collections.aarch64.validator.plugins.module_utils._bisect import usual_bound

pytestmark = pytest.mark.nspawn


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file system of a node, to be imported."""
    place = tmp_path_factory.mktemp("image")
    root = node_root(place / "root")
    subprocess.run(["tar", "-C", str(root), "-cf", str(place / "image.tar"), "."], check=True)
    shutil.rmtree(root)
    return place / "image.tar"


def in_engine(name: str, environment: dict[str, str], *words: str) -> str:
    """Output of an engine of the test's own, which must succeed."""
    done = subprocess.run([name, *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def docker(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which a Docker of the test's own is found."""
    place = tmp_path_factory.mktemp("docker")
    environment = {**os.environ, "DOCKER_HOST": f"unix://{place}/docker.sock"}
    paths = ["--data-root", f"{place}/data", "--exec-root", f"{place}/exec", "--pidfile", f"{place}/pid"]
    with open(place / "log", "wb") as log:
        daemon = subprocess.Popen(["dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", *paths, "--host",
                                   environment["DOCKER_HOST"]], stdout=log, stderr=log, env=environment)
    try:
        deadline = time.monotonic() + 60
        while not (place / "docker.sock").exists():
            assert daemon.poll() is None and time.monotonic() < deadline, (place / "log").read_text()
            time.sleep(0.2)
        in_engine("docker", environment, "import", "--change", f'ENTRYPOINT ["{NODE}"]', "--change", "USER polkadot", str(image),
                  "node:test")
        yield environment
        assert in_engine("docker", environment, "volume", "ls", "--quiet") == "", "a trial has left a volume behind"
    finally:
        daemon.terminate()
        daemon.wait(timeout=30)


@pytest.fixture(scope="module")
def podman(image: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which Podman has a store of the test's own."""
    place = tmp_path_factory.mktemp("podman")
    (place / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{place}/graph"\nrunroot = "{place}/run"\n')
    # By itself Podman asks for limits that not every machine may give, and crun refuses two kinds of control groups at once.
    (place / "containers.conf").write_text(
        '[containers]\ndefault_ulimits = ["nofile=1024:2048", "nproc=2000:2000"]\n[engine]\nruntime = "runc"\n')
    settings = {"CONTAINERS_CONF": f"{place}/containers.conf", "CONTAINERS_STORAGE_CONF": f"{place}/storage.conf"}
    environment = {**os.environ, **settings}
    in_engine("podman", environment, "import", "--change", f'ENTRYPOINT ["{NODE}"]', "--change", "USER polkadot", str(image),
              "node:test")
    return environment


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, str]]]:
    """An engine and its environment; no container of it may be left."""
    if shutil.which("dockerd" if request.param == "docker" else request.param) is None:
        pytest.skip(f"not installed: {request.param}")
    environment = request.getfixturevalue(request.param)
    yield request.param, environment
    assert in_engine(request.param, environment, "ps", "--all", "--quiet") == "", "a trial has left a container behind"


def module_of(engine: tuple[str, dict[str, str]], options: list[str], **more: Any) -> tuple[dict[str, str], str]:
    """Environment and input of the module for a container."""
    name, environment = engine
    prefix = "localhost/" if name == "podman" else ""
    arguments = dict({"engine": name, "image": prefix + "node:test", "options": options, "seconds": 5, "base_path": "/data",
                      "command": ["--base-path", "/data"]}, **more)
    environment = {**environment, "PYTHONPATH": str(REPOSITORY / "playbooks" / "collections")}
    return environment, json.dumps({"ANSIBLE_MODULE_ARGS": arguments})


def contained(engine: tuple[str, dict[str, str]], options: list[str], **more: Any) -> dict[str, Any]:
    """Run the module for a container."""
    environment, given = module_of(engine, options, **more)
    done = subprocess.run([sys.executable, "-m", MODULES + "restriction_bisect"], env=environment, capture_output=True, text=True,
                          input=given, check=False)
    assert done.stdout.strip(), done.stderr
    return dict(json.loads(done.stdout))


LOOSE = ["--cap-drop=ALL", "--security-opt=no-new-privileges", "--shm-size=128m", "--cpus=2", "--user=polkadot", "--read-only"]


def test_container(engine: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    assert contained(engine, [*LOOSE, "--pids-limit=100"])["conclusion"] == "starts"
    profile = tmp_path / "seccomp.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["memfd_create"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}))
    result = contained(engine, ["--pids-limit=3", *LOOSE, f"--security-opt=seccomp={profile}"])
    assert result["conclusion"] == "culprits", result
    assert [one["name"] + "=" + one["value"] for one in result["directives"]] == [
        f"--security-opt=seccomp={profile}", "--pids-limit=3"]
    assert "memfd" in result["directives"][0]["evidence"]["text"]
    assert "can't start new thread" in result["directives"][1]["evidence"]["text"]
    assert result["relaxation"].splitlines() == LOOSE
    assert result["starts"] <= usual_bound(len(result["restrictions"]), 2)


def test_container_that_is_not_the_cause(engine: tuple[str, dict[str, str]]) -> None:
    result = contained(engine, LOOSE, command=["--no-such-option"])
    assert (result["conclusion"], result["starts"]) == ("not-the-sandbox", 2)
    result = contained(engine, LOOSE, image="none")
    assert result["failed"] and result["reason"] == "engine" and re.search("no such image|image not known", result["msg"], re.I)
    assert "not an option that restricts" in contained(engine, ["--volume=/:/host"])["msg"]


@pytest.mark.parametrize("seconds", [0.4, 0.8, None], ids=["early", "later", "while the container runs"])
def test_what_a_killed_module_left_is_removed_by_the_next(
        engine: tuple[str, dict[str, str]], tmp_path: Path, seconds: float | None) -> None:
    name, its_own = engine
    environment, given = module_of(engine, LOOSE, seconds=60, environment={"A_SECRET": "hush-hush"})
    process = subprocess.Popen([sys.executable, "-m", MODULES + "restriction_bisect"], env={**environment,
                                                                                            "TMPDIR": str(tmp_path)},
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    process.stdin.write(given)
    process.stdin.close()
    deadline = time.monotonic() + 60
    while seconds is None and not in_engine(name, its_own, "ps", "--quiet"):
        assert time.monotonic() < deadline and process.poll() is None, "no container was started"
    if seconds is None:
        shown = in_engine(name, its_own, "inspect", in_engine(name, its_own, "ps", "--quiet").split()[0])
        assert "A_SECRET=hush-hush" in shown, "the program does not get its variables"
    time.sleep(seconds or 0)
    process.kill()
    process.wait()
    assert not list(tmp_path.iterdir()), "variables of the operator stay in a file for ever"
    time.sleep(2)  # until the client of the engine, which was only asked to end, has done what it does
    result = contained(engine, [], seconds=1)
    assert not result.get("failed"), result
    assert in_engine(name, its_own, "ps", "--all", "--quiet") == "", "a container of a killed run stays for ever"
