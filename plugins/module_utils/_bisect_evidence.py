# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failing start shows, and which directives can have refused it that. Pure; private to this collection.

A guess costs at most one start, and is believed only when a start has proved it. Sources: systemd.exec(5) for the calls
that a directive refuses and with which error, systemd(1) for exit statuses; compared with systemd 252.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _strace

SIGSYS = "SIGSYS"
_KEPT = 200  # refusals of one start
_DENIED = ("EPERM", "EACCES", "EROFS")
_ERRORS = frozenset(_DENIED + ("ENOSYS", "EAFNOSUPPORT", "EMFILE", "ENFILE", "EFBIG", "ENOMEM", "EAGAIN", "ENOENT"))
_FILTER, _FAMILIES, _EXECUTABLE = "SystemCallFilter", "RestrictAddressFamilies", "MemoryDenyWriteExecute"
# Likely without any evidence: a node compiles code, makes memory files, and opens sockets.
USUAL = (_EXECUTABLE, _FILTER, _FAMILIES)

_BY_CALL = {
    "personality": ("LockPersonality",), "sched_setscheduler": ("RestrictRealtime",), "sched_setattr": ("RestrictRealtime",),
    "syslog": ("ProtectKernelLogs",), "sethostname": ("ProtectHostname",), "setdomainname": ("ProtectHostname",),
    "ioperm": ("PrivateDevices",), "iopl": ("PrivateDevices",), "mknod": ("PrivateDevices", "RestrictSUIDSGID"),
    "mknodat": ("PrivateDevices", "RestrictSUIDSGID"), "chmod": ("RestrictSUIDSGID",), "fchmod": ("RestrictSUIDSGID",),
    "fchmodat": ("RestrictSUIDSGID",), "chown": ("PrivateUsers", "CapabilityBoundingSet"),
    "fchown": ("PrivateUsers", "CapabilityBoundingSet"), "fchownat": ("PrivateUsers", "CapabilityBoundingSet"),
    "setuid": ("CapabilityBoundingSet", "PrivateUsers", "SecureBits"), "setgid": ("CapabilityBoundingSet", "PrivateUsers"),
    "setgroups": ("CapabilityBoundingSet", "PrivateUsers"), "setresuid": ("CapabilityBoundingSet", "PrivateUsers", "SecureBits"),
    "bind": ("CapabilityBoundingSet",), "mount": ("CapabilityBoundingSet", "RestrictNamespaces"),
    "pivot_root": ("CapabilityBoundingSet", "RestrictNamespaces"), "setrlimit": ("CapabilityBoundingSet",),
    "prlimit64": ("CapabilityBoundingSet",),
    "add_key": ("KeyringMode",), "keyctl": ("KeyringMode",), "request_key": ("KeyringMode",),
    "clock_settime": ("ProtectClock",), "clock_adjtime": ("ProtectClock",), "adjtimex": ("ProtectClock",),
    "settimeofday": ("ProtectClock",), "init_module": ("ProtectKernelModules",), "finit_module": ("ProtectKernelModules",),
    "delete_module": ("ProtectKernelModules",), "msgget": ("PrivateIPC",), "mq_open": ("PrivateIPC",), "shmget": ("PrivateIPC",),
}
_NAMESPACE_CALLS = ("unshare", "setns", "clone", "clone3")
_MAPPING = ("mmap", "mmap2", "mprotect", "pkey_mprotect")
_BY_PATH = (
    ("/sys/fs/cgroup", ("ProtectControlGroups", "ProtectKernelTunables")), ("/proc/sys", ("ProtectKernelTunables", "ProcSubset")),
    ("/proc/kmsg", ("ProtectKernelLogs",)), ("/proc", ("ProtectProc", "ProcSubset", "ProtectKernelTunables")),
    ("/sys", ("ProtectKernelTunables",)), ("/dev/kmsg", ("ProtectKernelLogs", "PrivateDevices")),
    ("/dev/rtc", ("ProtectClock", "PrivateDevices")), ("/dev/shm", ("InaccessiblePaths",)),
    ("/dev", ("PrivateDevices", "DevicePolicy", "DeviceAllow")), ("/home", ("ProtectHome",)), ("/root", ("ProtectHome",)),
    ("/run/user", ("ProtectHome",)), ("/usr/lib/modules", ("ProtectKernelModules",)), ("/lib/modules", ("ProtectKernelModules",)),
)
_PATH_LISTS = ("InaccessiblePaths", "TemporaryFileSystem", "NoExecPaths")
_BY_SIGNAL = {"SIGKILL": ("MemoryMax", "MemoryHigh", "MemorySwapMax"), "SIGXFSZ": ("LimitFSIZE",), "SIGXCPU": ("LimitCPU",),
              SIGSYS: (_FILTER, "SystemCallArchitectures")}
