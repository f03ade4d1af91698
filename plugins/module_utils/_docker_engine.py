# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine of this host: its process, how it was started, and what it answers. Private to this collection.

The engine is asked over its own socket, as its command line does it, so that no other program is needed.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import signal
import socket
import struct
import time
import typing as t
import urllib.parse

from ansible_collections.aarch64.validator.plugins.module_utils import _trial_container as trial
from ansible_collections.aarch64.validator.plugins.module_utils._bounded_socket import BoundedSocket
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import may_raise_limits, parse_limits, parse_status
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._root_process import root_processes
from ansible_collections.aarch64.validator.plugins.module_utils._run_name import started

ENGINE = "docker"
CONFIG_FILE = "/etc/docker/daemon.json"  # dockerd(8); that of an engine run by root
SOCKET = "/var/run/docker.sock"
SECONDS = 30  # for one answer, from the first byte of the question to the last of the answer
MOST_BYTES = 16 << 20  # of one answer
_MOST_HEAD = 1 << 20  # headers, and marks between parts
MOST_TEXT = 2000  # of a complaint
_SHORT = {"-H": "--host"}


class Engine(t.NamedTuple):
    """A running engine."""

    pid: int
    ticks: int  # when it was started, in clock ticks since the boot
    arguments: list

    @property
    def identity(self) -> list:
        """What no other process of this host has."""
        return [self.pid, self.ticks]

    @property
    def started(self) -> float:
        """When it was started, in seconds since 1970."""
        uptime = float((read_text("/proc/uptime", []) or "0").split()[0])  # to a hundredth; btime has whole seconds alone
        return time.time() - uptime + self.ticks / os.sysconf("SC_CLK_TCK")

    def flag(self, name: str) -> list:
        """The values of a flag on its command line."""
        return flag_values(self.arguments, name)

    @property
    def config_file(self) -> str:
        """The file that it reads."""
        return (self.flag("--config-file") or [CONFIG_FILE])[-1]

    def limits(self) -> tuple:
        """``(limits, may_raise)``: what its containers inherit, and whether it can give more."""
        status = parse_status(read_text(f"/proc/{self.pid}/status", []) or "")
        may_raise = may_raise_limits(status, read_text(f"/proc/{self.pid}/uid_map", []) or "")
        return parse_limits(read_text(f"/proc/{self.pid}/limits", []) or ""), may_raise

    def socket(self, configured: t.Sequence) -> str | None:
        """Where it listens on this host, from its flags or its settings; None if nowhere."""
        hosts = self.flag("--host") or list(configured) or ["unix://" + SOCKET]
        for host in hosts:
            kind, _separator, path = str(host).partition("://")
            if kind in ("unix", "fd"):
                return path if kind == "unix" and path.startswith("/") else SOCKET
        return None

    def reload(self) -> None:
        """Have it read its settings again. Containers do not notice."""
        os.kill(self.pid, signal.SIGHUP)


def flag_values(arguments: t.Sequence, name: str) -> list:
    """The values of a flag, given as ``--flag value`` or ``--flag=value``."""
    found = []
    for word, after in zip(arguments, [*arguments[1:], ""]):
        flag, equals, value = word.partition("=")
        if _SHORT.get(flag, flag) == name:
            found.append(value if equals else after)
    return found


def running_engines() -> list:
    """The engines of this host, not those inside of its containers, nor those that a user runs for himself."""
    found = []
    for name in root_processes("dockerd"):
        arguments = (read_text(f"/proc/{name}/cmdline", []) or "").rstrip("\0").split("\0")
        if arguments[0]:
            found.append(Engine(int(name), started(int(name)) or 0, arguments))
    return found


