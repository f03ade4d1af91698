# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about /dev/shm, and what a plan makes of them, from text alone."""

from __future__ import annotations

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _shm, _shm_plan
from ansible_collections.aarch64.validator.plugins.module_utils._mount import MS_STRICTATIME, remount_flags
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import mount_on, parse_mountinfo
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError

GIB = 1 << 30
MIB = 1 << 20
PAGE = 4096
KEYS = {"mounted", "fstype", "options", "size", "used", "inodes_free", "mode", "root", "link", "persistent",
        "persistent_source", "fstab_lines"}
TMPFS = "25 24 0:23 / /dev/shm rw,nosuid,nodev - tmpfs tmpfs rw,size=65536k\n"


def mount_of(text: str) -> dict | None:
    return mount_on(parse_mountinfo(text), "/dev/shm")


def root_of(blocks: int, free: int, mode: int = 0o1777, inodes: int = 100) -> dict:
    return {"mode": mode, "unit": PAGE, "blocks": blocks, "blocks_free": free, "inodes": inodes, "inodes_free": inodes and 99}


def facts_of(mountinfo: str = TMPFS, fstab: str | None = "", container: bool = False, root: dict | None = None) -> dict:
    return _shm.describe_shm(mount_of(mountinfo), root or root_of(16384, 16000), fstab, 4 * GIB, PAGE, container)


def host_of(mountinfo: str = TMPFS, fstab: str = "", container: bool = False, root: dict | None = None) -> _shm_plan.Host:
    facts = facts_of(mountinfo, fstab, container, root)
    return _shm_plan.Host(facts, mount_of(mountinfo), fstab, 4 * GIB, 0, PAGE, container, 0)


def test_a_stock_mount() -> None:
    assert facts_of() == {
        "mounted": True, "fstype": "tmpfs", "options": ["rw", "nosuid", "nodev", "size=65536k"],
        "size": 64 * MIB, "used": 384 * PAGE, "inodes_free": 99, "mode": "1777", "root": "/", "link": None,
        "persistent": 2 * GIB, "persistent_source": "default", "fstab_lines": [],
    }


@pytest.mark.parametrize("mountinfo", ["", "1 0 0:6 / /dev rw - devtmpfs d rw\n", "9 1 0:9 / /dev/shm/x rw - tmpfs t rw\n"])
def test_not_mounted(mountinfo: str) -> None:
    facts = facts_of(mountinfo)
    assert set(facts) == KEYS
    assert (facts["mounted"], facts["size"], facts["mode"], facts["options"]) == (False, None, None, [])


def test_the_topmost_mount_counts() -> None:
    assert facts_of(TMPFS + "26 25 0:30 / /dev/shm ro - ramfs x rw\n")["fstype"] == "ramfs"


def test_a_directory_that_is_bound_is_named() -> None:
    assert facts_of("25 24 0:23 /other /dev/shm rw - tmpfs tmpfs rw,size=65536k\n")["root"] == "/other"


def test_a_tmpfs_without_limits() -> None:
    facts = facts_of(root=root_of(0, 0, inodes=0))
    assert (facts["size"], facts["used"], facts["inodes_free"]) == (-1, None, -1)


@pytest.mark.parametrize(("fstab", "container", "expected"), [
    ("", False, (2 * GIB, "default", [])),
    ("", True, (None, "container", [])),
    (None, False, (None, None, [])),
    ("tmpfs /dev/shm tmpfs defaults", True, (2 * GIB, "fstab", [1])),
    ("\ntmpfs /dev/shm tmpfs size=25%\n", False, (GIB, "fstab", [2])),
    ("t /dev/shm tmpfs size=1G\nt /dev/shm tmpfs size=3G\n", False, (GIB, "fstab", [1, 2])),
    ("t /dev/shm tmpfs size=2X\n", False, (None, "fstab", [1])),
    ("/x /dev/shm none bind\n", False, (None, "fstab", [1])),
])
def test_what_the_next_boot_gives(fstab: str | None, container: bool, expected: tuple) -> None:
    facts = facts_of(fstab=fstab, container=container)
    assert (facts["persistent"], facts["persistent_source"], facts["fstab_lines"]) == expected


def test_reading_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shm, "PATH", "/nonexistent/shm")
    unread: list = []
    mounts = parse_mountinfo(TMPFS.replace("/dev/shm", "/nonexistent/shm"))
    facts = _shm.shm_facts(mounts, {}, container=False, unread=unread)
    assert set(facts) == KEYS and facts["mounted"] and facts["size"] is None
    assert unread == [{"path": "/nonexistent/shm", "reason": "No such file or directory"}]


def test_flags_of_a_remount_repeat_what_is_there() -> None:
    assert remount_flags(["rw", "nosuid", "nodev", "noexec", "relatime"], ["rw", "size=1k"]) == 2 | 4 | 8 | 1 << 21
    assert remount_flags(["rw", "nodiratime"], ["rw", "lazytime"]) == 2048 | 1 << 25 | MS_STRICTATIME
    assert remount_flags(["ro", "noatime"], ["ro"]) == 1024


