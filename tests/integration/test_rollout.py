# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout over eight real hosts, three of them authorities, and what can go wrong in it."""

from __future__ import annotations

import itertools
import re
import threading
import time
from pathlib import Path

import pytest
from conftest import DOMAINS, HostHandle
from fleet import shaping
from rollout_runs import DROP_IN, MARGIN, NAMES, RECORD, Operator, Run, fleet, floor_of, hosts, operator, pids, starts, wait_until  # noqa: F401  # pylint: disable=unused-import  # fixtures
from timeline import Probe

pytestmark = pytest.mark.nspawn

AUTHORITIES = NAMES[:3]


def test_hosts_are_cut_off_and_no_two_nodes_of_a_domain_or_group_are_ever_down_together(
    hosts: dict[str, HostHandle], operator: Operator,
) -> None:
    """One host is cut off before its turn, one during its restart, one after its turn; then the same command ends the work."""
    early, during, late = "val-5", "val-6", "val-7"
    operator.raise_floor()
    before, began = pids(hosts), time.time()
    with Probe(list(hosts.values())) as probe:
        hosts[early].link(False)
        first = cut_off_during(operator, hosts[during], hosts[late], before[during])
        assert pids(hosts)[early] == before[early]
        for name in (early, during, late):
            hosts[name].link(True)
        second = operator.remediate("-vvv", memory_pool_serial=[1, 4])
    operator.report.mkdir(exist_ok=True)
    labels = {name: f"{name} {DOMAINS[name]}{' auth.' if name in AUTHORITIES else ''}" for name in NAMES}
    probe.draw(operator.report / "timeline.svg", labels)

    assert first.status == 2, first.output[-8000:]
    beside = "val-3"  # of the domain of the host that nobody has seen serve since it was stopped
    assert first.verdicts == {name: "unreachable" if name in (early, during, late) else "at-risk" if name == beside else "healthy"
                              for name in NAMES}, first.output[-8000:]
    assert first.restarted == set(NAMES) - {early, during, beside}
    assert "batch" not in first.message(early)
    assert first.message(during).startswith("batch 2 of ") and "is started by its own timer" in first.message(during)
    assert "its turn was over and its node was well then, now it does not answer" in first.message(late)
    assert f"{during} of the same failure domain or exclusive group was lost" in first.hosts[beside]["skipped"]
    for name in (early, during, late):
        assert name in first.output.split("unreachable: ")[-1], "the end of the run has to name it"

    assert second.status == 0 and second.restarted == {early, beside}, second.output[-8000:]
    assert second.hosts[during]["notes"] == [f"{shaping.UNIT}: well with what an interrupted run has changed"]
    assert hosts[during].inside("sh", "-c", f"ls {RECORD} || true") == ""
    assert [floor_of(host) for host in hosts.values()] == [operator.floor] * len(NAMES)
    assert {name: starts(host, began) for name, host in hosts.items()} == dict.fromkeys(NAMES, 1)

    assert all(len(spans) == 1 for spans in probe.down.values()), probe.down
    for one, other in itertools.combinations(NAMES, 2):
        alike = DOMAINS[one] == DOMAINS[other] or {one, other} <= set(AUTHORITIES)
        assert not alike or probe.together(one, other) == 0, f"{one} and {other} were down together"
    assert min(end - begin for name in AUTHORITIES for begin, end in probe.down[name]) >= 1, "the delay of an authority"
    for host in operator.fleet.hosts:
        lines = [line for line in second.output.splitlines() if f"<{host.address}>" in line and "EXEC" in line]
        modules = sum("/usr/bin/python3 && sleep 0" in line for line in lines)
        most = 12 if host.name in (early, beside) else 5 if host.name == during else 3
        assert 3 <= modules <= most, f"{host.name} was asked {modules} times"


def cut_off_during(operator: Operator, during: HostHandle, late: HostHandle, old_pid: str) -> Run:
    """A run in which two hosts are cut off while the node of the first is down; the turn of the other is over by then."""
    done: list[Run] = []
    canaries = [late.name, during.name]
    thread = threading.Thread(target=lambda: done.append(operator.remediate(
        "-e", "ansible_timeout=8", memory_pool_canaries=canaries, memory_pool_serial=[4])))
    thread.start()
    wait_until(lambda: during.show("MainPID")["MainPID"] != old_pid)
    for host in (during, late):
        host.link(False)
    during.wait_for({"ActiveState": "active"}, timeout=MARGIN + 20)
    during.wait_for_node()
    thread.join(600)
    return done[0]


def test_what_fails_is_undone_and_the_rest_is_untouched(hosts: dict[str, HostHandle], operator: Operator) -> None:
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
        assert message.startswith("batch 2 of 3: gate after the restart of polkadot.service not passed"), message
        assert entry["undone"] == [f"{DROP_IN}: put back as it was before", "systemd: configuration reloaded"]
        assert host.inside("cat", DROP_IN) == older[host.name]
        host.rpc("state_getRuntimeVersion")
        assert floor_of(host) == int(re.findall(r"LimitNOFILE=(\d+)", older[host.name])[0])
    assert "val-4" in run.restarted and not run.hosts["val-7"]["changes"]
    assert run.hosts["val-7"]["skipped"].startswith("not reached: the run stopped at batch 2 of 3 because of val-")
    untouched = set(NAMES) - {"val-4", "val-5", "val-6"}
    assert {name: pid for name, pid in pids(hosts).items() if name in untouched} == {name: before[name] for name in untouched}


def test_two_hosts_with_one_identity_are_refused(hosts: dict[str, HostHandle], operator: Operator) -> None:
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


def test_a_syncing_node_is_left_out_and_a_window_is_kept(
    hosts: dict[str, HostHandle], operator: Operator, tmp_path: Path,
) -> None:
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
