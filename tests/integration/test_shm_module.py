# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module shm really run, on a /dev/shm that is really remounted, in a private copy of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from private_root import STATE
from shm_box import (  # noqa: F401  # pylint: disable=unused-import  # a fixture
    ADDED,
    BOOT_SIZE,
    FSTAB,
    GIB,
    HALF_OF_RAM,
    MIB,
    ShmBox,
    box,
    refused,
    shm,
    snapshot,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts, in a mount namespace of its own")


def memory(kind: str) -> int:
    """A row of /proc/meminfo, in bytes."""
    rows = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(rows[kind].split()[0]) * 1024


def test_grows_live_and_for_the_next_boot_then_comes_back(box: ShmBox) -> None:
    result = shm(box, size="2G")
    assert result["actions"] == ["/dev/shm: size 64 MiB -> 2 GiB (live)", f"/etc/fstab: line for /dev/shm added, {BOOT_SIZE}"]
    assert result["changed"]
    assert result["restart_required"] is False
    assert box.shm_size() == result["shm"]["size"] == 2 * GIB
    assert result["shm"]["persistent"] == HALF_OF_RAM, "the next boot gives less than it did without us"
    assert result["shm"]["fstab_lines"] == [1]
    assert [part["before_header"] for part in result["diff"]] == [FSTAB, "/dev/shm (live)"]
    assert box.path(FSTAB).read_text() == ADDED
    before = snapshot(box)
    assert not shm(box, size="2G")["changed"]
    assert not shm(box, size="1G")["changed"]
    assert snapshot(box) == before
    shm(box, state="reverted")
    assert box.path(FSTAB).read_bytes() == b""
    assert box.shm_size() == 64 * MIB
    assert not box.path(STATE).exists()
    assert not shm(box, state="reverted")["changed"]


# The faults of ansible.posix.mount that were measured, and harms like them.


def without_size(options: list[str]) -> list[str]:
    return [option for option in options if not option.startswith("size=")]


def test_no_option_of_the_live_mount_is_lost(box: ShmBox) -> None:
    box.mount_shm("nosuid,nodev,noexec,noatime,nodiratime,size=64m,nr_inodes=5000,huge=never,uid=7,gid=8")
    before = box.shm_options()
    shm(box, size="1G")
    after = box.shm_options()
    assert without_size(before) == without_size(after)
    assert "size=1048576k" in after
    options = box.path(FSTAB).read_text().split()[3].split(",")
    assert options[:6] == ["rw", "nosuid", "nodev", "noexec", "noatime", "nodiratime"]
    assert set(options[6:]) == {"nr_inodes=5000", "uid=7", "gid=8", BOOT_SIZE}


def test_the_written_line_keeps_the_options_when_a_boot_applies_it(box: ShmBox) -> None:
    box.mount_shm("nosuid,nodev,noexec,size=64m,nr_inodes=5000")
    shm(box, size="1G")
    grown = box.shm_options()
    box.mount_shm("nosuid,nodev")
    box.run("mount", "-o", "remount", "/dev/shm")  # as systemd-remount-fs does at boot
    assert without_size(box.shm_options()) == without_size(grown)
    assert box.shm_size() == HALF_OF_RAM


def test_a_live_size_that_somebody_shrank_is_seen(box: ShmBox) -> None:
    shm(box, size="1G")
    box.run("mount", "-o", "remount,size=64m", "/dev/shm")
    result = shm(box, size="1G")
    assert result["actions"] == ["/dev/shm: size 64 MiB -> 1 GiB (live)"]
    assert box.shm_size() == GIB


@pytest.mark.parametrize("size", ["2X", "-1G", "0", "", "2G,mode=0", "1G\n", "1.5G", "9223372036854775808"])
def test_a_bad_size_changes_nothing(box: ShmBox, size: str) -> None:
    box.path("/dev/shm/file").write_text("kept")
    message = refused(box, size=size)
    assert message.startswith(f"size: {size!r} is not valid; give ")
    assert box.path("/dev/shm/file").read_text() == "kept"


def test_fstab_is_replaced_at_once_and_shown(box: ShmBox) -> None:
    box.path(FSTAB).write_text("# old\n")
    with box.path(FSTAB).open() as reader:
        result = shm(box, size="1G")
        assert reader.read() == "# old\n"  # whoever has it open reads the old file to its end
    assert result["diff"][0]["before"] == "", "lines of others, which may hold a password, are shown"
    assert result["diff"][0]["after"] == ADDED
    assert result["diff"][1]["before"] == "rw,nosuid,nodev,relatime,size=64M,mode=1777\n"
    assert result["diff"][1]["after"] == "rw,nosuid,nodev,relatime,size=1G,mode=1777\n"


@pytest.mark.parametrize("fstab", ["", "tmpfs /dev/shm tmpfs size=24G 0 0\n", "tmpfs /dev/shm tmpfs size=90% 0 0\n"])
def test_a_host_that_has_more_is_left_alone(box: ShmBox, fstab: str) -> None:
    box.mount_shm("size=24g")
    box.path(FSTAB).write_text(fstab)
    before = snapshot(box)
    result = shm(box, size="2G")
    assert (result["changed"], result["actions"]) == (False, [])
    assert snapshot(box) == before


def test_a_container_that_has_enough_is_left_alone_and_one_that_has_not_is_told(box: ShmBox) -> None:
    box.path("/.dockerenv").touch()
    result = shm(box, size="32M")
    assert not result["changed"]
    assert (result["shm"]["persistent"], result["shm"]["persistent_source"]) == (None, "container")
    result = shm(box, size="128M")
    assert "manager" in result["notes"][0]
    assert result["shm"]["persistent_source"] == "fstab"


def test_a_busy_mount_keeps_its_files_and_mappings(box: ShmBox) -> None:
    program = (
        "import mmap, sys; f = open('/dev/shm/busy', 'w+b'); f.truncate(8192); m = mmap.mmap(f.fileno(), 8192); m[:4] = b'live';"
        "print('up', flush=True); sys.stdin.readline(); m[4:9] = b' kept'; print(m[:9].decode())"
    )
    command = box.command(sys.executable, "-c", program)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        shm(box, size="1G")
        assert process.communicate("\n")[0] == "live kept\n"
    assert box.path("/dev/shm/busy").read_bytes()[:9] == b"live kept"


# sizes

def test_more_than_ram_and_swap_is_refused(box: ShmBox) -> None:
    most = memory("MemTotal") + memory("SwapTotal")
    assert f"({most} bytes)" in refused(box, size="900T")
    assert shm(box, size=str(most - 65536))["notes"][0].endswith("little is left for the node")


def test_the_default_is_lowered_on_a_small_board(box: ShmBox) -> None:
    box.path("/tmp/meminfo").write_text("MemTotal: 1048576 kB\nSwapTotal: 0 kB\n")
    box.run("mount", "--bind", "/tmp/meminfo", "/proc/meminfo")
    # The kernel still has its own idea of half of RAM, so that the options it shows are not those of a small board.
    result = box.module("shm", {"size": "2G", "size_is_default": True})
    assert "lowered to half of this host's RAM, 512 MiB" in result["notes"][0]
    assert box.shm_size() == 512 * MIB
    box.run("mount", "-o", "remount,size=700m", "/dev/shm")
    assert not shm(box, size="2G", size_is_default=True)["changed"]
    assert "at most RAM + swap of this host, 1 GiB" in refused(box, size="2G")


def test_exact_shrinks_but_never_below_use(box: ShmBox) -> None:
    box.mount_shm("nosuid,nodev,size=1g")
    box.path("/dev/shm/data").write_bytes(b"x" * (20 * MIB))
    box.path(FSTAB).write_text("tmpfs /dev/shm tmpfs rw,size=1G 0 0\n")
    message = refused(box, size="16M", exact=True)
    assert message.startswith("size: 16M is less than the 20 MiB in use in /dev/shm; remove files there")
    result = shm(box, size="32M", exact=True)
    assert result["actions"][0] == "/dev/shm: size 1 GiB -> 32 MiB (live)"
    assert box.path(FSTAB).read_text() == "tmpfs /dev/shm tmpfs rw,size=32M 0 0\n"
    assert not shm(box, size="32M", exact=True)["changed"]
    assert "no size limit" in refused_without_limit(box)


def refused_without_limit(box: ShmBox) -> str:
    """The message about a tmpfs without a limit, which is large enough for any floor and cannot be made exact."""
    box.mount_shm("nosuid,nodev,size=0")
    box.path(FSTAB).write_text("tmpfs /dev/shm tmpfs size=0 0 0\n")
    result = shm(box, size="1G")
    assert (result["changed"], result["shm"]["size"], result["shm"]["persistent"]) == (False, -1, -1)
    return refused(box, size="1G", exact=True)


# what is mounted there

@pytest.mark.parametrize("options", ["ro", "bind,ro"])
def test_read_only_and_a_wrong_mode_are_put_right(box: ShmBox, options: str) -> None:
    box.mount_shm("nosuid,nodev,size=3g,mode=755")
    box.run("mount", "-o", "remount," + options, "/dev/shm")
    result = shm(box, size="2G")
    assert result["actions"] == ["/dev/shm: read-only -> writable (live)", "/dev/shm: mode 755 -> 1777 (live)"]
    assert "ro" not in box.shm_options()
    assert box.shm_options()[1:3] == ["nosuid", "nodev"]
    assert box.path("/dev/shm").stat().st_mode & 0o7777 == 0o1777
    assert box.shm_size() == 3 * GIB


def test_nothing_mounted_and_nothing_there(box: ShmBox) -> None:
    box.run("umount", "/dev/shm")
    box.path("/dev/shm").rmdir()
    result = shm(box, size="1G")
    assert result["actions"] == [
        "/dev/shm: mounted as tmpfs, size 1 GiB (live)", f"/etc/fstab: line for /dev/shm added, {BOOT_SIZE}"]
    assert box.shm_options()[:3] == ["rw", "nosuid", "nodev"]
    assert box.path("/dev/shm").stat().st_mode & 0o7777 == 0o1777
    assert not shm(box, size="1G")["changed"]
    assert shm(box, state="reverted")["notes"] == ["/dev/shm stays mounted, because unmounting would lose what is in it"]
    assert box.shm_size() == GIB


def test_files_of_a_plain_directory_are_told_of(box: ShmBox) -> None:
    box.run("umount", "/dev/shm")
    box.path("/dev/shm/below").touch()
    assert shm(box, size="1G")["notes"] == ["1 entries of the plain directory /dev/shm are hidden below the new mount"]


def test_a_link_a_file_or_another_type_is_refused(box: ShmBox) -> None:
    box.run("mount", "-t", "ramfs", "ramfs", "/dev/shm")
    assert "mount of type ramfs" in refused(box, size="1G")
    box.run("umount", "/dev/shm")
    box.path("/dev/other").mkdir()
    box.run("mount", "--bind", "/dev/other", "/dev/shm")
    assert "bind mount of /other of another tmpfs" in refused(box, size=str(memory("MemTotal") - 65536))
    box.run("umount", "/dev/shm")
    box.run("umount", "/dev/shm")
    box.path("/dev/shm").rmdir()
    box.path("/dev/shm").symlink_to("/tmp")
    assert "symbolic link to /tmp" in refused(box, size="1G")
    box.path("/dev/shm").unlink()
    box.path("/dev/shm").touch()
    assert "not a directory" in refused(box, size="1G")


# rights

def test_without_root_it_predicts_and_says_what_it_needs(box: ShmBox) -> None:
    predicted = box.module("shm", {"size": "1G"}, check=True, user=65534)
    assert predicted["changed"]
    assert predicted["shm"]["size"] == GIB
    result = box.module("shm", {"size": "1G"}, user=65534)
    assert result["msg"].endswith("run this task with become: true")
    assert result["planned"] == predicted["actions"]
    assert not box.module("shm", {"size": "1M"}, user=65534)["changed"]
    shm(box, size="1G")
    assert not box.module("shm", {"size": "1G"}, user=65534)["changed"]
    assert "become" in box.module("shm", {"state": "reverted"}, user=65534)["msg"]


def test_size_is_required(box: ShmBox) -> None:
    assert "size" in box.module("shm", {})["msg"]
