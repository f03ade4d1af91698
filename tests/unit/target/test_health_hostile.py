# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_health against whatever else may answer on a port, up to one that never stops talking."""

from __future__ import annotations

import socket
import time
import typing as t

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils._health_http import Unanswered, parse_endpoint
from ansible_collections.aarch64.validator.plugins.module_utils._rpc import Answer, Client
from health_node import DENIED, Node, Server, health, outcome, reply, text

pytestmark = pytest.mark.usefixtures("impatient")


def drip(begin: bytes, drop: bytes) -> t.Callable[..., t.Iterator[bytes]]:
    """A peer that goes on, a little at a time, and never comes to an end."""
    def answer(server: Server, *_request: t.Any) -> t.Iterator[bytes]:
        yield begin
        while server.open:
            yield drop
            time.sleep(0.1)
    return answer


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
    (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "), "no whole answer from 127.0.0.1"),
    (drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"), "no whole answer from 127.0.0.1"),
    (drip(b"", b""), "no whole answer from 127.0.0.1"),
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
