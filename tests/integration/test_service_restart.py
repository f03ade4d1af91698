# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""service_restart on a real host: the node comes up again whatever happens, and never too early."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from restart_host import QUICK, SLEEP, SLOW, WITH_FILE, down_seconds, handle, host, restarts  # noqa: F401  # pylint: disable=unused-import  # fixtures
from service_host import MODULES, REPOSITORY, ServiceHost

pytestmark = pytest.mark.nspawn


def test_restart_with_delay(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP)
    before = host.pid(unit)
    host.restart(unit="node", check=True)
    assert host.pid(unit) == before
    result = restarts(host, unit, delay=3, **QUICK)
    assert result["actions"] == [unit + ": restarted"]
    assert result["main_pid_before"] == before
    assert 3 <= result["down_seconds"] < 4
    assert host.run("sh", "-c", "ls /run/*.lock || true") == ""


def test_what_was_restarted_since_is_not_restarted_again(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP)
    running = host.pid(unit)
    for check in (True, False):
        result = host.restart(unit=unit, main_pid=0, check=check)
        assert result["actions"] == [unit + ": restarted by a run that was under way already"]
        assert (result["changed"], result["main_pid_before"], result["main_pid"]) == (True, 0, running)
    assert host.pid(unit) == running, "a node that was restarted already has been restarted once more"
    assert restarts(host, unit, main_pid=running, **QUICK)["main_pid_before"] == running


def test_unit_stopped_on_purpose_is_left(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP)
    host.run("systemctl", "stop", unit)
    for check in (True, False):
        result = host.restart(unit=unit, check=check)
        assert (result["changed"], result["actions"], result["down_seconds"]) == (False, [], 0)
        assert result["notes"] == [unit + ": stopped on purpose (inactive), so that it was left stopped"]
    assert host.state(unit) == "inactive dead"
    assert host.guards() == []


def test_crash_loop_is_ended_and_time_down_counts(host: ServiceHost) -> None:
    unit = host.unit("node", WITH_FILE, "Restart=always", "RestartSec=100")
    host.wait_for(unit, "activating auto-restart")
    host.write("/run/cured", "")
    time.sleep(4)
    begin = time.monotonic()
    result = restarts(host, unit, delay=6, **QUICK)
    assert 6 <= result["down_seconds"] < 7
    assert time.monotonic() - begin < 6
    assert result["main_pid_before"] == 0


def test_failed_unit_at_its_start_limit(host: ServiceHost) -> None:
    unit = host.unit("node", WITH_FILE, "Restart=always", "RestartSec=100ms", head="[Unit]\nStartLimitIntervalSec=600")
    host.wait_for(unit, "failed failed")
    host.write("/run/cured", "")
    restarts(host, unit, **QUICK)


@pytest.mark.parametrize("restart", ["no", "always"])
def test_start_that_fails_tells_why(host: ServiceHost, restart: str) -> None:
    host.write("/run/cured", "")
    unit = host.unit("node", WITH_FILE, f"Restart={restart}", "RestartSec=100")
    host.run("rm", "/run/cured")
    result = host.restart(unit=unit, **QUICK)
    assert result["failed"]
    state = "failed" if restart == "no" else "activating"
    assert f"ActiveState={state}" in result["msg"]
    assert "Result=exit-code ExecMainStatus=3" in result["msg"]
    assert "no cure yet" in result["msg"]
    assert "Stopping " not in result["msg"], "what the node said before hides why it does not start"
    assert (result["changed"], result["active_state"]) == (True, state)
    assert host.guards() == []  # it failed by itself: systemd and the operator decide now


def test_process_that_dies_while_settling(host: ServiceHost) -> None:
    unit = host.unit("node", "ExecStart=/bin/sleep 1.5", "Restart=always", "RestartSec=100ms",
                     head="[Unit]\nStartLimitIntervalSec=0")
    result = host.restart(unit=unit, settle=5)
    assert result["failed"]
    assert "did not stay up" in result["msg"]


def test_start_that_never_ends_keeps_the_guard(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP, "Type=notify", "TimeoutStartSec=60", start=False)
    host.run("systemctl", "start", "--no-block", unit)
    result = host.restart(unit=unit, timeout=2, margin=60)
    assert result["failed"]
    assert "not active within 2 seconds, and is still trying" in result["msg"]
    assert host.guards()


