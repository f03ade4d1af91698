# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold that a parser's work grows with its text and not faster, on texts that are made to cost much.

The time of a text and of one sixteen times as long, within one run: no bar of seconds, so that no machine is too slow. (Not the
processor time, which some kernels count in steps of 4 ms.)
What is quadratic takes 256 times as long; noise is tried again.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import time
import typing as t

SMALLEST, LARGEST, LONG, STEP = 1 << 8, 1 << 16, 1 << 20, 16
MOST = 160.0  # times the work for STEP times the text; a busy machine may make it ten times as long
COUNTS = 0.004  # less than so many seconds say nothing
TRIES = 8
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
    """What is wrong with one shape of text, at the first length that takes time that counts."""
    size = SMALLEST
    while True:
        seconds = _seconds(growing, _text(head, piece, size))
        if seconds >= COUNTS:
            ratio = _ratio(growing, seconds, _text(head, piece, size), _text(head, piece, size // STEP))
            if ratio > MOST:
                return [f"{size} characters of {head[-40:]!r} and {piece!r} took {seconds:.2f} s, {ratio:.0f} times "
                        f"what a {STEP}th of them took"]
            if not growing.alone:
                return []
        if size >= (LONG if growing.alone else LARGEST):
            return []
        size *= STEP


def _ratio(growing: Growing, seconds: float, long: str, short: str) -> float:
    """How many times the work a long text is. Whatever else a machine does adds to a time and takes nothing from it."""
    least, divisor = seconds, min(_seconds(growing, short) for _try in range(TRIES))
    for _try in range(TRIES if seconds < 1 else 0):
        if least <= MOST * divisor:
            break
        least = min(least, _seconds(growing, long))
    return least / max(divisor, 1e-9)


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
        begin = time.perf_counter()
        with contextlib.suppress(*growing.documented):
            growing.parse(text)
        return time.perf_counter() - begin
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        gc.enable()
        signal.signal(signal.SIGPROF, handler)