# How systemd ends a service that it could not set up (systemd/src/basic/exit-status.c).
_BY_STATUS = {
    203: ("NoExecPaths", "ProtectHome", "InaccessiblePaths"), 205: ("LimitNOFILE", "LimitMEMLOCK"), 213: ("SecureBits",),
    218: ("CapabilityBoundingSet",), 227: ("NoNewPrivileges",), 229: ("SELinuxContext",), 230: ("LockPersonality",),
    226: ("PrivateUsers", "InaccessiblePaths", "TemporaryFileSystem", "ProtectProc", "PrivateDevices"),
    228: (_FILTER, _FAMILIES, _EXECUTABLE, "SystemCallArchitectures"), 231: ("AppArmorProfile",), 237: ("KeyringMode",),
    240: ("PrivateIPC",),
}
_BY_TEXT = (
    (re.compile(r"memfd|Bad system call|Operation not permitted \(os error 1\)"), (_FILTER,)),
    (re.compile(r"memory executable|execmem|mprotect"), (_EXECUTABLE,)),
    (re.compile(r"Address family not supported"), (_FAMILIES,)),
    (re.compile(r"Cannot allocate memory|out of memory|MemoryError", re.IGNORECASE), ("LimitAS", "LimitDATA", "MemoryMax")),
    (re.compile(r"Too many open files"), ("LimitNOFILE",)),
    (re.compile(r"File too large"), ("LimitFSIZE",)),
    (re.compile(r"can't start new thread|Resource temporarily unavailable"), ("TasksMax", "LimitNPROC")),
)
_QUOTED = re.compile(r'"([^"]*)"')
_FAMILY = re.compile(r"\A(?:AF|PF)_([A-Z0-9]+)\Z")
_NAMESPACES = {"CLONE_NEWUSER": "user", "CLONE_NEWNS": "mnt", "CLONE_NEWPID": "pid", "CLONE_NEWNET": "net", "CLONE_NEWIPC": "ipc",
               "CLONE_NEWUTS": "uts", "CLONE_NEWCGROUP": "cgroup"}


