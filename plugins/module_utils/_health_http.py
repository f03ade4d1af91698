# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP with an end that the other side cannot move. Private to this collection.

Neither a byte per second, nor an answer without end, nor silence lasts longer than that. Proxies of the environment are
not used, and redirects are not followed.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
import time
import typing as t
import urllib.parse

from ansible_collections.aarch64.validator.plugins.module_utils._bounded_socket import CONNECT_SECONDS, BoundedSocket
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError

MAX_BYTES = (64 << 20) + (1 << 17)  # of one answer, its headers included
MAX_TEXT = 500

_HOST = re.compile(r"\A[A-Za-z0-9._:-]+\Z")
_PATH = re.compile(r"\A(/[!-~]*)?\Z")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a0-\uffff]+")


class Endpoint(t.NamedTuple):
    """Where a node answers."""

    host: str
    port: int
    path: str  # without a slash at its end

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Unanswered(Exception):
    """No answer that can be used; says why, for an operator."""


def parse_endpoint(value: object, option: str) -> Endpoint:
    """Where a URL such as ``http://127.0.0.1:9944`` points to; ws:// is taken as http://. Raises OptionError."""
    valid = ("an address such as http://127.0.0.1:9944 or http://[::1]:9944; ws:// is taken as http://, "
             "https:// and names with a password are not supported, since nodes speak plain HTTP")
    shown = redact_text(str(value))
    try:
        parts = urllib.parse.urlsplit(str(value))
        host, port = parts.hostname or "", 80 if parts.port is None else parts.port
    except ValueError:
        raise OptionError(option, shown, valid) from None
    path = parts.path.rstrip("/")
    usable = (parts.scheme in ("http", "ws") and _HOST.match(host) and 0 < port < 65536 and _PATH.match(path)
              and "@" not in parts.netloc and not parts.query and not parts.fragment)
    if not usable or _UNPRINTABLE.search(str(value)) or " " in str(value):
        raise OptionError(option, shown, valid)
    return Endpoint(host, port, path)


def clean(text: object) -> str:
    """Text of somebody else, fit for a message: one line, no control characters, no secrets, not endless."""
    return redact_text(_UNPRINTABLE.sub(" ", str(text)[:MAX_TEXT * 4])).strip()[:MAX_TEXT]


class Http:
    """One server. Each request has a connection of its own, so that nothing of one answer reaches the next."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._addresses = []  # type: list[tuple]

    @contextlib.contextmanager
    def exchange(self, verb: str, path: str, body: str | None, until: float) -> t.Iterator[http.client.HTTPResponse]:
        """The answer to one request, to be read inside of this context. Raises Unanswered, also while it is read.

        until is a time of the monotonic clock.
        """
        endpoint, begin = self.endpoint, time.monotonic()
        connection = None
        headers = {"Accept": "application/json", "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            if not self._addresses:
                self._addresses = _resolve(endpoint, until)
            connection = _Connection(endpoint, self._addresses, until)
            connection.request(verb, endpoint.path + path or "/", body, headers)
            yield connection.getresponse()
        except ConnectionRefusedError:
            raise Unanswered(f"nothing listens on {endpoint} (connection refused)") from None
        except (socket.timeout, TimeoutError):
            seconds = time.monotonic() - begin
            raise Unanswered(f"no whole answer from {endpoint} within {seconds:.0f} seconds") from None
        except (http.client.HTTPException, ValueError) as error:  # ValueError: a length that cannot be one
            what = clean(f"{type(error).__name__} {error}")
            raise Unanswered(f"{endpoint} does not answer in HTTP: {what}") from None
        except OSError as error:
            raise Unanswered(f"{endpoint}: {clean(error.strerror or error)}") from None
        finally:
            if connection is not None:
                connection.close()


class _Connection(http.client.HTTPConnection):
    """A connection to the first address that takes it."""

    def __init__(self, endpoint: Endpoint, addresses: list, until: float) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self._candidates = addresses
        self._until = until

    def connect(self) -> None:
        failure = OSError("no address")
        for family, address in self._candidates:
            connected = BoundedSocket(family, socket.SOCK_STREAM)
            connected.until, connected.most = self._until, MAX_BYTES
            try:
                connected.connect(address)
            except OSError as error:
                connected.close()
                failure = error
            else:
                self.sock = connected
                return
        raise failure


def _resolve(endpoint: Endpoint, until: float) -> list:
    """``(family, address)`` of a host name; a name server that is silent does not hold us up. Raises OSError."""
    found = []  # type: list[tuple]
    failures = []  # type: list[Exception]

    def look_up() -> None:
        try:
            for family, _kind, _protocol, _name, address in socket.getaddrinfo(
                    endpoint.host, endpoint.port, type=socket.SOCK_STREAM):
                found.append((family, address))
        except (OSError, UnicodeError) as error:
            failures.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(max(0.0, min(CONNECT_SECONDS, until - time.monotonic())))
    if failures:
        raise OSError(f"the name cannot be resolved: {failures[0]}")
    if not found:
        raise socket.timeout("timed out")
    return list(found)
