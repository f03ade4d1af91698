# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start, reboot and end real aarch64 guests for tests: qemu with a kernel of one's choice.

guests.py up --workdir DIR --kernel va39               one guest, named va39
guests.py up --workdir DIR --kernel pg64k --name b     another one beside it
guests.py run --workdir DIR [--name NAME] -- COMMAND...
guests.py reboot --workdir DIR [--name NAME]
guests.py status|down --workdir DIR
guests.py build [--kernel KERNEL ...]                  fills the cache only

Kernels: va39 (4K pages, 39-bit addresses), va48 (4K, Debian's), pg16k (16K,
Debian's), pg64k (64K, 42-bit).  DIR/inventory.yml and DIR/ssh_config reach the
guests: ansible -i DIR/inventory.yml all -m ping, ssh -F DIR/ssh_config va39.

A guest changes nothing on the shared disk.  With --persistent it has one of
its own, and `down --keep-disks` leaves that for the next `up`.  Each has the
stand-in node as polkadot.service (started with --node) and programs that hold
Wasmtime engines: engines-pie and engines-nopie /usr/local/lib/libwasmtime.so
SLOTS GUARD_BYTES COUNT print a line for each engine, and abort where none fits.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from fleet.reach import ssh_command
from fleet.state import FleetError
from guest import boot, lifecycle
from guest.kernels import KERNELS
from guest.state import Guests, load, only


def status(guests: Guests) -> list[dict[str, object]]:
    """One line for each guest: its kernel, its port and whether it runs."""
    rows: list[dict[str, object]] = []
    for host in guests.hosts:
        guest, process = guests.guest(host.name), boot.process(guests, host.name)
        rows.append(
            {
                "name": guest.name,
                "kernel": guest.kernel,
                "port": guest.port,
                "persistent": guest.persistent,
                "running": process is not None,
                "qemu_pid": process.pid if process else None,
            }
        )
    return rows


def _parser() -> argparse.ArgumentParser:
    """Build the command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--workdir", type=Path, required=True, help="directory of the guests")
    one = argparse.ArgumentParser(add_help=False, parents=[common])
    one.add_argument("--name", help="guest; not needed where there is only one")
    parser = argparse.ArgumentParser(description="Real aarch64 guests for tests, on qemu.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", parents=[common], help="start a guest")
    start.add_argument("--kernel", choices=KERNELS, required=True)
    start.add_argument("--name", help="name of the guest; that of the kernel by default")
    start.add_argument("--memory", type=int, default=2048, help="MiB")
    start.add_argument("--persistent", action="store_true", help="give it a disk of its own")
    start.add_argument("--node", action="store_true", help="start the stand-in node")
    start.add_argument("--group", default="validators", help="inventory group")
    end = commands.add_parser("down", parents=[common], help="end the guests")
    end.add_argument("--keep-disks", action="store_true", help="leave the disks of persistent guests for another up")
    commands.add_parser("status", parents=[common], help="say what runs, as JSON")
    commands.add_parser("run", parents=[one], help="by ssh").add_argument("words", nargs="+")
    commands.add_parser("reboot", parents=[one])
    build = commands.add_parser("build", help="fill the cache only")
    build.add_argument("--kernel", choices=KERNELS, action="append", help="repeatable; all by default")
    return parser


def _dispatch(args: argparse.Namespace) -> int:
    """Do what the command line says."""
    if args.command == "build":
        print(*lifecycle.build(args.kernel or list(KERNELS)), sep="\n")
        return 0
    guests = load(args.workdir)
    if args.command == "up":
        options = {key: vars(args)[key] for key in ("name", "memory", "persistent", "node", "group")}
        print(lifecycle.up(args.workdir, args.kernel, **options).inventory)
    elif args.command == "down":
        lifecycle.down(args.workdir, keep_disks=args.keep_disks)
    elif args.command == "status":
        print(json.dumps(status(guests), indent=2))
    elif args.command == "reboot":
        print(f"{lifecycle.reboot(args.workdir, only(guests, args.name)):.0f} s")
    elif args.command == "run":
        command = ssh_command(guests, only(guests, args.name), args.words)
        os.execvp(command[0], command)
    return 0


def main() -> int:
    """Command line; what went wrong is told, not traced."""
    args = _parser().parse_args()
    try:
        return _dispatch(args)
    except (FleetError, RuntimeError) as exc:
        print(f"guests.py: {exc}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
