# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespace, bridge and cgroups of a fleet."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from .state import Fleet, FleetError, leader, run

_BRIDGE = "br0"
# A booted host holds about 15, and without one its systemd hangs; Linux gives all of a user's hosts together 128.
_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_INOTIFY_INSTANCES = 2048


def create(fleet: Fleet) -> None:
    """Make a namespace with a bridge of its own: the fleet sees nothing else, nor is it seen."""
    with contextlib.suppress(OSError):  # not ours to change everywhere, and enough for a few hosts as it is
        if int(_INOTIFY.read_text()) < _INOTIFY_INSTANCES:
            _INOTIFY.write_text(str(_INOTIFY_INSTANCES))
    run(["ip", "netns", "add", fleet.netns])
    inside = fleet.nsenter()
    run([*inside, "ip", "link", "set", "lo", "up"])
    run([*inside, "ip", "link", "add", _BRIDGE, "type", "bridge"])
    run([*inside, "ip", "address", "add", f"{fleet.network}.0.1/16", "dev", _BRIDGE])
    run([*inside, "ip", "link", "set", _BRIDGE, "up"])


def delete(fleet: Fleet) -> None:
    """Remove the namespace; its bridge goes with it."""
    if Path("/run/netns", fleet.netns).exists():
        run(["ip", "netns", "delete", fleet.netns])


def set_link(fleet: Fleet, name: str, up: bool) -> None:
    """Pull or plug the host's cable, at the bridge's end."""
    inside = ["nsenter", f"--target={leader(fleet, name)}", "--net", "ip", "-json", "link", "show", "host0"]
    index = json.loads(run(inside).stdout)[0]["link_index"]
    links = json.loads(run([*fleet.nsenter(), "ip", "-json", "link", "show"]).stdout)
    device = next(link["ifname"] for link in links if link["ifindex"] == index)
    run([*fleet.nsenter(), "ip", "link", "set", device, "up" if up else "down"])


def _cgroup_roots() -> list[Path]:
    """Where systemd keeps its own trees: cgroup v2, or v1's name=systemd, or both."""
    roots = []
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            _source, target, kind, options = line.split()[:4]
            if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
                roots.append(Path(target))
    return roots


def enter_cgroup(fleet: Fleet, name: str) -> None:
    """Move the calling process to a cgroup of the host's own.

    With --keep-unit nspawn puts the payload below the cgroup it was started
    in.  Two hosts started in one would share their systemd's trees, and one
    would end the services of the other.
    """
    for root in _cgroup_roots():
        group = root / fleet.machine(name)
        group.mkdir(exist_ok=True)
        (group / "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")


def cgroups(fleet: Fleet, name: str) -> list[Path]:
    """All cgroups of the host, the deepest first."""
    tops = [root / fleet.machine(name) for root in _cgroup_roots()]
    return [Path(directory) for top in tops for directory, _directories, _files in os.walk(top, topdown=False)]


def end_cgroups(fleet: Fleet, name: str, timeout: float = 10) -> None:
    """End every process in the host's cgroups and remove these.

    The cgroups know the host even when its starter, its supervisor and nspawn
    have died: nspawn's death does not end the payload.
    """
    deadline = time.monotonic() + timeout
    groups = cgroups(fleet, name)
    while groups:
        for group in groups:
            _end_group(group)
        if time.monotonic() > deadline:
            raise FleetError(f"host {name}: processes are left in {groups[-1]}")
        time.sleep(0.02)
        groups = cgroups(fleet, name)


def _end_group(group: Path) -> None:
    """Kill what is in one cgroup, and remove it if it was empty."""
    try:
        pids = (group / "cgroup.procs").read_text(encoding="utf-8").split()
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)
        if not pids:
            group.rmdir()
    except OSError:
        pass  # gone or still busy: the caller looks again


def mount_root(root: Path, host_dir: Path, layers: list[Path]) -> None:
    """Stack the layers with overlayfs; where it cannot be had (a container), copy them."""
    upper, work = host_dir / "upper", host_dir / "work"
    for directory in (root, upper, work):
        directory.mkdir(parents=True, exist_ok=True)
    lower = ":".join(str(layer) for layer in reversed(layers))
    command = ["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}", str(root)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        for layer in layers:
            run(["cp", "-a", "--reflink=auto", f"{layer}/.", str(root)])


def unmount_root(root: Path) -> None:
    """Undo mount_root; lazily, as a dying host may hold it for a moment."""
    if root.is_mount():
        run(["umount", "--lazy", str(root)])
