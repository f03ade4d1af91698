# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about the kernel and its settings. Private to this collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, format_human
from ansible_collections.aarch64.validator.plugins.plugin_utils._boards import flavour
from ansible_collections.aarch64.validator.plugins.plugin_utils._container_settings import memory_setting
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import HOST, SERVICE, Subject, rule
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._state import container_of

OVERCOMMIT = "https://docs.kernel.org/mm/overcommit-accounting.html"
SYSCTL_VM = "https://docs.kernel.org/admin-guide/sysctl/vm.html"
CGROUP = "https://docs.kernel.org/admin-guide/cgroup-v2.html"
LANDLOCK = "https://docs.kernel.org/userspace-api/landlock.html"
RASPBERRY = "https://github.com/raspberrypi/linux/issues/6261"
LEAST_KERNEL = (5, 13)  # landlock; io_uring no longer counts against memlock since 5.12
LEAST_MAP_COUNT = 65530  # the kernel's own default (DEFAULT_MAX_MAP_COUNT, include/linux/mm.h)
LEAST_CGROUP_MEMORY = 4 << 30  # a full node takes 3 to 5 GiB; paritytech.chain gives validators 8000M
GOOD_CGROUP_MEMORY = 8 << 30
SMALL_VA_BITS = 41  # 42 bits hold the engines of every known node


@rule("overcommit-strict", HOST, OVERCOMMIT)
def overcommit_strict(subject: Subject) -> t.Iterator[tuple]:
    """The kernel refuses to promise more memory than it has.

    Shows: ``vm.overcommit_memory`` is 2; table and stack pools, or malloc, fail with ENOMEM.
    Why: a memory pool is reserved without access and never counts, but everything writable does.
    Do: set ``vm.overcommit_memory`` to 0 or 1, or raise ``vm.overcommit_ratio``, or add swap.
    """
    kernel = subject.facts["kernel"]
    if kernel.get("overcommit_memory") == 2:
        values = format_human(kernel.get("committed")), format_human(kernel.get("commit_limit"))
        yield "vm.overcommit_memory is 2: {} of {} are promised".format(*values), ["kernel.overcommit_memory = 2"]


@rule("map-count-low", HOST, SYSCTL_VM)
def map_count_low(subject: Subject) -> t.Iterator[tuple]:
    """A process may have fewer mappings than by default.

    Shows: ``vm.max_map_count`` is below 65530; ``mprotect`` fails with ENOMEM when many instances are alive.
    Why: each instance in use splits the pool's mapping. The reservation itself takes one mapping: raising this has never
    cured a refused pool (wasmtime#7637).
    Do: ``sysctl -w vm.max_map_count=65530``, and the same in /etc/sysctl.d.
    """
    count = subject.facts["kernel"].get("max_map_count")
    if count is not None and count < LEAST_MAP_COUNT:
        yield f"vm.max_map_count is {count}, the kernel's default is {LEAST_MAP_COUNT}", [f"kernel.max_map_count = {count}"]


@rule("cgroup-memory-low", SERVICE, CGROUP)
def cgroup_memory_low(subject: Subject) -> t.Iterator[tuple]:
    """The control group of the node caps its memory low.

    Shows: the node is killed (``Result=oom-kill``, ``status=9/KILL``).
    Why: memory that is touched counts; a reservation never does, so this cannot refuse a pool.
    Do: raise ``MemoryMax=`` of the unit, or the memory limit of the container: ``--memory=8g`` (docker, podman), ``mem_limit``
    (Compose), ``resources.limits.memory`` (Kubernetes), ``lxc.cgroup2.memory.max`` (LXC).
    """
    service = subject.service or {}
    cgroup = service.get("cgroup") or {}
    limit = cgroup.get("limit")
    if service.get("result") == "oom-kill":
        yield f"{subject.name} was killed for its memory", ["Result=oom-kill", "memory limit: " + format_human(limit)]
    elif limit is not None and limit != UNLIMITED and limit < LEAST_CGROUP_MEMORY:
        where = cgroup.get("limited_by")
        summary = f"the memory of {subject.name} is capped at {format_human(limit)}{_more_memory(service)}"
        yield summary, [f"{where}: {limit}"]


def _more_memory(service: dict) -> str:
    """What to change for a container; a cap above it is named by its file alone."""
    container = container_of(service)
    if not container or (container.get("from") or {}).get("memory") not in ("container", "pod"):
        return ""
    return "; give " + memory_setting(container, GOOD_CGROUP_MEMORY, (service.get("cgroup") or {}).get("version"))


@rule("kernel-old", HOST, LANDLOCK)
def kernel_old(subject: Subject) -> t.Iterator[tuple]:
    """The kernel is older than 5.13.

    Shows: ``uname -r``.
    Why: no landlock, which Secure Validator Mode wants; before 5.12 io_uring counts against the limit on locked memory.
    Do: a newer kernel of the distribution.
    """
    release = subject.facts["kernel"].get("release") or ""
    match = re.match(r"(\d+)\.(\d+)", release)
    if match and (int(match.group(1)), int(match.group(2))) < LEAST_KERNEL:
        yield f"kernel {release} is older than {LEAST_KERNEL[0]}.{LEAST_KERNEL[1]}", [f"kernel.release = {release}"]


@rule("kernel-vendor", HOST, RASPBERRY)
def kernel_vendor(subject: Subject) -> t.Iterator[tuple]:
    """A vendor's kernel with a small address space.

    Shows: the release of the kernel names the vendor, and ``kernel.va_bits`` is 41 or less.
    Why: vendor configurations of Raspberry Pi OS, Jetson, Rockchip, ChromeOS keep 39 bits; distributions went to 48.
    Do: what is named for this board. The cure of one fault may bring the other: the 16K kernel of a Raspberry Pi 5 has
    room, but aborts a jemalloc built for 4K pages; its 4K kernel runs that jemalloc, but has 39 bits.
    """
    name, help_text = flavour(subject.facts)
    bits = subject.facts["kernel"].get("va_bits")
    if name and bits and bits <= SMALL_VA_BITS:
        release = subject.facts["kernel"]["release"]
        yield f"{name}: {bits} bits of address space; {help_text}", [f"kernel.release = {release}"]
