# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does the test support do what the other tests take for granted?"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import typing as t
import urllib.request
from pathlib import Path

import crash_points
import pytest
import rootfs
from conftest import SUPPORT, HostHandle, MakeFleet
from fleet import lifecycle, plumbing
from fleet.state import FleetError, load, recorded

GIB = 1 << 30
POOL = {"2GiB": 0x6080000000, "32MiB": 0x4082000000}
TITLE = (
    'Error: Service(Application(Application(VersionInvalid("cannot create the wasmtime engine: '
    "failed to create memory pool mapping: mmap failed to reserve 0x6080000000 bytes: "
    'Cannot allocate memory (os error 12)"))))'
)


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LocalNode:
    """The stand-in node as a child of the tests, without any host."""

    def __init__(self, tmp_path: Path) -> None:
        """Use the wheel of the hosts, whatever these tests run in."""
        wheel = rootfs.wasmtime_layer(os.uname().machine) / rootfs.NODE_DIR
        self.environment = {**os.environ, "PYTHONPATH": str(wheel), "PYTHONDONTWRITEBYTECODE": "1"}
        self.port, self.metrics_port = free_port(), free_port()
        self.base_path = tmp_path / "base"
        self.process: subprocess.Popen[str] | None = None

    def command(self, *arguments: str) -> list[str]:
        """The node's command line."""
        ports = ["--rpc-port", str(self.port), "--prometheus-port", str(self.metrics_port)]
        program = [sys.executable, str(SUPPORT / "wasmtime_node.py")]
        return [*program, "--base-path", str(self.base_path), *ports, *arguments]

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        variables = {**self.environment, **environment}
        return subprocess.run(self.command(*arguments), env=variables, capture_output=True, text=True, timeout=30, check=False)

    def start(self, *arguments: str, address_space: int = resource.RLIM_INFINITY) -> None:
        """Start it, under an address space limit if one is given, and wait for its RPC."""

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))

        self.process = subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit,  # noqa: PLW1509
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                self.rpc("system_health")
                return
            except OSError:
                assert self.process.poll() is None, self.end()
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def rpc(self, method: str, *params: t.Any) -> t.Any:
        """Call JSON-RPC."""
        return self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})["result"]

    def post(self, body: t.Any) -> t.Any:
        """Send any body to the RPC port."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def pools(self) -> list[int]:
        """Sizes of the reservations in the live process, with what an instance carved out of them.

        Instances turn the head of a slot into memory, so neighbouring regions are joined.
        """
        assert self.process is not None
        regions: list[list[int]] = []
        for line in Path(f"/proc/{self.process.pid}/maps").read_text(encoding="utf-8").splitlines():
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            reserved = line.split()[1].startswith("---")
            if regions and reserved and regions[-1][1] == start and regions[-1][2]:
                regions[-1][1] = end
            else:
                regions.append([start, end, reserved])
        return [end - start for start, end, reserved in regions if reserved and end - start > 200 * GIB]

    def end(self) -> str:
        """End the node if it still runs, and return what it logged."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=20)[1]


