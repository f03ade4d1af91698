# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restriction_bisect on a real host: real sandboxes of systemd around the real Wasmtime."""

from __future__ import annotations

import random
from typing import Any

import pytest
from conftest import HostHandle, MakeFleet
from service_host import ServiceHost, installed

from ansible_collections.aarch64.validator.plugins.module_utils._bisect import usual_bound

pytestmark = pytest.mark.nspawn

NODE = "/usr/bin/polkadot"
PROGRAM = "/opt/stand-in/polkadot"
HARMLESS = [
    "CapabilityBoundingSet=", "LockPersonality=yes", "NoNewPrivileges=yes", "PrivateDevices=yes", "PrivateMounts=yes",
    "PrivateUsers=yes", "ProtectClock=yes", "ProtectControlGroups=yes", "ProtectHome=yes", "ProtectHostname=yes",
    "ProtectKernelLogs=yes", "ProtectKernelModules=yes", "ProtectKernelTunables=yes", "ProtectProc=invisible",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX", "RestrictNamespaces=yes", "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
]
BLOCKING = ["MemoryDenyWriteExecute=yes", "SystemCallFilter=@system-service\nSystemCallFilter=~memfd_create @privileged"]
# A node as far as a trial can tell; what it does besides stands in its place.
STAND_IN = """
import os, socket, sys, time
if "--help" in sys.argv:
    print("-d, --base-path <PATH>")
    sys.exit(0)
def works(attempt):
    try:
        attempt()
    except OSError as error:
        print(error, file=sys.stderr)
        return False
    return True
{}
time.sleep(60)
"""


@pytest.fixture(scope="module")
def handle(make_fleet: MakeFleet) -> HostHandle:
    started = installed(make_fleet, "bisect-1")
    started.wait_for_node()
    return started


@pytest.fixture
def host(handle: HostHandle) -> Any:
    """A host on which the module must leave nothing behind and the node alone."""
    service_host = ServiceHost(handle)

    def footprint() -> str:
        state = service_host.show("polkadot.service", "MainPID", "NRestarts", "ActiveState")
        return str(state) + service_host.run("sh", "-c", (
            "find /var/cache /run/systemd/transient /home/polkadot -mindepth 1 2>/dev/null | sort; systemctl list-units --all "
            "--plain --no-legend 'aarch64-validator*'; systemctl list-units --failed --plain --no-legend; "
            "pgrep -ax 'strace|flock' || true"))

    before = footprint()
    yield service_host
    service_host.clean_up()
    service_host.run("rm", "-rf", "/opt/stand-in", "/opt/data", "/dev/shm/count")
    assert footprint() == before


def bisect(host: ServiceHost, unit: str, **options: Any) -> dict[str, Any]:
    """Run the module, which must not fail."""
    result = host.module("restriction_bisect", **dict({"unit": unit, "seconds": 4}, **options))
    assert not result.get("failed"), result["msg"]
    assert result["changed"] is False and result["starts"] == len(result["tried"])
    return result


def names(result: dict[str, Any]) -> list[str]:
    return [directive["name"] for directive in result["directives"]]


def stand_in(host: ServiceHost, code: str, *lines: str) -> str:
    """A service whose program does this and then goes on."""
    host.write(PROGRAM, STAND_IN.format(code))
    return host.unit("stand-in", f"ExecStart=/usr/bin/python3 {PROGRAM}", "User=polkadot", *lines, start=False)


