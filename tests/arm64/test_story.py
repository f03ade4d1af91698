# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operator lives through on each kernel, in this order: forecast, failure, remedy, proof, reboot, undo.

Each test goes on where the one before left the guest; when one fails, look at the first.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from pathlib import Path

import pytest
from fleet import shaping
from guest import lifecycle

from ansible_collections.aarch64.validator.plugins.plugin_utils._pool_layout import fit_in_address_space

if t.TYPE_CHECKING:
    from tests.arm64.conftest import ArmGuest

RECORDED = Path(__file__).resolve().parents[1] / "unit/recorded"
GIB = 1 << 30
POOLS = {"194 GiB": (32, 2 * GIB), "258 GiB": (64, 32 << 20), "386 GiB": (64, 2 * GIB)}
TRIED = 3
BITS = {"va39": (4096, 39), "va48": (4096, 48), "pg16k": (16384, 47), "pg64k": (65536, 42)}
RECREATE = "recreate-instance-copy-on-write"
TITLE = "failed to create memory pool mapping"
HELD = "/dev/shm/held"
HOLD = f"""
import mmap, os, time
descriptor = os.open({HELD!r}, os.O_RDWR | os.O_CREAT)
os.truncate(descriptor, 200 << 20)
held = mmap.mmap(descriptor, 200 << 20)
for at in range(0, 200 << 20, 4096):
    held[at:at + 8] = at.to_bytes(8, "big")
os.fsync(descriptor)
open("/run/held.ready", "w").close()
time.sleep(1e6)
"""


# The node answers, and makes an instance of its runtime to do so.
RPC = """
import json, time, urllib.request
call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "state_getRuntimeVersion", "params": []}).encode()
deadline = time.monotonic() + 90
while True:
    try:
        answer = json.loads(urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:9944", call), timeout=20).read())
        assert "result" in answer, answer
        break
    except OSError:
        assert time.monotonic() < deadline, "the node does not answer"
        time.sleep(0.5)
"""


def small(arm: ArmGuest) -> bool:
    """Whether this kernel has too little room for the node's pools."""
    return arm.kernel == "va39"


@pytest.fixture(scope="session")
def before(arm: ArmGuest) -> str:
    """Everything that a remedy may write, as it was; guests with room have a site's own small values there."""
    if not small(arm):
        shaping.fstab(arm.guests, arm.kernel, "tmpfs /dev/shm tmpfs rw,nosuid,nodev,size=300M 0 0")
        shaping.drop_in(arm.guests, arm.kernel, ["LimitNOFILE=4096"])
        arm.run("python3", "-c", RPC)
    return arm.checksums()


def test_the_kernel_is_measured(arm: ArmGuest, before: str) -> None:
    assert before
    facts = arm.playbook("audit").host["facts"]
    assert (facts["kernel"]["page_size"], facts["kernel"]["va_bits"]) == BITS[arm.kernel]
    assert facts["host"]["machine"] == "aarch64" and facts["kernel"]["bits"] == 64 and not facts["host"]["emulated"]
    assert facts["host"]["name"] == arm.kernel and arm.run("systemctl", "is-system-running").strip() == "running"
    arm.figures.values.update(
        release=f"{facts['kernel']['release']} ({arm.kernel})", page_size=f"{facts['kernel']['page_size'] >> 10}K",
        va_bits=str(facts["kernel"]["va_bits"]))


@pytest.mark.parametrize("pie", [True, False], ids=["pie", "no-pie"])
def test_the_forecast_of_engines_is_what_wasmtime_gets(arm: ArmGuest, pie: bool) -> None:
    _page, bits = BITS[arm.kernel]
    program = "engines-pie" if pie else "engines-nopie"
    made = {name: arm.engines(program, slots, guard, TRIED) for name, (slots, guard) in POOLS.items()}
    forecast = {name: min(TRIED, fit_in_address_space(bits, slots * (4 * GIB + guard) + guard, pie))
                for name, (slots, guard) in POOLS.items()}
    assert made == forecast, "an operator would be told a wrong number of engines"
    figures = "/".join(str(number) for number in made.values())
    arm.figures.values["engines"] = figures if pie else f"{arm.figures.values.get('engines')}, {figures}"


def test_a_node_that_runs_is_told_what_the_next_upgrade_brings(arm: ArmGuest, request: pytest.FixtureRequest) -> None:
    arm.run("mount", "-o", "remount,size=300M", "/dev/shm")
    arm.run("systemd-run", "--quiet", "--unit=holder", "python3", "-c", HOLD)
    arm.wait("test -e /run/held.ready")
    run = arm.playbook("diagnose")
    assert run.host["verdict"] == "at-risk" and run.status == 0, run.output
    assert ("runtime-upgrade-will-fail" in run.ids) is small(arm), run.output
    assert {"shm-too-small", "memlock-limit", "nofile-limit"} <= run.ids
    if not small(arm):
        assert "Max open files            4096" in arm.run("cat", f"/proc/{arm.pid()}/limits")
    assert not [item for item in run.host["findings"] if item["explains"]] or small(arm)
    if request.config.getoption("--record"):
        facts = json.dumps(run.host["facts"], indent=1, sort_keys=True)
        (RECORDED / f"aarch64-{arm.kernel}.json").write_text(facts + "\n")
    arm.figures.values["before"] = "at-risk" + (": runtime-upgrade-will-fail" if small(arm) else "")


