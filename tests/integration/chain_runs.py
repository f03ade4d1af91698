# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of playbooks on three hosts, one of which is ill and one about to die."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
from conftest import HostHandle, Playbook

GIB = 1 << 30
# What these hosts can grant, see tests/support/fleet/supervisor.py.
GRANTABLE = {"memory_pool_limit_nofile": 16384, "memory_pool_limit_memlock": 8388608, "memory_pool_restart_delay": 1}

# ansible.cfg notices a dead peer after a minute; here nobody has that long.
QUICK_SSH = "-o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=1 -o ServerAliveCountMax=2"


class Run:
    """A finished run of a playbook, with its report."""

    def __init__(self, done: subprocess.CompletedProcess[str], report: Path) -> None:
        self.status, self.output = done.returncode, done.stdout + done.stderr
        self.report = json.loads(report.read_text()) if report.exists() else {"hosts": [], "summary": {}}
        self.hosts = {entry["name"]: entry for entry in self.report["hosts"]}

    def ids(self, host: str) -> list[str]:
        return [finding["id"] for finding in self.hosts[host]["findings"]]

    def recap(self, field: str) -> dict[str, int]:
        return {name: int(count) for name, count in re.findall(rf"^(\S+) +: .*{field}=(\d+)", self.output, re.MULTILINE)}

    def remote_modules(self, host: HostHandle) -> int:
        """How many modules were executed on a host; needs -vvv. With pipelining each is one command of a bare Python."""
        address = re.escape(host.fleet.host(host.name).address)
        return len(re.findall(rf"^<{address}> SSH: EXEC .*python3 && sleep 0", self.output, re.MULTILINE))


@pytest.fixture
def play(playbook: Playbook, tmp_path: Path) -> t.Callable[..., Run]:
    """Run a playbook with variables, and read its report."""

    def run(name: str, *arguments: str, **variables: object) -> Run:
        settings = json.dumps({**GRANTABLE, **variables})
        path = tmp_path / "report" / "report.json"
        path.unlink(missing_ok=True)
        return Run(playbook(name, "-e", settings, *arguments, env={"ANSIBLE_SSH_ARGS": QUICK_SSH}), path)

    return run


Play = t.Callable[..., Run]


def shm_mount(host: HostHandle) -> tuple[int, set[str]]:
    """Size of the live /dev/shm and its other options."""
    line = next(line for line in host.inside("cat", "/proc/mounts").splitlines() if " /dev/shm " in line)
    options = {option for option in line.split()[3].split(",") if not option.startswith("size=")}
    return int(host.inside("stat", "--file-system", "--format=%b", "/dev/shm")) * 4096, options


@pytest.fixture
def ill(hosts: list[HostHandle]) -> list[HostHandle]:
    """Small shm and few descriptors; a node that dies of its address-space limit; a healthy host."""
    small, dying, healthy = hosts
    small.shm("64M")
    small.drop_in("LimitNOFILE=1024")
    dying.drop_in("LimitAS=300G", "Environment=WASMTIME_NODE_ENGINE_GUARD=2GiB")
    healthy.drop_in("LimitNOFILE=16384")
    dying.wait_for({"SubState": "auto-restart"})
    return [small, dying, healthy]
