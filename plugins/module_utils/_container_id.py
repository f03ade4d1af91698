# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which container a process is in, by its control group and its mounts. Pure; private to this collection.

No engine is asked, and no environment is read, which may hold secrets. The control group names the container on versions 1
and 2, however the engine manages it; where a control group namespace hides it, the files do that engines mount.
Sources: systemd.slice(5); kubelet's cgroup_manager_linux.go; libpod's container_internal_linux.go; lxc.container.conf(5);
systemd-nspawn(1); strings of real hosts in the tests.
"""

from __future__ import annotations

import re
import typing as t

DOCKER, PODMAN, CONTAINERD, CRIO, LXC, NSPAWN = "docker", "podman", "containerd", "cri-o", "lxc", "systemd-nspawn"
OTHER = "unknown"  # a root directory and process numbers of its own, made by something that left no name

_HEX = r"[0-9a-f]{64}"
# What one part of a path says; the innermost one that says something counts.
_PARTS = (
    (DOCKER, re.compile(rf"\Adocker-({_HEX})\.scope\Z")),
    (PODMAN, re.compile(rf"\Alibpod-(?:payload-)?({_HEX})(?:\.scope)?\Z")),
    (CRIO, re.compile(rf"\Acrio-({_HEX})(?:\.scope)?\Z")),
    (CONTAINERD, re.compile(rf"\A(?:cri-containerd|nerdctl)-({_HEX})\.scope\Z")),
    # The kubelet names a slice, containerd without the manager's help makes of it a plain directory.
    (CONTAINERD, re.compile(rf"\A[^:]*:(?:cri-containerd|nerdctl):({_HEX})\Z")),
    (DOCKER, re.compile(rf"\A[^:]*:docker:({_HEX})\Z")),
    (CRIO, re.compile(rf"\A[^:]*:crio:({_HEX})\Z")),
    (LXC, re.compile(r"\Alxc\.payload(?:\.([^/]+))?\Z")),
    (NSPAWN, re.compile(r"\Asystemd-nspawn@(.+)\.service\Z")),
    (OTHER, re.compile(r"\A(?:crun|runc)-(.+)\.scope\Z")),
)
_BARE_ID = re.compile(rf"\A{_HEX}\Z")
_MACHINE = re.compile(r"\Amachine-(.+)\.scope\Z")
_POD = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?(?::|\Z)")
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_UNIT = re.compile(r"\A(?!systemd-nspawn@)[^/]+\.service\Z")
_USER_MANAGER = re.compile(r"/user@(\d+)\.service(?:/|\Z)")

# What an engine mounts into a container, by the path on its own file system.
_MOUNTS = (
    (CONTAINERD, re.compile(rf"/io\.containerd\.grpc\.v1\.cri/sandboxes/({_HEX})/")),
    (PODMAN, re.compile(rf"/overlay-containers/({_HEX})/userdata/")),
    (DOCKER, re.compile(rf"/containers/({_HEX})/(?:hostname|hosts|resolv\.conf)\Z")),
    (NSPAWN, re.compile(r"/systemd/nspawn/propagate/([^/]+)\Z")),
)
_KUBELET_POD = re.compile(r"/kubelet/pods/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})/")
# What systemd, LXC and others write into /run/systemd/container, where that is not our own name for them.
_MARKS = {"lxc-libvirt": LXC, "oci": OTHER}


class Place(t.NamedTuple):
    """A container, as far as something names it."""

    runtime: str
    id: str | None  # 64 hexadecimal digits, or the name of a machine
    pod: str | None  # the uid of a Kubernetes pod
    unit: str | None  # the service in whose control group it is, if it is in one
    user: int | None  # whose manager holds it, for an engine without root
    path: str  # its control group; empty where that is not known


def place_of_cgroups(paths: t.Iterable) -> Place | None:
    """The container that one of these control group paths names. None when none does."""
    found = [place for place in map(place_of_cgroup, dict.fromkeys(paths)) if place]
    return max(found, key=lambda place: len(place.path), default=None)


def place_of_cgroup(path: str) -> Place | None:
    """The innermost container that the path of a control group names."""
    parts = [part for part in path.split("/") if part]
    for depth in range(len(parts), 0, -1):
        named = _named(parts[:depth])
        if named:
            above = "/".join(parts[:depth - 1])
            manager = _USER_MANAGER.search("/" + above)
            services = [part for part in parts[:depth - 1] if _UNIT.match(part) and not part.startswith("user@")]
            return Place(
                runtime=named[0], id=named[1], pod=pod_of_cgroup(path),
                unit=_unescaped(services[-1]) if services else None,
                user=int(manager.group(1)) if manager and len(manager.group(1)) < 11 else None,
                path="/" + "/".join(parts[:depth]))
    return None


def _named(parts: list) -> tuple | None:
    """``(runtime, id)`` that the last of these parts names."""
    last = parts[-1]
    if last == "payload" and parts[1:]:  # systemd-nspawn's own, below whatever unit it was started in
        outer = len(parts) - 1
        while outer > 1 and parts[outer - 1] == last:
            outer -= 1
        named = _named(parts[:outer])
        if named and named[0] == NSPAWN:
            return named
        return (NSPAWN, None) if parts[outer - 1].endswith((".service", ".scope")) else None
    for runtime, pattern in _PARTS:
        match = pattern.match(last)
        if match:
            return runtime, _unescaped(match.group(1)) if match.group(1) else None
    above = parts[-2] if parts[1:] else ""
    if _BARE_ID.match(last):
        if above in ("docker", "docker.service") or above.endswith("/docker"):
            return DOCKER, last
        if above.startswith("libpod") or "libpod_pod_" in above:
            return PODMAN, last
        if _POD.search(above) and "kubepods" in "/".join(parts):
            return CONTAINERD, last
        return (CONTAINERD, last) if above in ("default", "moby", "k8s.io") and len(parts) == 2 else None
    if above == "lxc" and len(parts) == 2:
        return LXC, last
    match = _MACHINE.match(last)
    return (NSPAWN, _unescaped(match.group(1))) if match else None


def pod_of_cgroup(path: str) -> str | None:
    """The uid of the Kubernetes pod whose control group this is, or holds this."""
    if "kubepods" not in path:
        return None
    found = [match.group(1) for match in map(_POD.search, path.split("/")) if match]
    return found[-1].replace("_", "-") if found else None


def place_of_mounts(mounts: list) -> Place | None:
    """The container whose engine mounted these, from parse_mountinfo()."""
    pods = [match.group(1) for match in (_KUBELET_POD.search(mount["root"]) for mount in mounts) if match]
    named = next(((runtime, match.group(1)) for mount in mounts for runtime, pattern in _MOUNTS
                  for match in [pattern.search(mount["root"])] if match), None)
    if pods:
        # The files of a pod belong to all of its containers, so that they name none. CRI-O keeps them as Podman does.
        runtime = CONTAINERD if named is None else CRIO if named[0] == PODMAN else named[0]
        return Place(runtime, None, pods[-1], None, None, "")
    if named is None and any(mount["fstype"] == "fuse.lxcfs" for mount in mounts):
        named = (LXC, None)
    return Place(named[0], named[1], None, None, None, "") if named else None


def place_of_marks(is_docker: bool, containerenv: str | None, systemd: str | None) -> Place | None:
    """The container whose root directory has /.dockerenv, /run/.containerenv or /run/systemd/container, by their texts."""
    if containerenv is not None:
        match = re.search(rf'^id="({_HEX})"$', containerenv, re.MULTILINE)
        return Place(PODMAN, match.group(1) if match else None, None, None, None, "")
    if is_docker:
        return Place(DOCKER, None, None, None, None, "")
    name = (systemd or "").strip()
    if re.match(r"\A[a-z][a-z0-9-]{0,30}\Z", name):
        return Place(_MARKS.get(name, name), None, None, None, None, "")
    return None


def name_of_containerenv(text: str | None) -> str | None:
    """The name that Podman gave a container, from its /run/.containerenv; only privileged ones have it there."""
    match = re.search(r'^name="([A-Za-z0-9_.-]{1,128})"$', text or "", re.MULTILINE)
    return match.group(1) if match else None


def combined(places: t.Sequence) -> Place | None:
    """What is known of one container from several sources, the better first."""
    known = [place for place in places if place]
    if not known:
        return None
    best = known[0]
    for other in known[1:]:
        if best.runtime == OTHER:
            best = best._replace(runtime=other.runtime)
        same = other.runtime == best.runtime
        best = best._replace(id=best.id or (other.id if same else None), pod=best.pod or other.pod)
    return best


def _unescaped(name: str) -> str:
    r"""The name behind systemd's escapes: ``\x2d`` is a dash."""
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), name)
