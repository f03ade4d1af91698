# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for tests on real hosts: systemd-nspawn, sshd and the stand-in node.

Start with `fleet` (three hosts for the whole session) or `host` (one of them,
put back to its first state after the test).  A test that must have other
hosts calls `make_fleet`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

SUPPORT = Path(__file__).resolve().parent.parent / "support"
sys.path.insert(0, str(SUPPORT))

from fleet import lifecycle, reach, shaping  # noqa: E402  pylint: disable=wrong-import-position
from fleet.state import Fleet  # noqa: E402  pylint: disable=wrong-import-position

_RPC = """
import json, sys, urllib.request
call = {"jsonrpc": "2.0", "id": 1, "method": sys.argv[1], "params": json.loads(sys.argv[2])}
request = urllib.request.Request("http://127.0.0.1:9944", json.dumps(call).encode())
print(urllib.request.urlopen(request, timeout=40).read().decode())
"""
# More than the default floor; what systemd-nspawn gives depends on the machine's RAM.
HEALTHY_SHM = "2560M"
# The hosts of rollout_fleet with their failure domains; the first three are authorities.
DOMAINS = dict(zip([f"val-{number}" for number in range(1, 9)], "abcabcdd"))
_TREES = ("/etc/fstab", "/etc/systemd", "/etc/sysctl.d", "/etc/default")


def pytest_configure(config: pytest.Config) -> None:
    """Know the marker also where this directory is run alone."""
    config.addinivalue_line("markers", "nspawn: needs root and systemd-nspawn, boots real hosts")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run have every so many-th file of the tests, and keep what was seen."""
    parser.addoption("--record", action="store_true", help="write the table of faults in docs/reliability.md")
    parser.addoption("--part", metavar="K/N", default="1/1",
                     help="the K-th of N parts of the files, for machines with little time")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests that need hosts, saying what this machine lacks; leave out the files of other parts."""
    part, parts = map(int, config.getoption("part").split("/"))
    chosen = sorted({item.path for item in items})[part - 1::parts]
    config.hook.pytest_deselected(items=[item for item in items if item.path not in chosen])
    items[:] = [item for item in items if item.path in chosen]
    reason = lifecycle.missing()
    for item in items:
        if reason and item.get_closest_marker("nspawn"):
            item.add_marker(pytest.mark.skip(reason=reason))