def test_stop_that_is_ended_by_force(host: ServiceHost) -> None:
    unit = host.unit("node", SLOW, "TimeoutStopSec=2")
    time.sleep(0.5)
    result = restarts(host, unit, delay=2, **QUICK)
    assert 2 <= result["down_seconds"] < 3


def test_nothing_is_stopped_without_a_guard(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP)
    before = host.pid(unit)
    host.run("mount", "--bind", "/bin/false", "/usr/bin/systemd-run")
    try:
        result = host.restart(unit=unit)
    finally:
        host.run("umount", "/usr/bin/systemd-run")
    assert result["failed"]
    assert "left alone, since the timer that secures its restart could not be armed" in result["msg"]
    assert (result["changed"], result["actions"], host.pid(unit)) == (False, [], before)


def test_unit_that_refuses_to_be_stopped(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP, head="[Unit]\nRefuseManualStop=yes")
    before = host.pid(unit)
    result = host.restart(unit=unit)
    assert result["failed"]
    assert "left alone, since it could not be stopped" in result["msg"]
    assert (result["changed"], host.pid(unit), host.guards()) == (False, before, [])


def test_services_that_stop_together_are_started_together(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP)
    sidecar = host.unit("sidecar", SLEEP, head=f"[Unit]\nRequires={unit}\nAfter={unit}")
    idle = host.unit("idle", SLEEP, head=f"[Unit]\nBindsTo={unit}", start=False)
    result = restarts(host, unit, delay=1, **QUICK)
    assert result["actions"] == [
        unit + ": restarted", f"{sidecar}: started again, since it stops together with {unit}"]
    assert host.state(sidecar) == "active running"
    assert host.state(idle) == "inactive dead"


def test_second_restart_at_the_same_time(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP)
    process = host.start("service_restart", unit=unit, delay=5, **QUICK)
    host.wait_for(unit, "inactive dead")
    second = host.restart(unit=unit, delay=5)
    assert process.stdout is not None
    first = json.loads(process.stdout.read())
    assert 5 <= first["down_seconds"] < 6
    assert second["actions"] == [f"{unit}: restarted by a run that was under way already"] and second["changed"]
    assert abs(second["down_seconds"] - first["down_seconds"]) < 0.1
    assert host.pid(unit) == first["main_pid"] == second["main_pid"], "it was restarted twice"


def test_instance_of_a_template(host: ServiceHost) -> None:
    host.unit("node@", "ExecStart=/bin/sleep infinity", start=False)
    host.run("systemctl", "start", "node@1.service")
    host.units.insert(0, "node@1.service")
    restarts(host, "node@1.service", **QUICK)


@pytest.mark.parametrize(("options", "said"), [
    ({"unit": "absent"}, "absent.service does not exist on this host"),
    ({"unit": "a/b"}, "unit: 'a/b' is not valid"),
    ({"unit": "node", "delay": -1}, "delay: -1 is not valid"),
    ({"unit": "node", "settle": 100000}, "settle: 100000 is not valid"),
])
def test_bad_options(host: ServiceHost, options: dict[str, Any], said: str) -> None:
    result = host.restart(**options)
    assert result["failed"]
    assert said in result["msg"]


def test_without_root(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP)
    before = host.pid(unit)
    assert host.restart(unit=unit, check=True, nobody=True)["changed"] is True
    result = host.restart(unit=unit, nobody=True)
    assert result["failed"]
    assert "become: true" in result["msg"]
    assert (result["planned"], host.pid(unit), host.guards()) == ([unit + ": restarted"], before, [])


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs on this machine")
@pytest.mark.parametrize("module", ["service_limits", "service_restart"])
def test_host_without_systemd(module: str) -> None:
    options = '{"ANSIBLE_MODULE_ARGS": {"unit": "node"%s}}' % (', "nofile": "1"' if module == "service_limits" else "")
    done = subprocess.run(
        [sys.executable, "-B", "-m", MODULES + module], input=options, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(REPOSITORY / "playbooks/collections"), "PATH": "/usr/bin:/bin"},
    )
    assert "systemd does not run on this host" in done.stdout
