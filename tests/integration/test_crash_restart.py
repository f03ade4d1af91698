# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""service_restart, stopped at every system call that changes a file or starts a child: the node always comes up again.

Each takes as long as a node that its timer starts, so that a part of the points is tried; with CRASH_POINTS=all each is.
"""

from __future__ import annotations

import crash_points as points
import pytest
from conftest import HostHandle, MakeFleet
from crash_machines import ServiceMachine
from crash_trial import Trial, check_answer, chosen, summary
from service_host import ServiceHost, install

pytestmark = pytest.mark.nspawn

OPTIONS = {"unit": "node.service", "margin": 1, "settle": 0}
EVERY = 2


def test_the_node_comes_up_again(make_fleet: MakeFleet, capsys: pytest.CaptureFixture[str]) -> None:
    handle = HostHandle(make_fleet("crash-4"), "crash-4")
    install(handle)
    host = ServiceHost(handle)
    unit = host.unit("node", "ExecStart=/bin/sleep infinity")
    machine = ServiceMachine(host, unit)
    done = machine.traced("service_restart", OPTIONS, ())
    assert done.answer.get("changed"), done
    found = points.points(done.log)
    tries = [each for each in chosen(found, EVERY) if not each[2]]
    for point, how, _lasting in tries:
        where = f"{how} at {point.call} {point.number}: {point.text}"
        done = machine.traced("service_restart", OPTIONS, [points.orders(point, how)])
        assert points.hit(done.log), f"{where}: not reached"
        check_answer(done, how, where)
        host.wait_for(unit, "active running", 60)
        host.wait_for_guards()
        assert host.state(unit) == "active running", where
        answer = machine.module("service_restart", OPTIONS)
        assert not answer.get("failed") and answer["main_pid"] == host.pid(unit), f"{where}: the next restart: {answer}"
        assert host.guards() == [] and host.run("sh", "-c", "ls /run/*.lock 2>/dev/null || true") == "", where
    with capsys.disabled():
        print("\n" + summary(Trial("service_restart", "service_restart", {}), found, tries))
