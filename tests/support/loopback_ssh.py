# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any number of names that are this machine, each reached over an SSH connection of its own, on loopback alone."""

from __future__ import annotations

import contextlib
import getpass
import json
import shutil
import socket
import subprocess
import sys
import time
import typing as t
from pathlib import Path


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@contextlib.contextmanager
def names_over_ssh(directory: Path, count: int, around: t.Sequence[str] = ()) -> t.Iterator[Path]:
    """An inventory of so many names. Each has a control path of its own, so that no two share a connection.

    around is a command that starts the server, as ``unshare`` does.
    """
    port = free_port()
    host_key, user_key = make_key(directory / "host_key"), make_key(directory / "user_key")
    keys = directory / "authorized_keys"
    shutil.copy(f"{user_key}.pub", keys)
    config = directory / "sshd_config"
    config.write_text("".join(line + "\n" for line in (
        f"HostKey {host_key}", f"AuthorizedKeysFile {keys}", f"PidFile {directory}/sshd.pid", "UsePAM no", "StrictModes no",
        "PasswordAuthentication no", "PrintMotd no", "MaxStartups 200", "AcceptEnv LANG LC_*",
        f"ListenAddress 127.0.0.1:{port}")))
    if Path("/run").is_dir():
        with contextlib.suppress(PermissionError):
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = subprocess.Popen([*around, str(shutil.which("sshd") or "/usr/sbin/sshd"), "-D", "-e", "-f", str(config)],
                              stderr=(directory / "sshd.log").open("w"))
    try:
        wait_for("127.0.0.1", port, server, directory / "sshd.log")
        shared = {
            "ansible_host": "127.0.0.1", "ansible_port": port, "ansible_user": getpass.getuser(),
            "ansible_python_interpreter": sys.executable,
            "ansible_ssh_private_key_file": str(user_key), "ansible_control_path_dir": str(directory / "cp"),
            "ansible_ssh_extra_args": "-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
                                      "-o IdentitiesOnly=yes",
        }
        hosts = {name: dict(shared, ansible_control_path=str(directory / "cp" / name))
                 for name in (f"val-{number + 1:02}" for number in range(count))}
        inventory = directory / "hosts.json"
        inventory.write_text(json.dumps({"validators": {"hosts": hosts}}))
        yield inventory
    finally:
        server.terminate()
        server.wait()


def wait_for(address: str, port: int, server: subprocess.Popen, log: Path) -> None:
    """Until the server answers."""
    end = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
            return
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"sshd does not answer: {log.read_text()}")
        time.sleep(0.05)
