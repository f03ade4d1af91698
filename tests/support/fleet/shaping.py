# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shaping a host after its start, so that it is ill in a known way."""

from __future__ import annotations

import time
import typing as t

from . import plumbing
from .reach import inside, on_host, wait
from .state import Fleet, FleetError, recorded

UNIT = "polkadot.service"


def write(fleet: Fleet, name: str, path: str, text: str) -> None:
    """Write a file on a host, with its directories."""
    on_host(fleet, name, ["install", "-D", "-m", "0644", "/dev/stdin", path], input=text)


def shm(fleet: Fleet, name: str, size: str) -> None:
    """Give the live /dev/shm another size; fstab does not know."""
    on_host(fleet, name, ["mount", "-o", f"remount,size={size}", "/dev/shm"])


def fstab(fleet: Fleet, name: str, line: str) -> None:
    """Append a line to the host's fstab."""
    on_host(fleet, name, ["tee", "--append", "/etc/fstab"], input=line + "\n")


def drop_in(
    fleet: Fleet, name: str, lines: t.Sequence[str], *, file: str = "10-test", unit: str = UNIT, restart: bool = True
) -> None:
    """Write lines of [Service] as a drop-in; restart the unit unless told otherwise."""
    text = "[Service]\n" + "".join(line + "\n" for line in lines)
    write(fleet, name, f"/etc/systemd/system/{unit}.d/{file}.conf", text)
    on_host(fleet, name, ["systemctl", "daemon-reload"])
    if restart:
        on_host(fleet, name, ["systemctl", "restart", "--no-block", unit])


def stop_ssh(fleet: Fleet, name: str) -> None:
    """Stop sshd and kill its sessions, as seen by a controller that loses a host."""
    inside(fleet, name, ["systemctl", "stop", "ssh.socket"])
    inside(fleet, name, ["systemctl", "kill", "--kill-whom=all", "--signal=KILL", "ssh.service"])
    inside(fleet, name, ["systemctl", "stop", "ssh.service"])


def start_ssh(fleet: Fleet, name: str) -> None:
    """Undo stop_ssh."""
    inside(fleet, name, ["systemctl", "start", "ssh.service"])
    wait(fleet, name)


def link(fleet: Fleet, name: str, up: bool) -> None:
    """Plug or pull the host's network cable."""
    plumbing.set_link(fleet, name, up)


def reboot(fleet: Fleet, name: str, timeout: float = 60) -> None:
    """Reboot a host from the inside and wait until it answers again."""
    before = recorded(fleet, name)["nspawn"]
    inside(fleet, name, ["systemctl", "reboot"])
    deadline = time.monotonic() + timeout
    while recorded(fleet, name).get("nspawn", before) == before:
        if time.monotonic() > deadline:
            raise FleetError(f"host {name} did not reboot within {timeout:.0f} s")
        time.sleep(0.1)
    wait(fleet, name, timeout)
