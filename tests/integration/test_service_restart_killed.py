# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""service_restart that dies while a unit is down, stops or refuses to: the guard of the host starts it, and never too early."""

from __future__ import annotations

import time

import pytest
from restart_host import LEAD, QUICK, SLEEP, SLOW, down_seconds, handle, host, restarts, slow_systemd_run  # noqa: F401  # pylint: disable=unused-import  # fixtures
from service_host import PID_FILE, ServiceHost

pytestmark = pytest.mark.nspawn


@pytest.mark.parametrize("signal", ["KILL", "HUP"])
def test_module_dies_while_the_unit_is_down(host: ServiceHost, signal: str) -> None:
    unit = host.unit("node", SLEEP)
    process = host.start("service_restart", unit=unit, delay=3, **QUICK)
    host.wait_for(unit, "inactive dead")
    host.signal_module(signal)
    process.wait()
    assert 3 + 2 <= down_seconds(host, unit) < 3 + 2 + LEAD + 1


def test_module_dies_right_after_arming(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP)
    before = host.pid(unit)
    slow_systemd_run(host, f"kill -KILL $(cat {PID_FILE})")
    try:
        host.start("service_restart", unit=unit, delay=1, margin=1).wait()
    finally:
        host.run("umount", "/usr/bin/systemd-run")
    host.wait_for_guards(".timer")
    host.wait_for_guards()  # it has started what runs anyway
    assert (host.pid(unit), host.state(unit)) == (before, "active running")


def test_module_dies_while_the_unit_stops(host: ServiceHost) -> None:
    # The name and the limit of starts must not keep the guard from it, nor systemd's reading all its units again.
    head = "[Unit]\nStartLimitIntervalSec=600\nStartLimitBurst=1"
    unit = host.unit(r"no\x2dde", SLEEP, "ExecStop=/bin/sleep 8", head=head)
    process = host.start("service_restart", unit=unit, delay=2, margin=2)
    host.wait_for(unit, "deactivating stop")
    host.signal_module("KILL")
    process.wait()
    host.wait_for_guards(".timer")
    host.wait_for_guards(".timer", ".service")
    assert host.state(unit) == "deactivating stop"
    for state in ("deactivating stop", "inactive dead"):
        host.wait_for(unit, state)
        time.sleep(0.5)  # the second time, the guard counts
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "daemon-reexec")
    assert 2 + 2 <= down_seconds(host, unit, stop=8) < 2 + 2 + 1


def test_module_dies_while_the_unit_refuses_to_stop(host: ServiceHost) -> None:
    unit = host.unit("node", SLOW, "TimeoutStopSec=3")
    time.sleep(0.5)
    process = host.start("service_restart", unit=unit, delay=1, margin=1)
    host.wait_for(unit, "deactivating stop-sigterm")
    host.signal_module("KILL")
    process.wait()
    host.wait_for(unit, "failed failed")
    assert 1 + 1 <= down_seconds(host, unit, stop=3) < 1 + 1 + 1


def test_module_dies_on_a_slow_host(host: ServiceHost) -> None:
    # When the unit begins to stop, the guard counts already. It would start it in the middle of its stop.
    unit = host.unit("node", SLEEP, "ExecStop=/bin/sleep 5")
    slow_systemd_run(host, "sleep 3.5")
    try:
        process = host.start("service_restart", unit=unit, delay=1, margin=1)
        host.wait_for_guards(".timer", ".service")
        early = host.guards()
        host.wait_for(unit, "deactivating stop")
        host.wait_for_guards(".timer")
        assert host.guards()[0] not in early
        host.signal_module("KILL")
        process.wait()
    finally:
        host.run("umount", "/usr/bin/systemd-run")
    assert 1 + 1 <= down_seconds(host, unit, stop=5) < 1 + 1 + 1


@pytest.mark.parametrize("kinds", [(".timer",), (".timer", ".service")])
def test_module_dies_and_is_run_again(host: ServiceHost, kinds: tuple[str, ...]) -> None:
    unit = host.unit("node", SLEEP)
    process = host.start("service_restart", unit=unit, delay=30)
    host.wait_for(unit, "inactive dead")
    host.signal_module("KILL")
    process.wait()
    host.wait_for_guards(*kinds)
    result = restarts(host, unit, delay=4, **QUICK)
    assert 4 <= result["down_seconds"] < 5.5
