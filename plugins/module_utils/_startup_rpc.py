# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a node by JSON-RPC whether it can run its runtime. Private to this collection."""

from __future__ import annotations

import ctypes
import fcntl
import http.client
import json
import os
import signal
import socket
import struct
import time
import typing as t

# Needs an instance of the runtime, unlike system_health: the answer proves engine, module and instance.
METHOD = "state_getRuntimeVersion"
_REQUEST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": METHOD, "params": []})
_SECONDS_BETWEEN = 1.0
_SOCKET_SECONDS = 3
_MAX_ANSWER = 1 << 16
_CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1  # include/uapi/linux/sockios.h, if.h


def free_ports(count: int) -> list:
    """Ports that nobody listens on at this moment, on any address of version 4."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _number in range(count)]
    try:
        for one in sockets:
            one.bind(("0.0.0.0", 0))  # noqa: S104 - bound for an instant, never listening  # nosec B104
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def new_network() -> bool:
    """Move this process into a network of its own, which has only loopback; whether that was permitted."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name = b"lo".ljust(16, b"\0")
        flags = struct.unpack("16xh", fcntl.ioctl(control, _SIOCGIFFLAGS, name + bytes(24))[:18])[0]
        fcntl.ioctl(control, _SIOCSIFFLAGS, name + struct.pack("h", flags | _IFF_UP) + bytes(22))
    return True


class Asker:
    """Asks a node again and again, each time from a short-lived process inside the network of the node.

    result: ``{port, answered, error}``; error is the message of a node that answers but cannot call its runtime.
    """

    def __init__(self, port: int) -> None:
        self.result = {"port": port, "answered": False, "error": None}  # type: dict
        self._child = 0
        self._pipe = -1
        self._next = time.monotonic() + _SECONDS_BETWEEN

    def tick(self, pid: int) -> bool:
        """Go on asking the process; whether it has answered."""
        if self._child:
            self._collect()
        elif not self.result["answered"] and self.result["error"] is None and time.monotonic() >= self._next:
            self._start(pid)
        return bool(self.result["answered"])

    def _start(self, pid: int) -> None:
        reader, writer = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            answer = {}  # type: dict
            try:
                os.close(reader)
                signal.alarm(_SOCKET_SECONDS * 2)
                answer = ask(pid, self.result["port"])
                os.write(writer, json.dumps(answer).encode())
            finally:
                os._exit(0)
        os.close(writer)
        os.set_blocking(reader, False)
        self._pipe = reader

    def _collect(self) -> None:
        try:
            data = os.read(self._pipe, _MAX_ANSWER)
        except BlockingIOError:
            return
        self._finish()
        answer = json.loads(data.decode()) if data else {}
        self.result.update((name, answer[name]) for name in ("answered", "error") if name in answer)

    def _finish(self) -> None:
        os.close(self._pipe)
        os.waitpid(self._child, 0)
        self._child, self._pipe = 0, -1
        self._next = time.monotonic() + _SECONDS_BETWEEN

    def close(self) -> None:
        """End the process that asks, if there is one."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            self._finish()


def ask(pid: int, port: int) -> dict:
    """Ask once, from inside the network of a process: ``{answered, error}``, or nothing if nobody listens yet."""
    if os.geteuid() == 0:
        with open(f"/proc/{pid}/ns/net", "rb") as network:
            ctypes.CDLL(None, use_errno=True).setns(network.fileno(), _CLONE_NEWNET)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SOCKET_SECONDS)
    try:
        connection.request("POST", "/", _REQUEST, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read(_MAX_ANSWER).decode("utf-8", "replace"))
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    return judge(answer)


def judge(answer: t.Any) -> dict:
    """What a JSON-RPC answer says: ``{answered: true}``, or ``{answered: false, error}``."""
    if isinstance(answer, dict) and answer.get("result"):
        return {"answered": True, "error": None}
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return {"answered": False, "error": str(message or "an answer without a result")[:500]}
