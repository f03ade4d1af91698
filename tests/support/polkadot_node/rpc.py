# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node's HTTP faces: JSON-RPC, health and Prometheus metrics."""

from __future__ import annotations

import json
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .chain import Chain
from .cli import version_line
from .engines import Executor

_Method = t.Callable[[t.List[t.Any]], t.Any]


class RpcError(Exception):
    """An error object of JSON-RPC."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Rpc:
    """The JSON-RPC methods that checks of a node's health use."""

    def __init__(self, chain: Chain, executors: list[Executor], upgrade: t.Callable[[int], int]) -> None:
        """UPGRADE enacts a runtime upgrade on the main thread and returns its spec version."""
        self._chain = chain
        self._executors = executors
        self._upgrade = upgrade
        self.wasm_lock = threading.Lock()
        self.methods: dict[str, _Method] = {
            "system_health": lambda _: chain.health(),
            "system_syncState": lambda _: self._sync_state(),
            "system_nodeRoles": lambda _: [chain.role],
            "system_version": lambda _: version_line().partition(" ")[2],
            "system_name": lambda _: "Parity Polkadot",
            "system_chain": lambda _: chain.chain.capitalize(),
            "system_localPeerId": lambda _: chain.peer_id,
            "system_peers": lambda _: self._peers(),
            "state_getRuntimeVersion": lambda _: self._runtime_version(),
            "state_getMetadata": lambda _: self._metadata(),
            "chain_getHeader": lambda params: chain.header(chain.number_of(params[0]) if params and params[0] else chain.best),
            "chain_getBlockHash": lambda params: chain.block_hash(int(params[0]) if params else chain.best),
            "chain_getFinalizedHead": lambda _: chain.block_hash(chain.finalized),
            "author_hasSessionKeys": self._has_session_keys,
            "rpc_methods": lambda _: {"methods": sorted(self.methods)},
            "test_set": self._test_set,
            "test_runtimeUpgrade": lambda params: self._upgrade(int(params[0]) if params else 0),
        }

    def _sync_state(self) -> dict[str, int]:
        chain = self._chain
        return {"startingBlock": chain.best, "currentBlock": chain.best, "highestBlock": chain.highest}

    def _peers(self) -> list[dict[str, t.Any]]:
        best = self._chain.best
        return [
            {"peerId": f"peer-{n}", "roles": "FULL", "bestHash": self._chain.block_hash(best), "bestNumber": best}
            for n in range(self._chain.state["peers"])
        ]

    def _runtime_version(self) -> dict[str, t.Any]:
        """Ask the runtime itself: this is what proves that instances can be made."""
        with self.wasm_lock:
            spec_version, _memory = self._executors[0].newest.call("Core_version")
        return {
            "specName": self._chain.chain,
            "implName": "parity-" + self._chain.chain,
            "authoringVersion": 0,
            "specVersion": spec_version,
            "implVersion": 0,
            "apis": [],
            "transactionVersion": 26,
            "stateVersion": 1,
        }

    def _metadata(self) -> str:
        with self.wasm_lock:
            _pages, memory = self._executors[0].newest.call("Metadata_metadata")
        return "0x" + memory.hex()

    def _has_session_keys(self, params: list[t.Any]) -> bool:
        if not params:
            raise RpcError(-32602, "Invalid params")
        return bool(self._chain.authority and self._chain.state["session_keys"])

    def _test_set(self, params: list[t.Any]) -> bool:
        """Let a test change the node's mood: {"peers": 0, "syncing": true, "stalled": true}."""
        self._chain.set(params[0] if params else {})
        return True

    def answer(self, request: t.Any) -> t.Any:
        """Answer one request or a batch of them."""
        if isinstance(request, list) and request:
            return [self._answer_one(item) for item in request]
        return self._answer_one(request)

    def _answer_one(self, request: t.Any) -> dict[str, t.Any]:
        if not isinstance(request, dict) or "method" not in request:
            return _error(None, -32600, "Invalid request")
        method = self.methods.get(request["method"])
        if method is None:
            return _error(request.get("id"), -32601, "Method not found")
        try:
            result = method(request.get("params") or [])
        except RpcError as exc:
            return _error(request.get("id"), exc.code, str(exc))
        except Exception as exc:  # pylint: disable=broad-except
            return _error(request.get("id"), 4003, f"Client error: Execution failed: {exc}")
        return {"jsonrpc": "2.0", "id": request.get("id"), "result": result}

    def http_health(self, path: str) -> tuple[int, dict[str, t.Any]] | None:
        """Answer GET /health and /health/readiness, None for another path."""
        health = self._chain.health()
        if path == "/health":
            return 200, health
        if path == "/health/readiness":
            return (200 if health["peers"] and not health["isSyncing"] else 503), health
        return None

    def metrics(self) -> str:
        """Render the metrics that alerts and health checks read."""
        chain = self._chain
        label = f'chain="{chain.chain}"'
        authority = int(chain.authority)
        rows = [
            (f'substrate_block_height{{status="best",{label}}}', chain.best),
            (f'substrate_block_height{{status="finalized",{label}}}', chain.finalized),
            (f'substrate_block_height{{status="sync_target",{label}}}', chain.highest),
            (f"substrate_sub_libp2p_peers_count{{{label}}}", chain.state["peers"]),
            (f"substrate_sub_libp2p_is_major_syncing{{{label}}}", int(chain.state["syncing"])),
            (f"substrate_node_roles{{{label}}}", 4 if authority else 1),
            (f"substrate_process_start_time_seconds{{{label}}}", int(chain.started)),
            (f"substrate_ready_transactions_number{{{label}}}", 0),
            (f"polkadot_node_is_active_validator{{{label}}}", authority),
            (f"polkadot_node_is_parachain_validator{{{label}}}", authority),
        ]
        return "".join(f"{name} {value}\n" for name, value in rows)


def _error(request_id: t.Any, code: int, message: str) -> dict[str, t.Any]:
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}


class _Handler(BaseHTTPRequestHandler):
    """Plumbing shared by both servers."""

    rpc: Rpc
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  pylint: disable=redefined-builtin
        """Say nothing: a node does not log its requests."""

    def send(self, status: int, body: str, content_type: str = "application/json") -> None:
        """Send one whole answer."""
        payload = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


class _RpcHandler(_Handler):
    """POST is JSON-RPC, GET is health."""

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        """Answer JSON-RPC."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = self.rpc.answer(json.loads(body))
        except ValueError:
            answer = _error(None, -32700, "Parse error")
        self.send(200, json.dumps(answer))

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """Answer /health and /health/readiness."""
        found = self.rpc.http_health(self.path)
        if found is None:
            self.send(405, "Used HTTP Method is not allowed. POST is required\n", "text/plain")
        else:
            self.send(found[0], json.dumps(found[1]))


class _MetricsHandler(_Handler):
    """GET /metrics."""

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """Answer a Prometheus scrape."""
        if self.path == "/metrics":
            self.send(200, self.rpc.metrics(), "text/plain; version=0.0.4")
        else:
            self.send(404, "Not found.\n", "text/plain")


def _serve(handler: type[_Handler], rpc: Rpc, port: int) -> None:
    """Start a server on loopback in a thread of its own."""
    bound = type(handler.__name__, (handler,), {"rpc": rpc})
    server = ThreadingHTTPServer(("127.0.0.1", port), bound)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()


def serve(rpc: Rpc, rpc_port: int, prometheus_port: int | None) -> None:
    """Open the ports of the node."""
    _serve(_RpcHandler, rpc, rpc_port)
    if prometheus_port is not None:
        _serve(_MetricsHandler, rpc, prometheus_port)