@pytest.mark.parametrize("seed", range(10))
def test_two_of_twenty(host: ServiceHost, seed: int, record_property: Any) -> None:
    chance = random.Random(seed)
    lines = HARMLESS + BLOCKING
    chance.shuffle(lines)
    unit = host.unit("node", f"ExecStart={NODE} --validator", "User=polkadot", *lines, start=False)
    result = bisect(host, unit)
    assert result["conclusion"] == "culprits"
    assert sorted(names(result)) == ["MemoryDenyWriteExecute", "SystemCallFilter"]
    assert len(result["restrictions"]) == 20
    record_property("starts", result["starts"])
    print(f"\nseed {seed}: {result['starts']} starts of at most {usual_bound(20, 2)}")
    assert result["starts"] <= usual_bound(20, 2)
    assert result["notes"] == []

    text = host.run("cat", f"/etc/systemd/system/{unit}").splitlines()
    written, filtered = result["directives"]
    assert text[written["line"] - 1] == "MemoryDenyWriteExecute=yes" and written["value"] == "yes"
    assert text[filtered["line"] - 1] == "SystemCallFilter=~memfd_create @privileged"
    assert (filtered["evidence"]["call"], filtered["evidence"]["errno"]) == ("memfd_create", "SIGSYS")
    assert written["evidence"]["call"] == "mprotect" and "PROT_EXEC" in written["evidence"]["text"]
    assert all(directive["alone"] and directive["cost"].endswith(".") for directive in result["directives"])
    assert result["relaxation"] == "[Service]\nMemoryDenyWriteExecute=no\nSystemCallFilter=memfd_create\n"
    assert result["tried"][-1]["started"] and result["tried"][-1]["instead"] == ["SystemCallFilter=memfd_create"]


def test_relaxation_lets_the_service_start(host: ServiceHost) -> None:
    port = "--rpc-port 19944 --no-prometheus --base-path /var/lib/node"
    unit = host.unit("node", f"ExecStart={NODE} {port}", "User=polkadot", "StateDirectory=node", "SystemCallErrorNumber=EPERM",
                     "Restart=no", *HARMLESS, *BLOCKING)
    host.wait_for(unit, "failed failed")
    result = bisect(host, unit)
    assert sorted(names(result)) == ["MemoryDenyWriteExecute", "SystemCallFilter"]
    assert "memfd_create" in result["relaxation"]
    host.drop_in(unit, "60-aarch64-validator-sandbox", *result["relaxation"].splitlines()[1:])
    host.run("systemctl", "start", unit)
    host.run("python3", "-c", (
        "import time, urllib.request as u\n"
        "call = b'{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"state_getRuntimeVersion\", \"params\": []}'\n"
        "for _ in range(50):\n"
        "    try:\n"
        "        answer = u.urlopen(u.Request('http://127.0.0.1:19944', call)).read().decode()\n"
        "        break\n"
        "    except OSError: time.sleep(0.2)\n"
        "assert 'specVersion' in answer, answer"))
    host.run("rm", "-rf", "/var/lib/node")


def test_without_evidence(host: ServiceHost) -> None:
    unit = host.unit("node", f"ExecStart={NODE} --validator", "User=polkadot", *HARMLESS, *BLOCKING, start=False)
    result = bisect(host, unit, trace=False)
    assert sorted(names(result)) == ["MemoryDenyWriteExecute", "SystemCallFilter"]
    assert result["starts"] <= usual_bound(20, 2)
    # nothing tells which call it is
    assert result["relaxation"] == "[Service]\nMemoryDenyWriteExecute=no\nSystemCallFilter=\n"


def test_without_strace(host: ServiceHost) -> None:
    unit = stand_in(host, "works(lambda: socket.socket(socket.AF_INET)) or sys.exit(1)", "RestrictAddressFamilies=AF_UNIX",
                    "LockPersonality=yes")
    host.run("mv", "/usr/bin/strace", "/usr/bin/strace.away")
    try:
        result = bisect(host, unit, seconds=2)
    finally:
        host.run("mv", "/usr/bin/strace.away", "/usr/bin/strace")
    assert names(result) == ["RestrictAddressFamilies"] and any("strace" in note for note in result["notes"])
    assert "Address family not supported" in result["directives"][0]["evidence"]["text"]
    result = bisect(host, unit, seconds=2)
    assert result["directives"][0]["relaxation"] == "RestrictAddressFamilies=AF_INET"


def test_two_that_block_only_together(host: ServiceHost) -> None:
    host.run("mkdir", "-p", "/opt/data")
    unit = stand_in(host, "works(lambda: os.memfd_create('x')) or works(lambda: os.listdir('/opt/data')) or sys.exit(1)",
                    *HARMLESS[:8], "SystemCallFilter=~memfd_create", "SystemCallErrorNumber=EPERM", "InaccessiblePaths=/opt/data")
    result = bisect(host, unit, seconds=2)
    assert result["conclusion"] == "culprits", result
    (directive,) = result["directives"]
    assert directive["alone"] is False
    assert {directive["name"], *directive["together_with"]} == {"SystemCallFilter", "InaccessiblePaths"}


