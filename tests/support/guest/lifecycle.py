# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting guests and ending them."""

from __future__ import annotations

import dataclasses
import re
import shutil
import time
from pathlib import Path

from fleet import reach, shaping
from fleet.state import FleetError, run

from . import boot, images, kernels
from .needs import missing
from .state import LOOPBACK, ROOT_FILES, Guest, Guests, add, forget, load

NODE_UNIT = shaping.UNIT
_ATTEMPTS = 2
_HEALTH = """
import time, urllib.request
call = b'{"jsonrpc": "2.0", "id": 1, "method": "system_health", "params": []}'
deadline = time.monotonic() + 60
while True:
    try:
        print(urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:9944", call), timeout=20).read().decode())
        break
    except OSError:
        if time.monotonic() > deadline:
            raise SystemExit("the node does not answer")
        time.sleep(0.5)
"""


def build(names: list[str]) -> list[Path]:
    """Fill the cache for these kernels; what is there already is left as it is."""
    _check(names)
    return [images.image().disk, *(kernels.files(kernels.KERNELS[name]).image for name in names)]


def _check(names: list[str]) -> None:
    """Refuse, in one line, what this machine cannot do."""
    lacking = missing(*names)
    if lacking:
        raise FleetError(lacking)


def up(
    workdir: Path,
    kernel: str,
    *,
    name: str | None = None,
    memory: int = 2048,
    persistent: bool = False,
    node: bool = False,
    group: str = "validators",
) -> Guests:
    """Start a guest and wait until it answers; one that fails to boot leaves only its console."""
    name = name or kernel
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise FleetError(f"{name!r} is no host name")
    _check([kernel])
    if any(host.name == name for host in load(workdir).hosts):
        raise FleetError(f"{workdir} has a guest {name} already: run down first, or give --name")
    image = images.image()
    guest = Guest(name, LOOPBACK, 0, kernel, memory, persistent)
    try:
        guests = _boot(workdir, guest, image, group)
        _personalise(guests, name)
        if node:
            start_node(guests, name)
    except BaseException:
        boot.end(load(workdir), name)
        forget(workdir, name)
        raise
    return guests


def _boot(workdir: Path, guest: Guest, image: images.Image, group: str) -> Guests:
    """Boot a guest on a free port; another time from the start if it does not come up."""
    kernel = kernels.KERNELS[guest.kernel]
    files = kernels.files(kernel)
    for attempt in range(1, _ATTEMPTS + 1):
        guests = add(workdir, dataclasses.replace(guest, port=boot.free_port()), image, group)
        disk = _own_disk(guests, guest.name, image) if guest.persistent else image.disk
        try:
            boot.start(guests, guest.name, boot.qemu_command(guests, guest.name, kernel, files, disk))
            boot.wait(guests, guest.name)
        except FleetError:
            boot.end(guests, guest.name)
            if attempt == _ATTEMPTS:
                raise
        else:
            break
    return guests


def _own_disk(guests: Guests, name: str, image: images.Image) -> Path:
    """The disk of a persistent guest: the one it had, or a copy."""
    disk = guests.disk(name)
    if not disk.exists():
        disk.parent.mkdir(exist_ok=True)
        run(["cp", "--sparse=always", "--reflink=auto", str(image.disk), str(disk)])
    return disk


def _personalise(guests: Guests, name: str) -> None:
    """Write the guest's name where programs look for it."""
    shaping.write(guests, name, "/etc/hostname", name + "\n")
    shaping.write(guests, name, "/etc/hosts", f"127.0.0.1 localhost\n10.0.2.15 {name}\n")


def start_node(guests: Guests, name: str) -> str:
    """Enable and start the node, and return its health once it answers."""
    reach.on_host(guests, name, ["systemctl", "enable", "--now", "--quiet", NODE_UNIT])
    return reach.on_host(guests, name, ["python3", "-c", _HEALTH])


def reboot(workdir: Path, name: str) -> float:
    """Reboot a guest; a snapshot outlives it, too.  Return the seconds it took."""
    started = time.monotonic()
    boot.reboot(load(workdir), name)
    return time.monotonic() - started


def down(workdir: Path, *, keep_disks: bool = False) -> None:
    """End exactly what was started for this work directory; fine to call twice.

    Disks of persistent guests are removed unless they are to be kept; a later
    `up` of the same name boots from them.
    """
    guests = load(workdir)
    reach.close_masters(guests)
    for host in guests.hosts:
        if keep_disks and guests.guest(host.name).persistent:
            boot.power_off(guests, host.name)
        boot.end(guests, host.name)
        guests.console(host.name).unlink(missing_ok=True)
    for directory in (guests.run_dir, guests.workdir / "hosts"):
        shutil.rmtree(directory, ignore_errors=True)
    if not keep_disks:
        shutil.rmtree(guests.workdir / "disks", ignore_errors=True)
    for name in ROOT_FILES:
        (guests.workdir / name).unlink(missing_ok=True)