class _Connection(http.client.HTTPConnection):
    """A connection to an engine of root's, whose whole answer comes in time and is of bounded size."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path
        self._until = time.monotonic() + SECONDS

    def connect(self) -> None:
        connected = BoundedSocket(socket.AF_UNIX)
        connected.until, connected.most = self._until, MOST_BYTES + _MOST_HEAD
        try:
            connected.connect(self._path)
            # The path was looked at before; what counts is who listens there now.
            _pid, uid, _gid = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            if uid != 0:
                raise PermissionError(errno.EPERM, f"another user than root (uid {uid}) listens there")
        except BaseException:
            connected.close()
            raise
        self.sock = connected


class Absent(trial.TrialError):
    """The engine has no such thing."""


class Api:
    """What an engine answers on its socket."""

    def __init__(self, path: str) -> None:
        self.path = path

    def call(self, verb: str, path: str, body: bytes | dict | None = None, **query: str) -> t.Any:
        """The answer to a request, parsed. Raises TrialError."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        kind = "application/json" if isinstance(body, dict) else "application/x-tar"
        connection = _Connection(self.path)
        try:
            connection.request(verb, path + ("?" + urllib.parse.urlencode(query) if query else ""), data, {"Content-Type": kind})
            answer = connection.getresponse()
            content = answer.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise OSError(f"an answer of more than {MOST_BYTES >> 20} MiB")
            text = content.decode("utf-8", "replace")
            lines = [json.loads(line) for line in text.splitlines() if line.startswith(("{", "["))]
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            raise trial.TrialError(f"the engine does not answer on {self.path}: {redact_text(str(error))[:MOST_TEXT]}") from error
        finally:
            connection.close()
        said = lines[-1] if lines else None
        told = said if isinstance(said, dict) else {}
        if told.get("error") or answer.status >= 400:
            complaint = str(told.get("error") or told.get("message") or f"{answer.status} to {verb} {path}")
            complaint = redact_text(complaint)[:MOST_TEXT]
            if answer.status == 404:
                raise Absent(f"the engine answers: {complaint}")
            raise trial.TrialError(f"the engine answers: {complaint}")
        return said

    def running(self) -> list:
        """Names of the running containers."""
        told = self.call("GET", "/containers/json")
        if not isinstance(told, list):
            raise trial.TrialError("the engine does not tell its containers")
        names = [one.get("Names") for one in told if isinstance(one, dict)]
        return sorted(held[0].lstrip("/") for held in names if isinstance(held, list) and held and isinstance(held[0], str))


def _told(answer: t.Any, kind: type, *names: str) -> t.Any:
    """What an answer has under these names. Raises TrialError where that is nothing of this kind."""
    for name in names:
        answer = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(answer, kind) or isinstance(answer, bool):  # a bool is no number
        raise trial.TrialError(f"the engine does not tell {'.'.join(names)}")
    return answer


def remove_left_over(api: Api) -> None:
    """Take away what a run that was killed has left in the engine. Raises TrialError where it does not answer."""
    name = trial.left_over(ENGINE)
    if name is None:
        return
    for path in ("/containers/", "/images/"):
        with contextlib.suppress(Absent):
            api.call("DELETE", path + name, force="1")
    trial.ended(ENGINE)


class Trial:
    """Throw-away containers of an engine; a context manager, after which nothing of them is left."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.image = ""

    def __enter__(self) -> Trial:
        remove_left_over(self.api)
        self.image = trial.begun(ENGINE)
        self.api.call("POST", "/images/create", trial.image_tar(), fromSrc="-", repo=self.image)
        return self

    def __exit__(self, *_exception: object) -> None:
        self.api.call("DELETE", "/images/" + self.image, force="1")
        trial.ended(ENGINE)

    def told_shm(self) -> int:
        """What the engine says a new container would have; none is started."""
        created = self._create({})
        try:
            told = self.api.call("GET", f"/containers/{created}/json")
            return int(_told(told, int, "HostConfig", "ShmSize"))
        finally:
            self._remove(created)

    def seen(self, ulimits: dict) -> dict:
        """What a new container has, with these limits given to it; see seen_of(). Raises TrialError where none starts."""
        given = [{"Name": name, "Soft": limit["soft"], "Hard": limit["hard"]} for name, limit in ulimits.items()]
        created = self._create({"Ulimits": given} if given else {})
        try:
            self.api.call("POST", f"/containers/{created}/start")
            told = self.api.call("GET", f"/containers/{created}/json")
            return trial.seen_of(_told(told, int, "State", "Pid"))
        finally:
            self._remove(created)

    def _create(self, settings: dict) -> str:
        body = {"Image": self.image, "Entrypoint": [trial.PROGRAM], "HostConfig": dict(settings, NetworkMode="none")}
        return str(_told(self.api.call("POST", "/containers/create", body, name=self.image), str, "Id"))

    def _remove(self, created: str) -> None:
        self.api.call("DELETE", "/containers/" + created, force="1", v="1")

    def wait_for_shm(self, least: int, seconds: float) -> bool:
        """Whether new containers come to have this much: an engine reads its settings some time after it was told to."""
        deadline = time.monotonic() + seconds
        while self.told_shm() < least:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True
