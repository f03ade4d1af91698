# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting a fleet and ending it."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from pathlib import Path

import rootfs

from . import plumbing, reach, supervisor
from .state import Fleet, FleetError, Host, load, recorded

_TOOLS = ("systemd-nspawn", "mmdebstrap", "ssh", "ssh-keygen", "ip", "nsenter", "setpriv", "mount", "umount")
_ROOT_FILES = ("id_ed25519", "id_ed25519.pub", "known_hosts", "ssh_config", "inventory.yml", "state.json")
FSTAB = "# A fresh host mounts nothing of its own.\n"
_NETWORK = """\
[Match]
Name=host0

[Link]
RequiredForOnline=no

[Network]
Address={address}/16
LinkLocalAddressing=no
# A pulled cable takes no address away, as with a switch that fails.
IgnoreCarrierLoss=yes
"""


def missing() -> str:
    """Say what this machine lacks to run hosts, or nothing."""
    if os.geteuid() != 0:
        return "hosts need root"
    lacking = [tool for tool in _TOOLS if shutil.which(tool) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else ""


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file into a host's root."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def _personalise(fleet: Fleet, host: Host) -> None:
    """Give a host its name, address and our key; a machine-id keeps it from a first boot."""
    root = fleet.root(host.name)
    _write(root / "etc/hostname", host.name + "\n")
    _write(root / "etc/hosts", f"127.0.0.1 localhost\n{host.address} {host.name}\n")
    _write(root / "etc/machine-id", hashlib.sha256(fleet.machine(host.name).encode()).hexdigest()[:32] + "\n", 0o444)
    _write(root / "etc/fstab", FSTAB)
    _write(root / "etc/systemd/network/10-host0.network", _NETWORK.format(address=host.address))
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    _write(root / "root/.ssh/authorized_keys", (fleet.workdir / "id_ed25519.pub").read_text(encoding="utf-8"), 0o600)


def up(workdir: Path, names: list[str], group: str = "validators") -> Fleet:
    """Start a fleet and wait until every host answers; a failed start leaves nothing."""
    lacking = missing()
    if lacking:
        raise FleetError(lacking)
    if load(workdir).hosts:
        raise FleetError(f"{workdir} has a fleet already: run down first")
    fleet = Fleet(workdir.resolve())
    fleet.hosts = [Host(name, f"{fleet.network}.{number}.10") for number, name in enumerate(names, start=1)]
    layers = rootfs.layers()
    fleet.save()
    try:
        plumbing.create(fleet)
        for name in names:
            plumbing.mount_root(fleet.root(name), fleet.host_dir(name), layers)
        reach.write_files(fleet, group)
        for host in fleet.hosts:
            _personalise(fleet, host)
            supervisor.start(fleet, host.name)
        for name in names:
            reach.wait(fleet, name)
    except BaseException:
        down(workdir)
        raise
    return fleet


def _end(fleet: Fleet, name: str) -> None:
    """End one host: first the supervisor, which would start it again, then all of it."""
    processes = recorded(fleet, name)
    for role in ("supervisor", "nspawn"):
        if role in processes:
            processes[role].signal(signal.SIGKILL)
    plumbing.end_cgroups(fleet, name)


def _remove_host(fleet: Fleet, name: str) -> None:
    """Remove what a host had outside its own namespaces."""
    root = fleet.root(name)
    if root.exists():
        there = root.stat()
        Path(f"/run/systemd/nspawn/locks/inode-{there.st_dev}:{there.st_ino}").unlink(missing_ok=True)
    plumbing.unmount_root(root)
    shutil.rmtree(fleet.host_dir(name), ignore_errors=True)
    for kind in ("propagate", "unix-export"):
        shutil.rmtree(Path("/run/systemd/nspawn", kind, fleet.machine(name)), ignore_errors=True)


def down(workdir: Path) -> None:
    """End exactly what was started for this work directory; fine to call twice."""
    fleet = load(workdir)
    reach.close_masters(fleet)
    for host in fleet.hosts:
        _end(fleet, host.name)
    for host in fleet.hosts:
        _remove_host(fleet, host.name)
    plumbing.delete(fleet)
    shutil.rmtree(fleet.run_dir, ignore_errors=True)
    shutil.rmtree(fleet.workdir / "hosts", ignore_errors=True)
    for name in _ROOT_FILES:
        (fleet.workdir / name).unlink(missing_ok=True)
