# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program that answers at once or not at all. Private to this collection."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import typing as t

if t.TYPE_CHECKING:
    import pwd


class NoAnswer(Exception):
    """A program was not there, could not be started, or did not end in time."""


class Answer(t.NamedTuple):
    """How a program ended, and what it printed."""

    status: int  # negative: the signal that ended it
    output: str
    errors: str


def ask(arguments: list, seconds: float, environment: dict, account: pwd.struct_passwd | None = None) -> Answer:
    """Run a program with these variables beside our own and wait for its end.

    With an account it runs as that user, with a small environment of its own. Everything it has started is killed
    when the time is over. Raises NoAnswer.
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
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise NoAnswer(f"{spoken(arguments)} gave no answer within {seconds:g} seconds") from error
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return Answer(process.returncode, output.decode("utf-8", "replace"), errors.decode("utf-8", "replace"))


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
