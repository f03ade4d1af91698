# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes count as an engine of root's, and what an engine on the other side of a socket can do to us."""

from __future__ import annotations

import os
import socket
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _docker_engine, _docker_settings, _root_process
from ansible_collections.aarch64.validator.plugins.module_utils._trial_container import TrialError
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import Refusal

ROOT = "0\t0\t0\t0"


def process(proc: Path, number: int, uid: str = ROOT, comm: str = "dockerd", exe: str = "/usr/bin/dockerd", **more: str) -> None:
    """A process in a /proc of the test's own."""
    place = proc / str(number)
    (place / "ns").mkdir(parents=True)
    (place / "comm").write_text(comm + "\n")
    (place / "status").write_text(f"Name:\t{comm}\nUid:\t{uid}\nNSpid:\t{more.get('nspid', number)}\n")
    (place / "exe").symlink_to(exe)
    for kind in ("pid", "user"):
        (place / "ns" / kind).symlink_to(more.get(kind, f"{kind}:[1]"))
    (place / "root").symlink_to(more.get("root", "/"))


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc with the engine of the host, and ourselves."""
    process(tmp_path, 100)
    process(tmp_path, 1, comm="init", exe="/sbin/init")
    (tmp_path / "self").symlink_to("1")
    return tmp_path


@pytest.mark.parametrize("how", [
    {"uid": "1000\t1000\t1000\t1000"}, {"uid": "1000\t0\t0\t0"}, {"uid": "0\t1000\t1000\t1000"}, {"uid": "0\t0\t1000\t0"},
    {"uid": "0\t0\t0\t1000"}, {"uid": ""}, {"uid": "0"}, {"exe": "/usr/bin/sudo"}, {"exe": "/usr/bin/python3"}, {"nspid": "7\t1"},
    {"pid": "pid:[2]"}, {"user": "user:[2]"}, {"root": "/proc"}, {"comm": "dockerd-x"},
], ids=str)
def test_a_process_that_is_called_so_is_not_believed(proc: Path, how: dict[str, str]) -> None:
    process(proc, 7, **how)
    assert _root_process.root_processes("dockerd", str(proc)) == ["100"], "root would do what somebody's command line says"


@pytest.mark.parametrize("how", [{}, {"exe": "/usr/bin/dockerd (deleted)"}, {"exe": "/snap/docker/1/bin/dockerd"}], ids=str)
def test_engine_of_the_host_is_found(proc: Path, how: dict[str, str]) -> None:
    process(proc, 7, **how)
    assert _root_process.root_processes("dockerd", str(proc)) == ["100", "7"]


@pytest.mark.skipif(os.geteuid() != 0, reason="for root alone all links can be read")
@pytest.mark.parametrize("link", ["exe", "ns/pid", "ns/user", "root"])
def test_a_process_that_ends_meanwhile_is_not_believed(proc: Path, link: str) -> None:
    process(proc, 7)
    (proc / "7" / link).unlink()
    assert _root_process.root_processes("dockerd", str(proc)) == ["100"]


def served(path: Path, answer: t.Callable[[socket.socket], None]) -> _docker_engine.Api:
    """An engine that answers one question so."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(5)

    def run() -> None:
        connection, _address = server.accept()
        with connection, server:
            connection.recv(65536)
            try:
                answer(connection)
            except OSError:
                return

    threading.Thread(target=run, daemon=True).start()
    return _docker_engine.Api(str(path))


def drips(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def enormous(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def deep(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 200000)


def broken(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n{broken")


def complains(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 500 No\r\n\r\n{"message": "proxy http://u:S3CRET@proxy refused"}')


@pytest.mark.skipif(os.geteuid() != 0, reason="only an engine of root's is asked")
@pytest.mark.parametrize(("answer", "said"), [
    (drips, "does not answer"), (endless, "more than 16 MiB"), (enormous, "more than 16 MiB"), (deep, "does not answer"),
    (broken, "does not answer"), (complains, "the engine answers: proxy http://"),
])
def test_no_engine_can_hold_it_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: t.Any, said: str) -> None:
    monkeypatch.setattr(_docker_engine, "SECONDS", 2)
    begin = time.monotonic()
    with pytest.raises(TrialError, match=said) as error:
        served(tmp_path / "socket", answer).call("GET", "/containers/json")
    assert time.monotonic() - begin < 10, "an engine that goes on and on keeps a run from its end"
    assert "S3CRET" not in str(error.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket away")
def test_a_socket_of_somebody_else_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        _docker_settings.check_socket(str(path))
        os.chown(path, 65534, 65534)
        with pytest.raises(Refusal, match="no socket of root's"):
            _docker_settings.check_socket(str(path))
    tmp_path.chmod(0o777)
    with pytest.raises(Refusal, match="another user can change"):
        _docker_settings.check_socket(str(path))
    with pytest.raises(Refusal, match="cannot be asked on"):
        _docker_settings.check_socket("/nowhere/socket")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_somebody_else_who_listens_is_not_asked(tmp_path: Path) -> None:
    """Whatever the path looked like a moment ago."""
    path = tmp_path / "socket"
    read, write = os.pipe()
    for place in (tmp_path, *tmp_path.parents):
        if place.name.startswith("pytest-"):
            place.chmod(0o755)
    tmp_path.chmod(0o777)
    child = os.fork()
    if child == 0:
        os.setresuid(65534, 65534, 65534)
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen(1)
        os.write(write, b"x")
        time.sleep(30)
        os._exit(0)
    try:
        assert os.read(read, 1) == b"x"
        with pytest.raises(TrialError, match="another user than root"):
            _docker_engine.Api(str(path)).call("GET", "/containers/json")
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
