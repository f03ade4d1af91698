# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""service_limits on a real host, whose PID 1 may not raise its hard limits (open files 20000, locked memory 8 MiB)."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import HostHandle, MakeFleet
from service_host import STATE, ServiceHost, installed

pytestmark = pytest.mark.nspawn

SLEEP = "ExecStart=/bin/sleep infinity"
FAMILY = "ExecStart=/bin/sh -c 'sleep infinity & sleep infinity & wait'"
CRASH = "ExecStart=/bin/false"
DROP_IN = "/etc/systemd/system/{0}.d/60-aarch64-validator.conf"
RELOADED = "systemd: configuration reloaded"


@pytest.fixture(scope="module")
def handle(make_fleet: MakeFleet) -> HostHandle:
    return installed(make_fleet, "limits-1")


@pytest.fixture
def host(handle: HostHandle) -> Any:
    service_host = ServiceHost(handle)
    yield service_host
    service_host.clean_up()


def checked(host: ServiceHost, **options: Any) -> dict[str, Any]:
    """The result of a run that check mode foretold."""
    return host.foretold("service_limits", **options)


def test_raise_then_nothing_then_revert(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP, "User=daemon", "LimitNOFILE=1024:524288")
    before, path = host.tree(), DROP_IN.format(unit)
    result = checked(host, unit="node", nofile="16384", memlock="infinity")
    assert result["changed"] is True
    assert result["actions"] == [path + ": LimitNOFILE=16384:524288", path + ": LimitMEMLOCK=infinity", RELOADED]
    assert result["restart_required"] is True  # this host may not raise the process of another user
    assert result["limits"]["configured"]["nofile"] == {"soft": 16384, "hard": 524288}
    assert result["limits"]["live"]["nofile"] == {"soft": 1024, "hard": 20000}
    assert result["limits"]["grantable"] == {"nofile": 20000, "memlock": 8388608, "as": -1, "data": -1}
    assert result["diff"][0]["before"] == ""
    assert result["diff"][0]["after"] == host.run("cat", path)
    assert result["diff"][0]["after"].count("[Service]") == 1
    assert host.show(unit, "LimitNOFILESoft") == {"LimitNOFILESoft": "16384"}
    assert host.show(unit, "NeedDaemonReload") == {"NeedDaemonReload": "no"}

    host.run("systemctl", "restart", unit)
    pid = host.pid(unit)
    again = checked(host, unit="node", nofile="16384", memlock="infinity")
    assert (again["changed"], again["actions"], again["diff"]) == (False, [], [])
    assert again["restart_required"] is False  # locked memory without limit cannot be had here, and asks for nothing
    assert again["notes"] == ["memlock: wanted infinity, this host's PID 1 can grant at most 8388608"]
    assert again["limits"]["live"]["nofile"]["soft"] == 16384

    reverted = checked(host, state="reverted")
    assert reverted["actions"] == [path + ": removed", RELOADED]
    assert reverted["notes"] == [unit + ": running processes keep their limits until the next restart"]
    assert host.tree() == before
    assert host.pid(unit) == pid
    assert host.limits(state="reverted")["changed"] is False
    assert host.run("sh", "-c", "ls -d /var/lib/aarch64-validator || true") == ""


def test_wanted_above_what_can_be_granted_asks_for_no_restart(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP, "LimitNOFILE=20000:524288")
    result = checked(host, unit=unit, nofile="65535")
    assert result["actions"][0].endswith("LimitNOFILE=65535:524288")
    assert result["restart_required"] is False
    assert result["notes"] == ["nofile: wanted 65535, this host's PID 1 can grant at most 20000"]


def test_nothing_is_lowered(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP, "LimitNOFILE=9000:524288", "LimitMEMLOCK=infinity", "LimitAS=infinity")
    result = checked(host, unit=unit, nofile="8000", memlock="64M", address_space="1T")
    assert (result["changed"], result["restart_required"]) == (False, False)


def test_own_lines_are_kept(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP, "LimitNOFILE=1024")
    assert host.limits(unit=unit, nofile="5000")["changed"]
    assert host.limits(unit=unit, memlock="16M")["changed"]
    assert host.limits(unit=unit, nofile="4000")["changed"] is False
    result = checked(host, unit=unit, nofile="6000")
    assert result["diff"][0]["after"].splitlines()[1:] == ["[Service]", "LimitNOFILE=6000", "LimitMEMLOCK=16777216"]


