# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built collection, installed into an empty place, runs its playbooks by their full names on three real hosts."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest
import tarball
from conftest import HostHandle

pytestmark = pytest.mark.nspawn

# What these hosts can grant, see tests/support/fleet/supervisor.py.
GRANTABLE = {"memory_pool_limit_nofile": 16384, "memory_pool_limit_memlock": 8388608, "memory_pool_restart_delay": 1}


@pytest.fixture
def run(tmp_path: Path, hosts: list[HostHandle]) -> t.Callable[..., subprocess.CompletedProcess[str]]:
    """Run a playbook by its full name, in a place that knows nothing of the clone."""
    tarball.install(tmp_path)

    def play(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return tarball.run("ansible-playbook", "-i", hosts[0].fleet.inventory, "-e", json.dumps(GRANTABLE), *arguments,
                           f"aarch64.validator.{name}", cwd=tmp_path, check=False)

    return play


def test_installed_playbooks_by_their_full_names(
    hosts: list[HostHandle], run: t.Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    hosts[0].shm("64M")
    hosts[0].drop_in("LimitNOFILE=1024")
    hosts[1].drop_in("LimitAS=300G", "Environment=WASMTIME_NODE_ENGINE_GUARD=2GiB")
    hosts[1].wait_for({"SubState": "auto-restart"})
    before = [host.checksums() for host in hosts]

    def expect(name: str, status: int, *arguments: str) -> dict:
        done = run(name, *arguments)
        assert done.returncode == status, f"aarch64.validator.{name} {arguments} ended with {done.returncode}:\n{done.stdout}"
        report = json.loads((tmp_path / "validator-report/report.json").read_text())
        return {entry["name"]: entry for entry in report["hosts"]}

    found = expect("diagnose", 2)
    assert found["val-2"]["findings"][0]["id"] == "address-space-limit"
    predicted = expect("remediate", 0, "--check", "--diff")
    assert [host.checksums() for host in hosts] == before, "check mode changed a host"
    done = expect("remediate", 0)
    assert {name: entry["verdict"] for name, entry in done.items()} == dict.fromkeys(("val-1", "val-2", "val-3"), "healthy")
    assert {name: entry["changes"] for name, entry in done.items()} == {
        name: entry["changes"] for name, entry in predicted.items()}, "check mode told of other changes than were made"
    hosts[1].wait_for_node()
    expect("verify", 0)
    expect("audit", 0)
    assert len(list((tmp_path / "validator-report/facts").glob("*.json"))) == 3
    expect("revert", 0)
    assert [host.checksums() for host in hosts] == before, "revert left something behind"
