# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain diagnose, remediate, verify, revert on real systemd hosts with the real failure."""

from __future__ import annotations

import threading
import time

import pytest
from chain_runs import GIB, Play, Run, ill, play, shm_mount  # noqa: F401  # pylint: disable=unused-import  # fixtures
from conftest import HostHandle

pytestmark = pytest.mark.nspawn


def states(hosts: list[HostHandle]) -> list[tuple[str, object, str]]:
    """All that a run must not touch in check mode."""
    return [(host.checksums(), shm_mount(host), host.show("MainPID")["MainPID"]) for host in hosts]


def test_the_whole_chain(ill: list[HostHandle], play: Play) -> None:
    small, dying, healthy = ill
    trees = [host.checksums() for host in ill]
    options = [shm_mount(host)[1] for host in ill]

    diagnosed = play("diagnose")
    assert diagnosed.status == 2
    assert "failed to create memory pool mapping" in dying.journal()
    blocker = diagnosed.hosts["val-2"]["findings"][0]
    assert (blocker["id"], blocker["severity"], blocker["explains"]) == ("address-space-limit", "blocker", True)
    shm = next(item for item in diagnosed.hosts["val-1"]["findings"] if item["id"] == "shm-too-small")
    assert shm["explains"] is False, "a small /dev/shm was credited with a failure that it cannot cause"
    assert diagnosed.hosts["val-3"]["verdict"] == "healthy"
    assert [host.checksums() for host in ill] == trees, "diagnose changed a host"

    untouched = states(ill)
    checked = play("remediate", "--check", "--diff")
    assert checked.status == 0, checked.output
    assert states(ill) == untouched, "check mode touched a host"

    pid = healthy.show("MainPID")["MainPID"]
    done = play("remediate")
    assert done.status == 0, done.output
    for name in ("val-1", "val-2", "val-3"):
        assert done.hosts[name]["changes"] == checked.hosts[name]["changes"], f"check mode lied about {name}"
        assert done.hosts[name]["verdict"] == "healthy"
    assert healthy.show("MainPID")["MainPID"] == pid, "a healthy node was restarted"
    for number, host in enumerate(ill):
        host.wait_for({"ActiveState": "active"})
        host.wait_for_node()
        assert host.limits()["Max address space"] == ("unlimited", "unlimited")
        assert host.limits()["Max open files"][0] in ("16384", "20000")
        size, kept = shm_mount(host)
        assert size >= 2 * GIB
        assert kept == options[number], "a mount option of /dev/shm was lost"
    assert "size=2G" in small.inside("cat", "/etc/fstab")

    pids = [host.show("MainPID") for host in ill]
    again = play("remediate", "-vvv")
    assert again.status == 0
    assert set(again.recap("changed").values()) == {0}, again.output
    assert [host.show("MainPID") for host in ill] == pids, "a second run restarted a node"
    executed = [again.remote_modules(host) for host in ill]
    assert all(1 <= count <= 3 for count in executed), f"hosts with nothing to do were asked {executed} times"

    assert play("verify").status == 0
    dying.rpc("test_runtimeUpgrade")
    dying.wait_for_node()

    small.reboot()
    assert shm_mount(small) == (2 * GIB, options[0]), "/dev/shm did not keep its size over a reboot"

    reverted = play("revert")
    assert reverted.status == 0, reverted.output
    assert [host.checksums() for host in ill] == trees, "revert left something behind"
    assert "aarch64-validator" not in small.inside("ls", "/var/lib")
    assert set(play("revert").recap("changed").values()) == {0}


def test_limits_that_the_host_cannot_grant_are_never_called_a_success(host: HostHandle, play: Play) -> None:
    wanted = {"memory_pool_limit_memlock": "infinity", "memory_pool_limit_nofile": 65535}
    first = play("remediate", "--limit", host.name, **wanted)
    pid = host.show("MainPID")["MainPID"]
    for run in (first, play("remediate", "--limit", host.name, **wanted), play("verify", "--limit", host.name, **wanted)):
        assert run.status == 2, "the run ended well although limits are not live"
        assert set(run.ids(host.name)) == {"memlock-limit", "nofile-limit"}
        findings = run.hosts[host.name]["findings"]
        assert all("PID 1" in item["summary"] for item in findings), "nobody is told who caps the limit"
        assert not any(item["explains"] or item["automatic"] for item in findings)
    assert "LimitMEMLOCK=infinity" in host.inside("systemctl", "cat", "polkadot.service")
    assert host.show("MainPID")["MainPID"] == pid, "a node was restarted for a limit that cannot be granted"


