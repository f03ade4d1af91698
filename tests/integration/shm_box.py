# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private machine to run the module shm on, and how its tests run it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from private_root import STATE, PrivateRoot

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_exact

GIB = 1 << 30
MIB = 1 << 20
FSTAB = "/etc/fstab"
# Without a line the next boot gives half of RAM; a line that is added never gives less.
HALF_OF_RAM = os.sysconf("SC_PHYS_PAGES") // 2 * os.sysconf("SC_PAGE_SIZE")
BOOT_SIZE = "size=" + format_exact(max(HALF_OF_RAM, 2 * GIB))
ADDED = f"tmpfs /dev/shm tmpfs rw,nosuid,nodev,{BOOT_SIZE} 0 0\n"


class ShmBox(PrivateRoot):
    """A private machine with a /dev/shm of 64 MiB and an empty fstab."""

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.mount_shm()

    def mount_shm(self, options: str = "nosuid,nodev,size=64m") -> None:
        """Mount a tmpfs on /dev/shm, on top of what is there."""
        self.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", "/dev/shm")

    def shm_options(self) -> list[str]:
        """Options of the topmost mount on /dev/shm, of the mount and of the file system."""
        lines = [line.split() for line in self.run("cat", "/proc/self/mountinfo").splitlines()]
        last = [fields for fields in lines if fields[4] == "/dev/shm"][-1]
        return last[5].split(",") + last[-1].split(",")

    def shm_size(self) -> int:
        """Bytes of /dev/shm."""
        space = os.statvfs(self.path("/dev/shm"))
        return space.f_blocks * space.f_frsize


def _real_machine() -> list[Any]:
    """What these tests could harm. Other mounts come and go by themselves."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    fstab = Path(FSTAB).read_bytes() if Path(FSTAB).exists() else None
    return [[line for line in mounts if line.split()[4].startswith(("/dev/shm", "/etc", "/var/lib/aarch64"))], fstab]


@contextlib.contextmanager
def shm_box(base: Path) -> Iterator[ShmBox]:
    """A ShmBox for one test. The real machine must come out unchanged."""
    real = _real_machine()
    try:
        box = ShmBox(base)
    except OSError as error:
        pytest.skip(str(error))
    try:
        with box:
            yield box
    finally:
        assert _real_machine() == real


@pytest.fixture
def box(tmp_path: Path) -> Iterator[ShmBox]:
    """A private machine."""
    with shm_box(tmp_path) as private:
        yield private


def shm(box: ShmBox, **options: Any) -> dict[str, Any]:
    """Run the module in check mode and really; both must say the same. How to run is among the options."""
    how = {name: options.pop(name) for name in ("user", "user_namespace") if name in options}
    before = snapshot(box)
    predicted = box.module("shm", options, check=True, diff=True, **how)
    assert snapshot(box) == before
    result = box.module("shm", options, diff=True, **how)
    for key in ("changed", "failed", "actions", "notes", "msg", "diff", "restart_required", "shm"):
        assert result.get(key) == predicted.get(key), key
    return result


def refused(box: ShmBox, **options: Any) -> str:
    """Run the module, which must fail and change nothing; its message."""
    before = snapshot(box)
    result = shm(box, **options)
    assert result["failed"]
    assert not result.get("changed")
    assert snapshot(box) == before
    return str(result["msg"])


def snapshot(box: ShmBox) -> list[Any]:
    """All that the module could change."""
    fstab = box.path(FSTAB)
    files = [fstab.read_bytes(), fstab.stat().st_ino] if fstab.exists() else []
    mounts = [line for line in box.run("cat", "/proc/self/mountinfo").splitlines() if "/dev/shm" in line]
    state = sorted(path.read_text() for path in box.path(STATE).glob("*")) if box.path(STATE).exists() else None
    shm_path = box.path("/dev/shm")
    left_behind = sorted(name for name in os.listdir(box.path("/etc")) if "fstab" in name)
    return [*files, left_behind, mounts, state, shm_path.exists() and shm_path.stat().st_mode]
