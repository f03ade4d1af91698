# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process may do, from /proc text: capabilities and user namespaces. Pure; private to this collection.

Sources: capabilities(7), include/uapi/linux/capability.h, user_namespaces(7).
"""

from __future__ import annotations

CAPABILITIES = (
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module",
    "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time",
    "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
    "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
)
ALL_USERS = ((0, 0, (1 << 32) - 1),)  # what the first user namespace shows


def capability_names(mask: str | None) -> list | None:
    """Names of a set in hex, such as ``cap_sys_admin``; one that this table does not know is ``cap_41``. None if unreadable."""
    try:
        value = int(mask or "", 16)
    except ValueError:
        return None
    names = dict(enumerate(CAPABILITIES))
    return [f"cap_{names.get(bit, bit)}" for bit in range(min(value.bit_length(), 64)) if value >> bit & 1]


def parse_id_map(text: str) -> tuple:
    """/proc/<pid>/uid_map as ``((inside, outside, count), ...)``."""
    rows = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 3 and all(field.isascii() and field.isdigit() and len(field) < 11 for field in fields):
            rows.append((int(fields[0]), int(fields[1]), int(fields[2])))
    return tuple(rows)


def outside_id(rows: tuple, inside: int) -> int | None:
    """Who a user of the namespace is outside of it; None where it has no such user."""
    for start, outside, count in rows:
        if start <= inside < start + count:
            return outside + inside - start
    return None


def user_namespace(uid_map: str | None, gid_map: str | None, own_uid_map: str | None) -> dict | None:
    """``{own, root_uid, users, groups}`` of a process; None where its maps could not be read.

    ``own``: whether it has another user namespace than the reader, whose map is own_uid_map. ``root_uid``: who its root is
    outside, None for nobody. ``users`` and ``groups``: how many it has.
    """
    users, groups = parse_id_map(uid_map or ""), parse_id_map(gid_map or "")
    if uid_map is None:
        return None
    return {
        "own": users != ALL_USERS and users != parse_id_map(own_uid_map or ""),
        "root_uid": outside_id(users, 0),
        "users": sum(count for _inside, _outside, count in users),
        "groups": sum(count for _inside, _outside, count in groups),
    }


def is_rootless(userns: dict | None, uid_map: str | None, manager_user: int | None) -> bool | None:
    """Whether an engine without root started it: held by the manager of a user, or its root is one ordinary user alone.

    An engine with root maps a whole range instead (LXC, ``--userns=auto``). None where nothing tells.
    """
    if manager_user is not None:
        return manager_user != 0
    if userns is None:
        return None
    rows = parse_id_map(uid_map or "")
    first = next((row for row in rows if row[0] == 0), None)
    return bool(userns["own"] and first and first[1] != 0 and first[2] == 1)
