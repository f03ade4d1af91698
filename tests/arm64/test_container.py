# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node in a container on a real kernel: what it is told, and that it is the truth."""

from __future__ import annotations

import typing as t

import pytest

if t.TYPE_CHECKING:
    from tests.arm64.conftest import ArmGuest

NAME = "val-1"
ENTRY = f"systemd-nspawn container {NAME}"
BASE = "/run/container"
TITLE = "failed to create memory pool mapping"
# Everything that is said to cure it, and more than anyone would give: shared memory, descriptors, locked memory, capabilities.
GENEROUS = ("--tmpfs=/dev/shm:mode=1777,size=1500M", "--rlimit=RLIMIT_NOFILE=65535", "--rlimit=RLIMIT_MEMLOCK=infinity",
            "--capability=all")

# The node, once it has mapped its pool.
FIND = f"""
import pathlib, sys, time
deadline = time.monotonic() + 150
while time.monotonic() < deadline:
    for group in pathlib.Path("/sys/fs/cgroup/system.slice/{NAME}.service/payload").glob("cgroup.procs"):
        for pid in group.read_text().split():
            if int(pathlib.Path("/proc", pid, "statm").read_text().split()[0]) * 4096 > 64 << 30:
                sys.exit(print(pid))
    time.sleep(0.5)
sys.exit("the node in the container mapped no pool")
"""


@pytest.fixture(autouse=True)
def container(arm: ArmGuest) -> t.Iterator[str]:
    """The node in a container of systemd-nspawn in place of the service; gives its process."""
    if arm.kernel != "va39":
        pytest.skip("this kernel has room, in a container as well")
    arm.run("systemctl", "stop", "polkadot")
    arm.run("mkdir", "-p", *(f"{BASE}/{name}" for name in ("upper", "work", "root")))
    layers = f"lowerdir=/,upperdir={BASE}/upper,workdir={BASE}/work"
    arm.run("mount", "-t", "overlay", "overlay", "-o", layers, f"{BASE}/root")
    nspawn = ["systemd-nspawn", "--quiet", f"--directory={BASE}/root", f"--machine={NAME}", "--register=no", "--keep-unit",
              "--as-pid2", "--private-network", *GENEROUS]
    arm.run("systemd-run", "--quiet", f"--unit={NAME}", "--property=Delegate=yes", *nspawn,
            "/usr/bin/polkadot", "--chain", "polkadot", "--base-path", "/tmp/data")
    yield arm.run("python3", "-c", FIND, timeout=200).strip()
    arm.tries("systemctl", "stop", NAME)
    arm.tries("systemctl", "reset-failed", NAME)
    arm.run("umount", f"{BASE}/root")
    arm.run("rm", "-rf", BASE)
    arm.run("systemctl", "start", "polkadot")


def test_no_container_option_helps_on_a_small_address_space(arm: ArmGuest, container: str) -> None:
    run = arm.playbook("diagnose")
    node = run.host["facts"]["processes"][ENTRY]
    assert node["main_pid"] == int(container) and node["pool"]["mapped"], run.output
    assert node["container"]["runtime"] == "systemd-nspawn" and node["shm"]["size"] == 1500 << 20
    assert node["limits"]["live"]["nofile"]["soft"] == 65535 and node["limits"]["live"]["memlock"]["soft"] == -1
    said = [item for item in run.host["findings"] if item["service"] == ENTRY and item["id"] == "runtime-upgrade-will-fail"]
    assert [(item["explains"], item["automatic"]) for item in said] == [(True, False)], run.output
    assert "no container option helps" in said[0]["summary"] and run.host["verdict"] == "at-risk"
    assert "no container option helps" in " ".join(run.output.split()), "who reads the terminal alone is not told"
    # And so it is.
    arm.run("kill", "-USR1", container)
    arm.wait(f"! kill -0 {container} 2>/dev/null", 120)
    assert TITLE in arm.run("journalctl", f"--unit={NAME}", "--output=cat", "--no-pager")
