# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout whose controller is killed: what it leaves on the hosts, and how the next run goes on."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import signal
import subprocess
import time

import pytest
from conftest import HostHandle
from fleet import shaping
from rollout_runs import (  # noqa: F401  # pylint: disable=unused-import  # fixtures
    MARGIN,
    NAMES,
    RECORD,
    Operator,
    fleet,
    floor_of,
    hosts,
    operator,
    pids,
    starts,
    wait_until,
    written_floor,
)

pytestmark = pytest.mark.nspawn

FAULT = "/home/polkadot/fault"
# One batch of all hosts: as many nodes as can be are in the midst of something when the controller dies.
TOGETHER = {"memory_pool_exclusive_group": "", "memory_pool_domain": "{{ inventory_hostname }}"}


def restarted(host: HostHandle, before: dict[str, str]) -> bool:
    """Whether the node of a host runs, as another process than before."""
    return host.show("MainPID")["MainPID"] not in (before[host.name], "0")


@pytest.mark.parametrize("module_dies", [True, False])
def test_the_next_run_goes_on_where_a_killed_one_stopped(
    hosts: dict[str, HostHandle], operator: Operator, module_dies: bool,
) -> None:
    """One node is down for its delay, one runs with what was changed, and one is not well with it; nobody has seen any.

    What restarts the first lives on without its controller, or is killed as well.
    """
    waits, well, ill = (hosts[name] for name in ("val-1", "val-5", "val-6"))
    targets = ["--limit", "val-1,val-5,val-6"]
    if not written_floor(ill):  # this test is run alone
        operator.raise_floor()
        assert operator.remediate(*targets, memory_pool_serial=[3]).status == 0
    older, delay = floor_of(ill), 20
    floor = operator.raise_floor()
    low = f"test $$(ulimit -n) -lt {floor}"
    ill.drop_in(f"ExecStartPre=/bin/sh -c '({low} || echo WASMTIME_NODE_PEERS=0) >{FAULT}'",
                f"EnvironmentFile=-{FAULT}", file="70-fault", restart=False)
    before, began = pids(hosts), time.time()
    process = operator.start(*targets, memory_pool_serial=[3], memory_pool_restart_delay=delay)
    for host in (well, ill):
        wait_until(functools.partial(restarted, host, before))
        host.wait_for_node()
    wait_until(lambda: waits.show("ActiveState")["ActiveState"] == "inactive")
    down = time.monotonic()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if module_dies:
        kill_module(waits)
    assert all(host.inside("ls", RECORD) for host in (waits, well, ill)), "nothing is left on trial"

    run = operator.remediate(*targets, memory_pool_serial=[3], memory_pool_restart_delay=delay, memory_pool_gate_timeout=12)
    assert time.monotonic() - down > delay, "an authority was started too early"
    # Its own run restarts the node, or the second one; where that takes too long to come to it, the node is up already.
    assert run.status == 2 and run.restarted <= {waits.name}, run.output[-5000:]
    assert run.hosts[well.name]["notes"] == [f"{shaping.UNIT}: well with what an interrupted run has changed"]
    assert run.verdicts == {waits.name: "healthy", well.name: "healthy", ill.name: "failed"}, run.hosts[waits.name]["failure"]
    assert "with what an interrupted run has changed, polkadot.service: not healthy" in run.message(ill.name)
    assert "peers: it has 0 peers" in run.message(ill.name)
    assert "started as it was, polkadot.service: healthy" in run.message(ill.name)
    assert [floor_of(host) for host in (waits, well, ill)] == [floor, floor, older]
    assert [starts(host, began) for host in (waits, well, ill)] == [1, 1, 2]
    assert not any(host.inside("sh", "-c", f"ls {RECORD} 2>/dev/null || true") for host in (waits, well, ill))


def kill_module(host: HostHandle) -> None:
    """Kill the module that restarts the node, which outlives its controller; its lock tells which process it is."""
    found = host.inside("sh", "-c", "find /proc/[0-9]*/fd -lname '/run/aarch64-validator-restart-*' 2>/dev/null || true").split()
    assert found, "there is no module to kill"
    for path in found:
        host.inside("kill", "-KILL", path.split("/")[2])


@pytest.mark.parametrize("kills", [
    2, pytest.param(20, marks=pytest.mark.skipif("SLOW" not in os.environ, reason="takes half an hour; SLOW=1 runs it"))])
def test_the_controller_is_killed_at_any_moment(hosts: dict[str, HostHandle], operator: Operator, kills: int) -> None:
    """Looked at without a second run each node serves again in time and no file is half-written; one new run does the rest."""
    names = NAMES if kills > 2 else ["val-1", "val-8"]
    settings = dict(TOGETHER, memory_pool_serial=[len(names)])
    seed = int(os.environ.get("SEED", time.time_ns() % 10**6))
    chance = random.Random(seed)
    longest = 25.0  # seconds that a run takes; each one that ends by itself says it anew
    for number in range(kills):
        floor = operator.raise_floor()
        since = time.time()
        process = operator.start("--limit", ",".join(names), **settings)
        moment = chance.uniform(0.1, 1.0) * longest
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        with contextlib.suppress(ProcessLookupError):  # it was over before it could be killed
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        told = f"SEED={seed}, kill {number + 1} after {moment:.1f} s of at most {longest:.0f}"
        deadline = time.monotonic() + MARGIN + 15
        for name in names:
            hosts[name].wait_for({"ActiveState": "active"}, timeout=max(1, deadline - time.monotonic()))
            hosts[name].wait_for_node(max(1, deadline - time.monotonic()))
        written = sum(written_floor(hosts[name]) == floor for name in names)
        live = sum(floor_of(hosts[name]) >= floor for name in names)
        trial = sum(hosts[name].inside("sh", "-c", f"ls {RECORD} 2>/dev/null || true") != "" for name in names)
        began = time.monotonic()
        run = operator.remediate("--limit", ",".join(names), **settings)
        longest = max(longest, time.monotonic() - began)
        assert run.status == 0, f"{told}: {run.output[-5000:]}"
        more = {name: starts(hosts[name], since) for name in names}
        print(f"{told}: {written} written, {live} restarted, {trial} on trial; starts in both runs: {more}", flush=True)
        for name in names:
            assert floor_of(hosts[name]) >= floor, f"{told}: {name}"
            assert more[name] <= 2, f"{told}: {name} was restarted more than once more than needed"
            assert hosts[name].inside("find", "/etc", "/var/lib", "-name", "*.aarch64-validator-new") == "", told
            assert hosts[name].inside("sh", "-c", f"ls {RECORD} 2>/dev/null || true") == "", told
