# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container and the sandbox that a live process is in, read from /proc alone. Private to this collection.

Nothing is executed and no engine is asked, so that this is the same for all of them and works where their tools are not.
"""

from __future__ import annotations

import functools
import os
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._cgroup import parse_cgroup, read_limit
from ansible_collections.aarch64.validator.plugins.module_utils._confinement import (
    capability_names,
    is_rootless,
    user_namespace,
)
from ansible_collections.aarch64.validator.plugins.module_utils._container_id import (
    OTHER,
    Place,
    combined,
    name_of_containerenv,
    place_of_cgroups,
    place_of_marks,
    place_of_mounts,
    pod_of_cgroup,
)
from ansible_collections.aarch64.validator.plugins.module_utils._in_root import in_root, small_text
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import (
    mount_on,
    parse_limits,
    parse_mountinfo,
    parse_status,
)
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._shm import PATH as SHM
from ansible_collections.aarch64.validator.plugins.module_utils._shm import mounted_shm, read_root

_GENERATIONS = 16  # a program, its shell, its init and the monitor of its container


class Here(t.NamedTuple):
    """What this process itself has, which others are compared with, and what is read once for all of them."""

    mounts: list
    mount_namespace: str | None
    uid_map: str | None
    shm_device: int | None
    place: Place | None
    huge: frozenset  # numbers of the processes with enough virtual memory to hold a pool
    read_limit: t.Callable[[str], int | None]  # a file of control groups, each once: all groups share those above them


class Seen(t.NamedTuple):
    """Text that was read of a process, each file once; None for what could not be."""

    base: str  # /proc/<pid>/
    status: dict
    cgroup: str
    own_root: bool | None
    mounts: list | None  # None: those of this process
    uid_map: str | None


def look_around(mounts: list, cgroup: str, huge: frozenset) -> Here:
    """What this process has, from its parsed mountinfo and the text of its control groups."""
    place = combined([place_of_cgroups(parse_cgroup(cgroup).values()), place_of_mounts(mounts)])
    return Here(mounts, _namespace("/proc/self/"), read_text("/proc/self/uid_map", []), _device(SHM), place, huge,
                functools.lru_cache(maxsize=None)(read_limit))


def mounts_of(base: str, here: Here, unread: list) -> list | None:
    """The mounts of a process with a mount namespace of its own; None for one that shares this one, or may not be looked at."""
    namespace = _namespace(base)
    if namespace is None or namespace == here.mount_namespace:
        return None
    text = read_text(base + "mountinfo", unread)
    return None if text is None else parse_mountinfo(text)


def confinement_facts(seen: Seen, here: Here) -> dict:
    """``{capability_names, bounding_names, seccomp_filters, userns}``, to be laid beside credentials()."""
    filters = seen.status.get("Seccomp_filters", "")
    return {
        "capability_names": capability_names(seen.status.get("CapEff")),
        "bounding_names": capability_names(seen.status.get("CapBnd")),
        "seccomp_filters": int(filters) if filters.isdigit() else None,
        "userns": user_namespace(seen.uid_map, read_text(seen.base + "gid_map", []), here.uid_map),
    }


def own_shm(seen: Seen, here: Here, unread: list) -> dict | None:
    """``{mounted, fstype, options, size, used, inodes_free, mode, root, from}`` of /dev/shm in a mount namespace of its own.

    ``from``: ``host`` for one that is the host's all the same, ``container`` or ``unit``. None: shares the host's mounts.
    """
    if seen.mounts is None:
        return None
    mount = mount_on(seen.mounts, SHM)
    path = in_root(seen.base + "root", SHM)
    root = read_root(path, unread) if mount and path else None
    shared = mount is not None and path is not None and here.shm_device is not None and _device(path) == here.shm_device
    facts = mounted_shm(mount, root)
    facts["from"] = "host" if shared else "container" if seen.own_root else "unit"
    return facts


def container_facts(seen: Seen, here: Here, cgroup: dict, shm: dict | None, limits: dict | None) -> dict | None:
    """``{runtime, id, name, pod, unit, rootless, from}`` of the container of a process; None for one in none of this host's.

    A container that this host itself is counts as none: that is ``host.container``. ``from`` says by limit who set it:
    ``container``, ``pod``, ``unit`` or ``host``.
    """
    by_cgroup = place_of_cgroups(parse_cgroup(seen.cgroup).values())
    if seen.own_root is False:
        return None
    if seen.own_root is None:
        place, environment = by_cgroup, None
    else:
        root = seen.base + "root"
        environment = small_text(root, "/run/.containerenv")
        mark = place_of_marks(in_root(root, "/.dockerenv") is not None, environment, small_text(root, "/run/systemd/container"))
        place = combined([by_cgroup, place_of_mounts(seen.mounts or []), mark])
    if place is None or (here.place and (place.runtime, place.id) == (here.place.runtime, here.place.id)):
        if not seen.own_root or not _has_own_numbers(seen.status):
            return None  # a root directory alone, as RootDirectory= makes it, is no container
        place = Place(OTHER, None, None, None, None, "")
    return {
        "runtime": place.runtime, "id": place.id, "name": name_of_containerenv(environment), "pod": place.pod, "unit": place.unit,
        "rootless": is_rootless(user_namespace(seen.uid_map, None, here.uid_map), seen.uid_map, place.user),
        "from": _sources(place, seen, cgroup, shm, limits or {}),
    }


def group_owner(path: str | None, place: Place) -> str | None:
    """Whose control group a limit file is in: ``container``, ``pod``, ``unit`` or ``host``. None without a limit."""
    if path is None:
        return None
    parts = path.split("/")[:-1]
    own = place.path.rpartition("/")[2]
    if own and own in parts:
        return "container"
    if parts and pod_of_cgroup("kubepods/" + parts[-1]):
        return "pod"
    return "unit" if parts and parts[-1].endswith(".service") else "host"


def _sources(place: Place, seen: Seen, cgroup: dict, shm: dict | None, limits: dict) -> dict:
    outside = _monitor_limits(seen)
    # By the hard limit: a node raises the soft one by itself.
    sources = {name: None if outside is None or name not in outside
               else "host" if outside[name]["hard"] == limit["hard"] else "container"
               for name, limit in limits.items()}  # type: dict[str, str | None]
    sources["memory"] = group_owner(cgroup.get("limited_by"), place)
    sources["pids"] = group_owner(cgroup.get("pids_limited_by"), place)
    sources["shm"] = shm["from"] if shm else None
    return sources


def _monitor_limits(seen: Seen) -> dict | None:
    """Limits of what started the container: the first ancestor with this host's root directory. None if it is gone."""
    parent = seen.status.get("PPid", "")
    for _generation in range(_GENERATIONS if seen.own_root else 0):
        if not parent.isdigit() or parent == "0":
            return None
        base = f"/proc/{parent}/"
        if has_own_root(base) is False:
            text = read_text(base + "limits", [])
            return parse_limits(text) if text else None
        parent = parse_status(read_text(base + "status", []) or "").get("PPid", "")
    return None


def has_own_root(base: str) -> bool | None:
    """Whether a process has another root directory than this one; None where only root may look."""
    try:
        return not os.path.samefile(base + "root/", "/")
    except OSError:
        return None


def _has_own_numbers(status: dict) -> bool:
    """Whether a process has a number of its own in a further namespace of process numbers."""
    return len(status.get("NSpid", "").split()) > 1


def _namespace(base: str) -> str | None:
    try:
        return os.readlink(base + "ns/mnt")
    except OSError:
        return None


def _device(path: str) -> int | None:
    try:
        return os.stat(path).st_dev
    except OSError:
        return None
