# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about /dev/shm, now and after the next boot. Private to this collection.

Without a line in fstab systemd mounts /dev/shm with no size (src/shared/mount-setup.c), which is half of RAM
(mm/shmem.c). With one, systemd-remount-fs applies it at boot. Of two lines mount(8) takes the first: measured with
util-linux 2.38. In a container it is the container's manager that decides.
"""

from __future__ import annotations

import os
import stat

from ansible_collections.aarch64.validator.plugins.module_utils import _fstab
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import mount_on
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_link, read_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED

PATH = _fstab.TARGET
DEFAULT_SIZE = "2G"  # what the operator's runbook asks for; on a small board the default alone may become less


def shm_facts(mounts: list, meminfo: dict, container: bool, unread: list) -> dict:
    """Facts about this host's /dev/shm, from its parsed mountinfo and meminfo. Never raises.

    What cannot be read is None and noted in unread. See describe_shm() for the shape.
    """
    fstab = read_text(_fstab.PATH, unread) if os.path.lexists(_fstab.PATH) else ""
    mount = mount_on(mounts, PATH)
    return describe_shm(
        mount=mount,
        root=read_root(PATH, unread) if mount else None,
        fstab=fstab,
        mem_total=meminfo.get("MemTotal"),
        page_size=os.sysconf("SC_PAGE_SIZE"),
        container=container,
        link=read_link(PATH),
    )


def describe_shm(
    mount: dict | None, root: dict | None, fstab: str | None, mem_total: int | None, page_size: int, container: bool,
    link: str | None = None,
) -> dict:
    """The facts, from a mount of parse_mountinfo(), the answer of read_root() and the text of fstab (None: unreadable).

    ``{mounted, fstype, options, size, used, inodes_free, mode, root, link, persistent, persistent_source, fstab_lines}``:
    sizes in bytes, -1 is no limit, None is not known; options are those of the mount and of the superblock, each once; mode
    is octal text such as "1777"; root is the directory of the file system that is mounted, "/" but for bind mounts; link is
    where /dev/shm points if it is a symbolic link; persistent is the size after the next boot, by persistent_source:
    "fstab", "default" (half of RAM), "container" (not known) or None (fstab could not be read).
    """
    return dict(mounted_shm(mount, root), link=link, **_persistence(fstab, mem_total, page_size, container))


def mounted_shm(mount: dict | None, root: dict | None) -> dict:
    """The part of describe_shm() that is of now, of this or any other mount namespace."""
    facts = {
        "mounted": mount is not None,
        "fstype": mount["fstype"] if mount else None,
        "options": _unique(mount["options"] + mount["super_options"]) if mount else [],
        "size": None,
        "used": None,
        "inodes_free": None,
        "mode": None,
        "root": mount["root"] if mount else None,
    }
    if mount and root:
        facts.update(_usage(root, mount["fstype"] == "tmpfs"))
    return facts


def read_root(path: str, unread: list) -> dict | None:
    """``{mode, unit, blocks, blocks_free, inodes, inodes_free}`` of a mount point, from stat(2) and statvfs(3)."""
    try:
        mode = os.stat(path).st_mode
        space = os.statvfs(path)
    except OSError as error:
        unread.append({"path": path, "reason": os.strerror(error.errno) if error.errno else str(error)})
        return None
    return {
        "mode": stat.S_IMODE(mode),
        "unit": space.f_frsize,
        "blocks": space.f_blocks,
        "blocks_free": space.f_bfree,
        "inodes": space.f_files,
        "inodes_free": space.f_ffree,
    }


def _usage(root: dict, is_tmpfs: bool) -> dict:
    # A tmpfs without a limit reports zero blocks in all, and so hides how many are in use.
    unlimited = is_tmpfs and root["blocks"] == 0
    return {
        "size": UNLIMITED if unlimited else root["blocks"] * root["unit"],
        "used": None if unlimited else (root["blocks"] - root["blocks_free"]) * root["unit"],
        "inodes_free": UNLIMITED if is_tmpfs and root["inodes"] == 0 else root["inodes_free"],
        "mode": "{:o}".format(root["mode"]),
    }


def _persistence(fstab: str | None, mem_total: int | None, page_size: int, container: bool) -> dict:
    entries = _fstab.find_entries(fstab) if fstab is not None else []
    size, source = None, None
    if entries:
        size, source = _entry_size(entries[0], mem_total, page_size), "fstab"
    elif container:
        source = "container"
    elif fstab is not None:
        size, source = _fstab.boot_size("", mem_total, page_size), "default"
    return {"persistent": size, "persistent_source": source, "fstab_lines": [entry.number for entry in entries]}


def _entry_size(entry: _fstab.Entry, mem_total: int | None, page_size: int) -> int | None:
    if entry.fstype != "tmpfs":
        return None
    try:
        return _fstab.boot_size(entry.options, mem_total, page_size)
    except ValueError:  # the module shm says what is wrong with the line
        return None


def _unique(values: list) -> list:
    return list(dict.fromkeys(values))
