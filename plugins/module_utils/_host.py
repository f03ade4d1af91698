# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about the host itself: machine, kernel, C library, memory. Private to this collection."""

from __future__ import annotations

import contextlib
import os
import platform
import pwd
import re
import struct
import sys
import time
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._address_space import (
    read_kernel_config,
    va_bits_of_config,
    va_bits_of_hints,
    va_bits_of_maps,
)
from ansible_collections.aarch64.validator.plugins.module_utils._container import container
from ansible_collections.aarch64.validator.plugins.module_utils._elf import read_pie
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import credentials, parse_status
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_int, read_optional_int, read_text
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import is_running_here

# Settings that not every kernel has: their absence says nothing.
OPTIONAL_SYSCTLS = {
    "max_user_namespaces": "/proc/sys/user/max_user_namespaces",
    "unprivileged_userns_clone": "/proc/sys/kernel/unprivileged_userns_clone",  # Debian and its children
    "apparmor_restrict_userns": "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",  # Ubuntu 23.10 and newer
    "selinux_enforcing": "/sys/fs/selinux/enforce",
    "memfd_noexec": "/proc/sys/vm/memfd_noexec",  # 6.3 and newer
}
# As uname -m names them. A 32-bit name proves nothing: the personality of a process may hide a 64-bit kernel.
MACHINES_OF_64_BITS = ("aarch64", "x86_64", "riscv64", "loongarch64", "ppc64", "ppc64le", "s390x", "armv8l")
BOARD_MODEL = "/proc/device-tree/model"
APK_DATABASE = "/lib/apk/db/installed"
BINFMT = "/proc/sys/fs/binfmt_misc"


