# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is a guest the kind of machine that it is said to be, and does it fail as such machines do?"""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest
from conftest import SUPPORT
from fleet import reach
from fleet.state import FleetError
from guest import boot, images, lifecycle, needs
from guest.state import Guests, load

GUARDS = {"2GiB": 2 << 30, "32MiB": 32 << 20}
_LACKING = needs.missing("va39")

pytestmark = [pytest.mark.guest, pytest.mark.skipif(_LACKING is not None, reason=_LACKING or "")]


class Small:
    """A guest with 39-bit addresses, and what tests ask it."""

    def __init__(self, guests: Guests) -> None:
        """Name the guest; nothing is started here."""
        self.guests = guests

    def run(self, *command: str) -> str:
        """Run a command by ssh and return what it printed."""
        return reach.on_host(self.guests, "va39", command)

    def engines(self, program: str, guard: str) -> tuple[int, str]:
        """How many of three engines fit into a process, and its last words."""
        command = [f"/usr/local/bin/{program}", images.LIBRARY, "64", str(GUARDS[guard]), "3"]
        ssh = reach.ssh_command(self.guests, "va39", command)
        done = subprocess.run(ssh, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return len(done.stdout.splitlines()), done.stderr


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Small]:
    """The guest, for all tests of this module."""
    workdir = tmp_path_factory.mktemp("guests")
    try:
        yield Small(lifecycle.up(workdir, "va39"))
    finally:
        lifecycle.down(workdir)


def test_the_guest_is_a_small_arm64(small: Small) -> None:
    assert small.run("uname", "-m") == "aarch64\n"
    assert small.run("getconf", "PAGESIZE") == "4096\n"
    top = small.run("cat", "/proc/self/maps").splitlines()[-1].split()[0].partition("-")[2]
    assert int(top, 16).bit_length() == 39
    assert small.run("systemctl", "is-system-running") == "running\n"
    assert small.run("hostname") == "va39\n"


@pytest.mark.parametrize(
    ("program", "guard", "fit", "refused"),
    [
        ("engines-pie", "2GiB", 0, "0x6080000000"),
        ("engines-pie", "32MiB", 1, "0x4082000000"),
        ("engines-nopie", "2GiB", 1, "0x6080000000"),
        ("engines-nopie", "32MiB", 1, "0x4082000000"),
    ],
)
def test_engines_that_fit(small: Small, program: str, guard: str, fit: int, refused: str) -> None:
    made, said = small.engines(program, guard)
    assert made == fit, said
    assert f"mmap failed to reserve {refused} bytes" in said
    assert "Cannot allocate memory (os error 12)" in said


def test_the_node_runs_until_its_next_runtime(small: Small) -> None:
    """On 39 bits today's node starts, and dies at the runtime upgrade."""
    answer = json.loads(lifecycle.start_node(small.guests, "va39"))
    assert answer["result"] == {"peers": 8, "isSyncing": False, "shouldHavePeers": True}
    small.run("systemctl", "kill", "--kill-whom=main", "--signal=USR1", lifecycle.NODE_UNIT)
    small.run("sh", "-c", "timeout 60 sh -c 'while systemctl --quiet is-active polkadot; do sleep 0.5; done'")
    journal = small.run("journalctl", "--unit=" + lifecycle.NODE_UNIT, "--output=cat", "--no-pager")
    assert "mmap failed to reserve 0x4082000000 bytes: Cannot allocate memory (os error 12)" in journal


def test_the_inventory_reaches_the_guest(small: Small) -> None:
    ansible = ["ansible", "-i", str(small.guests.inventory), "validators", "-m", "ansible.builtin.ping"]
    done = subprocess.run(ansible, cwd=SUPPORT.parent.parent, capture_output=True, text=True, check=False)
    assert '"pong"' in done.stdout, done.stdout + done.stderr


def test_a_reboot_is_real(small: Small) -> None:
    before = boot.boot_id(small.guests, "va39")
    small.run("touch", "/root/kept", "/dev/shm/lost")
    boot.reboot(small.guests, "va39")
    assert boot.boot_id(small.guests, "va39") != before
    assert small.run("ls", "/root", "/dev/shm") == "/dev/shm:\n\n/root:\nkept\n"


def test_a_name_is_taken_once(small: Small) -> None:
    with pytest.raises(FleetError, match="has a guest va39 already"):
        lifecycle.up(small.guests.workdir, "va39")
    assert len(load(small.guests.workdir).hosts) == 1


def test_nothing_to_end(tmp_path: Path) -> None:
    lifecycle.down(tmp_path)
    assert list(tmp_path.iterdir()) == []
