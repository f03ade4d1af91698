# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start, shape and end hosts for tests: systemd-nspawn with sshd and the stand-in node.

hosts.py up --workdir DIR --count 3 --name-prefix val     hosts val-1 to val-3
hosts.py up --workdir DIR --name a --name b               hosts a and b
hosts.py status|down --workdir DIR
hosts.py run|inside --workdir DIR HOST -- COMMAND...      by ssh, without ssh
hosts.py shm|fstab|drop-in|link|ssh|reboot --workdir DIR HOST ...

The fleet lives in a network namespace of its own.  DIR/inventory.yml and
DIR/ssh_config reach it from the root namespace: ansible -i DIR/inventory.yml
all -m ping, ssh -F DIR/ssh_config val-1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from fleet import lifecycle, reach, shaping, supervisor
from fleet.state import Fleet, FleetError, load, recorded


def status(fleet: Fleet) -> list[dict[str, object]]:
    """One line for each host: its address and whether it runs."""
    rows: list[dict[str, object]] = []
    for host in fleet.hosts:
        process = recorded(fleet, host.name).get("nspawn")
        rows.append(
            {
                "name": host.name,
                "address": host.address,
                "running": bool(process and process.alive),
                "nspawn_pid": process.pid if process else None,
            }
        )
    return rows


def _parser() -> argparse.ArgumentParser:
    """Build the command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--workdir", type=Path, required=True, help="directory of the fleet")
    one = argparse.ArgumentParser(add_help=False, parents=[common])
    one.add_argument("host")
    parser = argparse.ArgumentParser(description="Hosts for tests, on systemd-nspawn.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", parents=[common], help="start a fleet")
    start.add_argument("--count", type=int, default=1)
    start.add_argument("--name-prefix", default="val")
    start.add_argument("--name", action="append", help="name of a host, instead of --count; repeatable")
    start.add_argument("--group", default="validators", help="inventory group")
    commands.add_parser("down", parents=[common], help="end a fleet")
    commands.add_parser("status", parents=[common], help="say what runs, as JSON")
    for name in ("run", "inside"):
        commands.add_parser(name, parents=[one]).add_argument("words", nargs="+")
    commands.add_parser("shm", parents=[one], help="resize the live /dev/shm").add_argument("size")
    commands.add_parser("fstab", parents=[one], help="append a line").add_argument("line")
    drop_in = commands.add_parser("drop-in", parents=[one], help="lines of [Service], such as LimitAS=300G")
    drop_in.add_argument("--unit", default=shaping.UNIT)
    drop_in.add_argument("--file", default="10-test")
    drop_in.add_argument("--no-restart", action="store_true")
    drop_in.add_argument("lines", nargs="+")
    commands.add_parser("link", parents=[one], help="the network cable").add_argument("state", choices=("up", "down"))
    commands.add_parser("ssh", parents=[one], help="sshd").add_argument("state", choices=("start", "stop"))
    commands.add_parser("reboot", parents=[one])
    commands.add_parser("supervise", parents=[one])
    return parser


def _shape(fleet: Fleet, args: argparse.Namespace) -> None:
    """Do one of the commands that change a host."""
    if args.command == "shm":
        shaping.shm(fleet, args.host, args.size)
    elif args.command == "fstab":
        shaping.fstab(fleet, args.host, args.line)
    elif args.command == "drop-in":
        shaping.drop_in(fleet, args.host, args.lines, file=args.file, unit=args.unit, restart=not args.no_restart)
    elif args.command == "link":
        shaping.link(fleet, args.host, args.state == "up")
    elif args.command == "ssh":
        (shaping.start_ssh if args.state == "start" else shaping.stop_ssh)(fleet, args.host)
    elif args.command == "reboot":
        shaping.reboot(fleet, args.host)


def _dispatch(args: argparse.Namespace) -> int:
    """Do what the command line says."""
    fleet = load(args.workdir)
    if args.command == "up":
        names = args.name or [f"{args.name_prefix}-{number}" for number in range(1, args.count + 1)]
        print(lifecycle.up(args.workdir, names, args.group).inventory)
    elif args.command == "down":
        lifecycle.down(args.workdir)
    elif args.command == "status":
        print(json.dumps(status(fleet), indent=2))
    elif args.command == "supervise":
        return supervisor.supervise(args.workdir, args.host)
    elif args.command == "run":
        command = reach.ssh_command(fleet, args.host, args.words)
        os.execvp(command[0], command)
    elif args.command == "inside":
        print(reach.inside(fleet, args.host, args.words), end="")
    else:
        _shape(fleet, args)
    return 0


def main() -> int:
    """Command line; what went wrong is told in one line."""
    args = _parser().parse_args()
    try:
        return _dispatch(args)
    except FleetError as exc:
        print(f"hosts.py: {exc}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