def test_the_upgrade_kills_the_node_where_that_was_told(arm: ArmGuest) -> None:
    pid = arm.pid()
    arm.upgrade()
    if not small(arm):
        arm.run("python3", "-c", RPC)
        assert arm.pid() == pid
        return
    arm.wait("systemctl show --property=SubState polkadot | grep -q auto-restart")
    journal = arm.run("journalctl", "--unit=polkadot", "--output=cat", "--no-pager")
    assert TITLE in journal and "mmap failed to reserve 0x4082000000 bytes" in journal
    run = arm.playbook("diagnose")
    found = run.host["findings"][0]
    assert run.status == 2 and run.host["verdict"] == "blocked"
    assert (found["id"], found["explains"]) == ("address-space-too-small", True)
    assert run.host["facts"]["services"]["polkadot.service"]["pool"]["engine_bytes_source"] == "log"
    arm.figures.values["before"] += ", then blocked: address-space-too-small"


def test_remediate_heals_it_in_few_steps(arm: ArmGuest) -> None:
    pid = arm.pid()
    predicted = arm.playbook("remediate", "--check")
    run = arm.playbook("remediate", "-vvv")
    assert run.status == 0 and run.host["verdict"] == "healthy", run.output[-6000:]
    assert predicted.host["changes"] == run.host["changes"], "check mode foretold something else"
    assert run.remote_modules <= 12, f"{run.remote_modules} modules were executed on the guest"
    limits = arm.run("cat", f"/proc/{arm.pid()}/limits")
    rows = {line[:26].strip(): line[26:].split() for line in limits.splitlines()}
    assert rows["Max locked memory"][:2] == ["unlimited", "unlimited"] and int(rows["Max open files"][0]) >= 65535
    if small(arm):
        assert RECREATE in arm.run("cat", f"/proc/{arm.pid()}/cmdline")
        assert arm.show("ActiveState")["ActiveState"] == "active"
    else:
        assert arm.pid() == pid, "limits that can be raised in the running process need no restart"
        assert RECREATE not in arm.run("cat", f"/proc/{arm.pid()}/cmdline")
    arm.figures.values.update(
        changed="strategy, limits, /dev/shm" if small(arm) else "limits (live), /dev/shm", after=run.host["verdict"])


def test_shared_memory_grew_under_its_users(arm: ArmGuest) -> None:
    blocks, size = (int(word) for word in arm.run("stat", "--file-system", "--format=%b %S", "/dev/shm").split())
    total = int(arm.run("awk", "/^MemTotal/ {print $2}", "/proc/meminfo")) << 10
    assert blocks * size == 2 * GIB if total > 4 * GIB else blocks * size == total // size // 2 * size
    content = arm.run("python3", "-c", f"import hashlib; print(hashlib.sha256(open({HELD!r}, 'rb').read()).hexdigest())")
    expected = b"".join(at.to_bytes(8, "big") + bytes(4088) for at in range(0, 200 << 20, 4096))
    assert content.strip() == hashlib.sha256(expected).hexdigest(), "data in /dev/shm was harmed by the remount"
    assert arm.run("systemctl", "is-active", "holder").strip() == "active"
    run = arm.playbook("remediate", memory_pool_shm_size="100M", memory_pool_shm_exact=True)
    assert run.status == 2 and "200" in run.host["failure"]["message"], run.output
    assert arm.run("stat", "--file-system", "--format=%b %S", "/dev/shm").split() == [str(blocks), str(size)]


def test_a_second_run_changes_nothing(arm: ArmGuest) -> None:
    pid, sums = arm.pid(), arm.checksums()
    run = arm.playbook("remediate")
    assert run.status == 0 and run.host["changes"] == [] and "changed=0" in run.output
    assert (arm.pid(), arm.checksums()) == (pid, sums)


def test_ten_upgrades_are_survived(arm: ArmGuest) -> None:
    if not small(arm):
        pytest.skip("its pools have room; the upgrade before was survived as well")
    pid = arm.pid()
    for _number in range(10):
        arm.upgrade()
        arm.run("python3", "-c", RPC)
    assert arm.pid() == pid
    assert TITLE not in arm.run("journalctl", "--unit=polkadot", f"_PID={pid}", "--output=cat", "--no-pager", "--quiet")


def test_all_of_it_is_kept_over_a_reboot(arm: ArmGuest) -> None:
    lifecycle.reboot(arm.guests.workdir, arm.kernel)
    arm.run("python3", "-c", RPC)
    assert small(arm) or " 2097152 " in arm.run("df", "--block-size=1K", "/dev/shm"), "the size of /dev/shm was not kept"
    run = arm.playbook("verify")
    assert run.status == 0 and run.host["verdict"] == "healthy", run.output
    assert all(row["live_ok"] for row in run.host["settings"])
    arm.figures.values["rebooted"] = "kept, healthy"


def test_revert_leaves_no_trace(arm: ArmGuest, before: str) -> None:
    run = arm.playbook("revert")
    assert run.host["failure"] is None, run.output
    assert arm.checksums() == before, "revert left something in the files of the guest"
    assert arm.tries("ls", "/var/lib/aarch64-validator").returncode != 0
    assert arm.playbook("revert").host["changes"] == []