def test_rarer_directives(host: ServiceHost) -> None:
    code = ("works(lambda: open('/home/polkadot/.trial-none', 'a') if 0 else os.listdir('/home')) and os.listdir('/home') "
            "or sys.exit(1)\nfor _ in range(300): os.open('/dev/null', 0)")
    unit = stand_in(host, code, *HARMLESS, "LimitNOFILE=64", "TasksMax=100")
    result = bisect(host, unit, seconds=2)
    assert sorted(names(result)) == ["LimitNOFILE", "ProtectHome"]
    assert "ProtectHome=read-only" in result["relaxation"] and "LimitNOFILE=1048576" in result["relaxation"]


def test_sandbox_that_cannot_be_set_up(host: ServiceHost) -> None:
    unit = stand_in(host, "", *HARMLESS[:6], "InaccessiblePaths=/nowhere/at/all")
    result = bisect(host, unit, seconds=2)
    assert names(result) == ["InaccessiblePaths"]
    assert "could not be started" in result["directives"][0]["evidence"]["text"]


def test_not_the_sandbox(host: ServiceHost) -> None:
    result = bisect(host, stand_in(host, "sys.exit('broken')", *HARMLESS))
    assert (result["conclusion"], result["starts"], result["directives"]) == ("not-the-sandbox", 2, [])
    assert result["relaxation"] is None and any("broken" in note for note in result["notes"])


def test_packaged_unit_starts(host: ServiceHost) -> None:
    result = bisect(host, "polkadot")
    assert (result["conclusion"], result["starts"], result["directives"]) == ("starts", 2, [])
    assert result["notes"] == [
        "not tried, since a trial has its own protection of files and of the network: ProtectSystem, PrivateTmp, RemoveIPC"]


def test_flaky(host: ServiceHost) -> None:
    """A program that fails at every second start, whatever its sandbox."""
    code = ("count = open('/dev/shm/count', 'a+'); count.write('x'); count.flush(); count.seek(0)\n"
            "len(count.read()) % 2 and sys.exit('not this time')")
    result = bisect(host, stand_in(host, code, *HARMLESS), seconds=2)
    assert (result["conclusion"], result["directives"], result["relaxation"]) == ("flaky", [], None), result
    assert any("does not always end in the same way" in note for note in result["notes"])


def test_too_few_starts(host: ServiceHost) -> None:
    result = bisect(host, stand_in(host, "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)); sys.exit(1)", *HARMLESS),
                    max_starts=2, seconds=2)
    assert result["conclusion"] == "not-the-sandbox"
    unit = host.unit("node", f"ExecStart={NODE}", "User=polkadot", *HARMLESS, *BLOCKING, start=False)
    result = bisect(host, unit, max_starts=3)
    assert (result["conclusion"], result["starts"]) == ("gave-up", 3) and result["directives"] == []


def test_check_mode_starts_nothing(host: ServiceHost) -> None:
    unit = stand_in(host, "", *HARMLESS[:3])
    result = host.module("restriction_bisect", check=True, unit=unit)
    assert result["conclusion"] is None and "tried" not in result
    assert [one["name"] for one in result["restrictions"]] == ["CapabilityBoundingSet", "NoNewPrivileges", "LockPersonality"]


def test_refusals(host: ServiceHost) -> None:
    assert host.module("restriction_bisect", unit="none")["reason"] == "unit"
    assert host.module("restriction_bisect", unit="polkadot", nobody=True)["reason"] == "not-root"
    assert "max_starts" in host.module("restriction_bisect", unit="polkadot", max_starts=1)["msg"]
    unit = host.unit("sleeps", "ExecStart=/bin/sleep infinity", start=False)
    assert host.module("restriction_bisect", unit=unit)["reason"] == "base-path"