def host_facts(cpuinfo: str | None, unread: list) -> dict:
    """Who this host is and what runs it."""
    machine = platform.machine()
    return {
        "name": platform.node(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine,
        "board": (read_text(BOARD_MODEL, []) or "").rstrip("\0\n") or None,
        "userland_bits": struct.calcsize("P") * 8,
        "distribution": distribution(read_text("/etc/os-release", unread) or ""),
        "service_manager": service_manager(unread),
        "container": container(),
        "emulated": is_emulated(machine, cpuinfo or ""),
        "emulators": emulators(),
        "root": os.geteuid() == 0,
        "session": session(unread),
        "python": {"version": platform.python_version(), "executable": sys.executable,
                   "pie": read_pie("/proc/self/exe", unread)},
    }


def session(unread: list) -> dict:
    """Who gathers: ``user`` and the credentials of this process."""
    status = parse_status(read_text("/proc/self/status", unread) or "")
    return dict(credentials(status, read_text("/proc/self/attr/current", [])), user=user_name(os.geteuid()))


def user_name(uid: int) -> str:
    """The name of a user, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def distribution(os_release: str) -> dict:
    """``{id, version, name}`` of os-release(5)."""
    values = dict(re.findall(r"""^([A-Z_]+)=["']?(.*?)["']?$""", os_release, re.MULTILINE))
    return {"id": values.get("ID"), "version": values.get("VERSION_ID"), "name": values.get("PRETTY_NAME")}


def service_manager(unread: list) -> str | None:
    """``systemd``, or the name of whatever else is PID 1."""
    if is_running_here():
        return "systemd"
    name = read_text("/proc/1/comm", unread)
    return name.strip() if name else None


def is_emulated(machine: str, cpuinfo: str) -> bool:
    """Whether qemu-user or the like plays this machine: the processor is described in another machine's words.

    arm64 kernels print "CPU implementer", x86 kernels "vendor_id" (arch/*/kernel/cpu*, fs/proc/cpuinfo.c).
    """
    if machine in ("aarch64", "arm64"):
        return "CPU implementer" not in cpuinfo and "vendor_id" in cpuinfo
    if machine in ("x86_64", "i686"):
        return "vendor_id" not in cpuinfo and "CPU implementer" in cpuinfo
    return False


def emulators() -> list:
    """Names of the emulators that binfmt_misc starts for programs of other machines."""
    try:
        return sorted(name for name in os.listdir(BINFMT) if name.startswith("qemu-"))
    except OSError:
        return []


def kernel_facts(regions: list, meminfo: dict, unread: list) -> dict:
    """The kernel and the settings of it that bear on memory. Sizes are bytes."""
    release = platform.release()
    facts = {
        "release": release,
        "bits": 64 if platform.machine() in MACHINES_OF_64_BITS else None,
        "page_size": os.sysconf("SC_PAGE_SIZE"),
        "overcommit_memory": read_int("/proc/sys/vm/overcommit_memory", unread),
        "overcommit_ratio": read_int("/proc/sys/vm/overcommit_ratio", unread),
        "commit_limit": meminfo.get("CommitLimit"),
        "committed": meminfo.get("Committed_AS"),
        "max_map_count": read_int("/proc/sys/vm/max_map_count", unread),
        "nr_open": read_int("/proc/sys/fs/nr_open", unread),
        "lsm": lsm(),
    }
    facts.update({name: read_optional_int(path) for name, path in OPTIONAL_SYSCTLS.items()})
    facts.update(va_bits_facts(release, regions, unread))
    return facts


def va_bits_facts(release: str, regions: list, unread: list) -> dict:
    """``{va_bits, va_bits_source, va_bits_config}``: bits of address space that a process gets.

    A kernel configured for 52 bits hands out 48 unless a program asks for more by a hint, and runs with 48
    on a processor without LPA2; so what the top of the stack shows counts (``maps``), and the configuration is kept
    beside it. It serves (``config``) where the maps cannot be read or are those of a 32-bit Python; the last resort is to
    try (``hint``). Only arm64 kernels name their bits in the configuration.
    """
    configured = None
    if platform.machine() in ("aarch64", "arm64"):
        configured = va_bits_of_config(read_kernel_config(release, unread) or "")
    is_wide = struct.calcsize("P") == 8
    usable = None if configured is None else min(configured, 48)
    measures: tuple[tuple[str, t.Callable[[], int | None]], ...] = (
        ("maps", lambda: va_bits_of_maps(regions) if is_wide else None), ("config", lambda: usable),
        ("hint", lambda: va_bits_of_hints() if is_wide else None),
    )
    for source, measure in measures:
        bits = measure()
        if bits is not None:
            return {"va_bits": bits, "va_bits_source": source, "va_bits_config": configured}
    return {"va_bits": None, "va_bits_source": None, "va_bits_config": configured}


def lsm() -> list:
    """Active security modules, in order; empty where securityfs is not mounted."""
    return [name for name in (read_text("/sys/kernel/security/lsm", []) or "").strip().split(",") if name]


def libc_facts() -> dict:
    """``{name, version}`` of the C library, without starting anything."""
    with contextlib.suppress(ValueError, OSError):  # musl does not know the name
        name, _space, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        if name:
            return {"name": name, "version": version}
    with contextlib.suppress(OSError):
        if any(entry.startswith("ld-musl-") for entry in os.listdir("/lib")):
            return {"name": "musl", "version": musl_version(read_text(APK_DATABASE, []) or "")}
    return {"name": None, "version": None}


def musl_version(installed: str) -> str | None:
    """The release of musl in the database of Alpine's package manager; musl itself tells it only when executed."""
    match = re.search(r"^P:musl\nV:([0-9.]+)", installed, re.MULTILINE)
    return match.group(1) if match else None


def memory_facts(meminfo: dict, cgroup: dict) -> dict:
    """RAM, swap and huge pages of the host, and the limits of the control group of this session."""
    return {
        "total": meminfo.get("MemTotal"),
        "available": meminfo.get("MemAvailable"),
        "swap_total": meminfo.get("SwapTotal"),
        "swap_free": meminfo.get("SwapFree"),
        "hugepages_total": meminfo.get("HugePages_Total"),
        "hugepages_free": meminfo.get("HugePages_Free"),
        "hugepage_size": meminfo.get("Hugepagesize"),
        "cgroup": cgroup,
    }