def test_live_process_at_the_cap_is_not_restarted(host: HostHandle, play: Play) -> None:
    pid = host.show("MainPID")["MainPID"]
    assert host.limits()["Max open files"][0] == "20000", "the node raises itself to its hard limit"
    run = play("remediate", "--limit", host.name, memory_pool_limit_nofile=65535)
    assert not any("restarted" in change for change in run.hosts[host.name]["changes"])
    assert host.show("MainPID")["MainPID"] == pid


def test_more_than_the_floor_is_left_alone(host: HostHandle, play: Play) -> None:
    host.shm("24G")
    before = shm_mount(host)
    run = play("remediate", "--limit", host.name)
    assert run.status == 0
    assert shm_mount(host) == before, "a larger /dev/shm was lowered"
    configured = host.show("LimitNOFILE", "LimitNOFILESoft")
    assert configured == {"LimitNOFILE": "524288", "LimitNOFILESoft": "16384"}, "the hard limit of systemd was lowered"


class TestUnreachable:
    def test_limit_to_one_host(self, hosts: list[HostHandle], play: Play) -> None:
        run = play("diagnose", "--limit", hosts[1].name)
        assert (run.status, list(run.hosts)) == (0, [hosts[1].name])

    def test_first_host(self, hosts: list[HostHandle], play: Play) -> None:
        hosts[0].link(up=False)
        hosts[1].shm("64M")
        run = play("remediate", "-e", "ansible_timeout=3")
        assert run.status == 2
        assert {name: entry["verdict"] for name, entry in run.hosts.items()} == {
            "val-1": "unreachable", "val-2": "healthy", "val-3": "healthy"}
        assert run.hosts["val-2"]["changes"], "other hosts were not served"
        assert "unreachable" in run.hosts["val-1"]["failure"]["message"]

    def test_all_hosts(self, hosts: list[HostHandle], play: Play) -> None:
        for host in hosts:
            host.link(up=False)
        for name in ("diagnose", "remediate", "verify", "revert"):
            run = play(name, "-e", "ansible_timeout=3")
            assert run.status == 2, f"{name} of no reachable host ended well"
            assert run.report["summary"]["unreachable"] == 3

    def test_no_host_at_all(self, hosts: list[HostHandle], play: Play) -> None:
        run = play("diagnose", memory_pool_hosts="nobody")
        assert run.status == 2
        assert "memory_pool_hosts: nobody matches no host of this run" in run.output
        assert "validators" in run.output


def test_node_comes_back_when_the_controller_is_cut_off(host: HostHandle, play: Play) -> None:
    host.drop_in("LimitNOFILE=1024")
    host.wait_for_node()
    old = host.show("MainPID")["MainPID"]
    runs: list[Run] = []
    operator = threading.Thread(
        target=lambda: runs.append(play("remediate", "--limit", host.name, memory_pool_restart_delay=5)))
    operator.start()
    deadline = time.monotonic() + 60
    while host.show("ActiveState")["ActiveState"] == "active" and host.show("MainPID")["MainPID"] == old:
        assert time.monotonic() < deadline, "the restart never began"
        time.sleep(0.05)
    host.stop_ssh()
    operator.join(120)
    assert runs[0].status == 2
    assert runs[0].hosts[host.name]["verdict"] == "unreachable"
    host.wait_for({"ActiveState": "active"}, timeout=90)
    host.wait_for_node()
    assert host.limits()["Max open files"][0] == "16384"
    host.start_ssh()
    pid = host.show("MainPID")["MainPID"]
    resumed = play("remediate", "--limit", host.name)
    assert (resumed.status, resumed.hosts[host.name]["verdict"]) == (0, "healthy")
    assert host.show("MainPID")["MainPID"] == pid, "the next run restarted the node once more"


