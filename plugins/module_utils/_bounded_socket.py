# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection whose other side can neither hold us up nor fill memory. Private to this collection."""

from __future__ import annotations

import socket
import time
import typing as t

CONNECT_SECONDS = 5


class BoundedSocket(socket.socket):
    """A socket on which nothing lasts longer than until, however the bytes drip, and that takes only so many of them."""

    until = 0.0  # a time of the monotonic clock
    most = 0
    taken = 0

    def _arm(self, longest: float = 1e6) -> None:
        left = self.until - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self.settimeout(min(left, longest))

    def connect(self, address: t.Any) -> None:
        """As that of socket, as the following."""
        self._arm(CONNECT_SECONDS)
        super().connect(address)

    def sendall(self, *arguments: t.Any) -> None:
        """Also no longer than until."""
        self._arm()
        super().sendall(*arguments)

    def recv_into(self, *arguments: t.Any, **options: t.Any) -> int:
        """Also no more than that."""
        self._arm()
        if self.taken > self.most:  # whatever http.client believes, such as a chunk of -1 bytes
            raise OSError(f"an answer of more than {self.most >> 20} MiB")
        size = super().recv_into(*arguments, **options)
        self.taken += size
        return size
