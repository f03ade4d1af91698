# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node, or anything else that answers on a port, and the systemd above it, for tests of node_health."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _health, _health_checks, _manager
from ansible_collections.aarch64.validator.plugins.module_utils._health_options import checked
from ansible_collections.aarch64.validator.plugins.module_utils._manager import ManagerError

PARAMETERS = {
    "unit": "polkadot", "rpc_url": "http://127.0.0.1:9944", "readiness_path": "/health/readiness",
    "checks": _health_checks.GATE, "timeout": 0, "slice": 30, "continue": None, "restarts": None, "since": None,
    "min_peers": 1, "min_free": "1G", "limits": None,
}  # type: dict
DENIED = {"code": -32601, "message": "RPC call is unsafe to be called externally"}


class Server:
    """A server of raw bytes on loopback; each connection is given to a function in a thread of its own."""

    def __init__(self, answer: t.Callable, address: str = "127.0.0.1") -> None:
        self.answer = answer
        self.requests = []  # type: list[tuple]
        self.open = True
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.bind((address, 0))
        self.listener.listen(50)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://[{address}]:{self.port}" if ":" in address else f"http://{address}:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self.listener.accept()[0]
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            head, body = data.split(b"\r\n\r\n", 1)
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    while len(body) < int(line.split(b":")[1]):
                        body += connection.recv(65536)
            verb, path, _version = head.split(b"\r\n")[0].decode().split(" ")
            self.requests.append((verb, path, json.loads(body) if body else None))
            for piece in self.answer(self, *self.requests[-1]):
                connection.sendall(piece)

    def close(self) -> None:
        self.open = False
        self.listener.close()


def reply(content: object, status: str = "200 OK", headers: str = "") -> list:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return [f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode(), body]


class Node:
    """What a node answers; tests change it."""

    def __init__(self) -> None:
        self.health = {"peers": 8, "isSyncing": False, "shouldHavePeers": True}
        self.errors = {}  # type: dict[str, dict]
        self.batches = True
        self.readiness = "200 OK"
        self.step = 1
        self.best = 100
        self.metadata = "0x6d6574610e" + "00" * 5000
        self.calls = []  # type: list[str]

    def result(self, method: str) -> t.Any:
        if method == "chain_getHeader":
            self.best += self.step
            return {"number": hex(self.best)}
        return {
            "system_health": self.health, "system_localPeerId": "12D3KooWabc", "system_nodeRoles": ["Authority"],
            "system_version": "1.20.0-\x1b[31mred", "state_getRuntimeVersion": {"specName": "polkadot", "specVersion": 1003000},
            "state_getMetadata": self.metadata,
        }[method]

    def one(self, call: dict) -> dict:
        self.calls.append(call["method"])
        error = self.errors.get(call["method"])
        answer = {"error": error} if error else {"result": self.result(call["method"])}
        return dict(answer, jsonrpc="2.0", id=call["id"])

    def __call__(self, server: Server, verb: str, path: str, body: t.Any) -> list:
        if verb == "GET":
            return reply(b"", self.readiness)
        if isinstance(body, list):
            if not self.batches:
                return reply({"jsonrpc": "2.0", "id": None, "error": {"code": -32005, "message": "Batched requests are not "
                                                                      "supported by this server"}})
            return reply([self.one(call) for call in reversed(body)])
        return reply(self.one(body))


class Manager:
    """systemd of a test."""

    def __init__(self) -> None:
        self.properties = {
            "Id": "polkadot.service", "LoadState": "loaded", "ActiveState": "active", "SubState": "running", "NRestarts": "0",
            "InvocationID": "ab" * 16, "MainPID": str(os.getpid()), "Result": "success", "ExecMainStatus": "0",
        }
        self.journal = ["Started polkadot.service", "Idle (8 peers)"]
        self.commands = []  # type: list[list]
        self.broken = False

    def call(self, arguments: list, seconds: float) -> str:
        self.commands.append(arguments)
        if self.broken:
            raise ManagerError("systemctl gave no answer within 1 seconds")
        if arguments[0] == "journalctl":
            return "\n".join(json.dumps({"MESSAGE": line, "__REALTIME_TIMESTAMP": "1"}) for line in self.journal)
        return "\n".join(f"{name}={value}" for name, value in self.properties.items())


def health(url: str, manager: t.Any = None, boot: str = "boot-1", **options: t.Any) -> dict:
    parameters = dict(PARAMETERS, rpc_url=url, **options)
    result = _health.Health(checked(parameters), t.cast(_manager.Manager, manager or Manager()), boot).run()
    assert result["changed"] is False
    return dict(json.loads(json.dumps(result)))


def outcome(result: dict) -> dict:
    return {one["name"]: one["ok"] for one in result["checks"]}


def text(result: dict, name: str) -> str:
    return str(next(one["text"] for one in result["checks"] if one["name"] == name))
