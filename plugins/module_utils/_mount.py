# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mount(2) without a child process: mount a tmpfs, or change its size. Private to this collection.

mount(8) is not used, because it would add what fstab says to what it is asked for.
Sources: mount(2), include/uapi/linux/mount.h, path_mount() in fs/namespace.c.
"""

from __future__ import annotations

import ctypes
import os

MS_NOSUID = 2
MS_NODEV = 4
MS_REMOUNT = 32
MS_STRICTATIME = 1 << 24

# As /proc/self/mountinfo names them. MS_RDONLY is left out: nothing here keeps or makes a mount read-only.
_MOUNT_FLAGS = {
    "nosuid": MS_NOSUID,
    "nodev": MS_NODEV,
    "noexec": 8,
    "nosymfollow": 256,
    "noatime": 1024,
    "nodiratime": 2048,
    "relatime": 1 << 21,
}
_SUPERBLOCK_FLAGS = {"sync": 16, "mand": 64, "dirsync": 128, "lazytime": 1 << 25}


def remount_flags(options: list, super_options: list) -> int:
    """The flags of a mount as it is now, which a remount must repeat or lose."""
    flags = 0
    for names, table in ((options, _MOUNT_FLAGS), (super_options, _SUPERBLOCK_FLAGS)):
        for name in names:
            flags |= table.get(name, 0)
    if "noatime" not in options and "relatime" not in options:
        flags |= MS_STRICTATIME  # mountinfo shows it by showing neither
    return flags


def mount_tmpfs(target: str, size: int) -> None:
    """Mount a tmpfs as systemd mounts /dev/shm, with a size in bytes. Raises OSError."""
    _mount(b"tmpfs", target, MS_NOSUID | MS_NODEV | MS_STRICTATIME, f"mode=1777,size={size}")


def remount_writable(target: str, options: list, super_options: list, size: int | None) -> None:
    """Remount a tmpfs read-write with all its options and, unless None, a new size in bytes. Raises OSError.

    Only the size is handed over: for all else a tmpfs keeps what it has (shmem_reconfigure).
    """
    data = "" if size is None else f"size={size}"
    _mount(None, target, MS_REMOUNT | remount_flags(options, super_options), data)


def _mount(source: bytes | None, target: str, flags: int, data: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
    if libc.mount(source, os.fsencode(target), b"tmpfs", flags, data.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)
