# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to change where a container is started, in the words of its runtime. Pure; private to this collection.

Sources: docker-run(1), podman-run(1), podman-systemd.unit(5), lxc.container.conf(5), systemd.nspawn(5), the API of
Kubernetes v1. docs/containers.md tells the same at length.
"""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._service_limits import limit_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, format_exact

DOCKER, PODMAN, NERDCTL, KUBERNETES, LXC, NSPAWN, OTHER = (
    "docker", "podman", "nerdctl", "kubernetes", "lxc", "systemd-nspawn", "unknown")
NOTHING_HELPS = "no container option helps: a container has the address space of its host's kernel"

_ULIMIT = {
    DOCKER: "--ulimit {name}={value} (docker run) or ulimits: {name} (Compose)",
    PODMAN: "--ulimit {name}={value} (podman run) or PodmanArgs=--ulimit {name}={value} (Quadlet)",
    NERDCTL: "--ulimit {name}={value} (nerdctl run)",
    KUBERNETES: "Limit{upper}={plain} in a drop-in of the node's container runtime ({runtime}.service); a manifest cannot set it",
    LXC: "lxc.prlimit.{name} = {lxc}",
    NSPAWN: "Limit{upper}={plain} in [Exec] of the .nspawn file",
    OTHER: "the ulimit {name}={value} where the container is started",
}
_SHM = {
    DOCKER: "--shm-size={size} (docker run) or shm_size: {size} (Compose)",
    PODMAN: "--shm-size={size} (podman run) or ShmSize={size} (Quadlet)",
    NERDCTL: "--shm-size={size} (nerdctl run)",
    KUBERNETES: "an emptyDir with medium: Memory and sizeLimit: {quantity}, mounted on /dev/shm",
    LXC: "lxc.mount.entry = tmpfs dev/shm tmpfs rw,nosuid,nodev,size={bytes},mode=1777,create=dir 0 0",
    NSPAWN: "TemporaryFileSystem=/dev/shm:mode=1777,size={bytes} in [Files] of the .nspawn file",
    OTHER: "a tmpfs of {size} on /dev/shm where the container is started",
}
_MEMORY = {
    DOCKER: "--memory={size} (docker run) or mem_limit: {size} (Compose)",
    PODMAN: "--memory={size} (podman run) or PodmanArgs=--memory={size} (Quadlet)",
    NERDCTL: "--memory={size} (nerdctl run)",
    KUBERNETES: "resources.limits.memory: {quantity} of the container; an emptyDir in memory counts against it",
    LXC: "lxc.{cgroup} = {bytes}",
    NSPAWN: "MemoryMax={size} of the unit that starts the container",
    OTHER: "its memory limit where the container is started",
}
_SECCOMP = {
    DOCKER: "--security-opt seccomp=PROFILE.json (docker run) or security_opt: [seccomp:PROFILE.json] (Compose)",
    PODMAN: "--security-opt seccomp=PROFILE.json (podman run) or SeccompProfile=PROFILE.json (Quadlet)",
    NERDCTL: "--security-opt seccomp=PROFILE.json (nerdctl run)",
    KUBERNETES: "securityContext.seccompProfile: {{type: Localhost, localhostProfile: PROFILE.json}}",
    LXC: "lxc.seccomp.profile = PROFILE",
    NSPAWN: "SystemCallFilter=CALL in [Exec] of the .nspawn file",
    OTHER: "its seccomp profile where the container is started",
}


def family(container: dict) -> str:
    """By which words a container is set up; those of Kubernetes for all that belongs to a pod."""
    if container.get("pod"):
        return KUBERNETES
    runtime = container.get("runtime")
    if runtime in (DOCKER, PODMAN, LXC, NSPAWN):
        return runtime
    return NERDCTL if runtime == "containerd" else OTHER


def ulimit_setting(container: dict, name: str, soft: int, hard: int) -> str:
    """How a container is given a limit such as ``nofile`` or ``memlock``."""
    value = f"{_engine(soft)}:{_engine(hard)}" if hard != soft else _engine(soft)
    return _ULIMIT[family(container)].format(
        name=name, value=value, upper=name.upper(), runtime=container.get("runtime") or "containerd",
        plain=limit_text(soft) if soft == hard else f"{limit_text(soft)}:{limit_text(hard)}",
        lxc=_lxc(soft) if soft == hard else f"{_lxc(soft)}:{_lxc(hard)}")


def shm_setting(container: dict, size: int) -> str:
    """How a container is given a /dev/shm of this size."""
    return _SHM[family(container)].format(**_sizes(size))


def memory_setting(container: dict, size: int, version: int | None = 2) -> str:
    """How a container is given this memory limit, on control groups of this version."""
    group = "cgroup.memory.limit_in_bytes" if version == 1 else "cgroup2.memory.max"
    return _MEMORY[family(container)].format(cgroup=group, **_sizes(size))


def seccomp_setting(container: dict) -> str:
    """How a container is given another filter of system calls."""
    return _SECCOMP[family(container)].format()


def engine_size(size: int) -> str:
    """A size as Docker, Podman and Compose read it."""
    return format_exact(size).lower()


def quantity(size: int) -> str:
    """A size as Kubernetes reads it."""
    text = format_exact(size)
    return text if text.isdigit() else text + "i"


def _sizes(size: int) -> dict:
    return {"size": engine_size(size), "quantity": quantity(size), "bytes": size}


def _engine(value: int) -> str:
    return "-1" if value == UNLIMITED else str(value)


def _lxc(value: int) -> str:
    return "unlimited" if value == UNLIMITED else str(value)
