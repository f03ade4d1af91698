# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about /dev/shm. None of them can refuse a memory pool. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_human
from ansible_collections.aarch64.validator.plugins.plugin_utils._container_settings import shm_setting
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._container import CONTAINER_DEFAULTS
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import HOST, SERVICE, Subject, rule
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._state import container_of
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import SHM_SIZE

TMPFS = "https://docs.kernel.org/filesystems/tmpfs.html"
FULL_PERCENT = 95


def _row(subject: Subject) -> dict:
    return next(row for row in subject.rows if row["setting"] == SHM_SIZE)


def _as_it_is(subject: Subject, summary: str, evidence: list) -> tuple:
    """A finding about the mount; where nothing but a hand can change it, it says why and has no remedy."""
    shm = subject.facts["shm"]
    if shm.get("link"):
        why = "it is a symbolic link to {}: remove the link, then run remediate".format(shm["link"])
    elif shm["mounted"] and shm["fstype"] not in (None, "tmpfs"):
        why = "it is a file system of type {}: unmount that, then run remediate".format(shm["fstype"])
    elif (shm.get("root") or "/") != "/":
        why = "it is a bind mount of {} of another tmpfs: unmount it, then run remediate".format(shm["root"])
    else:
        return summary, evidence
    return f"{summary}; {why}", evidence, {"remedy": None}


@rule("shm-missing", HOST, TMPFS, remedy="shm")
def shm_missing(subject: Subject) -> t.Iterator[tuple]:
    """Nothing is mounted on /dev/shm.

    Shows: ``shm_open`` fails with ENOENT, or fills the root file system.
    Do: the playbook remediate mounts it. If ``/dev/shm`` is a symbolic link, remove that first.
    """
    if subject.facts["shm"]["mounted"] is False:
        yield _as_it_is(subject, "no file system is mounted on /dev/shm", ["shm.mounted = false"])


@rule("shm-too-small", HOST, TMPFS, remedy="shm")
def shm_too_small(subject: Subject) -> t.Iterator[tuple]:
    """/dev/shm is smaller than memory_pool_shm_size asks for.

    Shows: writing there gives ``No space left on device``, touching a mapping of it SIGBUS.
    Why: containers have 64 MiB by default. The memory pool of a node does not use it, so this is never its cause.
    Do: the playbook remediate remounts it with the size, keeping every other option, now and for the next boot.
    """
    row = _row(subject)
    shm = subject.facts["shm"]
    if shm["mounted"] and not row["live_ok"]:
        sizes = format_human(shm.get("size")), format_human(row["wanted"])
        yield _as_it_is(subject, "/dev/shm is {}, wanted {}".format(*sizes), ["shm.size = {}".format(shm.get("size"))])


@rule("shm-read-only", HOST, TMPFS, remedy="shm")
def shm_read_only(subject: Subject) -> t.Iterator[tuple]:
    """/dev/shm is mounted read-only.

    Shows: ``shm_open`` fails with EROFS.
    Do: the playbook remediate remounts it writable.
    """
    options = subject.facts["shm"]["options"]
    if "ro" in options:
        yield _as_it_is(subject, "/dev/shm is mounted read-only", ["shm.options = " + ",".join(options)])


@rule("shm-mode", HOST, TMPFS, remedy="shm")
def shm_mode(subject: Subject) -> t.Iterator[tuple]:
    """Not everyone may create shared memory.

    Shows: ``stat /dev/shm`` gives a mode other than 1777; ``shm_open`` fails with EACCES.
    Do: the playbook remediate sets the mode.
    """
    mode = subject.facts["shm"].get("mode")
    if subject.facts["shm"]["mounted"] and mode not in (None, "1777"):
        yield _as_it_is(subject, f"/dev/shm has mode {mode}, wanted 1777", [f"shm.mode = {mode}"])