class RefusalTrace(_strace.Trace):
    """Keeps, beside what every trace keeps, each call that was refused, the same one once, in order of the last time."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = {}  # type: dict[str, dict]

    def _account(self, pid: int, call: dict) -> None:
        super()._account(pid, call)
        if call["errno"] not in _ERRORS:
            return
        text = "{}({}) = {} {}".format(call["call"], ", ".join(call["arguments"]), call["value"], call["errno"])
        text = text[:_strace.MAX_TEXT]
        self.refusals.pop(text, None)
        if len(self.refusals) >= _KEPT:
            self.refusals.pop(next(iter(self.refusals)))
        self.refusals[text] = {"call": call["call"], "errno": call["errno"], "arguments": call["arguments"], "text": text}

    def all_refusals(self) -> list:
        """Refused calls, and the one that a filter punished, the latest first."""
        killed = [dict(call, arguments=[]) for call in self.failures if call["errno"] == SIGSYS]
        return killed + list(reversed(list(self.refusals.values())))


def denies(call: str, value: str | None) -> bool:
    """Whether a SystemCallFilter=, as systemd prints it, forbids a call."""
    if not value or call == "unknown":
        return False
    named = call in [word.partition(":")[0] for word in value.lstrip("~").split()]
    return named if value.startswith("~") else not named


def directives_of(refusal: dict, properties: dict) -> list:
    """Directives that can have refused a call, the likeliest first. properties are those in force."""
    name, errno, arguments = refusal["call"], refusal["errno"], refusal["arguments"]
    if errno == SIGSYS:
        known = name != "unknown"
        return [_FILTER] if known and denies(name, properties.get(_FILTER)) else list(_BY_SIGNAL[SIGSYS])
    if errno in (_DENIED + ("ENOSYS",)) and denies(name, properties.get(_FILTER)):
        return [_FILTER]
    if errno == "EAFNOSUPPORT":
        return [_FAMILIES] if name in ("socket", "socketpair") else []
    if errno in ("EMFILE", "ENFILE"):
        return ["LimitNOFILE"]
    if errno == "EFBIG":
        return ["LimitFSIZE"]
    if errno in ("ENOMEM", "EAGAIN"):
        return _exhausted(name)
    if errno == "ENOSYS":  # clone3 under RestrictNamespaces=, which every C library replaces by clone
        return []
    return _denied(name, errno, arguments, properties)


def _exhausted(name: str) -> list:
    if name in ("clone", "clone3", "fork", "vfork"):
        return ["TasksMax", "LimitNPROC"]
    if name.startswith(("mlock", "io_uring")):
        return ["LimitMEMLOCK"]
    return ["LimitAS", "LimitDATA", "LimitMEMLOCK"] if name in _MAPPING + ("brk", "mremap", "shmat") else []


def _denied(name: str, errno: str, arguments: list, properties: dict) -> list:
    found = []  # type: list[str]
    if errno in _DENIED:
        if name in _MAPPING + ("shmat",) and any("EXEC" in argument for argument in arguments):
            found += [_EXECUTABLE, "NoExecPaths"]
        if name in _NAMESPACE_CALLS and (name == "clone3" or any("CLONE_NEW" in argument for argument in arguments)):
            found.append("RestrictNamespaces")
        if name.startswith("mlock"):
            found.append("LimitMEMLOCK")
        found += _BY_CALL.get(name, ())
    for path in _paths(arguments):
        found += [directive for directive in _PATH_LISTS if _is_below(path, properties.get(directive) or "")]
        found += next((names for prefix, names in _BY_PATH if (path + "/").startswith(prefix + "/")), ())
    return list(dict.fromkeys(found))


def _paths(arguments: list) -> list:
    return [path for argument in arguments[:2] for path in _QUOTED.findall(argument)[:1] if path.startswith("/")]


def _is_below(path: str, value: str) -> bool:
    bases = [word.lstrip("-+").partition(":")[0].rstrip("/") for word in value.split()]
    return any((path + "/").startswith(base + "/") for base in bases)


def suspects(start: dict, properties: dict) -> list:
    """Directives that the evidence of a failing start points to, the latest refusal first; the usual ones without any.

    start: ``{refusals, signal, exit_status, lines}``.
    """
    killed = [refusal for refusal in start["refusals"] if refusal["errno"] == SIGSYS]
    found = [name for refusal in killed or start["refusals"] for name in directives_of(refusal, properties)]
    if not killed:
        found += _BY_SIGNAL.get(start["signal"] or "", ()) + _BY_STATUS.get(start["exit_status"] or 0, ())
        found += [name for pattern, names in _BY_TEXT if any(pattern.search(line) for line in start["lines"]) for name in names]
    return list(dict.fromkeys(found)) or list(USUAL)


def wanted(name: str, refusals: t.Iterable, properties: dict) -> list:
    """What of a list was refused, in the words of the directive: calls, address families or kinds of namespaces."""
    words = []  # type: list[str]
    for refusal in refusals:
        if name not in directives_of(refusal, properties):
            continue
        first = (refusal["arguments"] or [""])[0]
        if name == _FILTER and denies(refusal["call"], properties.get(_FILTER)):
            words.append(refusal["call"])
        elif name == _FAMILIES and _FAMILY.match(first):
            words.append("AF_" + _FAMILY.findall(first)[0])
        elif name == "RestrictNamespaces":
            words += [kind for flag, kind in _NAMESPACES.items() if any(flag in argument for argument in refusal["arguments"])]
    return sorted(set(words))
