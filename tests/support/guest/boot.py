# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The qemu process of one guest, and waiting for what it boots."""

from __future__ import annotations

import hashlib
import itertools
import signal
import socket
import subprocess
import time
import typing as t
from pathlib import Path

from fleet.reach import ssh_command
from fleet.state import FleetError, Process, run

from .kernels import BootFiles, Kernel
from .state import LOOPBACK, Guests

# An idle machine needs a tenth of it, a busy one has needed a half.
TIMEOUT = 240
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_CONSOLE_LINES = 15


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _option(path: Path) -> str:
    """A path as the value of a qemu option, where a comma would end it."""
    return str(path).replace(",", ",,")


def _arguments(guests: Guests, name: str) -> str:
    """The kernel's command line; name and machine-id are the guest's own, the disk is shared."""
    machine_id = hashlib.sha256(guests.machine(name).encode()).hexdigest()[:32]
    options = ["console=ttyAMA0", "root=/dev/vda", "rw", "loglevel=5", "TERM=dumb", "systemd.show_status=true"]
    return " ".join([*options, f"systemd.hostname={name}", f"systemd.machine_id={machine_id}"])


def qemu_command(guests: Guests, name: str, kernel: Kernel, files: BootFiles, disk: Path) -> list[str]:
    """The command that boots a guest; it reaches nothing outside, and loopback reaches its sshd."""
    guest = guests.guest(name)
    snapshot = "off" if guest.persistent else "on"
    return [
        *("qemu-system-aarch64", "-machine", "virt,gic-version=3", "-cpu", kernel.cpu, "-smp", "2"),
        *("-m", str(guest.memory), "-accel", "tcg,thread=multi", "-display", "none", "-monitor", "none"),
        *("-name", guests.machine(name), "-daemonize", "-pidfile", str(guests.host_dir(name) / "qemu.pid")),
        *("-serial", f"file:{guests.console(name)}"),
        *("-drive", f"file={_option(disk)},format=raw,if=none,id=d0,cache=unsafe,snapshot={snapshot}"),
        *("-device", "virtio-blk-pci,drive=d0"),
        *("-netdev", f"user,id=n0,restrict=on,hostfwd=tcp:{LOOPBACK}:{guest.port}-:22"),
        *("-device", "virtio-net-pci,netdev=n0,romfile=", "-device", "virtio-rng-pci"),
        *("-kernel", str(files.image), *(("-initrd", str(files.initrd)) if files.initrd else ())),
        *("-append", _arguments(guests, name)),
    ]


def process(guests: Guests, name: str) -> Process | None:
    """The qemu process of a guest, if it runs; another process of its number has another command line."""
    try:
        pid = int((guests.host_dir(name) / "qemu.pid").read_text(encoding="utf-8"))
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return Process.of(pid) if guests.machine(name).encode() in words else None


def start(guests: Guests, name: str, command: list[str]) -> None:
    """Start qemu, which puts itself into the background once it has all it needs."""
    # What a guest changes on the shared disk goes to a file, better not in a RAM disk.
    run(["env", "TMPDIR=/var/tmp", *command])
    if process(guests, name) is None:
        raise FleetError(f"guest {name}: qemu ended at once")


def _wait_for_end(guests: Guests, name: str, timeout: float) -> None:
    """Wait until qemu has ended, or for as long as it is given."""
    deadline = time.monotonic() + timeout
    while process(guests, name) and time.monotonic() < deadline:
        time.sleep(0.05)


def end(guests: Guests, name: str, timeout: float = 15) -> None:
    """End qemu by its pid: asked first, then killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        running = process(guests, name)
        if running:
            running.signal(number)
            _wait_for_end(guests, name, timeout)


def power_off(guests: Guests, name: str, timeout: float = 90) -> None:
    """Have the guest write its disk and switch itself off, if it can still be asked."""
    if process(guests, name):
        _ask(guests, name, "systemctl", "poweroff")
        _wait_for_end(guests, name, timeout)


def _ask(guests: Guests, name: str, *command: str, timeout: float = 30, connect: int = 20) -> str:
    """What a command on the guest says, or nothing if the guest does not answer."""
    ssh, *words = ssh_command(guests, name, command)
    try:
        done = subprocess.run(
            [ssh, "-o", f"ConnectTimeout={connect}", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.strip()


def console_tail(guests: Guests, name: str) -> str:
    """The last lines of the serial line."""
    try:
        text = guests.console(name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-_CONSOLE_LINES:])


def _patience() -> t.Iterator[int]:
    """Seconds for one connection after another: one made before the network is up hangs, a slow guest needs more."""
    return itertools.chain(range(2, 20, 2), itertools.repeat(20))


def wait(guests: Guests, name: str, timeout: float = TIMEOUT) -> None:
    """Wait until a guest answers by ssh and its systemd has finished booting."""
    deadline = time.monotonic() + timeout
    probe = ("systemctl", "is-system-running", "--wait")
    for connect in _patience():
        if time.monotonic() > deadline:
            break
        if process(guests, name) is None:
            raise FleetError(f"guest {name}: qemu ended; its console:\n{console_tail(guests, name)}")
        if _ask(guests, name, *probe, timeout=60, connect=connect) in ("running", "degraded"):
            return
        time.sleep(0.3)
    raise FleetError(f"guest {name} did not come up within {timeout:.0f} s; its console:\n{console_tail(guests, name)}")


def boot_id(guests: Guests, name: str, connect: int = 20) -> str:
    """What tells one boot of the guest from another; nothing if it does not answer."""
    return _ask(guests, name, "cat", _BOOT_ID, connect=connect)


def reboot(guests: Guests, name: str, timeout: float = TIMEOUT) -> None:
    """Reboot a guest from the inside, and wait until it answers again from another boot."""
    before = boot_id(guests, name)
    if not before:
        raise FleetError(f"guest {name} does not answer")
    deadline = time.monotonic() + timeout
    _ask(guests, name, "systemctl", "reboot")
    for connect in _patience():
        if boot_id(guests, name, connect) not in ("", before):
            break
        if time.monotonic() > deadline:
            raise FleetError(f"guest {name} did not reboot within {timeout:.0f} s:\n{console_tail(guests, name)}")
        time.sleep(0.3)
    wait(guests, name, timeout)
