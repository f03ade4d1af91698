# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose services are restarted by service_restart, and what is asked of it afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import HostHandle, MakeFleet
from service_host import GUARDS, ServiceHost, installed

SLEEP = "ExecStart=/bin/sleep infinity"
# Runs while the file is there, and crashes without it.
WITH_FILE = "ExecStart=/bin/sh -c 'test -e /run/cured && exec sleep infinity; echo no cure yet >&2; exit 3'"
# Takes four seconds to stop.
SLOW = (
    "ExecStart=/usr/bin/python3 -c 'import signal, sys, time; "
    "signal.signal(15, lambda *_: (time.sleep(4), sys.exit(0))); time.sleep(1e6)'"
)
QUICK = {"margin": 2, "settle": 1}
LEAD = 3.1  # the guard begins to count this long after it was armed, or when the unit is down if that is later


@pytest.fixture(scope="module")
def handle(make_fleet: MakeFleet) -> HostHandle:
    return installed(make_fleet, "restart-1")


@pytest.fixture
def host(handle: HostHandle) -> Any:
    service_host = ServiceHost(handle)
    service_host.run("rm", "-f", "/run/cured")
    yield service_host
    service_host.clean_up()


def restarts(host: ServiceHost, unit: str, **options: Any) -> dict[str, Any]:
    """Restart a unit that must come up, foretold by check mode; its new state and its guards are looked at."""
    predicted = host.restart(unit=unit, check=True, **options)
    result = host.restart(unit=unit, **options)
    assert not result.get("failed"), result["msg"]
    assert (predicted["changed"], predicted["actions"]) == (True, result["actions"])
    assert (result["changed"], result["active_state"], result["sub_state"]) == (True, "active", "running")
    assert result["main_pid"] == host.pid(unit) != result["main_pid_before"]
    assert host.guards() == []
    assert "Failed with result" not in host.run("journalctl", "--quiet", "--output=cat", "--unit", GUARDS)
    return result


def down_seconds(host: ServiceHost, unit: str, stop: float = 0) -> float:
    """For how long a unit was down, once its guard has started it; stop is the least that its stop must have taken."""
    host.wait_for(unit, "active running")
    stamps = "ActiveExit", "InactiveEnter", "ExecMainStart"
    shown = host.show(unit, *(stamp + "TimestampMonotonic" for stamp in stamps))
    leaving, down, up = (int(shown[stamp + "TimestampMonotonic"]) / 1e6 for stamp in stamps)
    assert down - leaving >= stop  # nothing has cancelled it
    host.wait_for_guards()
    assert host.state(unit) == "active running"
    return up - down


def slow_systemd_run(host: ServiceHost, then: str) -> None:
    """Have systemd-run do something more after its first run; undone by ``umount``."""
    real = "/run/systemd-run"
    host.run("cp", "/usr/bin/systemd-run", real)
    host.write("/run/slow", f"#!/bin/sh\n{real} \"$@\" || exit\nif mkdir {real}-once; then {then}; fi\n")
    host.run("sh", "-c", f"chmod 755 /run/slow; rm -rf {real}-once; mount --bind /run/slow /usr/bin/systemd-run")
