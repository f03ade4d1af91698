# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""changes on a real host: an undo gives back what was there before a trial, and a revert what was there before all."""

from __future__ import annotations

import pytest
from conftest import HostHandle, MakeFleet
from service_host import ServiceHost, install

pytestmark = pytest.mark.nspawn


@pytest.fixture(scope="module")
def host(make_fleet: MakeFleet) -> ServiceHost:
    handle = HostHandle(make_fleet("changes-1"), "changes-1")
    handle.shm("2560M")
    install(handle)
    return ServiceHost(handle)


def test_shm_goes_back_to_what_an_earlier_run_left(host: ServiceHost) -> None:
    def seen() -> tuple[str, str]:
        return host.run("cat", "/etc/fstab"), host.run("stat", "--file-system", "--format=%b", "/dev/shm")

    first = seen()
    host.module("shm", size="2600M")
    earlier = seen()
    for size in ("2700M", "2800M"):
        assert host.module("shm", size=size, provisional=True)["changed"]
    predicted = host.module("changes", check=True, state="undone")
    done = host.module("changes", state="undone")
    assert done["actions"] == predicted["actions"] and len(done["actions"]) == 2
    assert seen() == earlier != first
    assert host.module("changes", state="undone")["changed"] is False
    host.module("shm", state="reverted")
    assert seen() == first
    assert host.run("sh", "-c", "ls -d /var/lib/aarch64-validator || true") == ""
