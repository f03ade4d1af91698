# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module shm and /etc/fstab: every form of the file, every way of failing to write it, and the way back."""

from __future__ import annotations

import errno
import json
import os

import pytest
from private_root import STATE
from shm_box import ADDED, BOOT_SIZE, FSTAB, GIB, MIB, ShmBox, box, refused, shm  # noqa: F401  # pylint: disable=unused-import  # a fixture

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts, in a mount namespace of its own")
ODD_FSTAB = (
    b"# caf\xe9 \xff\n\n \t/dev/vda1\t/  ext4  defaults 0 1\n"
    b"tmpfs\t/dev/shm/  tmpfs noexec,size=9%,mode=1777   0 0  \r\n#end"
)


@pytest.mark.parametrize(("before", "after"), [
    (b"# no newline", b"# no newline\n" + ADDED.encode()),
    (ODD_FSTAB, ODD_FSTAB.replace(b"size=9%", b"size=3G")),
    (b"tmpfs /dev/shm tmpfs", b"tmpfs /dev/shm tmpfs size=2G"),
], ids=["no final newline", "odd", "no options"])
def test_fstab_comes_back_byte_for_byte(box: ShmBox, before: bytes, after: bytes) -> None:
    box.path(FSTAB).write_bytes(before)
    box.path(FSTAB).chmod(0o640)
    needs_line = b"/dev/shm" not in before or before == ODD_FSTAB
    size = {"size": "3G"} if before == ODD_FSTAB else {"size": "2G", "exact": not needs_line}
    assert len(shm(box, **size)["actions"]) == 2
    assert box.path(FSTAB).read_bytes() == after
    assert box.path(FSTAB).stat().st_mode & 0o777 == 0o640
    box.path(FSTAB).write_bytes(after.replace(b"# caf", b"#caf"))  # another line, changed by somebody else, stays changed
    shm(box, state="reverted")
    assert box.path(FSTAB).read_bytes() == before.replace(b"# caf", b"#caf")


def test_labels_and_links_of_fstab_are_kept(box: ShmBox) -> None:
    box.path(FSTAB).rename(box.path("/etc/fstab.real"))
    box.path(FSTAB).symlink_to("fstab.real")
    try:
        os.setxattr(box.path("/etc/fstab.real"), "user.label", b"etc_t")
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        pytest.skip("no user attributes on this kernel's tmpfs")
    shm(box, size="1G")
    assert box.path(FSTAB).is_symlink()
    assert os.getxattr(box.path("/etc/fstab.real"), "user.label") == b"etc_t"
    assert BOOT_SIZE in box.path("/etc/fstab.real").read_text()


def test_a_missing_fstab_is_made_and_removed_again(box: ShmBox) -> None:
    box.path(FSTAB).unlink()
    shm(box, size="2G")
    assert box.path(FSTAB).read_text() == ADDED
    shm(box, state="reverted")
    assert not box.path(FSTAB).exists()


@pytest.mark.parametrize(("fstab", "message"), [
    ("t /dev/shm tmpfs size=3G\n# x\nt /dev/shm/ tmpfs\n", "/etc/fstab: lines 1 and 3 both mount /dev/shm; keep the one"),
    ("\n/tmp /dev/shm none bind 0 0\n", "/etc/fstab: line 2 for /dev/shm has the type 'none'; make it tmpfs"),
    ("tmpfs /dev/shm tmpfs size=2X 0 0\n", "/etc/fstab: line 1 for /dev/shm has 'size=2X', which the kernel refuses; give"),
])
def test_an_fstab_in_doubt_is_refused(box: ShmBox, fstab: str, message: str) -> None:
    box.path(FSTAB).write_text(fstab)
    assert refused(box, size="1G").startswith(message)


@pytest.mark.parametrize("path", ["/etc", "/var/lib"])
def test_a_read_only_directory_fails_before_anything_changes(box: ShmBox, path: str) -> None:
    box.run("mount", "--bind", path, path)
    box.run("mount", "-o", "remount,bind,ro", path)
    message = refused(box, size="1G")
    assert "cannot be written" in message
    assert f"{path} is on a read-only file system" in message