@pytest.fixture
def node(tmp_path: Path) -> t.Iterator[LocalNode]:
    """A node without a host."""
    made = LocalNode(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.communicate()


@pytest.mark.parametrize("guard", sorted(POOL))
def test_the_reservation_is_real(node: LocalNode, guard: str) -> None:
    node.start("--engine-guard", guard)
    pools = node.pools()
    assert len(pools) == 1
    # Only the first instance's memory can be missing from it.
    assert POOL[guard] - GIB < pools[0] <= POOL[guard]
    node.end()
    assert node.process is not None
    assert node.process.returncode == 0


@pytest.mark.parametrize("strategy", ["recreate-instance-copy-on-write", "recreate-instance"])
def test_no_pool_without_pooling(node: LocalNode, strategy: str) -> None:
    node.start("--wasmtime-instantiation-strategy", strategy, address_space=100 * GIB)
    assert node.rpc("state_getMetadata").startswith("0x6d657461")
    assert node.pools() == []


def test_death_has_the_words_of_the_title(node: LocalNode) -> None:
    command = ["prlimit", f"--as={300 * GIB}", *node.command("--engine-guard", "2GiB")]
    died = subprocess.run(command, env=node.environment, capture_output=True, text=True, timeout=30, check=False)
    assert died.returncode == 1
    assert died.stderr.splitlines()[-1] == TITLE


def test_upgrades_make_before_they_evict(node: LocalNode) -> None:
    """Cache size 1 and room for two engines: fits. Room for one: the upgrade kills."""
    node.start("--runtime-cache-size", "1", address_space=600 * GIB)
    before = node.rpc("state_getRuntimeVersion")["specVersion"]
    assert node.rpc("test_runtimeUpgrade") == before + 1
    assert node.rpc("state_getRuntimeVersion")["specVersion"] == before + 1
    assert len(node.pools()) == 1
    node.end()
    node.start("--runtime-cache-size", "1", address_space=300 * GIB)
    assert node.process is not None
    node.process.send_signal(signal.SIGUSR1)
    said = node.process.communicate(timeout=20)[1]
    assert node.process.returncode == 1
    assert 'Cannot create a runtime error=Other("cannot create the wasmtime engine: failed to create memory pool' in said
    assert "mmap failed to reserve 0x4082000000 bytes" in said.splitlines()[-1]


def test_a_collator_has_two_executors(node: LocalNode) -> None:
    node.start("--collator", "--", "--chain", "polkadot")
    assert len(node.pools()) == 2
    node.end()
    node.start("--collator", "--", "--wasmtime-instantiation-strategy", "recreate-instance")
    assert len(node.pools()) == 1


def test_rpc_health_and_metrics(node: LocalNode) -> None:
    node.start("--validator")
    batch = [{"jsonrpc": "2.0", "id": n, "method": m} for n, m in enumerate(("system_health", "system_nodeRoles", "nope"))]
    health, roles, unknown = node.post(batch)
    assert health["result"] == {"peers": 8, "isSyncing": False, "shouldHavePeers": True}
    assert roles["result"] == ["Authority"]
    assert unknown["error"]["code"] == -32601
    first = int(node.rpc("chain_getHeader")["number"], 16)
    time.sleep(1.1)
    assert int(node.rpc("chain_getHeader")["number"], 16) > first
    finalized = node.rpc("chain_getHeader", node.rpc("chain_getFinalizedHead"))
    assert int(finalized["number"], 16) >= first - 3
    with urllib.request.urlopen(f"http://127.0.0.1:{node.metrics_port}/metrics") as metrics:
        assert b"substrate_sub_libp2p_is_major_syncing" in metrics.read()
    node.rpc("test_set", {"peers": 0})
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(f"http://127.0.0.1:{node.port}/health/readiness")
    peer_id = node.rpc("system_localPeerId")
    node.end()
    node.start("--validator")
    assert node.rpc("system_localPeerId") == peer_id


def test_command_line_is_refused_as_by_clap(node: LocalNode) -> None:
    refused = node.run("--wasmtime-instantiation-strategy", "legacy-instance-reuse")
    assert refused.returncode == 2
    assert "[possible values: pooling-copy-on-write, recreate-instance-copy-on-write," in refused.stderr
    unknown = node.run("--no-such-option")
    assert unknown.returncode == 2
    assert "unexpected argument '--no-such-option' found" in unknown.stderr
    assert "--wasmtime-instantiation-strategy" in node.run("--help").stdout
    assert "--wasmtime-instantiation-strategy" not in node.run("--help", WASMTIME_NODE_HIDE_STRATEGY="1").stdout
    old = node.run("--wasmtime-instantiation-strategy", "pooling", WASMTIME_NODE_HIDE_STRATEGY="1")
    assert old.returncode == 2


@pytest.mark.nspawn
def test_the_unit_runs_the_node_itself(host: HostHandle) -> None:
    state = host.wait_for({"ActiveState": "active", "SubState": "running"})
    assert host.inside("cat", f"/proc/{state['MainPID']}/comm") == "polkadot\n"
    assert host.run("systemctl", "is-system-running") == "running\n"
    assert host.rpc("system_name") == "Parity Polkadot"
    # PID 1 of these hosts can grant no more, whatever the unit asks for.
    host.drop_in("LimitNOFILE=65535", "LimitMEMLOCK=infinity")
    host.wait_for_node()
    assert host.show("LimitNOFILE", "LimitMEMLOCK") == {"LimitNOFILE": "65535", "LimitMEMLOCK": "infinity"}
    assert host.limits()["Max open files"][1] == "20000"
    assert host.limits()["Max locked memory"][1] == "8388608"


@pytest.mark.nspawn
def test_a_limited_node_dies_and_is_restarted(host: HostHandle) -> None:
    host.drop_in("LimitAS=300G", "Environment=WASMTIME_NODE_ENGINE_GUARD=2GiB")
    state = host.wait_for({"ActiveState": "activating", "SubState": "auto-restart"})
    assert state["Result"] == "exit-code"
    assert TITLE in host.journal()


@pytest.mark.nspawn
def test_reboot_applies_fstab_and_keeps_the_journal(host: HostHandle) -> None:
    host.shm("64M")
    assert "size=65536k" in host.run("findmnt", "--noheadings", "--output=OPTIONS", "/dev/shm")
    host.fstab("tmpfs /dev/shm tmpfs rw,nosuid,nodev,size=300M 0 0")
    before = host.run("cat", "/proc/sys/kernel/random/boot_id")
    host.reboot()
    assert host.run("cat", "/proc/sys/kernel/random/boot_id") != before
    options = host.run("findmnt", "--noheadings", "--output=OPTIONS", "/dev/shm")
    assert "size=307200k" in options
    assert "nosuid,nodev" in options
    host.wait_for_node()
    assert host.journal().count("Parity Polkadot") >= 2


@pytest.mark.nspawn
def test_transient_timers_fire(host: HostHandle) -> None:
    timer = ["--on-active=1s", "--timer-property=AccuracySec=100ms", "--unit=support-test"]
    host.run("systemd-run", *timer, "touch", "/run/fired")
    time.sleep(2)
    host.run("test", "-e", "/run/fired")


@pytest.mark.nspawn
def test_a_host_can_be_lost_and_found(hosts: list[HostHandle]) -> None:
    _first, second, third = hosts
    second.stop_ssh()
    with pytest.raises(FleetError, match="exit code 255"):
        second.run("true")
    third.link(up=False)
    with pytest.raises(FleetError, match="exit code 255"):
        third.run("true")
    second.start_ssh()
    third.link(up=True)
    assert second.run("hostname") + third.run("hostname") == "val-2\nval-3\n"


@pytest.mark.nspawn
def test_down_ends_a_fleet_whose_keepers_died(make_fleet: MakeFleet) -> None:
    fleet = make_fleet("lone")
    processes = recorded(fleet, "lone")
    processes["supervisor"].signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while processes["nspawn"].alive:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    lifecycle.down(fleet.workdir)
    assert not load(fleet.workdir).hosts
    assert not plumbing.cgroups(fleet, "lone")
    assert not Path("/run/netns", fleet.netns).exists()
    assert not fleet.root("lone").exists()
    assert str(fleet.workdir) not in Path("/proc/self/mounts").read_text(encoding="utf-8")


def test_a_crash_point_is_found_again_where_more_was_read_before_it() -> None:
    read, write = 'openat(AT_FDCWD</>, "/proc/{}/status", O_RDONLY) = 3', 'openat(AT_FDCWD</>, "/etc/new", O_WRONLY|O_CREAT) = 4'
    first, later = ("\n".join([*map(read.format, range(count)), write, write]) for count in (5, 9))
    one, two = crash_points.points(first)
    assert (one.number, two.number) == (6, 7)
    assert crash_points.moved(two, later).number in (10, 11)
    assert crash_points.moved(one, "").number == 6