@pytest.mark.parametrize(("mountinfo", "container", "expected"), [
    ("1 0 0:1 / /dev/shm rw,nosuid,noexec,relatime - tmpfs t rw,seclabel,size=4k,nr_inodes=9,inode64,noswap\n", False,
     ["rw", "nosuid", "noexec", "nr_inodes=9"]),
    ("1 0 0:1 / /dev/shm ro,nodev - tmpfs t rw,mode=755,uid=5,gid=6,huge=always,mpol=bind:0,2\n", False,
     ["rw", "nodev", "mode=1777", "uid=5", "gid=6", "huge=always", "mpol=bind:0,2"]),
    ("1 0 0:1 / /dev/shm rw - tmpfs t rw,uid=100000,gid=100000\n", True, ["rw"]),
    ("", False, ["rw", "nosuid", "nodev"]),
])
def test_options_of_a_new_line(mountinfo: str, container: bool, expected: list) -> None:
    assert _shm_plan.new_line_options(host_of(mountinfo, container=container)) == expected


@pytest.mark.parametrize(("text", "is_default", "wanted", "note"), [
    ("1G", False, GIB, ""), ("4097", False, 2 * PAGE, ""), ("3G", False, 3 * GIB, "more than half of RAM"),
    ("2G", True, 2 * GIB, ""), ("3G", True, 3 * GIB, "more than half"),
])
def test_wanted_size(text: str, is_default: bool, wanted: int, note: str) -> None:
    size, notes = _shm_plan.wanted_size(text, is_default, host_of())
    assert size == wanted and note in "".join(notes) and bool(note) == bool(notes)


def test_the_default_is_lowered_on_a_small_board_and_only_the_default() -> None:
    board = host_of()._replace(mem_total=GIB)
    assert _shm_plan.wanted_size("2G", True, board)[0] == GIB // 2
    with pytest.raises(OptionError, match="at most RAM"):
        _shm_plan.wanted_size("2G", False, board)
    assert _shm_plan.wanted_size("2G", False, board._replace(swap_total=GIB))[0] == 2 * GIB


@pytest.mark.parametrize(("live", "fstab", "container", "exact", "actions"), [
    (64 * MIB, "", False, False, ["size 64 MiB -> 1 GiB (live)", "line for /dev/shm added, size=2G"]),  # half of RAM
    (64 * MIB, "", True, False, ["size 64 MiB -> 1 GiB (live)", "line for /dev/shm added, size=1G"]),
    (64 * MIB, "t /dev/shm tmpfs size=3G", False, False, ["size 64 MiB -> 1 GiB (live)"]),
    (64 * MIB, "t /dev/shm tmpfs size=9M", False, False,
     ["size 64 MiB -> 1 GiB (live)", "line 1 for /dev/shm, size=9M -> size=1G"]),
    (6 * GIB, "", False, False, []),
    (6 * GIB, "", True, False, []),
    (6 * GIB, "t /dev/shm tmpfs size=9M", False, False, ["line 1 for /dev/shm, size=9M -> size=1G"]),
    (6 * GIB, "t /dev/shm tmpfs size=0", False, False, []),
    (6 * GIB, "t /dev/shm tmpfs size=3G", False, True, ["size 6 GiB -> 1 GiB (live)", "line 1 for /dev/shm, size=3G -> size=1G"]),
    (GIB, "", False, True, ["line for /dev/shm added, size=1G"]),
    (GIB, "", True, True, []),
    (GIB, "t /dev/shm tmpfs rw", False, True, ["line 1 for /dev/shm, size=1G added"]),
])
def test_floors_and_exact_sizes(live: int, fstab: str, container: bool, exact: bool, actions: list) -> None:
    host = host_of(fstab=fstab, container=container, root=root_of(live // PAGE, live // PAGE - 10))
    plan = _shm_plan.plan_present(host, GIB, exact, {})
    assert [action.split(": ", 1)[1] for action in plan.actions] == actions
    after = _shm_plan.predict(host, plan)
    if actions:
        again = host._replace(facts=after, fstab=host.fstab if plan.fstab is None else plan.fstab)
        assert _shm_plan.plan_present(again, GIB, exact, {}).actions == ()


def test_the_first_original_is_kept_over_later_runs() -> None:
    host = host_of(fstab="t /dev/shm tmpfs size=9M\n")
    first = _shm_plan.plan_present(host, GIB, False, {})
    assert first.state is not None
    middle = host._replace(facts=_shm_plan.predict(host, first), fstab=first.fstab)
    second = _shm_plan.plan_present(middle, 2 * GIB, False, first.state)
    assert second.state is not None
    assert second.state["live"] == {"old": 64 * MIB, "new": 2 * GIB}
    assert second.state["fstab"]["old"] == "t /dev/shm tmpfs size=9M"
    last = middle._replace(facts=_shm_plan.predict(middle, second), fstab=second.fstab)
    reverted = _shm_plan.plan_reverted(last, second.state)
    assert (reverted.fstab, reverted.remount_size, reverted.notes) == (host.fstab, 64 * MIB, ())
