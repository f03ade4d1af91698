# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program that answers at once or not at all. Private to this collection."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
import typing as t

if t.TYPE_CHECKING:
    import pwd

MAX_BYTES = 32 << 20  # of both pipes; ten times what the longest honest answer has
_PIPE_BYTES = 1 << 16
_POLL_SECONDS = 0.2
_REST_SECONDS = 1.0  # for what comes after the end of a program: it is in the pipe already, or from others who hold that
_END_SECONDS = 2.0  # a killed program is gone by then, unless the kernel itself waits for a disk


class NoAnswer(Exception):
    """A program was not there, could not be started, did not end in time, or printed without end."""


class Answer(t.NamedTuple):
    """How a program ended, and what it printed."""

    status: int  # negative: the signal that ended it
    output: str
    errors: str


def ask(arguments: list, seconds: float, environment: dict, account: pwd.struct_passwd | None = None) -> Answer:
    """Run a program with these variables beside our own and wait for its end.

    With an account it runs as that user, with a small environment of its own. It and its process group are
    killed when the time is over. Whatever else it has started, this returns within seconds of that. Raises NoAnswer.
    """
    variables = dict(os.environ) if account is None else {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name}
    try:
        process = subprocess.Popen(  # noqa: S603  # pylint: disable=ansible-bad-function  # a list of words, never a line of text
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/",
            env=dict(variables, **environment), start_new_session=True,
            preexec_fn=_becoming(account))  # noqa: PLW1509 - no threads
    except (OSError, subprocess.SubprocessError) as error:
        raise NoAnswer(f"{arguments[0]}: {getattr(error, 'strerror', None) or error}") from error
    deadline = time.monotonic() + seconds
    try:
        output, errors = _read(process, deadline)
        process.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise NoAnswer(f"{spoken(arguments)} gave no answer within {seconds:g} seconds") from error
    except OverflowError as error:
        raise NoAnswer(f"{spoken(arguments)} printed more than {MAX_BYTES >> 20} MiB") from error
    finally:
        end(process)
    return Answer(process.returncode, output.decode("utf-8", "replace"), errors.decode("utf-8", "replace"))


def end(process: subprocess.Popen) -> None:
    """Kill a program that still runs, with its process group, and close its pipes; waits for nothing but its own end."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_END_SECONDS)
    # Who has left the group and holds the other ends can go on for ever: they are not read to their end.
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _read(process: subprocess.Popen, deadline: float) -> tuple:
    """What a program prints on both pipes. Raises TimeoutExpired at the deadline, OverflowError for too much.

    A program that has ended is not waited for because of what it has left behind with its pipes.
    """
    texts = {pipe: bytearray() for pipe in (process.stdout, process.stderr)}
    with selectors.DefaultSelector() as selector:
        for pipe in texts:
            selector.register(t.cast("t.IO[bytes]", pipe), selectors.EVENT_READ)
        end_of_rest = None  # type: float | None
        while selector.get_map():
            now = time.monotonic()
            if end_of_rest is None and process.poll() is not None:
                end_of_rest = now + _REST_SECONDS
            if end_of_rest is not None and now >= end_of_rest:
                break
            if now >= deadline:
                raise subprocess.TimeoutExpired(process.args, deadline)
            for key, _events in selector.select(min(_POLL_SECONDS, deadline - now)):
                data = os.read(key.fd, _PIPE_BYTES)
                texts[key.fileobj] += data  # type: ignore[index]
                if not data:
                    selector.unregister(key.fileobj)
            if sum(map(len, texts.values())) > MAX_BYTES:
                raise OverflowError
    return tuple(texts.values())


def spoken(arguments: list) -> str:
    """A command as messages call it: without its options, which for systemctl are lists of fifty names."""
    return " ".join(word for word in arguments if not word.startswith("-"))


def _becoming(account: pwd.struct_passwd | None) -> t.Callable | None:
    """What makes the child that user; None where it is already, or where only root could."""
    if account is None or os.geteuid() != 0:
        return None

    def become() -> None:
        os.initgroups(account.pw_name, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)

    return become
