# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that write drop-ins, stopped at every system call that changes a file: nothing is ever half done.

On a real host, because systemd has to have loaded what is on disk. That takes time, so that only every third point is
tried; with CRASH_POINTS=all each is, and also fails in each way, once and for good.
"""

from __future__ import annotations

import json
import typing as t

import crash_trial
import pytest
from conftest import HostHandle, MakeFleet
from crash_machines import ServiceMachine, run_all
from crash_trial import Trial
from service_host import ServiceHost, install

pytestmark = pytest.mark.nspawn

NAMES = ("crash-1", "crash-2")
FLAG = "--wasmtime-instantiation-strategy"
PROGRAM = f"""#!/bin/sh
if [ "$*" = --help ]; then
    printf '  {FLAG} <STRATEGY>\\n    [possible values: pooling-copy-on-write, recreate-instance-copy-on-write]\\n'; exit
fi
exec sleep infinity
"""
UNIT = "node.service"
ON_TRIAL = {"provisional": True}
LIMITS: dict[str, t.Any] = {"unit": UNIT, "nofile": "15000", "apply_live": False}
MORE: dict[str, t.Any] = {**LIMITS, "nofile": "16000"}
STRATEGY: dict[str, t.Any] = {"unit": UNIT}
REVERT: dict[str, t.Any] = {"state": "reverted"}
SANDBOX: dict[str, t.Any] = {"unit": UNIT, "lines": ["MemoryDenyWriteExecute=no"]}
RELAXED: dict[str, t.Any] = {"unit": UNIT, "lines": ["MemoryDenyWriteExecute=no", "SystemCallFilter=memfd_create"]}
BACK = (("node_strategy", REVERT), ("service_limits", REVERT))
UNRELAXED = ("service_sandbox", REVERT)
UNDO = ("changes", {"state": "undone"})
TRIALS = (
    Trial("service_limits: a drop-in added", "service_limits", LIMITS, after=BACK),
    Trial("service_limits: a drop-in changed on trial", "service_limits", {**MORE, **ON_TRIAL},
          before=(("service_limits", LIMITS),), after=(UNDO, *BACK)),
    Trial("service_limits: reverted", "service_limits", REVERT, before=(("service_limits", {**LIMITS, **ON_TRIAL}),), after=BACK),
    Trial("node_strategy: a drop-in added on trial", "node_strategy", {**STRATEGY, **ON_TRIAL}, after=(UNDO, *BACK)),
    Trial("changes: drop-ins undone", "changes", UNDO[1],
          before=(("service_limits", LIMITS), ("service_limits", {**MORE, **ON_TRIAL}),
                  ("node_strategy", {**STRATEGY, **ON_TRIAL})), after=(UNDO, *BACK)),
    Trial("service_sandbox: a drop-in changed on trial", "service_sandbox", {**RELAXED, **ON_TRIAL},
          before=(("service_sandbox", SANDBOX),), after=(UNDO, UNRELAXED)),
    Trial("service_sandbox: reverted", "service_sandbox", REVERT, before=(("service_sandbox", {**SANDBOX, **ON_TRIAL}),),
          after=(UNRELAXED,)),
)


@pytest.fixture(scope="module")
def machines(make_fleet: MakeFleet) -> list[ServiceMachine]:
    """Two, so that both processors have something to do."""
    fleet = make_fleet(*NAMES)
    machines = []
    for name in NAMES:
        handle = HostHandle(fleet, name)
        install(handle)
        host = ServiceHost(handle)
        host.write("/opt/polkadot", PROGRAM)
        host.run("chmod", "0755", "/opt/polkadot")
        host.unit("node", "ExecStart=/opt/polkadot --validator", "LimitNOFILE=1024:19000",
                  "MemoryDenyWriteExecute=yes", "SystemCallFilter=~memfd_create")
        machines.append(ServiceMachine(host, UNIT))
    return machines


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_nothing_is_half_done(machines: list[ServiceMachine], trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    told = crash_trial.attempts(machines, trial, every=3)
    with capsys.disabled():
        print("\n" + told)


def test_records_are_json(machines: list[ServiceMachine]) -> None:
    """The state that the trials looked at is really there."""
    machine = machines[0]
    run_all(machine, [("service_limits", LIMITS)])
    assert UNIT in json.loads(machine.read(crash_trial.STATE_DIRECTORY + "/service-limits.json"))
    run_all(machine, BACK)
