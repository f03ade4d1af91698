# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about /dev/shm. None of them can refuse a memory pool. Private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_human
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import finding

REFERENCE = "https://docs.kernel.org/filesystems/tmpfs.html"
FULL_PERCENT = 95


def shm_rules(facts: dict, row: dict) -> list:
    """Everything wrong with /dev/shm, from its facts and its row of settings."""
    shm = facts["shm"]
    if not shm["mounted"]:
        return [_shm("shm-missing", "no file system is mounted on /dev/shm", ["shm.mounted = false"])]
    found = []
    size, used = shm.get("size"), shm.get("used")
    if not row["live_ok"]:
        found.append(_shm("shm-too-small", "/dev/shm is {}, wanted {}".format(format_human(size), format_human(row["wanted"])),
                          [f"shm.size = {size}"]))
    if "ro" in shm["options"]:
        found.append(_shm("shm-read-only", "/dev/shm is mounted read-only", ["shm.options = " + ",".join(shm["options"])]))
    if shm.get("mode") not in (None, "1777"):
        found.append(_shm("shm-mode", "/dev/shm has mode {}, wanted 1777".format(shm["mode"]), ["shm.mode = " + shm["mode"]]))
    if size and used is not None and used * 100 >= size * FULL_PERCENT:
        found.append(finding("shm-full", f"/dev/shm is full: {format_human(used)} of {format_human(size)} used",
                             [f"shm.used = {used}", f"shm.size = {size}"], REFERENCE))
    elif shm.get("inodes_free") == 0:
        found.append(finding("shm-full", "/dev/shm has no free inode", ["shm.inodes_free = 0"], REFERENCE))
    if not row["configured_ok"] or len(shm.get("fstab_lines") or []) > 1:
        found.append(_not_persistent(shm, row))
    return found


def _not_persistent(shm: dict, row: dict) -> dict:
    lines = shm.get("fstab_lines") or []
    if len(lines) > 1:
        summary = "/etc/fstab has {} lines for /dev/shm (lines {}); keep one".format(len(lines), ", ".join(map(str, lines)))
        return finding("shm-not-persistent", summary, [f"shm.fstab_lines = {lines}"], REFERENCE)
    size, source = shm.get("persistent"), shm.get("persistent_source")
    summary = "the next boot gives /dev/shm {}, wanted {}".format(format_human(size), format_human(row["wanted"]))
    return _shm("shm-not-persistent", summary, [f"shm.persistent = {size} (from {source})"])


def _shm(identifier: str, summary: str, evidence: list) -> dict:
    return finding(identifier, summary, evidence, REFERENCE, remedy="shm")