def small(box: ShmBox, path: str) -> None:
    """Put a small and empty file system on a directory of the box."""
    box.run("mount", "-t", "tmpfs", "-o", "size=1M,mode=755", "tmpfs", path)


def fill(box: ShmBox, path: str) -> None:
    """Leave no room there."""
    box.run("sh", "-c", f"cat /dev/zero 2>/dev/null >{path}/filler || true")


@pytest.mark.parametrize("path", ["/etc", "/var/lib"])
def test_a_full_file_system_fails_before_anything_changes(box: ShmBox, path: str) -> None:
    small(box, path)
    fill(box, path)
    assert f"cannot be written: {path} is on a file system that is full" in refused(box, size="1G")


def test_a_full_file_system_does_not_keep_what_we_wrote(box: ShmBox) -> None:
    small(box, "/etc")
    small(box, "/var/lib")
    shm(box, size="1G")
    fill(box, "/etc")
    fill(box, "/var/lib")
    assert shm(box, state="reverted")["changed"], "an undo that only takes files away was refused"
    assert not box.path(FSTAB).exists() and not box.path(STATE).exists()


def test_an_undo_that_cannot_be_recorded_does_not_begin(box: ShmBox) -> None:
    shm(box, size="1G")
    box.run("mount", "--bind", STATE, STATE)
    box.run("mount", "-o", "remount,bind,ro", STATE)
    assert "read-only file system" in refused(box, state="reverted")


def test_an_fstab_that_is_a_mount_itself_is_refused(box: ShmBox) -> None:
    box.run("mount", "--bind", FSTAB, FSTAB)
    assert "/etc/fstab is a mount of its own" in refused(box, size="1G")


def test_a_remount_that_the_kernel_refuses_puts_the_files_back(box: ShmBox) -> None:
    box.path(FSTAB).write_text("# old\n")
    result = box.module("shm", {"size": "1G"}, user_namespace=True)
    assert result["failed"]
    assert "Operation not permitted" in result["msg"]
    assert result["msg"].endswith("; nothing is changed")
    assert box.path(FSTAB).read_text() == "# old\n"
    assert not box.path(STATE).exists()
    assert box.shm_size() == 64 * MIB


# undo

def test_undo_leaves_what_others_changed(box: ShmBox) -> None:
    shm(box, size="1G")
    theirs = box.path(FSTAB).read_text().replace("nodev", "nodev,noexec")
    box.path(FSTAB).write_text(theirs)
    box.run("mount", "-o", "remount,size=3g", "/dev/shm")
    result = shm(box, state="reverted")
    assert result["notes"] == [
        "/etc/fstab: the line for /dev/shm was changed or removed since it was written; left as it is",
        "/dev/shm was changed since it was resized; left as it is",
    ]
    assert (box.path(FSTAB).read_text(), box.shm_size()) == (theirs, 3 * GIB)
    assert not shm(box, state="reverted")["changed"]


def test_undo_never_shrinks_below_use(box: ShmBox) -> None:
    shm(box, size="1G")
    box.path("/dev/shm/data").write_bytes(b"x" * (70 * MIB))
    result = shm(box, state="reverted")
    assert result["actions"] == ["/etc/fstab: added line for /dev/shm removed"]
    assert result["notes"] == ["/dev/shm stays at 1 GiB, because 70 MiB of it are in use"]
    assert (box.path(FSTAB).read_text(), box.shm_size()) == ("", GIB)


def test_the_first_original_survives_later_runs(box: ShmBox) -> None:
    box.path(FSTAB).write_text("tmpfs /dev/shm tmpfs size=7M 0 0")
    for size in ("128M", "256M", "512M"):
        shm(box, size=size)
    shm(box, state="reverted")
    assert (box.path(FSTAB).read_text(), box.shm_size()) == ("tmpfs /dev/shm tmpfs size=7M 0 0", 64 * MIB)


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"live": {}}), json.dumps({"fstab": 5})])
def test_a_damaged_state_is_named(box: ShmBox, content: str) -> None:
    box.path(STATE).mkdir()
    box.path(STATE + "/shm.json").write_text(content)
    assert refused(box, state="reverted").startswith(STATE + "/shm.json is damaged")