def test_running_processes_are_raised_where_that_is_allowed(host: ServiceHost) -> None:
    # Without CAP_SYS_RESOURCE root may raise processes of root, up to their hard limit.
    unit = host.unit("family", FAMILY, "LimitNOFILE=1024:524288")
    without = host.limits(unit=unit, nofile="16384", apply_live=False, check=True)
    assert without["restart_required"] is True
    result = checked(host, unit=unit, nofile="16384")
    assert result["actions"][1:] == [
        RELOADED, unit + ": nofile of the running process 1024 -> 16384 (prlimit)",
        unit + ": nofile of its other processes raised to 16384 (prlimit)"]
    assert result["restart_required"] is False
    assert result["limits"]["live"]["nofile"] == {"soft": 16384, "hard": 20000}
    group = host.show(unit, "ControlGroup")["ControlGroup"]
    pids = [int(pid) for pid in host.run("cat", f"/sys/fs/cgroup/systemd{group}/cgroup.procs").split()]
    assert len(pids) == 3
    assert {host.soft_nofile(pid) for pid in pids} == {16384}
    assert checked(host, unit=unit, nofile="16384")["changed"] is False


def test_address_space_is_written_only_where_it_is_limited(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP, "LimitAS=300G")
    result = checked(host, unit=unit, address_space="infinity")
    assert result["actions"][0] == DROP_IN.format(unit) + ": LimitAS=infinity"
    assert result["restart_required"] is True
    free = host.unit("free", SLEEP)
    assert checked(host, unit=free, address_space="infinity")["changed"] is False


def test_later_drop_in_is_named_and_nothing_is_written(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP)
    later = host.drop_in(unit, "90-site", "LimitMEMLOCK=infinity", "LimitNOFILE=4096")
    before = host.tree()
    for check in (True, False):
        result = host.limits(unit=unit, nofile="65535", check=check)
        assert result["failed"]
        assert f"{later}, line 3 sets LimitNOFILE=4096" in result["msg"]
    assert host.tree() == before
    assert host.limits(unit=unit, memlock="infinity")["changed"] is False


def test_file_that_does_not_take_is_put_back(host: ServiceHost) -> None:
    # A directory of higher precedence hides our file by its name.
    unit = host.unit("node", SLEEP)
    host.write(f"/etc/systemd/system.control/{unit}.d/60-aarch64-validator.conf", "[Service]\nNice=1\n")
    host.run("systemctl", "daemon-reload")
    before = host.tree()
    result = host.limits(unit=unit, nofile="16384")
    assert result["failed"] and "LimitNOFILE is 1024, wanted 16384" in result["msg"]
    assert host.tree() == before
    assert host.show(unit, "NeedDaemonReload") == {"NeedDaemonReload": "no"}
    assert host.limits(state="reverted")["changed"] is False


@pytest.mark.parametrize("known_directory", [True, False])
def test_stale_configuration_is_reloaded(host: ServiceHost, known_directory: bool) -> None:
    # systemd 252 itself does not notice a drop-in in a directory that it has not seen before.
    unit = host.unit("node", SLEEP, "LimitNOFILE=1024:524288")
    if known_directory:
        host.drop_in(unit, "05-site", "Nice=1")
    host.drop_in(unit, "10-site", "LimitNOFILE=16384:30000", reload=False)
    assert host.show(unit, "LimitNOFILESoft") == {"LimitNOFILESoft": "1024"}
    assert host.show(unit, "NeedDaemonReload") == {"NeedDaemonReload": "yes" if known_directory else "no"}
    before = host.tree()
    result = checked(host, unit=unit, nofile="16384")
    assert result["actions"][:1] == [RELOADED]
    assert result["limits"]["configured"]["nofile"] == {"soft": 16384, "hard": 30000}
    assert host.tree() == before
    assert checked(host, unit=unit, nofile="16384")["changed"] is False


def test_reload_alone_counts_as_changed(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP, "LimitNOFILE=16384")
    host.drop_in(unit, "05-site", "Nice=1")
    host.drop_in(unit, "10-site", "Nice=2", reload=False)
    assert checked(host, unit=unit, nofile="9000")["actions"] == [RELOADED]


def test_written_but_not_reloaded(host: ServiceHost) -> None:
    # As a run leaves it that was killed in between.
    unit = host.unit("node", SLEEP, "User=daemon")
    host.limits(unit=unit, nofile="16384")
    path = DROP_IN.format(unit)
    text = host.run("cat", path)
    host.run("sh", "-c", f"rm {path}; rmdir {path.rpartition('/')[0]}; systemctl daemon-reload")
    host.write(path, text)
    result = checked(host, unit=unit, nofile="16384")
    assert (result["actions"], result["restart_required"]) == ([RELOADED], True)
    assert host.show(unit, "LimitNOFILESoft") == {"LimitNOFILESoft": "16384"}


