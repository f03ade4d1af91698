# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trial run's pieces: its directory, what it prints, and how it ended. Private to this collection."""

from __future__ import annotations

import collections
import contextlib
import errno
import os
import selectors
import shutil
import signal
import stat
import tempfile
import time
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._atomic import check_directory
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_link
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._run_name import is_of_the_dead, named

PREFIX = "aarch64-validator-trace-"
NEEDED_BYTES = 128 << 20  # a new chain of a node, with the log that RocksDB allocates beforehand
NEEDED_INODES = 1000
_PIPE_BYTES = 1 << 16
_POLL_SECONDS = 0.2
_REST_SECONDS = 1.0  # for what a program printed just before it ended
_MAX_LINE = 1 << 16


class StartupError(Exception):
    """Why a trial could not be made. reason is a short word for programs, the message, which is without secrets, for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(redact_text(message))
        self.reason = reason


class Job(t.NamedTuple):
    """What is to be run: as a list of words, as whom, with which limits, in which directory, for how long."""

    arguments: list
    user: str | None  # None: as the user who runs this module
    settings: list  # (name, value) of the unit; empty without systemd
    unit_environment: dict  # variables of the unit itself, which those of its environment files overrule
    environment: dict  # variables that overrule all others
    limits: dict  # {nofile: {soft, hard}, ...}; without systemd
    seconds: float
    rpc_port: int | None = None  # where to ask whether the node answers
    stop_on_answer: bool = False
    stop_on_error: bool = False  # the node answers that it cannot use its runtime


class Outcome(t.NamedTuple):
    """How a run ended. exit_status and signal are None if it was still running when its time was over."""

    exit_status: int | None
    signal: str | None
    timed_out: bool
    seconds: float
    lines: list
    text: str
    limits: dict | None
    rpc: dict | None
    trace: t.Any
    notes: list


class Workspace:
    """A directory for one trial: ``node`` belongs to the user of the service, everything else to root.

    What runs that were killed have left beside it is removed. Raises StartupError where there is no room for it.
    """

    def __init__(self, parent: str, owner: tuple | None) -> None:
        remove_left_over(parent)
        _check_room(parent)
        try:
            check_directory(parent, sticky=True)  # else he could have another one given to the user
            self.path = tempfile.mkdtemp(prefix=named(PREFIX), dir=parent)
            os.chmod(self.path, 0o711)  # noqa: S103 - the user of the service may pass through, and nobody may look  # nosec B103
            self.node = os.path.join(self.path, "node")
            os.mkdir(self.node, 0o700)
            if owner is not None:
                os.chown(self.node, *owner)
            self.lock = os.path.join(self.path, "lock")
            self.write(self.lock, "", 0o644)
        except OSError as error:
            raise _no_directory(parent, error) from error

    def base_paths(self) -> tuple:
        """The base paths for both sides of a command line."""
        return os.path.join(self.node, "base"), os.path.join(self.node, "relay")

    def write(self, path: str, text: str, mode: int) -> None:
        """Write a new file of root's."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            os.fchmod(descriptor, mode)
            stream.write(text)

    def remove(self) -> list:
        """Remove everything; what is left, as sentences."""
        shutil.rmtree(self.path, ignore_errors=True)  # does not follow links, so that nothing outside can be hit
        return [f"{self.path} could not be removed completely"] if os.path.lexists(self.path) else []


def remove_left_over(parent: str) -> None:
    """Remove the directories of runs of this user that were killed, with what still runs in them."""
    try:
        check_directory(parent, sticky=True)  # else somebody could have put something else there
        dead = [entry.path for entry in os.scandir(parent) if is_of_the_dead(entry.name, PREFIX)
                and entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid()]
    except OSError:  # whoever makes a directory there says why that cannot be
        return
    for path in dead:
        _kill_inside(os.path.join(path, "node"))
        shutil.rmtree(path, ignore_errors=True)  # does not follow links


def _kill_inside(directory: str) -> None:
    """End what a trial has started, which is not ours any more: only the user of the trial could go into this directory."""
    for name in os.listdir("/proc"):
        here = read_link(f"/proc/{name}/cwd") if name.isdigit() else None
        if here is not None and (here + "/").startswith(directory + "/"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(name), signal.SIGKILL)


