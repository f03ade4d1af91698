# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A build that goes on without the connection that started it. Private to this collection.

Within the build directory: ``cargo/`` is cargo's, ``record.json`` says from what that was made, ``status.json`` how the
last build went, ``build.log`` what cargo said. A lock is held for as long as a build runs, whoever else is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import time
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._atomic import remove_file, replace_file
from ansible_collections.aarch64.validator.plugins.module_utils._build_toolchain import BuildError
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text

ARTEFACTS, RECORD, STATUS, LOG, LOCK = "cargo", "record.json", "status.json", "build.log", "lock"
TAIL_LINES, TAIL_BYTES = 25, 16384
FULL = 1 << 20  # with less than this free, nothing can be built
_PDEATHSIG = 1  # PR_SET_PDEATHSIG
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_KILLED = re.compile(r"signal: 9\b|SIGKILL")
_libc = ctypes.CDLL(None)


class Job(t.NamedTuple):
    """One build to be started.

    stale: why the artefacts of earlier builds are removed first, empty where they stay. before: commands that get all that the
    build needs and look at what only cargo can tell, before anything is removed. record: what the artefacts are made from.
    """

    id: str
    directory: str
    source: str
    command: list
    before: list
    environment: dict
    seconds: int
    stale: list
    record: dict


def load(directory: str, name: str) -> dict:
    """One of the JSON files; empty where there is none that can be used."""
    try:
        with open(os.path.join(directory, name), encoding="utf-8") as stream:
            content = json.load(stream)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def save(directory: str, name: str, content: dict) -> None:
    """Write one of the JSON files, whole or not at all."""
    replace_file(os.path.join(directory, name), (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def locked(directory: str) -> int | None:
    """A descriptor that holds the lock, or None while a build runs. Raises OSError."""
    descriptor = os.open(os.path.join(directory, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_running(directory: str) -> bool:
    """Whether a build runs here."""
    if not os.path.exists(os.path.join(directory, LOCK)):
        return False
    descriptor = locked(directory)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None


def start(job: Job) -> None:
    """Start a build that outlives this process. Raises BuildError or OSError."""
    lock = locked(job.directory)
    if lock is None:
        raise BuildError(f"another build has begun in {job.directory} at this moment; run again when it is done")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _detach(job, lock, write)
    os.close(write)
    os.close(lock)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as stream:
        said = stream.read().decode("utf-8", "replace")
    if said != "started":
        raise BuildError(f"the build in {job.directory} could not be started: {said or 'its process ended at once'}")


def _detach(job: Job, lock: int, write: int) -> t.NoReturn:
    """Become a process of its own session, without any descriptor of the one that started it, and build."""
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        null = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
        keep = sorted((lock, write))
        for begin, end in zip([3] + [number + 1 for number in keep], keep + [os.sysconf("SC_OPEN_MAX")]):
            os.closerange(begin, min(end, 1 << 16))
        _build(job, write)
    except BaseException as error:  # there is nobody left to raise it to
        message = f"{type(error).__name__}: {error}"
        try:
            os.write(write, message.encode("utf-8", "replace"))
        except OSError:
            _finish(job, {"outcome": "failed", "status": None, "message": message})
    finally:
        os._exit(0)


def _build(job: Job, write: int) -> None:
    status = {"id": job.id, "pid": os.getpid(), "began": time.time(), "outcome": "running", "status": None, "record": job.record,
              "stale": job.stale, "removed": False}
    save(job.directory, STATUS, status)
    deadline = time.monotonic() + job.seconds
    log = os.path.join(job.directory, LOG)
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644), "wb") as stream:
        os.write(write, b"started")
        os.close(write)
        ended = {"outcome": "done"}
        for command in job.before if job.stale else []:
            ended = _run(job, command, stream, deadline)
            if ended["outcome"] != "done":
                break
        if job.stale and ended["outcome"] == "done":
            stream.write(b"Removing the artefacts of earlier builds\n")
            stream.flush()
            # The record goes first, so that what an interruption leaves is known to be of unknown origin.
            remove_file(os.path.join(job.directory, RECORD))
            save(job.directory, STATUS, dict(status, removed=True))
            shutil.rmtree(os.path.join(job.directory, ARTEFACTS))
        if ended["outcome"] == "done":
            save(job.directory, RECORD, job.record)
            ended = _run(job, job.command, stream, deadline)
    _finish(job, ended)


def _run(job: Job, command: list, log: t.IO[bytes], deadline: float) -> dict:
    """Run one command of cargo, until the time is over: ``{outcome, status}``."""
    # cargo ends with this process, so that no build goes on that nobody watches.
    process = subprocess.Popen(  # noqa: S603  # pylint: disable=ansible-bad-function  # a list of words, never a line of text
        command, cwd=job.source, env=job.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        start_new_session=True, preexec_fn=lambda: _libc.prctl(_PDEATHSIG, signal.SIGKILL))  # noqa: PLW1509 - no threads
    try:
        code = process.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return {"outcome": "timed out", "status": process.wait()}
    if code < 0:  # what it had started would write into the artefacts of the next build
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return {"outcome": "done" if code == 0 else "failed", "status": code}


def _finish(job: Job, outcome: dict) -> None:
    save(job.directory, STATUS, dict(load(job.directory, STATUS), ended=time.time(), **outcome))


def log_lines(directory: str) -> list:
    """The end of the log, without secrets, such as those of git URLs, and without what drives a terminal."""
    try:
        with open(os.path.join(directory, LOG), "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - TAIL_BYTES))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = [redact_text(_COLOURS.sub("", line)).rstrip() for line in text.replace("\r", "\n").splitlines()]
    return [line for line in lines if line][-TAIL_LINES:]


def progress(directory: str, began: float) -> str:
    """``building for 2 min 30 s: Compiling wasmtime v35.0.0``."""
    seconds = max(0, int(time.time() - began))
    lines = log_lines(directory)
    spent = f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
    return f"building for {spent}: {lines[-1].strip() if lines else 'cargo has said nothing yet'}"


def failure(directory: str, status: dict, limit: int) -> BuildError:
    """What went wrong with a build that has ended without a result, with the end of its log."""
    log = os.path.join(directory, LOG)
    lines = log_lines(directory)
    text = "\n".join(lines)
    place, free = fullest(directory, status)
    # Where the disk is full, even how the build ended may not have been written.
    if "No space left on device" in text or "os error 28" in text or shutil.disk_usage(directory).free < FULL:
        other = ", or give another O(dir)" if place == directory else ""
        said = f"the disk is full: the build needs more room below {place}, where {free >> 20} MiB are free. Make room{other}"
    elif status.get("outcome") == "running":
        said = ("the build was interrupted: its process is gone without a result (killed, out of memory, or the host was "
                "restarted). Run again: cargo goes on where it stopped")
    elif status.get("outcome") == "timed out":
        said = (f"the build was ended after its time limit of {limit} seconds, O(timeout). Run again with more: cargo goes on "
                "where it stopped")
    elif status.get("status") == -signal.SIGKILL or _KILLED.search(text):
        said = ("a compiler was killed, as the kernel does when memory runs out. Run again with fewer O(jobs): cargo goes on "
                "where it stopped")
    elif status.get("status") is None:
        said = "the build could not go on: {}".format(status.get("message"))
    elif "--locked was passed" in text:
        said = "Cargo.lock of the source does not fit its Cargo.toml; commit one that does"
    else:
        said = "cargo failed ({})".format(
            "exit status {}".format(status["status"]) if status["status"] >= 0 else "signal {}".format(-status["status"]))
    kept = " Earlier artefacts are still there." if status.get("stale") and not status.get("removed") else ""
    return BuildError(f"{said}; nothing was released.{kept} The whole log: {log}", lines, removal(directory, status))


def fullest(directory: str, status: dict) -> tuple:
    """``(path, bytes free)`` of the place with the least room, of those that a build writes to."""
    given = ((status.get("record") or {}).get("inputs") or {}).get("environment") or {}
    wanted = dict(os.environ, **given)
    places = [directory, wanted.get("CARGO_HOME") or os.path.expanduser("~/.cargo"), wanted.get("TMPDIR") or "/tmp"]
    # Of several on one disk the first is named.
    return min(((place, shutil.disk_usage(place).free) for place in places if os.path.isdir(place)), key=lambda pair: pair[1])


def removal(directory: str, status: dict) -> list:
    """What a build has removed before it began, and why, as an action."""
    where = os.path.join(directory, ARTEFACTS)
    return ["artefacts in {} removed: {}".format(where, "; ".join(status["stale"]))] if status.get("removed") else []
