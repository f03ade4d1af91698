# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read no more of a host than a host has to say. Private to this collection.

Connection plugins read until the other side ends, whatever that costs. A worker of ansible-core is a process of its own for
each task, so what it grows by while it reads is what the host makes it read. A limit of the kernel would do, but every program
that the worker starts inherits it, such as a module on the controller itself. So the worker looks at itself, by a clock that
runs only while it uses the processor: one that waits is not disturbed.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import threading
import typing as t
from pathlib import Path

from ansible_collections.aarch64.validator.plugins.plugin_utils._size import MOST

# A connection holds an answer twice or three times while it puts its parts together.
MOST_GROWTH = 4 * MOST
# Values of JSON cost more than their text. A host with 20 services and 200 lines of log each has a third of it.
MOST_MARKS = 1 << 20
_MARKS = (b",", b"[", b"{", b"\n", b"\r")
_LOOK_SECONDS = 0.01  # of processor time, in which no pipe brings more than some MiB
_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


class TooMuch(BaseException):
    """A host told more than any does. Not an Exception: connections try again after those."""


def refusal(most: int = MOST) -> str:
    """What an operator is told."""
    return f"the host answered more than {most >> 20} MiB, or more values than any host has; look at what answers there"


@contextlib.contextmanager
def bounded_growth(most: int = MOST_GROWTH) -> t.Iterator[None]:
    """Raise TooMuch as soon as this process has grown by more than so many bytes."""
    if threading.current_thread() is not threading.main_thread():  # where no signal can be handled
        yield
        return
    limit = _largest() + most

    def look(_signal: int, _frame: object) -> None:
        if _largest() > limit:
            signal.setitimer(signal.ITIMER_PROF, 0)
            raise TooMuch

    # The handler stays, since the signal would end the process without one; a program that is started has none of it.
    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, _LOOK_SECONDS, _LOOK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def check_output(*outputs: object) -> None:
    """Raise TooMuch for output that would cost too much to be taken apart."""
    texts = [output for output in outputs if isinstance(output, bytes)]
    if sum(map(len, texts)) > MOST or sum(text.count(mark) for text in texts for mark in _MARKS) > MOST_MARKS:
        raise TooMuch


def end_children() -> None:
    """End what this process still has running, which is the connection that it gave up, and nothing that has left it."""
    for children in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for process in children.read_text().split():
                os.kill(int(process), signal.SIGTERM)


def _largest() -> int:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
