# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directives by which a service is restricted, how each is lifted, and what that costs. Private to this collection.

Source: systemd.exec(5), systemd.resource-control(5).
"""

from __future__ import annotations

import typing as t


class Directive(t.NamedTuple):
    """A directive: the value that lifts it, what the service may do then, and whether its assignments add up."""

    lifted: str
    cost: str
    is_list: bool = False


def _list(cost: str, lifted: str = "") -> Directive:
    return Directive(lifted, cost, True)


_MEMORY = "a leak in the node is no longer stopped before it takes the memory of everything else on the host"

# The likeliest to stop a node first: it compiles at run time, and opens sockets and files.
DIRECTIVES = {
    "MemoryDenyWriteExecute": Directive("no", (
        "the service may turn memory that it has written into code, so that a memory error in it is easier to exploit")),
    "SystemCallFilter": _list("the service may make every system call, so that all of the kernel's interface is open to attack"),
    "RestrictAddressFamilies": _list("the service may open sockets of every kind, also those of rarely tested protocols"),
    "RestrictNamespaces": _list("the service may make namespaces of every kind, a first step of many attacks", "no"),
    "LimitAS": Directive("infinity", "the service may fill its whole address space; it takes no memory by that alone"),
    "LimitDATA": Directive("infinity", _MEMORY),
    "LimitMEMLOCK": Directive("infinity", "the service may lock so much memory that other programs have to swap"),
    "LimitNOFILE": Directive("1048576", "the service may hold many more files open, each of which takes memory of the kernel"),
    "LimitNPROC": Directive("infinity", "the user of the service may start any number of processes and threads"),
    "MemoryMax": Directive("infinity", _MEMORY),
    "TasksMax": Directive("infinity", "the service may start threads and processes until the host has no room for more"),
    "CapabilityBoundingSet": _list((
        "a program that the service starts may get any privilege of root from its file; without such a program nothing changes"),
        "~"),
    "NoNewPrivileges": Directive("no", "setuid programs and file capabilities work, by which the service may gain privileges"),
    "PrivateDevices": Directive("no", "the service sees the real devices, and may use those whose modes let its user"),
    "DevicePolicy": Directive("auto", "the service may use every device whose mode lets its user"),
    "DeviceAllow": _list("the service may use every device whose mode lets its user"),
    "PrivateUsers": Directive("no", (
        "the service sees the users of the host, and capabilities that it has count for the host and not only for itself")),
    "ProtectHome": Directive("read-only", "the service may read the files in home directories whose modes let its user"),
    "InaccessiblePaths": _list("the service may reach the paths that were hidden from it, as far as their modes let its user"),
    "TemporaryFileSystem": _list("the service sees the real directories in place of empty ones"),
    "NoExecPaths": _list("the service may run programs from everywhere, also those that an attacker has written there"),
    "ProtectKernelTunables": Directive("no", "settings of the kernel in /proc/sys and /sys are protected by their modes alone"),
    "ProtectProc": Directive("default", "the service sees the processes of other users, with their command lines"),
    "ProcSubset": Directive("all", "the service may read what /proc tells of the host, beyond its processes"),
    "ProtectControlGroups": Directive("no", "the hierarchy of control groups is protected by its modes alone"),
    "ProtectKernelModules": Directive("no", "kernel modules may be loaded if the service ever becomes root"),
    "ProtectKernelLogs": Directive("no", "the log of the kernel, with its hints for attackers, is protected by privileges alone"),
    "ProtectClock": Directive("no", "the clock may be set if the service ever becomes root"),
    "ProtectHostname": Directive("no", "the name of the host may be changed if the service ever becomes root"),
    "LockPersonality": Directive("no", "the service may change its execution domain, and so how random its addresses are"),
    "RestrictRealtime": Directive("no", "the service may ask for real-time scheduling, and then starve everything else"),
    "RestrictSUIDSGID": Directive("no", "the service may create setuid files, by which other users would act in its name"),
    "SystemCallArchitectures": _list("the service may make the calls of other architectures, which are less tested"),
    "PrivateMounts": Directive("no", "mounts that the service makes show up on the host"),
    "PrivateIPC": Directive("no", "the service shares System V and POSIX message queues with the host"),
    "KeyringMode": Directive("private", "the service sees the kernel keys of its user"),
    "SecureBits": _list("root inside the service has the usual privileges of root"),
    "SELinuxContext": Directive("", "the service runs in the domain that SELinux gives to services without one of their own"),
    "AppArmorProfile": Directive("", "AppArmor does not confine the service any more, unless a profile names its program"),
    "SmackProcessLabel": Directive("", "the service runs with the label of systemd, or the one of its program"),
    "MemoryHigh": Directive("infinity", _MEMORY),
    "MemorySwapMax": Directive("infinity", "the service may fill the swap space of the host"),
    "LimitFSIZE": Directive("infinity", "the service may write files of any size, up to a full disk"),
    "LimitCPU": Directive("infinity", "the service may use processor time without end"),
    # A trial has these in forms of its own; they are named so that nobody believes them tried.
    "ProtectSystem": Directive("no", "the service may write wherever modes let its user, also among the programs of the host"),
    "PrivateTmp": Directive("no", "the service shares /tmp with all others, with their files and their traps"),
    "PrivateNetwork": Directive("no", "the service reaches the network, and is reached from there"),
    "NetworkNamespacePath": Directive("", "the service reaches the network of the host, and is reached from there"),
    "IPCNamespacePath": Directive("", "the service shares System V and POSIX message queues with the host"),
    "ReadOnlyPaths": _list("the service may write to these paths, as far as their modes let its user"),
    "RootDirectory": Directive("", "the service sees the whole file system of the host"),
    "RootImage": Directive("", "the service sees the whole file system of the host"),
    "BindPaths": _list("the service sees the real files at these paths"),
    "MountFlags": Directive("", "mounts that the service makes may show up on the host"),
    "RemoveIPC": Directive("no", "shared memory of the user of the service stays behind when it ends"),
    "RestrictFileSystems": _list("the service may use file systems of every kind"),
    "DynamicUser": Directive("no", "the service shares its user with its own earlier runs, and files stay behind"),
    "IPAddressDeny": _list("the service may talk to every address"),
    "RestrictNetworkInterfaces": _list("the service may use every network interface"),
    "SocketBindDeny": _list("the service may listen on every port that is not privileged"),
    "PrivatePIDs": Directive("no", "the service sees the processes of the host"),
    "PrivateBPF": Directive("no", "the service sees the BPF file system of the host"),
    "CPUQuota": Directive("", "the service may use every processor to the full"),
}

# What a filter or list allows, where the rest of it stays: the sentence for lifting only that.
NARROW_COSTS = {
    "SystemCallFilter": "the service may also call {}, the rest of the filter stays",
    "RestrictAddressFamilies": "the service may also open sockets of {}, the rest of the list stays",
    "RestrictNamespaces": "the service may also make namespaces of the kind {}, the rest stays forbidden",
}

# Values that restrict nothing, for most directives.
_NEUTRAL = frozenset(("", "no", "infinity", "[not set]", "n/a", "default", "all", "auto", "0"))


def restricts(name: str, value: str) -> bool:
    """Whether a value as ``systemctl show`` prints it takes anything from a service."""
    if name == "LimitNOFILE" and value.isdigit():
        return int(value) < int(DIRECTIVES[name].lifted)
    if name in ("CapabilityBoundingSet", "KeyringMode"):
        return value != DIRECTIVES[name].lifted
    return value not in _NEUTRAL


def lifting_line(name: str) -> str:
    """The line of a drop-in that lifts a directive altogether."""
    return f"{name}={DIRECTIVES[name].lifted}"


def cost(name: str, lifted: t.Sequence = ()) -> str:
    """One sentence: what it costs to lift a directive, or of a list only this."""
    text = NARROW_COSTS[name].format(" and ".join(lifted)) if lifted else DIRECTIVES[name].cost
    return text[:1].upper() + text[1:] + "."
