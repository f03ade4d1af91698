# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raise the limits of running processes by prlimit(2). Private to this collection.

Source: kernel/sys.c (check_prlimit_permission, do_prlimit) of the Linux kernel.
"""

from __future__ import annotations

import os
import resource

from ansible_collections.aarch64.validator.plugins.module_utils._procfs import (
    CAP_SYS_RESOURCE,
    may_raise_limits,
    parse_limits,
    parse_status,
)
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._service_limits import limit_text, may_change, raised

RESOURCES = {"nofile": resource.RLIMIT_NOFILE, "memlock": resource.RLIMIT_MEMLOCK, "as": resource.RLIMIT_AS}
# systemd's own hierarchy on a host with version 2, version 1 and both of them.
CGROUP_ROOTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified")
MAX_PASSES = 3  # processes that were forked meanwhile from one that was not raised yet


def current_caller() -> dict:
    """What this process may do to the limits of others, as ``{uid, gid, privileged, may_raise}``.

    Without root this predicts what root could do, as a task with ``become`` will; PID 1 shows root's capabilities.
    """
    process = "self" if os.geteuid() == 0 else "1"
    status = parse_status(read_text(f"/proc/{process}/status", []) or "")
    uid_map = read_text(f"/proc/{process}/uid_map", []) or ""
    return {
        "uid": 0,
        "gid": 0,
        "privileged": bool(int(status.get("CapEff", "0"), 16) >> CAP_SYS_RESOURCE & 1),
        "may_raise": may_raise_limits(status, uid_map),
    }


def read_limits(pid: int) -> dict | None:
    """Live limits of a process, or None if it is gone."""
    text = read_text(f"/proc/{pid}/limits", [])
    return parse_limits(text) if text else None


def unit_processes(control_group: str, roots: tuple = CGROUP_ROOTS) -> list:
    """Process ids in the control group of a unit and below it."""
    pids = set()  # type: set[int]
    parts = [part for part in control_group.split("/") if part]
    if not parts or ".." in parts:
        return []
    for root in roots:
        for directory, _names, _files in os.walk(os.path.join(root, *parts)):
            text = read_text(os.path.join(directory, "cgroup.procs"), []) or ""
            pids.update(int(line) for line in text.split() if line.isdigit())
    return sorted(pids)


def planned_changes(pid: int, wanted: dict, caller: dict) -> dict:
    """What prlimit would change of one process, as ``{name: (old, new)}`` with limits ``{soft, hard}``."""
    limits = read_limits(pid)
    status = parse_status(read_text(f"/proc/{pid}/status", []) or "")
    if limits is None or not may_change(caller, status):
        return {}
    changes = {}
    for name, floor in wanted.items():
        if name in limits:
            new = raised(limits[name], floor, caller["may_raise"])
            if new["soft"] != limits[name]["soft"]:
                changes[name] = (limits[name], new)
    return changes


class LiveLimits:
    """The running processes of one unit. Nothing is touched if dry."""

    def __init__(self, unit: str, properties: dict, wanted: dict, dry: bool) -> None:
        self.unit = unit
        self.main_pid = int(properties.get("MainPID") or 0)
        self.control_group = properties.get("ControlGroup", "")
        self.wanted = wanted
        self.dry = dry
        self.caller = current_caller()
        self.actions = []  # type: list[str]
        self.notes = []  # type: list[str]

    def raise_all(self) -> dict:
        """Raise every process. Returns the limits of the main one after that, as predicted if dry."""
        # The main process first, so that what it forks from now on inherits the new limits.
        main = planned_changes(self.main_pid, self.wanted, self.caller)
        self._apply(self.main_pid, main)
        for name, (old, new) in main.items():
            self._say("{}: {} of the running process {} -> {} (prlimit)".format(
                self.unit, name, limit_text(old["soft"]), limit_text(new["soft"])))
        self._raise_others()
        limits = read_limits(self.main_pid) or {}
        if self.dry:
            limits.update((name, new) for name, (_old, new) in main.items())
        return limits

    def _raise_others(self) -> None:
        for _attempt in range(MAX_PASSES):
            changes = {pid: planned_changes(pid, self.wanted, self.caller)
                       for pid in unit_processes(self.control_group) if pid != self.main_pid}
            changes = {pid: change for pid, change in changes.items() if change}
            for pid, change in changes.items():
                self._apply(pid, change)
            for name in RESOURCES:
                values = [limit_text(change[name][1]["soft"]) for change in changes.values() if name in change]
                for value in sorted(set(values)):
                    self._say(f"{self.unit}: {name} of its other processes raised to {value} (prlimit)")
            if self.dry or not changes:
                return

    def _apply(self, pid: int, changes: dict) -> None:
        for name, (_old, new) in changes.items():
            if self.dry:
                continue
            try:
                resource.prlimit(pid, RESOURCES[name], (new["soft"], new["hard"]))
            except ProcessLookupError:  # it ended meanwhile
                return
            except (OSError, ValueError) as error:
                note = f"{self.unit}: {name} of process {pid} could not be raised: {error}"
                self.notes.append(note)

    def _say(self, action: str) -> None:
        if action not in self.actions:
            self.actions.append(action)