def _check_room(parent: str) -> None:
    try:
        room = os.statvfs(parent)
        is_directory = stat.S_ISDIR(os.stat(parent).st_mode)
    except OSError as error:
        raise _no_directory(parent, error) from error
    if not is_directory:
        raise _no_directory(parent, OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)))
    free = room.f_bavail * room.f_frsize
    if free < NEEDED_BYTES or (room.f_files and room.f_favail < NEEDED_INODES):
        raise StartupError("no-room", (
            f"directory: {parent} has {free >> 20} MiB and {room.f_favail} inodes free, a new base path needs "
            f"{NEEDED_BYTES >> 20} MiB and {NEEDED_INODES}; name a directory on another file system"))


def _no_directory(parent: str, error: OSError) -> StartupError:
    reason = "no-room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "directory"
    return StartupError(reason, f"directory: no base path for the trial can be made in {parent}: {error.strerror or error}")


class Lines:
    """Cuts what arrives on a pipe into lines, in bounded memory."""

    def __init__(self, take: t.Callable[[str], None]) -> None:
        self._take = take
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes; nothing at all is the end."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()[:_MAX_LINE]
        if not data and self._rest:
            lines, self._rest = [self._rest], b""
        for line in lines:
            self._take(line.decode("utf-8", "replace"))


class Tail:
    """The last lines that a program printed, and the beginning of it all."""

    def __init__(self, lines: int = 40, line_length: int = 500, head: int = 1 << 18) -> None:
        self.lines = collections.deque(maxlen=lines)  # type: collections.deque[str]
        self._kept = []  # type: list[str]
        self._head = self._room = head
        self._line_length = line_length

    @property
    def text(self) -> str:
        """The beginning of all lines."""
        return "".join(self._kept)

    def take(self, line: str) -> None:
        """Take one line."""
        if self._room > 0:
            self._kept.append(line[:self._head] + "\n")
            self._room -= len(self._kept[-1])
        if line.strip():
            self.lines.append(line.rstrip()[:self._line_length])


class Pump:
    """Reads several pipes at once until they end, or until its time is over. Pipes are closed at the end."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, descriptor: int, feed: t.Callable[[bytes], None]) -> None:
        """Read this pipe as well; feed is called with what arrives, and with nothing at its end."""
        os.set_blocking(descriptor, False)
        self._selector.register(descriptor, selectors.EVENT_READ, feed)

    def run(self, deadline: float, finished: t.Callable[[], bool]) -> bool:
        """Read until all pipes have ended or finished() says so; whether that was before the deadline."""
        while self._selector.get_map():
            if time.monotonic() >= deadline:
                return False
            self._once(min(_POLL_SECONDS, deadline - time.monotonic()))
            if finished():
                break
        return True

    def rest(self) -> None:
        """Read what is still to come when everything that writes should be gone."""
        end = time.monotonic() + _REST_SECONDS
        while self._selector.get_map() and time.monotonic() < end:
            self._once(end - time.monotonic())

    def close(self) -> None:
        """Close what is left."""
        for key in list((self._selector.get_map() or {}).values()):
            self._drop(key)
        self._selector.close()

    def _once(self, seconds: float) -> None:
        for key, _events in self._selector.select(max(0.0, seconds)):
            try:
                data = os.read(key.fd, _PIPE_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            key.data(data)
            if not data:
                self._drop(key)

    def _drop(self, key: selectors.SelectorKey) -> None:
        self._selector.unregister(key.fd)
        with contextlib.suppress(OSError):
            os.close(key.fd)


def shared_namespaces(pid: int, kinds: tuple) -> list:
    """Sentences about what a trial shares with this host after all, because a container or a kernel did not permit more."""
    what = {"net": "network: only its options kept it apart", "mnt": "view of files: only their modes protected them"}
    notes = []
    for kind in kinds:
        try:
            if os.stat(f"/proc/{pid}/ns/{kind}").st_ino == os.stat(f"/proc/self/ns/{kind}").st_ino:
                notes.append(f"the trial had the host's own {what[kind]}")
        except OSError:  # ended already, or not for this user to see
            continue
    return notes