class HostHandle:
    """One host of a fleet, with what tests do to it and ask it."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        """Name the host; nothing is started here."""
        self.fleet = fleet
        self.name = name

    def run(self, *command: str, **options: t.Any) -> str:
        """Run a command by ssh and return what it printed; FleetError if it fails."""
        return reach.on_host(self.fleet, self.name, command, **options)

    def inside(self, *command: str, **options: t.Any) -> str:
        """Run a command without ssh, for a host whose sshd or link is down."""
        return reach.inside(self.fleet, self.name, command, **options)

    def show(self, *properties: str, unit: str = shaping.UNIT) -> dict[str, str]:
        """Read properties of a unit; works without ssh."""
        text = self.inside("systemctl", "show", "--property=" + ",".join(properties), unit)
        return dict(line.split("=", 1) for line in text.splitlines())

    def journal(self, unit: str = shaping.UNIT) -> str:
        """The messages of a unit's journal."""
        return self.inside("journalctl", "--unit=" + unit, "--output=cat", "--no-pager", "--quiet")

    def limits(self) -> dict[str, tuple[str, str]]:
        """Soft and hard limits of the live node, by the kernel's names."""
        pid = self.show("MainPID")["MainPID"]
        rows = self.inside("cat", f"/proc/{pid}/limits").splitlines()[1:]
        return {row[:26].strip(): (row[26:46].strip(), row[46:67].strip()) for row in rows}

    def rpc(self, method: str, *params: t.Any) -> t.Any:
        """Call the node's JSON-RPC on the host's own loopback."""
        answer = json.loads(self.inside("python3", "-c", _RPC, method, json.dumps(params)))
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["result"]

    def checksums(self) -> str:
        """Names, modes, owners and contents of all that a remedy may write."""
        listing = ["find", *_TREES, "-printf", r"%p %y %m %u %g %l\n"]
        names = "".join(sorted(self.inside(*listing).splitlines(keepends=True)))
        sums = self.inside("find", *_TREES, "-type", "f", "-exec", "sha256sum", "{}", "+")
        return names + "".join(sorted(sums.splitlines(keepends=True), key=lambda line: line.split()[1]))

    def wait_for(self, wanted: t.Mapping[str, str], timeout: float = 30) -> dict[str, str]:
        """Wait until the unit's properties have these values."""
        deadline = time.monotonic() + timeout
        while True:
            state = self.show(*wanted, "MainPID", "Result")
            if all(state[key] == value for key, value in wanted.items()):
                return state
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name}: wanted {dict(wanted)}, is {state}")
            time.sleep(0.2)

    def wait_for_node(self, timeout: float = 30) -> None:
        """Wait until the node answers by RPC."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.rpc("state_getRuntimeVersion")
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def shm(self, size: str) -> None:
        """Resize the live /dev/shm."""
        shaping.shm(self.fleet, self.name, size)

    def fstab(self, line: str) -> None:
        """Append a line to fstab."""
        shaping.fstab(self.fleet, self.name, line)

    def drop_in(self, *lines: str, file: str = "10-site", restart: bool = True) -> None:
        """Write a drop-in for the node, and restart it under that."""
        shaping.drop_in(self.fleet, self.name, lines, file=file, restart=restart)

    def stop_ssh(self) -> None:
        """Stop sshd and kill its sessions."""
        shaping.stop_ssh(self.fleet, self.name)

    def start_ssh(self) -> None:
        """Start sshd again."""
        shaping.start_ssh(self.fleet, self.name)

    def link(self, up: bool) -> None:
        """Plug or pull the network cable."""
        shaping.link(self.fleet, self.name, up)

    def reboot(self) -> None:
        """Reboot and wait until it answers."""
        shaping.reboot(self.fleet, self.name)


MakeFleet = t.Callable[..., Fleet]
Playbook = t.Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def make_fleet(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[MakeFleet]:
    """Start fleets by the names of their hosts; all are ended with the session."""
    with contextlib.ExitStack() as started:

        def make(*names: str) -> Fleet:
            workdir = tmp_path_factory.mktemp("fleet")
            started.callback(lifecycle.down, workdir)
            return lifecycle.up(workdir, list(names))

        yield make


@pytest.fixture(scope="session")
def fleet(make_fleet: MakeFleet) -> Fleet:
    """Three hosts for the session; tests share them."""
    started = make_fleet("val-1", "val-2", "val-3")
    for each in started.hosts:
        shaping.shm(started, each.name, HEALTHY_SHM)
    return started


@pytest.fixture(scope="session")
def rollout_fleet(make_fleet: MakeFleet) -> Fleet:
    """Eight hosts in four domains, three of them authorities, with few open files."""
    started = make_fleet(*DOMAINS)
    content = json.loads(started.inventory.read_text())
    for number, name in enumerate(DOMAINS):
        content["validators"]["hosts"][name]["memory_pool_domain"] = DOMAINS[name]
        shaping.shm(started, name, HEALTHY_SHM)
        if number >= 3:
            shaping.write(started, name, "/etc/default/polkadot", 'POLKADOT_CLI_ARGS="--chain polkadot"\n')
        shaping.drop_in(started, name, ["LimitNOFILE=1024"], file="10-site")
    started.inventory.write_text(json.dumps(content))
    return started


@pytest.fixture
def hosts(fleet: Fleet) -> t.Iterator[list[HostHandle]]:
    """The three hosts, each put back to its first state after the test."""
    handles = [HostHandle(fleet, host.name) for host in fleet.hosts]
    for handle in handles:
        handle.wait_for_node()
    yield handles
    for handle in handles:
        _put_back(handle)


@pytest.fixture
def host(hosts: list[HostHandle]) -> HostHandle:
    """One host."""
    return hosts[0]


def _put_back(handle: HostHandle) -> None:
    """Undo what tests do to a host: files, limits, mounts, sshd and cable."""
    handle.link(True)
    handle.inside("systemctl", "start", "ssh.service")
    written = ["/etc/systemd/system/polkadot.service.d", "/var/lib/aarch64-validator",
               "/run/aarch64-validator-restart-polkadot.service.lock"]  # a restart that a test kills leaves this one
    handle.inside("rm", "--recursive", "--force", *written, "/etc/sysctl.d/60-aarch64-validator.conf")
    handle.inside("tee", "/etc/fstab", input=lifecycle.FSTAB)
    handle.inside("mount", "-o", f"remount,rw,size={HEALTHY_SHM}", "/dev/shm")
    handle.inside("systemctl", "daemon-reload")
    handle.inside("systemctl", "reset-failed")
    handle.inside("systemctl", "restart", shaping.UNIT)
    reach.wait(handle.fleet, handle.name)


@pytest.fixture
def playbook(fleet: Fleet, tmp_path: Path) -> Playbook:
    """Run a playbook of this collection against the fleet, from the clone, as an operator would."""

    def run(name: str, *arguments: str, env: t.Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        root = SUPPORT.parent.parent
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(fleet.inventory), f"playbooks/{name}.yml"]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(root / "ansible.cfg"), **(env or {})}
        report = ["--extra-vars", json.dumps({"memory_pool_report_dir": str(tmp_path / "report")})]
        return subprocess.run(
            [*command, *report, *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
        )

    return run
