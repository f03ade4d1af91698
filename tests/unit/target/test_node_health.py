# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_health against whatever may answer on a port, from a healthy node to one that never stops talking."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import typing as t

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _health, _health_checks, _health_paths, _health_unit
from ansible_collections.aarch64.validator.plugins.module_utils._health_http import Unanswered, parse_endpoint
from ansible_collections.aarch64.validator.plugins.module_utils._health_options import checked
from ansible_collections.aarch64.validator.plugins.module_utils._manager import ManagerError
from ansible_collections.aarch64.validator.plugins.module_utils._rpc import Answer, Client
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError

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


@pytest.fixture
def serve() -> t.Iterator[t.Callable]:
    servers = []

    def start(answer: t.Callable, **options: t.Any) -> Server:
        servers.append(Server(answer, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


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
    result = _health.Health(checked(parameters), manager or Manager(), boot).run()
    assert result["changed"] is False
    return dict(json.loads(json.dumps(result)))


def outcome(result: dict) -> dict:
    return {one["name"]: one["ok"] for one in result["checks"]}


def text(result: dict, name: str) -> str:
    return str(next(one["text"] for one in result["checks"] if one["name"] == name))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_health, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(_health, "GRACE_SECONDS", 0.5)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")


def test_a_healthy_node_shows_all_of_it(serve):
    node, manager = Node(), Manager()
    result = health(serve(node).url, manager, timeout=20, limits={"nofile": 1})
    assert result["healthy"] and result["done"] and not result["hopeless"]
    assert outcome(result) == dict.fromkeys(_health_checks.GATE, True)
    assert result["looks"] == 2, "one look more for the block"
    assert node.calls.count("state_getMetadata") == 1
    assert [command[0] for command in manager.commands].count("journalctl") == 1
    assert result["waiting_for"] == [] and result["progress"].startswith("polkadot.service: healthy (active, rpc")


def test_one_look_cannot_tell_whether_blocks_advance(serve):
    result = health(serve(Node()).url)
    assert result["looks"] == 1 and result["healthy"] and outcome(result)["advancing"] is None
    assert outcome(result)["limits"] is None


@pytest.mark.parametrize("refusal", ["object", "status"])
def test_a_node_that_refuses_batches_is_asked_one_by_one(serve, refusal):
    node = Node()
    node.batches = False
    server = serve(node if refusal == "object" else lambda server, verb, path, body: (
        reply(b"no arrays", "400 Bad Request") if isinstance(body, list) else node(server, verb, path, body)))
    result = health(server.url, timeout=5)
    assert result["healthy"]
    assert sum(isinstance(body, list) for _verb, _path, body in server.requests) == 1


def test_methods_that_are_denied_are_unknown_not_false(serve):
    node = Node()
    methods = ("system_health", "chain_getHeader", "state_getRuntimeVersion", "state_getMetadata", "system_localPeerId")
    node.errors = dict.fromkeys(methods, DENIED)
    result = health(serve(node).url, checks=[*_health_checks.GATE, "identity"])
    found = outcome(result)
    assert [name for name in found if found[name] is None] == [
        "runtime", "syncing", "peers", "advancing", "limits", "identity"]
    assert "does not allow system_health here" in text(result, "peers")
    assert result["checks"][-1]["value"]["peer_id"] is None and result["checks"][-1]["value"]["roles"] == ["Authority"]
    assert "\x1b" not in result["checks"][-1]["value"]["version"]


def test_a_runtime_that_cannot_be_called_is_what_is_waited_for(serve):
    node = Node()
    node.errors = {"state_getMetadata": {"code": 4003, "message": "Client error", "data": "failed to create memory pool mapping"}}
    result = health(serve(node).url)
    assert result["waiting_for"] == ["runtime"] and not result["healthy"] and not result["hopeless"]
    assert text(result, "runtime") == (
        "state_getMetadata failed: Client error: failed to create memory pool mapping (4003)")


@pytest.mark.parametrize(("state", "false"), [
    ({"peers": 0}, ["peers"]), ({"isSyncing": True}, ["syncing"]), ({"peers": 0, "shouldHavePeers": False}, []),
    ({"peers": "many"}, ["peers"]), ({"isSyncing": None}, ["syncing"]),
])
def test_peers_and_syncing(serve, state, false):
    node = Node()
    node.health.update(state)
    assert health(serve(node).url)["waiting_for"] == false


@pytest.mark.parametrize(("status", "state", "ok"), [
    ("200 OK", {}, True), ("500 Internal Server Error", {}, False), ("503 Unavailable", {"peers": 0}, False),
    ("500 Internal Server Error", {"peers": 0, "shouldHavePeers": False}, None),
    ("405 Method Not Allowed", {}, True), ("404 Not Found", {"isSyncing": True}, False), ("302 Found", {}, False),
])
def test_readiness(serve, status, state, ok):
    node = Node()
    node.readiness = status
    node.health.update(state)
    server = serve(node)
    result = health(server.url + "/node", readiness_path="/ready", checks=["readiness"])
    assert outcome(result) == {"readiness": ok}
    assert ("GET", "/node/ready", None) in server.requests and server.requests[0][:2] == ("POST", "/node")


def test_a_stalled_chain_is_waited_for_across_executions(serve):
    node = Node()
    node.step = 0
    url = serve(node).url
    first = health(url, timeout=4, slice=1, checks=["rpc", "advancing"])
    assert not first["done"] and first["waiting_for"] == ["advancing"] and 2 <= first["seconds_left"] <= 3
    assert "until " in first["progress"] and "its best block is still 100 after 1 seconds" in first["progress"]
    node.best += 1
    second = health(url, timeout=4, slice=1, checks=["rpc", "advancing"], **{"continue": first["next"]})
    assert second["healthy"] and second["looks"] == 1
    assert second["checks"][1]["value"]["first"] == 100 and second["next"]["deadline"] == first["next"]["deadline"]


def test_the_end_of_the_wait_is_kept(serve):
    node = Node()
    node.step = 0
    url, begin, state, executions = serve(node).url, time.monotonic(), {}, 0
    while True:
        result = health(url, timeout=3, slice=1, checks=["advancing"], **{"continue": state})
        state, executions = result["next"], executions + 1
        if result["done"]:
            break
    assert 3 <= time.monotonic() - begin < 4.5 and executions in (3, 4)
    assert not result["healthy"] and "not healthy after 3 seconds" in result["progress"]


def drip(server: Server, *_request: t.Any) -> t.Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    while server.open:
        yield b" "
        time.sleep(0.1)


def drip_headers(server: Server, *_request: t.Any) -> t.Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Slow: "
    while server.open:
        yield b"x"
        time.sleep(0.1)


def silent(server: Server, *_request: t.Any) -> t.Iterator[bytes]:
    while server.open:
        yield b""
        time.sleep(0.1)


def endless(server: Server, *_request: t.Any) -> t.Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n\r\n"
    while server.open:
        yield b"x" * 65536


def continues(server: Server, *_request: t.Any) -> t.Iterator[bytes]:
    while server.open:
        yield b"HTTP/1.1 100 Continue\r\n\r\n" * 1000


def minus_one(server: Server, *_request: t.Any) -> t.Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"
    while server.open:
        yield b"x" * 65536


@pytest.mark.parametrize(("answer", "said"), [
    (drip, "no whole answer from 127.0.0.1"),
    (drip_headers, "no whole answer from 127.0.0.1"),
    (silent, "no whole answer from 127.0.0.1"),
    (continues, ""),
    (endless, "does not end within 1 MiB"),
    (minus_one, ""),
])
def test_no_peer_can_hold_it_up(serve, answer, said):
    begin = time.monotonic()
    result = health(serve(answer).url, timeout=2, slice=2)
    assert time.monotonic() - begin < 5
    assert outcome(result)["rpc"] is False and said in text(result, "rpc")
    assert result["done"] and not result["healthy"]
    assert outcome(result)["active"] is True, "what the host says is known all the same"


@pytest.mark.parametrize(("content", "said"), [
    ([b"SSH-2.0-OpenSSH_9.2\r\n"], "does not answer in HTTP"),
    ([b""], "does not answer in HTTP"),
    (reply(b"<html>\x1b[2Jhello</html>"), "the answer is not JSON: <html> [2Jhello</html>"),
    (reply(b"[" * 200000), "the answer is not JSON"),
    (reply(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n"), "HTTP status 302, a redirect, which is not followed"),
    (reply(b"Provided Host header is not whitelisted.", "403 Forbidden"), "HTTP status 403: Provided Host header"),
])
def test_what_is_no_node_is_told(serve, content, said):
    result = health(serve(lambda *_request: content).url)
    assert outcome(result)["rpc"] is False and said in text(result, "rpc")


def test_nobody_listens():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        result = health(f"http://127.0.0.1:{bound.getsockname()[1]}")
    assert "connection refused" in text(result, "rpc")
    assert result["waiting_for"] == ["rpc", "runtime", "readiness", "syncing", "peers", "advancing"]


def test_a_name_that_does_not_exist(monkeypatch):
    def unknown(*_arguments: t.Any, **_options: t.Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "the name cannot be resolved" in text(health("http://node.invalid:9944"), "rpc")


def test_a_name_server_that_is_silent(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: time.sleep(60))
    begin = time.monotonic()
    assert "no whole answer" in text(health("http://node.invalid:9944", slice=1), "rpc")
    assert time.monotonic() - begin < 3


def test_a_host_of_version_six(serve):
    try:
        server = serve(Node(), address="::1")
    except OSError:
        pytest.skip("no IPv6 here")
    assert health(server.url)["healthy"]


@pytest.mark.parametrize(("body", "result", "said"), [
    ({"result": "0x" + "00" * 3000}, Answer(6000 + len('{"result": "0x"}')), ""),
    ({"result": "0x6d65"}, Answer(len('{"result": "0x6d65"}')), ""),
    ({"result": None}, Answer(error="an answer without a result in hex"), ""),
    ({"error": DENIED}, Answer(error="RPC call is unsafe to be called externally (-32601)", denied=True), ""),
    ({"result": ["x" * 9000]}, None, "a long answer without a result in hex"),
    (b'{"result": "0x' + b"0" * 9000, None, "was cut off after"),
])
def test_megabytes_are_counted_and_not_parsed(serve, body, result, said):
    client = Client(parse_endpoint(serve(lambda *_request: reply(body)).url, "rpc_url"))
    if result is not None:
        assert client.measure("state_getMetadata", time.monotonic() + 5) == result
        return
    try:
        found = client.measure("state_getMetadata", time.monotonic() + 5).error or ""
    except Unanswered as error:
        found = str(error)
    assert said in found


def test_metadata_without_end(serve):
    def forever(server: Server, *_request: t.Any) -> t.Iterator[bytes]:
        yield b'HTTP/1.1 200 OK\r\n\r\n{"result": "0x'
        while server.open:
            yield b"00" * 50000

    client = Client(parse_endpoint(serve(forever).url, "rpc_url"))
    with pytest.raises(Unanswered, match="does not end within 64 MiB"):
        client.measure("state_getMetadata", time.monotonic() + 20)


@pytest.mark.parametrize(("change", "reason"), [
    ({"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "1"},
     "polkadot.service has failed (exit-code, exit status 1)"),
    ({"ActiveState": "activating", "SubState": "auto-restart"},
     "polkadot.service has failed (success, exit status 0), and waits for its next try"),
    ({"ActiveState": "inactive", "SubState": "dead"}, "polkadot.service is stopped"),
])
def test_a_service_that_will_not_come_back_ends_the_wait(serve, change, reason):
    manager = Manager()
    manager.properties.update(change)
    result = health(serve(Node()).url, manager, timeout=60)
    assert result["hopeless"] and result["done"] and not result["healthy"] and result["reason"] == reason
    assert result["looks"] == 1 and text(result, "active") == reason


def test_a_service_that_is_still_starting_is_waited_for(serve):
    manager = Manager()
    manager.properties.update({"ActiveState": "inactive", "SubState": "dead", "Job": "17"})
    result = health(serve(Node()).url, manager, timeout=1, checks=["active"])
    assert result["waiting_for"] == ["active"] and not result["hopeless"] and result["looks"] > 2


@pytest.mark.parametrize(("change", "said"), [
    ({"NRestarts": "1", "InvocationID": "cd" * 16}, "NRestarts is 1, and was 0"),
    ({"InvocationID": "cd" * 16}, "was started anew meanwhile"),
])
def test_another_process_than_the_one_to_be_proven(serve, change, said):
    manager, url = Manager(), serve(Node()).url
    first = health(url, manager, timeout=60)
    manager.properties.update(change)
    manager.commands.clear()
    second = health(url, manager, timeout=60, **{"continue": first["next"]})
    assert second["hopeless"] and said in second["reason"]
    journal = next(command for command in manager.commands if command[0] == "journalctl")
    assert [f"_SYSTEMD_INVOCATION_ID={one * 16}" in journal for one in ("ab", "cd")] == [True, True]
    assert journal.count("+") == 3, "the dead process has left the lines that count"


def test_restarts_as_the_caller_knows_them(serve):
    assert "NRestarts is 0, and was 3" in health(serve(Node()).url, restarts=3, checks=["active"])["reason"]


def test_a_reboot_ends_the_wait(serve):
    url = serve(Node()).url
    first = health(url, timeout=60)
    second = health(url, timeout=60, boot="boot-2", **{"continue": first["next"]})
    assert second["done"] and second["reason"] == "this host was rebooted meanwhile" and not second["healthy"]


def test_what_the_journal_says_ends_the_wait(serve):
    manager = Manager()
    manager.journal += ["💤 Idle", "⚠️  Secure Validator Mode cannot be enabled",
                        'Cannot create a runtime error=Other("failed to create memory pool mapping")']
    result = health(serve(Node()).url, manager, checks=["active", "journal"])
    value = result["checks"][1]["value"]
    assert result["hopeless"] and outcome(result)["journal"] is False
    assert len(value["lines"]) == 2 and len(value["failures"]) == 1 and "memory pool mapping" in value["failures"][0]


@pytest.mark.parametrize(("root", "said"), [(True, "has nothing of this service"), (False, "not readable without root")])
def test_an_empty_journal_is_unknown(root, said):
    found = _health_unit.journal("", root)
    assert found["ok"] is None and said in found["text"]


def test_the_journal_since_a_time():
    assert _health_unit.journal_command("a.service", ["x"], 12.5)[-2:] == ["--unit=a.service", "--since=@12.500000"]


def test_a_manager_that_does_not_answer_is_a_result(serve):
    manager = Manager()
    manager.broken = True
    result = health(serve(Node()).url, manager)
    assert outcome(result)["active"] is False and "gave no answer" in text(result, "active")
    assert outcome(result)["journal"] is None and outcome(result)["rpc"] is True


def test_a_unit_that_is_not_there(serve):
    manager = Manager()
    manager.properties = {"Id": "polkadot.service", "LoadState": "not-found", "ActiveState": "inactive"}
    with pytest.raises(_health.NoSuchUnit, match="does not exist on this host"):
        health(serve(Node()).url, manager)


@pytest.mark.parametrize(("wanted", "ok"), [
    ({"nofile": 5}, True), ({"nofile": "infinity"}, False), ({"as": -1}, None), ({}, None),
])
def test_limits_of_the_live_process(wanted, ok):
    options = checked(dict(PARAMETERS, limits=wanted))
    found = _health_unit.limits(7, {"nofile": {"soft": 1024, "hard": 4096}}, options.limits)
    assert found["ok"] is ok
    if ok is False:
        assert found["text"] == "nofile is 1K, wanted infinity"


def place(command_line: str, home: str | None = "/home/p/.local/share", root: str = "") -> t.Any:
    return _health_paths.Place(command_line.split(" "), ["python3", "Polkadot"], home, root, "/srv")


@pytest.mark.parametrize(("command_line", "wanted"), [
    ("polkadot --validator", ["/home/p/.local/share/polkadot"]),
    ("polkadot --base-path /data --name x", ["/data"]),
    ("polkadot --base-path=/data/", ["/data"]),
    ("polkadot -d data", ["/srv/data"]),
    ("polkadot -d/data", ["/data"]),
    ("polkadot --dev", []),
    ("polkadot --dev -d /data", ["/data"]),
    ("para --collator -d /para -- --chain polkadot", ["/para", "/para/polkadot"]),
    ("para --collator -d /para -- -d /relay", ["/para", "/relay"]),
    ("para --tmp -- --chain polkadot", []),
])
def test_base_paths(command_line, wanted):
    assert _health_paths.base_paths(place(command_line), lambda path: path.endswith("/polkadot")) == wanted


def test_base_path_of_nobody():
    assert _health_paths.base_paths(place("polkadot", home=None)) == []


def test_keys_are_names_of_files_that_are_never_opened(tmp_path):
    key, long_key = "6772616e" + "ab" * 32, "62656566" + "cd" * 33
    for number, name in enumerate([key, long_key, "notes.txt", "6772616e" + "ab" * 31, key.upper()]):
        store = tmp_path / "chains" / f"chain-{number % 2}" / "keystore"
        store.mkdir(parents=True, exist_ok=True)
        (store / name).mkdir()  # what cannot be opened as a file
    assert _health_paths.keystore_names(place(f"polkadot -d {tmp_path}")) == ([long_key, key], [])
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / ("00" * 36)).mkdir()
    names, _notes = _health_paths.keystore_names(place(f"polkadot -d /nope --keystore-path {tmp_path}/own"))
    assert names is None, "a base path that is not there has been told wrongly"
    names, _notes = _health_paths.keystore_names(place(f"polkadot -d {tmp_path} --keystore-path {tmp_path}/own"))
    assert names == ["00" * 36, long_key, key]


def test_keys_that_cannot_be_known(tmp_path):
    assert _health_paths.keystore_names(place("polkadot --dev")) == (None, ["its base path cannot be told from its command line"])
    names, notes = _health_paths.keystore_names(place("polkadot -d /gone", root=str(tmp_path)))
    assert names is None and notes == ["/gone: No such file or directory"]


def test_free_space(tmp_path):
    ok, said, value = _health_paths.free_space(place(f"polkadot -d {tmp_path}"), 1)
    assert ok is True and value["path"] == str(tmp_path) and value["free"] > 1 and f"free under {tmp_path}" in said
    assert _health_paths.free_space(place(f"polkadot -d {tmp_path}"), 1 << 62)[0] is False
    assert _health_paths.free_space(place("polkadot -d /gone/too"), 1)[0] is None


def test_a_node_that_was_told_another_port(serve, monkeypatch):
    monkeypatch.setattr(_health, "place_of", lambda _properties: place("polkadot --rpc-port 9945"))
    result = health(serve(Node()).url)
    assert "is told to answer on port 9945 (--rpc-port)" in result["notes"][0]


@pytest.mark.parametrize(("url", "endpoint"), [
    ("http://127.0.0.1:9944", ("127.0.0.1", 9944, "")), ("ws://[::1]:9944/", ("::1", 9944, "")),
    ("http://node.example/rpc/", ("node.example", 80, "/rpc")), ("HTTP://localhost:1", ("localhost", 1, "")),
])
def test_addresses(url, endpoint):
    assert parse_endpoint(url, "rpc_url") == endpoint


@pytest.mark.parametrize(("options", "said"), [
    ({"rpc_url": "https://127.0.0.1:9944"}, "rpc_url: 'https://127.0.0.1:9944' is not valid; give an address such as"),
    ({"rpc_url": "http://me:secret@127.0.0.1"}, "rpc_url: 'http://me:********@127.0.0.1' is not valid"),
    ({"rpc_url": "127.0.0.1:9944"}, "rpc_url: "), ({"rpc_url": "http://a b:1"}, "rpc_url: "),
    ({"rpc_url": "http://127.0.0.1:99999"}, "rpc_url: "), ({"rpc_url": "http://a:1\r\nX: y"}, "rpc_url: "),
    ({"rpc_url": "http://[::1"}, "rpc_url: "), ({"rpc_url": "http://a/?x"}, "rpc_url: "), ({"rpc_url": ""}, "rpc_url: "),
    ({"readiness_path": "health"}, "readiness_path: 'health' is not valid; give a path"),
    ({"timeout": -1}, "timeout: -1 is not valid; give a whole number from 0 to 86400"),
    ({"slice": 31}, "slice: 31 is not valid; give a whole number from 1 to 30"),
    ({"min_free": "lots"}, "min_free: 'lots' is not valid"),
    ({"checks": []}, "checks: [] is not valid; give one or more of active"),
    ({"checks": ["rpc", "rpc"]}, "checks: ['rpc', 'rpc'] is not valid"),
    ({"limits": {"files": 5}}, "limits: 'files' is not valid; give limits among nofile"),
    ({"limits": {"nofile": None}}, "limits.nofile: None is not valid"),
    ({"unit": "../x"}, "unit: "),
    ({"restarts": -1}, "restarts: -1 is not valid"),
    ({"continue": {"unit": "polkadot.service"}}, "continue: "),
    ({"continue": {"unit": "other.service", "boot": "", "began": 1, "deadline": 2}}, "continue: "),
    ({"continue": {"unit": "polkadot.service", "boot": "", "began": 1, "deadline": "soon"}}, "continue: "),
    ({"continue": {"unit": "polkadot.service", "boot": "", "began": 1, "deadline": 2, "runtime": {}}}, "continue: "),
])
def test_bad_options_name_the_option_the_value_and_what_is_valid(options, said):
    with pytest.raises(OptionError) as error:
        checked(dict(PARAMETERS, **options))
    assert str(error.value).startswith(said) and "secret" not in str(error.value)
