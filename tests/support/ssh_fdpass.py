# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pass ssh a connected socket (ssh_config: ProxyUseFdpass yes).

Run inside a fleet's network namespace by nsenter.  Nothing stays in between
afterwards: ssh talks to the host itself, so a cut link is a cut link, and no
relay process is left to be ended.

Usage: ssh_fdpass.py ADDRESS PORT
"""

from __future__ import annotations

import socket
import sys

_TIMEOUT = 5.0


def main(address: str, port: int) -> int:
    """Connect, hand the descriptor to ssh on standard output, and end."""
    try:
        connection = socket.create_connection((address, port), timeout=_TIMEOUT)
    except OSError as exc:
        print(f"{address} port {port}: {exc}", file=sys.stderr)
        return 1
    connection.setblocking(True)
    with socket.socket(fileno=1) as parent:
        socket.send_fds(parent, [b"\0"], [connection.fileno()])
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], int(sys.argv[2])))
