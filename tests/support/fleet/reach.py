# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reaching the hosts: keys, ssh_config, the inventory, and commands."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from .state import Fleet, FleetError, leader, run

_FDPASS = Path(__file__).resolve().parent.parent / "ssh_fdpass.py"
_HOST_KEY = "etc/ssh/ssh_host_ed25519_key.pub"


def _quote(text: object) -> str:
    """Quote for ssh_config's ProxyCommand: a shell reads it, after ssh expanded its percents."""
    return shlex.quote(str(text)).replace("%", "%%")


def write_files(fleet: Fleet, group: str) -> None:
    """Write the key pair, known_hosts, ssh_config and the inventory of a fleet."""
    key = fleet.workdir / "id_ed25519"
    for old in (key, key.with_suffix(".pub")):
        old.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", fleet.netns, "-f", str(key)])
    host_keys = [
        f"{host.name},{host.address} {(fleet.root(host.name) / _HOST_KEY).read_text(encoding='utf-8').strip()}\n"
        for host in fleet.hosts
    ]
    (fleet.workdir / "known_hosts").write_text("".join(host_keys), encoding="utf-8")
    proxy = " ".join(_quote(word) for word in [*fleet.nsenter(), sys.executable, "-IS", _FDPASS])
    lines = [f"Host {host.name}\n  HostName {host.address}\n  HostKeyAlias {host.name}" for host in fleet.hosts]
    lines += [
        "Host *",
        "  User root",
        f'  IdentityFile "{key}"',
        "  IdentitiesOnly yes",
        f'  UserKnownHostsFile "{fleet.workdir}/known_hosts"',
        "  StrictHostKeyChecking yes",
        "  LogLevel ERROR",
        "  ConnectTimeout 10",
        "  ServerAliveInterval 5",
        "  ServerAliveCountMax 3",
        f"  ProxyCommand {proxy} %h %p",
        "  ProxyUseFdpass yes",
    ]
    fleet.ssh_config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    fleet.run_dir.mkdir(parents=True, exist_ok=True)
    fleet.run_dir.chmod(0o700)
    fleet.inventory.write_text(json.dumps(_inventory(fleet, group), indent=2) + "\n", encoding="utf-8")


def _inventory(fleet: Fleet, group: str) -> dict[str, t.Any]:
    """The inventory (JSON is YAML): plain ssh from the root namespace reaches each host."""
    return {
        group: {
            "hosts": {host.name: {"ansible_host": host.address} for host in fleet.hosts},
            "vars": {
                "ansible_user": "root",
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_ssh_common_args": f"-F {shlex.quote(str(fleet.ssh_config))}",
                "ansible_control_path_dir": str(fleet.run_dir),
            },
        }
    }


def ssh_command(fleet: Fleet, name: str, command: t.Sequence[str]) -> list[str]:
    """The ssh command line for a command on a host; its words stay what they are."""
    return ["ssh", "-F", str(fleet.ssh_config), fleet.host(name).name, shlex.join(command)]


def on_host(fleet: Fleet, name: str, command: t.Sequence[str], **options: t.Any) -> str:
    """Run a command on a host by ssh and return what it printed."""
    return run(ssh_command(fleet, name, command), **options).stdout


def inside(fleet: Fleet, name: str, command: t.Sequence[str], **options: t.Any) -> str:
    """Run a command on a host without ssh, through its namespaces."""
    prefix = ["nsenter", f"--target={leader(fleet, name)}", "--all"]
    return run([*prefix, *command], **options).stdout


def wait(fleet: Fleet, name: str, timeout: float = 60) -> None:
    """Wait until a host answers by ssh and its systemd has finished booting."""
    deadline = time.monotonic() + timeout
    probe = ssh_command(fleet, name, ["systemctl", "is-system-running", "--wait"])
    said = "nothing"
    while time.monotonic() < deadline:
        try:
            done = subprocess.run(probe, capture_output=True, text=True, timeout=20, check=False)
        except subprocess.TimeoutExpired:
            continue
        said = (done.stdout + done.stderr).strip()
        if done.stdout.strip() in ("running", "degraded"):
            return
        time.sleep(0.2)
    raise FleetError(f"host {name} did not come up within {timeout:.0f} s, it said: {said}")


def close_masters(fleet: Fleet) -> None:
    """End the ControlPersist masters that Ansible left; they would hold the namespace."""
    if fleet.run_dir.is_dir():
        for path in fleet.run_dir.iterdir():
            if path.is_socket():
                subprocess.run(["ssh", "-S", str(path), "-O", "exit", "x"], capture_output=True, check=False)
