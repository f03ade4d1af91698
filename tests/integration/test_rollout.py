# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout over eight real hosts, and what can go wrong in it.

Each test asks for a higher floor of open files than the one before, which these hosts cannot raise in a running process, so
that each node has to be restarted and has an older text of ours to go back to.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest
from conftest import HEALTHY_SHM, SUPPORT, HostHandle, MakeFleet
from fleet import shaping
from fleet.state import Fleet
from timeline import Probe

pytestmark = pytest.mark.nspawn

NAMES = [f"val-{number}" for number in range(1, 9)]
AUTHORITIES = NAMES[:3]
DOMAINS = dict(zip(NAMES, ["a", "b", "c", "a", "b", "c", "d", "d"]))
DROP_IN = "/etc/systemd/system/polkadot.service.d/60-aarch64-validator.conf"
QUICK_SSH = "-o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=1 -o ServerAliveCountMax=2"
MARGIN = 30  # of the timer that starts a node whose restart was interrupted
FLOORS = itertools.count(4000, 500)
ROOT = SUPPORT.parent.parent

Playbook = t.Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def fleet(make_fleet: MakeFleet, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Eight hosts in four domains, three of them authorities, with few open files."""
    started = make_fleet(*NAMES)
    variables = {name: {"memory_pool_domain": DOMAINS[name]} for name in NAMES}
    content = json.loads(started.inventory.read_text())
    for name in NAMES:
        content["validators"]["hosts"][name].update(variables[name])
        shaping.shm(started, name, HEALTHY_SHM)
        if name not in AUTHORITIES:
            shaping.write(started, name, "/etc/default/polkadot", 'POLKADOT_CLI_ARGS="--chain polkadot"\n')
        shaping.drop_in(started, name, ["LimitNOFILE=1024"], file="10-site")
    started.inventory.write_text(json.dumps(content))
    return started


@pytest.fixture
def hosts(fleet: Fleet) -> t.Iterator[dict[str, HostHandle]]:
    """The hosts by name, all serving; what a test plants is taken away after it."""
    handles = {name: HostHandle(fleet, name) for name in NAMES}
    for handle in handles.values():
        handle.wait_for_node()
    yield handles
    for handle in handles.values():
        handle.link(True)
        planted = handle.inside("find", "/etc/systemd/system/polkadot.service.d", "-name", "70-*", "-print", "-delete")
        if planted or handle.show("ActiveState")["ActiveState"] != "active":
            handle.inside("systemctl", "daemon-reload")
            handle.inside("systemctl", "reset-failed")
            handle.inside("systemctl", "restart", shaping.UNIT)


class Run:
    """How a run ended."""

    def __init__(self, status: int, output: str, report: Path) -> None:
        self.status, self.output = status, output
        self.hosts = {entry["name"]: entry for entry in json.loads(report.read_text())["hosts"]} if report.exists() else {}

    @property
    def restarted(self) -> set[str]:
        return {name for name, entry in self.hosts.items() if f"{shaping.UNIT}: restarted" in entry["changes"]}


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

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a run that can be killed, in a session of its own."""
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(self.fleet.inventory), "playbooks/remediate.yml"]
        return subprocess.Popen(
            [*command, "-e", self.settings(), *arguments], cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")})


@pytest.fixture
def operator(playbook: Playbook, fleet: Fleet, tmp_path: Path) -> Operator:
    return Operator(playbook, fleet, tmp_path)


def pids(hosts: t.Mapping[str, HostHandle]) -> dict[str, str]:
    return {name: host.show("MainPID")["MainPID"] for name, host in hosts.items()}


def test_no_two_nodes_of_a_domain_or_group_are_down_together(hosts, operator):
    operator.raise_floor()
    with Probe(list(hosts.values())) as probe:
        run = operator.remediate("-vvv", memory_pool_serial=[1, 4])
    operator.report.mkdir(exist_ok=True)
    labels = {name: f"{name} {DOMAINS[name]}{' auth.' if name in AUTHORITIES else ''}" for name in NAMES}
    probe.draw(operator.report / "timeline.svg", labels)
    assert run.status == 0 and run.restarted == set(NAMES), run.output[-8000:]
    assert all(len(spans) == 1 for spans in probe.down.values()), probe.down
    for one, other in itertools.combinations(NAMES, 2):
        alike = DOMAINS[one] == DOMAINS[other] or {one, other} <= set(AUTHORITIES)
        assert not alike or probe.together(one, other) == 0, f"{one} and {other} were down together"
    assert min(end - begin for name in AUTHORITIES for begin, end in probe.down[name]) >= 1, "the delay of an authority"

    before = pids(hosts)
    again = operator.remediate("-vvv", "--limit", "val-1,val-4,val-8")
    assert again.status == 0 and pids(hosts) == before and set(again.hosts) == {"val-1", "val-4", "val-8"}
    for host in operator.fleet.hosts:
        lines = [line for line in again.output.splitlines() if f"<{host.address}>" in line and "EXEC" in line]
        assert sum("/usr/bin/python3 && sleep 0" in line for line in lines) <= 3, "a host that is well was asked too much"


def test_what_fails_is_undone_and_the_rest_is_untouched(hosts, operator):
    order = ["val-4", "val-5", "val-6", "val-7"]
    refuses, alone = hosts["val-6"], hosts["val-5"]
    if DROP_IN not in alone.inside("find", "/etc/systemd/system", "-name", "60-*"):  # this test is run alone
        operator.raise_floor()
        assert operator.remediate("--limit", "val-5,val-6").status == 0
    older = {host.name: host.inside("cat", DROP_IN) for host in (refuses, alone)}
    floor = operator.raise_floor()
    low = f"test $$(ulimit -n) -lt {floor}"
    refuses.drop_in(f"ExecStartPre=/bin/sh -c '{low}'", file="70-fault", restart=False)
    alone.drop_in(f"ExecStartPre=/bin/sh -c '({low} || echo WASMTIME_NODE_PEERS=0) >/home/polkadot/fault'",
                  "EnvironmentFile=-/home/polkadot/fault", file="70-fault", restart=False)
    before = pids(hosts)
    run = operator.remediate("--limit", ",".join(order), memory_pool_canaries=["val-4"], memory_pool_serial=[2],
                             memory_pool_gate_timeout=12)
    assert run.status == 2
    assert "gate after the restart of polkadot.service not passed" in run.output and "failed: val-5, val-6" in run.output
    for host, said in ((refuses, "polkadot.service did not start"), (alone, "peers: it has 0 peers")):
        entry = run.hosts[host.name]
        message = entry["failure"]["message"]
        assert entry["verdict"] == "failed" and said in message, message
        assert f"undone: {DROP_IN}: put back as it was before" in message
        assert "started as it was, polkadot.service: healthy" in message, message
        assert entry["undone"] == [f"{DROP_IN}: put back as it was before", "systemd: configuration reloaded"]
        assert host.inside("cat", DROP_IN) == older[host.name]
        host.rpc("state_getRuntimeVersion")
        assert host.limits()["Max open files"][0] == re.findall(r"LimitNOFILE=(\d+)", older[host.name])[0]
    assert "val-4" in run.restarted and not run.hosts["val-7"]["changes"]
    assert run.hosts["val-7"]["skipped"].startswith("not reached: the run stopped at batch 2 of 3 because of val-")
    untouched = set(NAMES) - {"val-4", "val-5", "val-6"}
    assert {name: pid for name, pid in pids(hosts).items() if name in untouched} == {name: before[name] for name in untouched}


def test_cut_off_before_during_and_after_the_turn(hosts, operator):
    order = ["val-4", "val-5", "val-6", "val-7"]
    early, during, late, last = (hosts[name] for name in order)
    operator.raise_floor()
    before = pids(hosts)
    early.link(False)
    done: list[Run] = []
    thread = threading.Thread(target=lambda: done.append(operator.remediate(
        "--limit", ",".join(order), "-e", "ansible_timeout=3", memory_pool_canaries=order)))
    thread.start()
    wait_until(lambda: during.show("MainPID")["MainPID"] != before[during.name])
    during.link(False)
    wait_until(lambda: late.show("MainPID")["MainPID"] not in (before[late.name], "0"), 120)
    wait_until(lambda: last.show("MainPID")["MainPID"] != before[last.name], 60)
    late.link(False)
    thread.join(120)
    run = done[0]
    verdicts = {name: entry["verdict"] for name, entry in run.hosts.items()}
    assert verdicts == {"val-4": "unreachable", "val-5": "unreachable", "val-6": "healthy", "val-7": "healthy"}, run.output
    assert run.status == 2 and run.restarted == {"val-6", "val-7"}
    assert "started by its own timer" in run.hosts["val-5"]["failure"]["message"]
    during.wait_for({"ActiveState": "active"}, timeout=MARGIN + 20)
    during.wait_for_node()
    assert early.show("MainPID")["MainPID"] == before[early.name]


def wait_until(condition: t.Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_two_hosts_with_one_identity_are_refused(hosts, operator):
    operator.raise_floor()
    for name in ("val-2", "val-6"):
        hosts[name].drop_in("Environment=WASMTIME_NODE_PEER_ID=12D3KooWTwin", file="70-twin")
        hosts[name].wait_for({"ActiveState": "active"})
    time.sleep(1)
    for name in ("val-2", "val-6"):
        hosts[name].wait_for_node()
    before = pids(hosts), [host.checksums() for host in hosts.values()]
    run = operator.remediate()
    assert run.status == 2
    assert (pids(hosts), [host.checksums() for host in hosts.values()]) == before, "something was changed"
    for name in ("val-2", "val-6"):
        assert "val-2 and val-6 have one peer id, 12D3KooWTwin" in run.hosts[name]["failure"]["message"]
    assert "not reached: the run was refused" in run.hosts["val-1"]["skipped"]


def test_a_syncing_node_is_left_out_and_a_window_is_kept(hosts, operator, tmp_path):
    operator.raise_floor()
    targets = ["--limit", "val-4,val-5"]
    hosts["val-4"].rpc("test_set", {"syncing": True})
    before = pids(hosts)
    now = time.gmtime(time.time() + 7200)
    closed = f"{now.tm_hour:02}:00-{now.tm_hour:02}:30 UTC"
    run = operator.remediate(*targets, memory_pool_window=closed)
    assert run.status == 2 and pids(hosts) == before
    assert "syncing" in run.hosts["val-4"]["skipped"] and run.hosts["val-4"]["changes"] == []
    assert run.hosts["val-5"]["pending"] == [shaping.UNIT] and closed in run.hosts["val-5"]["pending_until"]
    assert any(DROP_IN in change for change in run.hosts["val-5"]["changes"])
    hosts["val-4"].rpc("test_set", {"syncing": False})

    told = tmp_path / "told"
    for hook in ("before", "after"):
        (tmp_path / f"{hook}.yml").write_text(f"""
- name: Tell
  ansible.builtin.shell:
    cmd: "echo {hook} {{{{ inventory_hostname }}}} {{{{ memory_pool_unit }}}} >>{told}"
  delegate_to: localhost
""")
    run = operator.remediate(
        "--limit", "val-5", memory_pool_window="00:00-24:00", memory_pool_pre_restart_tasks=str(tmp_path / "before.yml"),
        memory_pool_post_restart_tasks=str(tmp_path / "after.yml"))
    assert run.status == 0 and run.restarted == {"val-5"}, run.output[-5000:]
    assert not any(DROP_IN in change for change in run.hosts["val-5"]["changes"]), "the files were right already"
    assert told.read_text() == f"before val-5 {shaping.UNIT}\nafter val-5 {shaping.UNIT}\n"


@pytest.mark.parametrize("kills", [
    3, pytest.param(20, marks=pytest.mark.skipif("SLOW" not in os.environ, reason="takes long; SLOW=1 runs it"))])
def test_the_controller_is_killed(hosts, operator, kills):
    names = ["val-1", "val-8"]
    chance = random.Random(kills)
    for _number in range(kills):
        floor = operator.raise_floor()
        process = operator.start("--limit", ",".join(names))
        time.sleep(chance.uniform(2, 25))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for name in names:  # without a second run
            hosts[name].wait_for({"ActiveState": "active"}, timeout=MARGIN + 25)
            hosts[name].wait_for_node()
            text = hosts[name].inside("sh", "-c", f"cat {DROP_IN} || true")
            assert re.fullmatch(r"(#[^\n]*\n\[Service\]\nLimitNOFILE=(\d+)\n)?", text), "a file was left half-written"
            for path in hosts[name].inside("find", "/var/lib", "-path", "*aarch64-validator/*.json").split():
                json.loads(hosts[name].inside("cat", path))
    run = operator.remediate("--limit", ",".join(names))
    assert run.status == 0, run.output[-5000:]
    for name in names:
        hosts[name].wait_for_node()
        assert int(hosts[name].limits()["Max open files"][0]) >= floor
        assert hosts[name].inside("find", "/etc", "/var/lib", "-name", "*.aarch64-validator-new") == ""