@rule("shm-not-tmpfs", HOST, TMPFS)
def shm_not_tmpfs(subject: Subject) -> t.Iterator[tuple]:
    """Another file system than a tmpfs is mounted on /dev/shm.

    Shows: ``findmnt /dev/shm`` gives another type.
    Why: shared memory then is what that file system makes of it: files on a disk, as slow as that and kept over a boot, or
    memory without a limit.
    Do: ``umount /dev/shm``, and take out what mounts it (a line of fstab, a mount unit); the playbook remediate then mounts a
    tmpfs.
    """
    fstype = subject.facts["shm"]["fstype"]
    if subject.facts["shm"]["mounted"] and fstype not in (None, "tmpfs"):
        yield f"/dev/shm is a file system of type {fstype}, wanted tmpfs", [f"shm.fstype = {fstype}"]


@rule("shm-full", HOST, TMPFS)
def shm_full(subject: Subject) -> t.Iterator[tuple]:
    """/dev/shm has no space or no inode left.

    Shows: ``No space left on device``; ``df /dev/shm`` or ``df -i /dev/shm`` shows it.
    Do: find what fills it (``ls -l /dev/shm``) and remove it. A larger size only puts it off.
    """
    yield from _full(subject.facts["shm"], "/dev/shm")


def _full(shm: dict, name: str) -> t.Iterator[tuple]:
    size, used = shm.get("size"), shm.get("used")
    if size and size > 0 and used is not None and used * 100 >= size * FULL_PERCENT:
        summary = f"{name} is full: {format_human(used)} of {format_human(size)} used"
        yield summary, [f"shm.used = {used}", f"shm.size = {size}"]
    elif shm.get("inodes_free") == 0:
        yield f"{name} has no free inode", ["shm.inodes_free = 0"]


@rule("shm-not-persistent", HOST, TMPFS, remedy="shm")
def shm_not_persistent(subject: Subject) -> t.Iterator[tuple]:
    """The next boot will give /dev/shm less than asked for, or fstab is ambiguous.

    Shows: the size in fstab, or half of RAM without a line there, is below memory_pool_shm_size.
    Do: the playbook remediate edits the one line of fstab. Of two lines for /dev/shm keep one, by hand.
    """
    shm = subject.facts["shm"]
    lines = shm.get("fstab_lines") or []
    if len(lines) > 1:
        numbers = " and ".join(str(number) for number in lines)
        summary = f"/etc/fstab has {len(lines)} lines for /dev/shm (lines {numbers}); keep one"
        yield summary, [f"shm.fstab_lines = {lines}"], {"remedy": None}
    elif not _row(subject)["configured_ok"]:
        size, source = shm.get("persistent"), shm.get("persistent_source")
        summary = "the next boot gives /dev/shm {}, wanted {}".format(format_human(size), format_human(_row(subject)["wanted"]))
        yield _as_it_is(subject, summary, [f"shm.persistent = {size} (from {source})"])


@rule("shm-too-small", SERVICE, TMPFS)
def shm_of_a_container_too_small(subject: Subject) -> t.Iterator[tuple]:
    """The container of a node has a /dev/shm smaller than memory_pool_shm_size asks for.

    Shows: as above, inside of the container.
    Do: give it the size where the container is started.
    """
    for row in subject.rows:
        if row["setting"] == SHM_SIZE and not row["live_ok"] and row["live"] not in (None, *CONTAINER_DEFAULTS):
            container = container_of(subject.service)
            setting = f"; give {shm_setting(container, row['wanted'])}" if container else ""
            summary = "/dev/shm of {} is {}, wanted {}{}"
            sizes = format_human(row["live"]), format_human(row["wanted"])
            yield summary.format(subject.name, *sizes, setting), ["shm.size = {}".format(row["live"])]


@rule("shm-full", SERVICE, TMPFS)
def shm_of_a_container_full(subject: Subject) -> t.Iterator[tuple]:
    """The /dev/shm of a node's container has no space or no inode left.

    Shows: ``df /dev/shm`` inside of the container.
    Do: find what fills it and remove it, inside of the container.
    """
    shm = (subject.service or {}).get("shm") or {}
    if shm.get("from") != "host":
        yield from _full(shm, f"/dev/shm of {subject.name}")
