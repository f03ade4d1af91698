# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated containers, read back by those who will have to: Docker, Podman, docker-compose, Kubernetes' schema, liblxc."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from container_situations import SITUATIONS

from ansible_collections.aarch64.validator.plugins.filter.container_snippets import container_snippets

# podman-systemd.unit(5) of Podman 4.7, where ShmSize= came; Debian 12 has 4.3, which cannot read such units itself.
QUADLET_KEYS = {"Image", "ContainerName", "ShmSize", "PodmanArgs", "NoNewPrivileges", "Exec"}


def needs(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def run(*command: str, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **options)  # type: ignore[call-overload]


@pytest.fixture(params=SITUATIONS)
def told(request: pytest.FixtureRequest) -> dict[str, str]:
    return container_snippets(SITUATIONS[request.param])


@pytest.fixture
def short_directory() -> Iterator[str]:
    """Podman takes no more than 50 characters."""
    with tempfile.TemporaryDirectory(prefix="av-", dir="/tmp") as path:
        yield path


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_engines_know_every_option(told: dict[str, str], engine: str, tmp_path: Path, short_directory: str) -> None:
    """An option that they do not know ends them before they look for an image, or for a daemon."""
    program = needs(engine)
    if engine == "podman" and os.geteuid() != 0:
        pytest.skip("needs root, to have a store of its own")
    words = shlex.split(told["docker_run"])
    assert words[:2] == ["docker", "run"]
    place = ["-H", f"unix://{tmp_path}/none.sock"] if engine == "docker" else [
        "--root", str(tmp_path / "root"), "--runroot", short_directory, "--storage-driver=vfs",
        "--events-backend=none", "--cgroup-manager=cgroupfs"]
    extra = [] if engine == "docker" else ["--pull=never"]
    complaint = run(program, *place, "run", *extra, *words[2:]).stderr
    assert re.search(r"(?i)cannot connect|failed to connect|image not known|no such image", complaint), complaint
    wrong = run(program, *place, "run", *extra, "--shm-sise=2g", *words[2:]).stderr
    assert "unknown flag: --shm-sise" in wrong, "this test would not notice a wrong option"


def test_docker_compose_takes_the_file(told: dict[str, str], tmp_path: Path) -> None:
    program = needs("docker-compose")
    (tmp_path / "compose.yml").write_text(told["compose"])
    done = run(program, "-f", "compose.yml", "config", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    service = yaml.safe_load(done.stdout)["services"]["polkadot"]
    assert service["ulimits"]["nofile"]["soft"] == 65535 and service["shm_size"]
    (tmp_path / "compose.yml").write_text(told["compose"].replace("shm_size", "shm_sise"))
    assert run(program, "-f", "compose.yml", "config", cwd=tmp_path).returncode != 0, "this test would not notice a wrong key"


@pytest.mark.parametrize("version", ["1.27", "1.32", "1.37"])
def test_the_schema_of_kubernetes_holds(told: dict[str, str], version: str) -> None:
    documents = list(yaml.safe_load_all(told["kubernetes"]))
    assert len(documents) == 1
    kubernetes_validate.validate(documents[0], version, strict=True)
    pod = documents[0]["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounted = {mount["mountPath"]: volumes[mount["name"]] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounted["/dev/shm"]["emptyDir"]["medium"] == "Memory" and mounted["/dev/shm"]["emptyDir"]["sizeLimit"]
    assert documents[0]["spec"]["selector"]["matchLabels"] == documents[0]["spec"]["template"]["metadata"]["labels"]
    pod["volumes"][0]["emptyDir"]["sizelimit"] = "2Gi"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(documents[0], version, strict=True)


def test_liblxc_loads_every_line(told: dict[str, str], tmp_path: Path) -> None:
    program = needs("lxc-info")
    (tmp_path / "val").mkdir()
    config = tmp_path / "val/config"
    config.write_text("lxc.uts.name = val\nlxc.rootfs.path = dir:/\n" + told["lxc"])

    def value(key: str) -> subprocess.CompletedProcess:
        return run(program, "-P", str(tmp_path), "-n", "val", "-c", key)

    done = value("lxc.prlimit.nofile")
    assert done.returncode == 0 and "lxc.prlimit.nofile = 65535" in done.stdout, done.stderr
    assert "dev/shm tmpfs" in value("lxc.mount.entry").stdout
    config.write_text(config.read_text().replace("lxc.prlimit.nofile", "lxc.prlimits.nofile"))
    assert value("lxc.uts.name").returncode != 0, "this test would not notice a wrong key"


def test_quadlet_has_documented_keys_and_a_sound_service(told: dict[str, str], tmp_path: Path) -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(told["quadlet"])
    assert set(dict(parser["Container"])) <= QUADLET_KEYS and parser["Container"]["ShmSize"]
    arguments = re.findall(r"^PodmanArgs=(.*)$", told["quadlet"], re.MULTILINE)
    assert any(argument.startswith("--ulimit=nofile=65535") for argument in arguments)
    # What is left of it is an ordinary service, which systemd itself can judge.
    unit = tmp_path / "polkadot.service"
    service = re.sub(r"\[Container\].*?\n\n", "", told["quadlet"], flags=re.DOTALL)
    unit.write_text(service.replace("[Service]\n", "[Service]\nExecStart=/bin/true\n"))
    done = run(needs("systemd-analyze"), "verify", "--recursive-errors=no", str(unit))
    assert done.returncode == 0 and not done.stderr, done.stderr
