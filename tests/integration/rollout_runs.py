# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of remediate on the eight hosts of rollout_fleet, and what they are asked after one.

Each run asks for a higher floor of open files than the one before, which these hosts cannot raise in a running process, so
that each node has to be restarted and has an older text of ours to go back to.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from conftest import DOMAINS, SUPPORT, HostHandle, Playbook
from fleet import shaping
from fleet.state import Fleet

NAMES = list(DOMAINS)
DROP_IN = "/etc/systemd/system/polkadot.service.d/60-aarch64-validator.conf"
RECORD = "/var/lib/aarch64-validator/provisional.json"
QUICK_SSH = "-o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=2 -o ServerAliveCountMax=4"
MARGIN = 30  # of the timer that starts a node whose restart was interrupted
FLOORS = itertools.count(4000, 500)
ROOT = SUPPORT.parent.parent


def handles(fleet: Fleet) -> t.Iterator[dict[str, HostHandle]]:
    """The hosts by name, all serving; what a test plants is taken away after it."""
    hosts = {name: HostHandle(fleet, name) for name in NAMES}
    for host in hosts.values():
        host.wait_for_node()
    yield hosts
    for host in hosts.values():
        host.link(True)
        planted = host.inside("find", "/etc/systemd/system/polkadot.service.d", "-name", "70-*", "-print", "-delete")
        if planted or host.show("ActiveState")["ActiveState"] != "active":
            host.inside("systemctl", "daemon-reload")
            host.inside("systemctl", "reset-failed")
            host.inside("systemctl", "restart", shaping.UNIT)


class Run:
    """How a run ended."""

    def __init__(self, status: int, output: str, report: Path) -> None:
        self.status, self.output = status, output
        self.hosts = {entry["name"]: entry for entry in json.loads(report.read_text())["hosts"]} if report.exists() else {}

    @property
    def restarted(self) -> set[str]:
        return {name for name, entry in self.hosts.items() if f"{shaping.UNIT}: restarted" in entry["changes"]}

    @property
    def verdicts(self) -> dict[str, str]:
        return {name: entry["verdict"] for name, entry in self.hosts.items()}

    def message(self, name: str) -> str:
        """Why a host failed."""
        return self.hosts[name]["failure"]["message"]


class Operator:
    """Runs remediate with floors of its own."""

    def __init__(self, playbook: Playbook, fleet: Fleet, tmp_path: Path) -> None:
        self.playbook, self.fleet, self.report = playbook, fleet, tmp_path / "report"
        self.floor = 0

    def settings(self, **variables: object) -> str:
        base = {"memory_pool_limit_nofile": self.floor, "memory_pool_limit_memlock": 8388608, "memory_pool_restart_delay": 1,
                "memory_pool_gate_timeout": 60, "memory_pool_min_free": "10M", "memory_pool_report_dir": str(self.report)}
        return json.dumps({**base, **variables})

    def raise_floor(self) -> int:
        self.floor = next(FLOORS)
        return self.floor

    def remediate(self, *arguments: str, **variables: object) -> Run:
        done = self.playbook("remediate", "-e", self.settings(**variables), *arguments, env={"ANSIBLE_SSH_ARGS": QUICK_SSH})
        return Run(done.returncode, done.stdout + done.stderr, self.report / "report.json")

    def start(self, *arguments: str, **variables: object) -> subprocess.Popen[bytes]:
        """Start a run that can be killed, in a session of its own."""
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(self.fleet.inventory), "playbooks/remediate.yml"]
        return subprocess.Popen(
            [*command, "-e", self.settings(**variables), *arguments], cwd=ROOT, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")})


def pids(hosts: t.Mapping[str, HostHandle]) -> dict[str, str]:
    return {name: host.show("MainPID")["MainPID"] for name, host in hosts.items()}


def starts(host: HostHandle, since: float) -> int:
    """How often systemd has started the node since a time."""
    host.inside("journalctl", "--sync")
    command = ["journalctl", f"--unit={shaping.UNIT}", f"--since=@{since:.3f}", "--output=cat", "--no-pager", "--quiet"]
    return sum(line.startswith(f"Started {shaping.UNIT}") for line in host.inside(*command).splitlines())


def floor_of(host: HostHandle) -> int:
    """The limit that the live node has."""
    return int(host.limits()["Max open files"][0])


def written_floor(host: HostHandle) -> int:
    """The limit that our drop-in gives, which is whole or not there; 0 without it. So is what an undo would need."""
    text = host.inside("sh", "-c", f"cat {DROP_IN} 2>/dev/null || true")
    match = re.fullmatch(r"(#[^\n]*\n\[Service\]\nLimitNOFILE=(\d+)\n)?", text)
    assert match, f"{host.name}: a file was left half-written: {text!r}"
    for path in host.inside("find", "/var/lib", "-path", "*aarch64-validator/*.json").split():
        json.loads(host.inside("cat", path))
    return int(match.group(2) or 0)


def wait_until(condition: t.Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def fleet(rollout_fleet: Fleet) -> Fleet:
    return rollout_fleet


@pytest.fixture
def hosts(fleet: Fleet) -> t.Iterator[dict[str, HostHandle]]:
    yield from handles(fleet)


@pytest.fixture
def operator(playbook: Playbook, fleet: Fleet, tmp_path: Path) -> Operator:
    return Operator(playbook, fleet, tmp_path)
