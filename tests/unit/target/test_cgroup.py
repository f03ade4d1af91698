# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tightest limit on the way up, in made hierarchies of both versions, and what nodes without a unit are called."""

from __future__ import annotations

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils._cgroup import cgroup_facts, read_limit
from ansible_collections.aarch64.validator.plugins.module_utils._processes import entry_name, script_arguments

GIB = 1 << 30
V1_UNLIMITED = 9223372036854771712
ID = "3f2a1b4c5d6e" + "0" * 52


def hierarchy(directory, files: dict) -> None:
    for name, value in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")


def mount(directory, fstype: str, *options: str, root: str = "/") -> dict:
    return {"fstype": fstype, "mountpoint": str(directory), "root": root, "super_options": ["rw", *options]}


def test_the_pod_that_is_tighter_than_its_container_is_named(tmp_path):
    hierarchy(tmp_path, {
        "kube/pod/c/memory.max": 4 * GIB, "kube/pod/memory.max": 2 * GIB, "kube/memory.max": "max",
        "kube/pod/c/memory.current": GIB, "kube/pod/c/memory.swap.max": 0, "kube/pod/c/memory.high": "max",
        "kube/pod/c/pids.max": 100, "kube/pod/c/pids.current": 7, "kube/pod/pids.max": "max", "kube/pids.max": 100})
    facts = cgroup_facts("0::/kube/pod/c\n", [mount(tmp_path, "cgroup2")], read_limit)
    assert facts == {
        "version": 2, "limit": 2 * GIB, "limited_by": f"{tmp_path}/kube/pod/memory.max", "high": -1, "current": GIB, "swap": 0,
        "pids": 100, "pids_limited_by": f"{tmp_path}/kube/pod/c/pids.max", "pids_current": 7}


@pytest.mark.parametrize(("memsw", "swap"), [(3 * GIB, GIB), (V1_UNLIMITED, -1), (None, None)])
def test_version_1_has_a_hierarchy_for_each_controller(tmp_path, memsw, swap):
    files = {"memory/docker/x/memory.limit_in_bytes": 2 * GIB, "memory/docker/memory.limit_in_bytes": V1_UNLIMITED,
             "memory/docker/x/memory.usage_in_bytes": 5, "pids/docker/x/pids.max": "max"}
    if memsw is not None:
        files["memory/docker/x/memory.memsw.limit_in_bytes"] = memsw
    hierarchy(tmp_path, files)
    mounts = [mount(tmp_path / "memory", "cgroup", "memory"), mount(tmp_path / "pids", "cgroup", "pids"),
              mount(tmp_path / "unified", "cgroup2")]
    facts = cgroup_facts("5:pids:/docker/x\n4:memory:/docker/x\n0::/\n", mounts, read_limit)
    assert (facts["version"], facts["limit"], facts["swap"], facts["current"]) == (1, 2 * GIB, swap, 5)
    assert facts["limited_by"] == f"{tmp_path}/memory/docker/x/memory.limit_in_bytes"
    assert (facts["pids"], facts["pids_limited_by"]) == (-1, None)


def test_a_mount_that_shows_a_part_is_understood(tmp_path):
    hierarchy(tmp_path, {"inner/memory.max": GIB})
    facts = cgroup_facts("0::/outer/inner\n", [mount(tmp_path, "cgroup2", root="/outer")], read_limit)
    assert facts["limit"] == GIB


def test_no_control_groups_at_all():
    facts = cgroup_facts("", [], read_limit)
    assert set(facts.values()) == {None}


@pytest.mark.parametrize(("container", "name"), [
    ({"runtime": "docker", "id": ID, "name": None, "pod": None}, "docker container 3f2a1b4c5d6e"),
    ({"runtime": "podman", "id": ID, "name": "validator", "pod": None}, "podman container validator"),
    ({"runtime": "lxc", "id": "val-1", "name": None, "pod": None}, "lxc container val-1"),
    ({"runtime": "containerd", "id": None, "name": None, "pod": "8f3c"}, "containerd container of pod 8f3c"),
    ({"runtime": "unknown", "id": None, "name": None, "pod": None}, "unknown container, process 7 (polkadot)"),
    (None, "process 7 (polkadot)"),
])
def test_names_of_nodes_without_a_unit(container, name):
    facts = {"main_pid": 7, "binary": "/usr/bin/polkadot", "container": container}
    assert entry_name(facts, {}) == name
    assert container is None or entry_name(facts, {name}) == f"{name}, process 7 (polkadot)", "of two nodes one would be lost"


def test_the_command_line_of_a_script_is_that_of_the_node():
    started = ["/usr/bin/python3", "-sE", "/usr/bin/polkadot", "--validator"]
    assert script_arguments(started) == ["/usr/bin/polkadot", "--validator"]
    assert script_arguments(["/bin/node", "--x"]) == ["/bin/node", "--x"]
