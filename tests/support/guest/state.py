# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of the guests of a work directory, and how they are reached.

Guests are a fleet as the nspawn hosts are: fleet.reach.on_host and those of
fleet.shaping that go by ssh (write, shm, fstab, drop_in) take them too.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shlex
import shutil
import typing as t
from dataclasses import asdict, dataclass
from pathlib import Path

from fleet.state import Fleet, FleetError, Host, write_json

from .images import Image

LOOPBACK = "127.0.0.1"
ROOT_FILES = ("id_ed25519", "known_hosts", "ssh_config", "inventory.yml", "guests.json", ".lock")


@dataclass(frozen=True)
class Guest(Host):
    """One guest; its address is loopback, its port is what tells it from others."""

    port: int
    kernel: str
    memory: int
    persistent: bool


@dataclass
class Guests(Fleet):
    """The guests of a work directory."""

    @property
    def state_file(self) -> Path:
        """Where the list of guests is kept."""
        return self.workdir / "guests.json"

    def guest(self, name: str) -> Guest:
        """Look a guest up by its name."""
        return t.cast("Guest", self.host(name))

    def console(self, name: str) -> Path:
        """What the guest wrote to its serial line."""
        return self.workdir / f"{name}.console"

    def disk(self, name: str) -> Path:
        """The disk of a persistent guest; it is not among what a guest has while it runs."""
        return self.workdir / "disks" / f"{name}.ext4"


def load(workdir: Path) -> Guests:
    """Read the guests of a work directory; one without a list has none."""
    guests = Guests(workdir.resolve())
    if guests.state_file.exists():
        state = json.loads(guests.state_file.read_text(encoding="utf-8"))
        guests.hosts = [Guest(**guest) for guest in state["hosts"]]
    return guests


@contextlib.contextmanager
def _changing(workdir: Path) -> t.Iterator[Guests]:
    """The list of guests, to be changed; others that change it wait."""
    workdir.mkdir(parents=True, exist_ok=True)
    with open(workdir / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        guests = load(workdir)
        yield guests
        write_json(guests.state_file, {"hosts": [asdict(host) for host in guests.hosts]})


def add(workdir: Path, guest: Guest, image: Image, group: str) -> Guests:
    """Enter a guest into the list, or replace it there, and write what reaches it."""
    with _changing(workdir) as guests:
        guests.hosts = [host for host in guests.hosts if host.name != guest.name] + [guest]
        guests.host_dir(guest.name).mkdir(parents=True, exist_ok=True)
        _write_files(guests, image, group)
    return guests


def forget(workdir: Path, name: str) -> None:
    """Take a guest from the list; the inventory goes with the last one."""
    with _changing(workdir) as guests:
        guests.hosts = [host for host in guests.hosts if host.name != name]
        shutil.rmtree(guests.host_dir(name), ignore_errors=True)


def _write_files(guests: Guests, image: Image, group: str) -> None:
    """Write key, known_hosts, ssh_config and inventory of all guests."""
    key = guests.workdir / "id_ed25519"
    if not key.exists():
        key.touch(mode=0o600)
    key.write_bytes(image.private_key.read_bytes())
    known = "".join(f"{host.name} {image.host_key}\n" for host in guests.hosts)
    (guests.workdir / "known_hosts").write_text(known, encoding="utf-8")
    lines = [
        f"Host {host.name}\n  HostName {LOOPBACK}\n  Port {guests.guest(host.name).port}\n  HostKeyAlias {host.name}"
        for host in guests.hosts
    ]
    lines += [
        "Host *",
        "  User root",
        f'  IdentityFile "{key}"',
        "  IdentitiesOnly yes",
        f'  UserKnownHostsFile "{guests.workdir}/known_hosts"',
        "  StrictHostKeyChecking yes",
        "  LogLevel ERROR",
        "  ConnectTimeout 20",
        # An emulated guest may be slow to answer, on a busy machine the more.
        "  ServerAliveInterval 15",
        "  ServerAliveCountMax 8",
    ]
    guests.ssh_config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    guests.run_dir.mkdir(parents=True, exist_ok=True)
    guests.run_dir.chmod(0o700)
    guests.inventory.write_text(json.dumps(_inventory(guests, group), indent=2) + "\n", encoding="utf-8")


def _host_variables(guests: Guests, name: str) -> dict[str, t.Any]:
    """How Ansible reaches a guest: by port, and with the key of the host under its name."""
    config = shlex.quote(str(guests.ssh_config))
    return {
        "ansible_host": LOOPBACK,
        "ansible_port": guests.guest(name).port,
        "ansible_ssh_common_args": f"-F {config} -o HostKeyAlias={name}",
    }


def _inventory(guests: Guests, group: str) -> dict[str, t.Any]:
    """The inventory (JSON is YAML)."""
    return {
        group: {
            "hosts": {host.name: _host_variables(guests, host.name) for host in guests.hosts},
            "vars": {
                "ansible_user": "root",
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_ssh_private_key_file": str(guests.workdir / "id_ed25519"),
                "ansible_ssh_pipelining": True,
                "ansible_control_path_dir": str(guests.run_dir),
            },
        }
    }


def only(guests: Guests, name: str | None) -> str:
    """The name given, or that of the only guest there is."""
    if name is not None:
        return guests.host(name).name
    if len(guests.hosts) != 1:
        raise FleetError(f"{guests.workdir} has {len(guests.hosts)} guests: give --name")
    return guests.hosts[0].name
