# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes in real containers, seen from the host by /proc alone: Podman's, and one that something without a name made.

Podman has a store of its own here and makes its control groups itself, so that it needs neither systemd nor a registry.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
import typing as t
from pathlib import Path

import pytest
import rootfs
from private_root import COLLECTIONS

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("podman", "runc", "mmdebstrap"))),
    reason="needs root, podman, runc and mmdebstrap")

ENGINE_NOW = 0x4082000000
GIB = 1 << 30
NODE = ("/usr/bin/polkadot", "--validator", "--base-path", "/tmp/data")
# What an engine may not give where the machine itself is short of capabilities.
LIMITS = ("--ulimit", "nproc=4000:4000", "--ulimit", "nofile=4096:8192")
GATHER = """
import json, sys
from ansible_collections.aarch64.validator.plugins.module_utils._gather import AUTO, Wanted, gather
wanted = Wanted(services=[AUTO], binaries=[], engine_bytes=1, engines_needed=None, probe=False, log_lines=0, toolchain=False)
print(json.dumps(gather(wanted)))
"""
# Reserves as a browser or a garbage collector does.
NO_NODE = "import mmap, time; held = mmap.mmap(-1, 386 << 30, flags=0x4022, prot=0); print('ready', flush=True); time.sleep(1e6)"

UNNAMED = """
set -e
node_root=$1; shift
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$node_root,upperdir=upper,workdir=work" root
cd root
mount -t proc proc proc
mount -t tmpfs -o size=100M,mode=1777 tmpfs dev/shm
pivot_root . mnt
umount -l /mnt
exec "$@"
"""


def gathered(*prefix: str) -> dict[str, t.Any]:
    """Facts of this machine, from a process of its own."""
    code = f"import sys; sys.path.insert(0, {str(COLLECTIONS)!r})\n{GATHER}"
    done = subprocess.run([*prefix, "/usr/bin/python3", "-I", "-c", code], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout))


