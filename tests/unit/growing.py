# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold that a parser's work grows with its text and not faster, on texts that are made to cost much.

Processor time of a text and of one four times as long, within one run: no bar of seconds, so that no machine is too slow.
What is quadratic takes sixteen times as long; noise is tried again.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import time
import typing as t

SMALLEST, LARGEST, LONG, STEP = 256, 1 << 16, 1 << 18, 4
MOST = 8.0  # times the work for STEP times the text
COUNTS = 0.015  # less than so many seconds say nothing
TRIES = 4
ENDLESS = 5  # seconds of the processor for one text

# What parsers look for and, here, find without end: openings that nothing closes, chains, one line, nothing but lines.
HOSTILE = (
    "(", "[", "{", "<", "]", ">", '"', "'", "\\", "\\\n", '\\"', "=", "a=", "a=b\n", ":", "a:", ",", ";", " ; ", "#\n", "-",
    "--a ", "@", "%", "${", "$a ", "//a", "a", "a ", "0", "0x", " ", "\t", "\n", "\r\n", "\n\n", ") = ", '"a" ', '{"a":', "[a]\n",
    "a://b:", "\u00e9", "\0",
)
NUMBER = "\x01"  # in a piece: another number each time


class Growing(t.NamedTuple):
    """A parser, what its text may begin with, and what it may be made of besides HOSTILE."""

    name: str
    parse: t.Callable[[str], object]
    heads: tuple[str, ...] = ("",)
    pieces: tuple[str, ...] = ()
    documented: tuple[type[Exception], ...] = ()
    alone: bool = False  # only of these pieces, and up to LONG however long that takes: what is steep only late


class Endless(Exception):
    """A text took longer than any text may."""


def check(growing: Growing) -> None:
    """Fail with the shapes of text that cost more than their length."""
    found = [said for head in growing.heads for piece in dict.fromkeys((() if growing.alone else HOSTILE) + growing.pieces)
             for said in _steep(growing, head, piece)]
    assert not found, f"{growing.name}: a host could hold this up for minutes with few bytes: " + "; ".join(found)


def _steep(growing: Growing, head: str, piece: str) -> list[str]:
    """What is wrong with one shape of text, at whatever length it first takes time that counts."""
    seconds, size = 0.0, SMALLEST
    while True:
        before, seconds = seconds, _seconds(growing, _text(head, piece, size))
        if seconds >= COUNTS and before and seconds > MOST * before:
            long, short = _text(head, piece, size), _text(head, piece, size // STEP)
            tries = range(TRIES if seconds < 1 else 1)
            ratio = min(_seconds(growing, long) / max(1e-9, _seconds(growing, short)) for _try in tries)
            if ratio > MOST:
                return [f"{size} characters of {head[-40:]!r} and {piece!r} took {seconds:.2f} s, {ratio:.0f} times "
                        f"what a {STEP}th of them took"]
        if size >= (LONG if growing.alone else LARGEST) or (seconds >= COUNTS and not growing.alone):
            return []
        size *= STEP


def _text(head: str, piece: str, size: int) -> str:
    count = max(1, size // len(piece))
    return head + ("".join(piece.replace(NUMBER, str(one)) for one in range(count)) if NUMBER in piece else piece * count)


def _seconds(growing: Growing, text: str) -> float:
    def too_long(*_arguments: object) -> None:
        raise Endless(f"{growing.name}: {len(text)} characters such as {text[-60:]!r} take more than {ENDLESS} s")

    handler = signal.signal(signal.SIGPROF, too_long)
    signal.setitimer(signal.ITIMER_PROF, ENDLESS)
    gc.disable()  # else one text pays for what others have left
    try:
        begin = time.process_time()
        with contextlib.suppress(*growing.documented):
            growing.parse(text)
        return time.process_time() - begin
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        gc.enable()
        signal.signal(signal.SIGPROF, handler)