def test_restart_left_to_a_person_is_pending(host: HostHandle, play: Play) -> None:
    host.drop_in("LimitNOFILE=1024")
    host.wait_for_node()
    pid = host.show("MainPID")["MainPID"]
    run = play("remediate", "--limit", host.name, memory_pool_restart="never")
    assert run.hosts[host.name]["pending"] == ["polkadot.service"]
    assert run.ids(host.name) == ["limits-not-live"]
    assert run.status == 2, "a setting that is not live is no success"
    assert host.show("MainPID")["MainPID"] == pid


@pytest.mark.parametrize(("variables", "named"), [
    ({"memory_pool_shm_size": "2X"}, "memory_pool_shm_size: '2X' is not valid"),
    ({"memory_pool_shm_size": "-1G"}, "memory_pool_shm_size: '-1G' is not valid"),
    ({"memory_pool_shm_size": "0"}, "memory_pool_shm_size: '0' is not valid"),
    ({"memory_pool_shm_size": ""}, "memory_pool_shm_size: '' is not valid"),
    ({"memory_pool_shm_size": "900T"}, "900 TiB"),
    ({"memory_pool_limit_nofile": "many"}, "memory_pool_limit_nofile: 'many' is not valid"),
    ({"memory_pool_limit_memlock": "-3"}, "memory_pool_limit_memlock: '-3' is not valid"),
    ({"memory_pool_services": ["../x"]}, "services: '../x' is not valid"),
    ({"memory_pool_services": ["a/b"]}, "services: 'a/b' is not valid"),
    ({"memory_pool_services": ["a\nb"]}, "is not valid"),
    ({"memory_pool_services": ["polkadto"]}, "'polkadto.service'"),
    ({"memory_pool_restart": "maybe"}, "maybe"),
    ({"memory_pool_fail_on": "sometimes"}, "sometimes"),
])
def test_bad_input_is_named_and_changes_nothing(host: HostHandle, play: Play, variables: dict, named: str) -> None:
    before = states([host])
    run = play("remediate", "--limit", host.name, **variables)
    assert run.status == 2
    assert named in run.output.replace('\\"', '"'), run.output
    assert states([host]) == before, "bad input changed a host"


@pytest.mark.parametrize(("fstab", "named"), [
    ("tmpfs /dev/shm tmpfs size=1M 0 0\ntmpfs /dev/shm tmpfs size=2M 0 0\n", "lines 2 and 3"),
    ("/srv/shm /dev/shm none bind 0 0\n", "/dev/shm"),
])
def test_fstab_that_needs_a_person(host: HostHandle, play: Play, fstab: str, named: str) -> None:
    host.inside("tee", "-a", "/etc/fstab", input=fstab)
    host.shm("64M")
    before = states([host])
    run = play("remediate", "--limit", host.name)
    assert run.status == 2
    assert named in run.hosts[host.name]["failure"]["message"]
    assert states([host]) == before


def test_read_only_etc(host: HostHandle, play: Play) -> None:
    host.shm("64M")
    before = states([host])
    host.inside("mount", "--bind", "/etc", "/etc")
    host.inside("mount", "-o", "remount,bind,ro", "/etc")
    try:
        run = play("remediate", "--limit", host.name)
    finally:
        host.inside("umount", "/etc")
    assert run.status == 2
    assert "read-only" in run.hosts[host.name]["failure"]["message"].lower()
    assert states([host]) == before


def test_without_root_it_diagnoses_and_says_what_it_missed(host: HostHandle, play: Play) -> None:
    host.drop_in("LimitNOFILE=16384")
    host.wait_for_node()
    host.inside("useradd", "--create-home", "watcher")
    try:
        watcher = {"ansible_become": True, "ansible_become_method": "su", "ansible_become_user": "watcher"}
        run = play("diagnose", "--limit", host.name, ansible_pipelining=False, **watcher)
        assert run.hosts[host.name]["verdict"] == "healthy", run.output
        facts = run.hosts[host.name]["facts"]
        assert facts["host"]["root"] is False
        assert any("/maps" in entry["path"] for entry in facts["unread"]), "what only root can read must be named"
    finally:
        host.inside("userdel", "--remove", "watcher")
