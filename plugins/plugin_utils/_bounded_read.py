# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read no more of a host than a host has to say. Private to this collection.

Connection plugins read until the other side ends, whatever that costs. A worker of ansible-core is a process of its own for
each task, so what it grows by while it reads is what the host makes it read. A limit of the kernel would do, but every program
that the worker starts inherits it, such as a module on the controller itself.

So the worker looks at itself in two ways. A signal comes by a clock that runs only while it uses the processor: one that waits
is not disturbed, and one that reads is asked often enough on a busy machine, too. But a read of a pipe that is always full is
interrupted by no signal. A thread ends what is at the other end of such a pipe.
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

# A connection holds an answer twice while it puts its parts together.
MOST_GROWTH = 3 * MOST
# Values of JSON cost more than their text. A host with 20 services and 200 lines of log each has a third of it.
MOST_MARKS = 1 << 20
_MARKS = (b",", b"[", b"{", b"\n", b"\r")
_SIGNAL_SECONDS = 0.01  # of processor time, in which a pipe brings some MiB
_THREAD_SECONDS = 0.05
_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


class TooMuch(BaseException):
    """A host told more than any does. Not an Exception: connections try again after those."""


def refusal(most: int = MOST) -> str:
    """What an operator is told."""
    return f"the host answered more than {most >> 20} MiB, or more values than any host has; look at what answers there"


@contextlib.contextmanager
def bounded_growth(most: int = MOST_GROWTH) -> t.Iterator[None]:
    """Raise TooMuch as soon as this process has grown by more than so many bytes."""
    limit = _largest() + most
    done, over = threading.Event(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(limit, done, over), daemon=True)

    def look(_signal: int, _frame: object) -> None:
        if not done.is_set() and _largest() > limit:
            over.set()
            signal.setitimer(signal.ITIMER_PROF, 0)
            raise TooMuch

    if threading.current_thread() is threading.main_thread():
        # The handler stays, since the signal would end the process without one; a program that is started has none of it.
        signal.signal(signal.SIGPROF, look)
        signal.setitimer(signal.ITIMER_PROF, _SIGNAL_SECONDS, _SIGNAL_SECONDS)
    watcher.start()
    try:
        yield
    except Exception:  # of a connection that has just lost its child
        if not over.is_set():
            raise
    finally:
        done.set()
        signal.setitimer(signal.ITIMER_PROF, 0)
        watcher.join()
    if over.is_set():
        raise TooMuch


def _watch(limit: int, done: threading.Event, over: threading.Event) -> None:
    """End the children of a process that is larger than this, until it is done."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # those of the task are for the main thread
    while not done.wait(_THREAD_SECONDS):
        if _largest() > limit:
            over.set()
            end_children(below=True)  # a shell, and what holds its pipe; once more what tries again


def check_output(*outputs: object) -> None:
    """Raise TooMuch for output that would cost too much to be taken apart."""
    texts = [output for output in outputs if isinstance(output, bytes)]
    if sum(map(len, texts)) > MOST or sum(text.count(mark) for text in texts for mark in _MARKS) > MOST_MARKS:
        raise TooMuch


def end_children(below: bool = False) -> None:
    """End what this process still has running, which is the connection that it gave up, and what is below that, if wanted.

    Nothing that has left this process, such as the master of several SSH connections.
    """
    for process in _children("self", below):
        with contextlib.suppress(OSError):
            os.kill(int(process), signal.SIGTERM)


def _children(process: str, below: bool) -> list[str]:
    """The children of a process, the nearest first."""
    found = []
    for children in Path("/proc", process, "task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += children.read_text().split()
    return found + [other for child in found for other in _children(child, below)] if below else found


def _largest() -> int:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