def cgroup_mounts() -> list[Path]:
    """Where the hierarchies of control groups are mounted, of both versions."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [Path(line.split()[4]) for line in lines if " - cgroup" in line]


class Podman:
    """An engine of the test's own."""

    def __init__(self, place: Path, root: Path) -> None:
        self.root = root
        self.options = ["--root", str(place / "store"), "--runroot", str(place / "run"), "--cgroup-manager=cgroupfs",
                        "--events-backend=none", "--runtime=runc"]

    def call(self, *command: str) -> str:
        done = subprocess.run(["podman", *self.options, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, *options: str, command: t.Sequence[str] = NODE) -> str:
        """The id of a container that runs."""
        limits = () if "--ulimit" in options else LIMITS
        return self.call("run", "--detach", "--network=none", *limits, *options, "--rootfs", f"{self.root}:O", *command)

    def end(self) -> None:
        with contextlib.suppress(AssertionError):
            self.call("rm", "--force", "--all", "--time=0")


@pytest.fixture(scope="module")
def node_root(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Path]:
    """The root directory of the test hosts, with the stand-in node on real Wasmtime."""
    place = tmp_path_factory.mktemp("layers")
    layers = [rootfs.node_layer(), rootfs.wasmtime_layer(platform.machine()), rootfs.debian_layer()]
    below = ":".join(map(str, layers))
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={below}", str(place)], check=True)
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture(scope="module")
def podman(node_root: Path) -> t.Iterator[Podman]:
    place = Path(tempfile.mkdtemp(prefix="av-", dir="/tmp"))  # Podman takes no more than 50 characters
    engine = Podman(place, node_root)
    yield engine
    engine.end()
    subprocess.run(["umount", "--quiet", str(place / "store/overlay")], check=False)
    shutil.rmtree(place, ignore_errors=True)
    for mountpoint in cgroup_mounts():  # Podman leaves its own, empty ones behind
        for name in ("libpod_parent/conmon", "libpod_parent"):
            with contextlib.suppress(OSError):
                (mountpoint / name).rmdir()


@pytest.fixture
def clean(podman: Podman) -> t.Iterator[Podman]:
    yield podman
    podman.end()


def node_of(engine: Podman, identifier: str, seconds: int = 60) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """The facts, and those of the node in a container once it has mapped its pool."""
    name = f"podman container {identifier[:12]}"
    deadline = time.monotonic() + seconds
    while True:
        facts = gathered()
        found = facts["processes"].get(name)
        if found and found["pool"]["mapped"]:
            return facts, found
        said = f"{name} was not found: {list(facts['processes'])}"
        assert time.monotonic() < deadline, f"{said}\n{engine.call('logs', identifier)}"
        time.sleep(0.5)


def told(facts: dict[str, t.Any], identifier: str) -> dict[str, dict[str, t.Any]]:
    """Findings of one container."""
    findings = assess_facts(facts, {})["findings"]
    return {item["id"]: item for item in findings if item["service"] == f"podman container {identifier[:12]}"}


def test_a_node_in_a_container_by_its_defaults(clean: Podman) -> None:
    identifier = clean.start()
    facts, node = node_of(clean, identifier)
    container = node["container"]
    assert (container["runtime"], container["id"], container["rootless"]) == ("podman", identifier, False)
    assert node["shm"]["size"] in (64 << 20, 65536000) and node["shm"]["from"] == "container"
    assert "nosuid" in node["shm"]["options"] and node["shm"]["mode"] == "1777"
    credentials = node["credentials"]
    assert credentials["seccomp"] == 2 and credentials["seccomp_filters"] >= 1
    assert "cap_chown" in credentials["capability_names"] and "cap_sys_admin" not in credentials["capability_names"]
    assert credentials["userns"]["own"] is False
    assert (node["cgroup"]["pids"], container["from"]["pids"]) == (2048, "container"), "Podman's own default"
    assert (node["limits"]["live"]["nofile"]["hard"], container["from"]["nofile"]) == (8192, "container")
    assert container["from"]["as"] == "host", "what a container inherits is not its own"
    assert node["pool"]["engine_bytes"] == ENGINE_NOW and node["pool"]["engine_bytes_source"] == "process"
    assert node["node"]["role"] == "validator" and node["libc"]["name"] == "glibc"
    findings = told(facts, identifier)
    assert "--shm-size=2g (podman run) or ShmSize=2g (Quadlet)" in findings["container-shm-default"]["summary"]
    assert "--ulimit nofile=65535 (podman run)" in findings["nofile-limit"]["summary"]
    assert not any(item["explains"] or item["automatic"] for item in findings.values())
    assert "libc-mismatch" not in findings and "program-unusable" not in findings


def test_options_that_were_advised_are_seen(clean: Podman) -> None:
    identifier = clean.start("--shm-size=2g", "--memory=1g", "--security-opt=no-new-privileges", "--cap-drop=all",
                             "--security-opt=seccomp=unconfined", *LIMITS)
    facts, node = node_of(clean, identifier)
    assert node["shm"]["size"] == 2 * GIB
    assert (node["cgroup"]["limit"], node["container"]["from"]["memory"]) == (GIB, "container")
    assert identifier in node["cgroup"]["limited_by"]
    assert node["credentials"]["no_new_privs"] is True and node["credentials"]["seccomp"] == 0
    assert node["credentials"]["capability_names"] == []
    findings = told(facts, identifier)
    assert "container-shm-default" not in findings and "shm-too-small" not in findings
    assert "--memory=8g" in findings["cgroup-memory-low"]["summary"]


def test_shared_memory_of_the_host_is_told_as_the_hosts(clean: Podman) -> None:
    identifier = clean.start("--ipc=host")
    facts, node = node_of(clean, identifier)
    assert node["shm"]["from"] == "host" and node["shm"]["size"] == facts["shm"]["size"]
    assert not {"container-shm-default", "shm-too-small"} & set(told(facts, identifier))


def test_a_control_group_that_says_nothing_does_not_hide_a_container(clean: Podman) -> None:
    identifier = clean.start()
    pid = node_of(clean, identifier)[1]["main_pid"]
    for mountpoint in cgroup_mounts():
        (mountpoint / "cgroup.procs").write_text(str(pid))
    assert identifier not in Path(f"/proc/{pid}/cgroup").read_text()
    _facts, node = node_of(clean, identifier)
    assert node["container"]["id"] == identifier, "its mounts name it"


def test_other_programs_with_large_reservations_are_no_nodes(clean: Podman) -> None:
    other = clean.start(command=("/usr/bin/python3", "-c", NO_NODE))
    deadline = time.monotonic() + 30
    while "ready" not in clean.call("logs", other):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert f"podman container {other[:12]}" not in gathered()["processes"]


def test_an_ordinary_user_sees_that_there_is_a_container(clean: Podman) -> None:
    identifier = clean.start()
    node_of(clean, identifier)
    facts = gathered("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    held = [node for node in facts["processes"].values() if node["container"] and node["container"]["id"] == identifier]
    assert not held or held[0]["shm"] is None
    assert not facts["host"]["root"]


def test_a_container_that_nothing_names(node_root: Path, tmp_path: Path) -> None:
    """As a script with unshare and chroot makes it."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], check=True)
    for name in ("upper", "work", "root"):
        (tmp_path / name).mkdir()
    started = subprocess.Popen(["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-c", UNNAMED, "sh",
                                str(node_root), *NODE], cwd=tmp_path,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        found: list[dict[str, t.Any]] = []
        while not found:
            assert started.poll() is None and time.monotonic() < deadline, "the node was not found"
            facts = gathered()
            found = [node for name, node in facts["processes"].items()
                     if name.startswith("unknown container") and node["pool"]["mapped"]]
            time.sleep(0.5)
        assert found[0]["shm"]["size"] == 100 << 20 and found[0]["container"]["id"] is None
        assert "a tmpfs of 2g on /dev/shm" in str(assess_facts(facts, {})["findings"])
    finally:
        started.kill()
        started.wait()
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)
