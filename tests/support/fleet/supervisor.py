# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that keeps one host running, over its reboots too.

`systemd-nspawn --keep-unit` leaves a reboot to whoever started it: it ends
with exit code 133.  This process starts it again, as a service manager would.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

from .plumbing import enter_cgroup
from .state import Fleet, Process, load, record

_REBOOT = 133
# What hosts may have at most: the same on every machine, whatever it could give.
MAX_NOFILE = 20_000
MAX_MEMLOCK = 8 << 20


def _capped(limit: int, wanted: int) -> int:
    """WANTED, or what this machine's own hard limit leaves of it."""
    hard = resource.getrlimit(limit)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)


def nspawn_command(fleet: Fleet, name: str) -> list[str]:
    """The command that boots a host.

    It dies with this process (setpriv), and its PID 1 cannot raise hard limits.
    """
    nofile = _capped(resource.RLIMIT_NOFILE, MAX_NOFILE)
    memlock = _capped(resource.RLIMIT_MEMLOCK, MAX_MEMLOCK)
    return [
        *("setpriv", "--pdeathsig", "KILL"),
        *fleet.nsenter(),
        *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=read-only"),
        *("--resolv-conf=off", "--timezone=off", "--link-journal=no", "--network-bridge=br0"),
        "--drop-capability=CAP_SYS_RESOURCE",
        f"--rlimit=NOFILE={min(1024, nofile)}:{nofile}",
        f"--rlimit=MEMLOCK={memlock}:{memlock}",
        f"--machine={fleet.machine(name)}",
        f"--hostname={name}",
        f"--directory={fleet.root(name)}",
    ]


def supervise(workdir: Path, name: str) -> int:
    """Boot the host again and again until it powers off."""
    fleet = load(workdir)
    mine = Process.of(os.getpid())
    record(fleet, name, {"supervisor": mine})
    with open(fleet.host_dir(name) / "console.log", "ab") as console:
        while True:
            child = subprocess.Popen(
                nspawn_command(fleet, name),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                # Safe here: this process has one thread.
                preexec_fn=lambda: enter_cgroup(fleet, name),  # noqa: PLW1509  pylint: disable=subprocess-popen-preexec-fn
            )
            record(fleet, name, {"supervisor": mine, "nspawn": Process.of(child.pid)})
            if child.wait() != _REBOOT:
                return 0


def start(fleet: Fleet, name: str) -> None:
    """Start the supervisor in a session of its own: it outlives the starter."""
    entry = Path(__file__).resolve().parent.parent / "hosts.py"
    subprocess.Popen(  # pylint: disable=consider-using-with
        [sys.executable, str(entry), "supervise", "--workdir", str(fleet.workdir), name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