def test_stopped_and_failed_units(host: ServiceHost) -> None:
    stopped = host.unit("stopped", SLEEP, start=False)
    assert checked(host, unit=stopped, nofile="16384")["restart_required"] is False
    looping = host.unit("looping", CRASH, "Restart=always", "RestartSec=100")
    host.wait_for(looping, "activating auto-restart")
    failed = host.unit("failed", CRASH, start=False)
    host.run("sh", "-c", f"systemctl start {failed}; true")
    host.wait_for(failed, "failed failed")
    for unit in (looping, failed):
        result = checked(host, unit=unit, nofile="16384")
        assert (result["restart_required"], result["limits"]["live"]) == (True, None)
        assert checked(host, unit=unit, nofile="16384")["restart_required"] is False


@pytest.mark.parametrize(("options", "said"), [
    ({"unit": "../etc/passwd", "nofile": "1"}, "unit: '../etc/passwd' is not valid"),
    ({"unit": "a\nb", "nofile": "1"}, "unit: 'a\\nb' is not valid"),
    ({"unit": "", "nofile": "1"}, "unit: '' is not valid"),
    ({"unit": "absent", "nofile": "1"}, "absent.service does not exist on this host; set memory_pool_services"),
    ({"unit": "masked", "nofile": "1"}, "masked.service is masked on this host"),
    ({"unit": "node", "nofile": "2X"}, "nofile: '2X' is not valid"),
    ({"unit": "node", "memlock": "-1G"}, "memlock: '-1G' is not valid"),
    ({"unit": "node", "address_space": ""}, "address_space: '' is not valid"),
    ({"unit": "node"}, "nofile, memlock, address_space"),
    ({"nofile": "1"}, "unit"),
])
def test_bad_options(host: ServiceHost, options: dict[str, str], said: str) -> None:
    host.run("ln", "-sf", "/dev/null", "/etc/systemd/system/masked.service")
    host.units.append("masked.service")
    before = host.tree()
    result = host.limits(**options)
    assert result["failed"]
    assert said in result["msg"]
    assert host.tree() == before


def test_read_only_etc(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP)
    host.run("mount", "--bind", "/etc", "/etc")
    try:
        host.run("mount", "-o", "remount,bind,ro", "/etc")
        result = host.limits(unit=unit, nofile="16384")
    finally:
        host.run("umount", "--lazy", "/etc")
    assert result["failed"]
    assert "read-only file system; nothing was changed" in result["msg"]
    assert host.run("sh", "-c", "ls -d /var/lib/aarch64-validator || true") == ""


def test_without_root(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP, "LimitNOFILE=1024:524288")
    predicted = host.limits(unit=unit, nofile="16384", check=True, nobody=True)
    assert predicted == host.limits(unit=unit, nofile="16384", check=True)
    refused = host.limits(unit=unit, nofile="16384", nobody=True)
    assert refused["failed"]
    assert "become: true" in refused["msg"]
    assert (refused["changed"], refused["planned"]) == (False, predicted["actions"])
    assert host.limits(unit=unit, nofile="900", nobody=True)["changed"] is False


@pytest.mark.parametrize("text", ["{", "[]", '{"node.service": 1}'])
def test_damaged_state_is_named(host: ServiceHost, text: str) -> None:
    unit = host.unit("node", SLEEP)
    host.write(STATE + "/service-limits.json", text)
    before = host.tree()
    for options in ({"unit": unit, "nofile": "16384"}, {"state": "reverted"}):
        result = host.limits(**options)
        assert result["failed"]
        assert STATE + "/service-limits.json is damaged" in result["msg"]
    assert host.tree() == before


def test_edited_drop_in_is_left_by_revert(host: ServiceHost) -> None:
    unit = host.unit("node", SLEEP, "LimitNOFILE=1024")
    host.limits(unit=unit, nofile="5000")
    path = DROP_IN.format(unit)
    host.run("sh", "-c", f"echo LimitCORE=0 >>{path}; systemctl daemon-reload")
    checked(host, unit=unit, nofile="6000")
    before = host.tree()
    result = checked(host, state="reverted", unit=unit)
    assert (result["changed"], result["notes"]) == (False, [path + ": edited by somebody else, left as it is"])
    assert host.tree() == before


def test_revert_keeps_what_others_have_put_beside_it(host: ServiceHost) -> None:
    first, second = host.unit("first", SLEEP), host.unit("second", SLEEP)
    host.drop_in(second, "10-site", "Nice=1")
    before = host.tree()
    for unit in (first, second):
        host.limits(unit=unit, nofile="16384")
    assert checked(host, state="reverted", unit=first)["changed"]
    assert checked(host, state="reverted")["actions"] == [DROP_IN.format(second) + ": removed", RELOADED]
    assert host.tree() == before
    host.limits(unit=first, nofile="16384")
    host.drop_in(first, "10-site", "Nice=1")
    checked(host, state="reverted")
    assert host.run("ls", f"/etc/systemd/system/{first}.d") == "10-site.conf\n"
