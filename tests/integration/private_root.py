# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away copy of this machine's file system, in which modules may really change /etc, /var and /dev/shm.

An overlay of / in a mount namespace of its own, with a /dev of its own and no mark of a container. Whatever a module
does there, remounting included, goes away with the namespace, which ends when the process that holds it loses its
standard input.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeVar

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE_PACKAGE = "ansible_collections.aarch64.validator.plugins.modules."
COLLECTIONS = REPOSITORY / "playbooks" / "collections"
STATE = "/var/lib/aarch64-validator"

_SETUP = r"""
set -e
base=$1; shift
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$base/root"
cd "$base/root"
for path in /proc "$@"; do mkdir -p ".$path"; mount --rbind "$path" ".$path"; done
mount --bind /dev/null proc/1/environ 2>/dev/null || true
chmod 755 root
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero random urandom; do : >"dev/$node"; mount --bind "/dev/$node" "dev/$node"; done
mkdir dev/shm
rm -rf .dockerenv run/.containerenv run/systemd var/lib/aarch64-validator etc/fstab
: >etc/fstab
# Not only a chroot: what enters the namespace, as an engine does that starts a container, must not find the machine there.
mkdir machine
pivot_root . machine
cd /
umount -l machine
rmdir machine
echo ready
exec cat
"""

Private = TypeVar("Private", bound="PrivateRoot")


class PrivateRoot:
    """A machine of its own as far as files and mounts go. Use as a context manager."""

    def __init__(self, base: Path, *binds: str) -> None:
        """base is an empty directory; binds are paths that are the real ones in there."""
        # What the interpreter and the collection need may lie on other mounts than /, which an overlay does not show.
        needed = {str(REPOSITORY), sys.prefix, sys.base_prefix, *binds}
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", _SETUP, "sh", str(base), *sorted(needed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        assert self._holder.stdout is not None and self._holder.stderr is not None
        if self._holder.stdout.readline() != "ready\n":
            raise OSError("no private root here: " + self._holder.stderr.read())

    def __enter__(self: Private) -> Private:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._holder.communicate()  # closes its standard input

    def path(self, path: str) -> Path:
        """The same file, as this process can open it."""
        return Path(f"/proc/{self._holder.pid}/root{path}")

    def command(self, *arguments: str, user: int = 0, user_namespace: bool = False) -> list[str]:
        """An argument list that runs a command in there."""
        enter = ["nsenter", "--mount", "--target", str(self._holder.pid), "--"]
        unshare = ["unshare", "--user", "--map-root-user", "--mount"] if user_namespace else []
        become = ["chroot", f"--userspec={user}:{user}", "/"] if user else []
        return [*enter, *unshare, *become, *arguments]

    def run(self, *arguments: str, **options: Any) -> str:
        """Run a command in there that must succeed; its output."""
        done = subprocess.run(self.command(*arguments), check=False, capture_output=True, text=True, **options)
        assert done.returncode == 0, f"{arguments}: {done.stderr or done.stdout}"
        return done.stdout

    def module(
        self, name: str, options: dict[str, Any], *, check: bool = False, diff: bool = False, **how: Any
    ) -> dict[str, Any]:
        """Run a module in there as Ansible does: options as JSON in, result as JSON out. how is for command()."""
        arguments = dict(options, _ansible_check_mode=check, _ansible_diff=diff)
        process = subprocess.run(
            self.command(sys.executable, "-B", "-m", MODULE_PACKAGE + name, **how),
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}), capture_output=True, text=True,
            env={"PYTHONPATH": str(COLLECTIONS), "PATH": os.environ["PATH"]}, check=False,
        )
        assert process.stdout.strip(), process.stderr
        return json.loads(process.stdout)
