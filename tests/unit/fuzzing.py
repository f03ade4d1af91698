# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bend texts of hosts until something breaks. FUZZ_FACTOR=20 tries twenty times as much.

hypothesis chooses a sample and a seed; from these come many inputs, each bent further. What is counted is inputs.
"""

from __future__ import annotations

import os
import random
import re
import typing as t

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FACTOR = float(os.environ.get("FUZZ_FACTOR", "1"))
BATCH = 100  # inputs from one example of hypothesis
LONGEST = 20000
TRIED: dict[str, int] = {}  # inputs by target, of this run
# What parsers of this world trip over: numbers that are none, ends of lines that are none, escapes, halves of things.
TOKENS = (
    "", " ", "\t", "\n", "\r", "\r\n", "\0", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\ufeff", "\udc80", "\u00b2", "\u0663",
    "\U0001f600", "-", "--", "=", "==", ":", ",", ";", "/", "//", "\\", "\\\\", "\\040", "\\777", "\\x", "\\x41", "\\u12",
    "\\U00110000", "%", "%%", "%i", "$", "$$", "${", "${A}", "$A", "'", '"', "`", "(", ")", "[", "]", "{", "}", "<", ">", "#",
    "!", "@", "|", "*", "?", "~", "^", "&",
    "0", "-1", "1", "00", "0x", "0x0", "0xffffffffffffffff", "18446744073709551615", "18446744073709551616", "9" * 40, "9" * 5000,
    "1e999", "-0", "nan", "inf", "infinity", "unlimited", "max", "null", "true", "[]", "{}", "[" * 50, "[" * 3000, '{"a":' * 2000,
    "{{ lookup('pipe','id') }}", "{% raw %}", "<script>", "\x1b[31m", "=cmd()", "../" * 20, "a" * 300, "\n" * 200, " - ", " = ",
)


_PART = re.compile(r"([0-9]+|[A-Za-z]+|[ \t]+|\n)")


class Target(t.NamedTuple):
    """A parser, real inputs for it, and which exceptions it documents."""

    name: str
    parse: t.Callable[[t.Any], object]
    samples: t.Sequence[t.Any]
    documented: tuple[type[Exception], ...] = ()
    share: float = 1.0  # of the inputs that a target gets


def bent(source: random.Random, text: str, others: t.Sequence[str]) -> str:
    """The text with one thing wrong in it."""
    at = source.randrange(len(text) + 1)
    to = min(len(text), at + int(source.expovariate(1 / 8)))
    kind = source.randrange(9)
    if kind == 0:
        return text[:at] + text[to:]
    if kind == 1:
        return text[:at]
    if kind == 2:  # a piece of another one
        other = source.choice(others)
        start = source.randrange(len(other) + 1)
        return text[:at] + other[start:start + source.randrange(1, 80)] + text[to:]
    if kind == 3:
        return text[:at] + text[at:to + 20] * source.randrange(2, 5) + text[to:]
    if kind == 4:
        return text[:at] + chr(source.choice((source.randrange(128), source.randrange(0x3000)))) + text[at + 1:]
    if kind <= 6:  # a number, a word or a mark as a whole
        parts = _PART.split(text)
        place = source.randrange(len(parts))
        parts[place] = source.choice(TOKENS)
        return "".join(parts)
    return text[:at] + source.choice(TOKENS) + text[to:]


def inputs(seed: int, samples: t.Sequence[t.Any]) -> t.Iterator[t.Any]:
    """A batch of inputs, of the type of the samples; each is the one before with one more fault, now and then a new start."""
    source = random.Random(seed)
    raw = isinstance(samples[0], bytes)
    texts = [sample.decode("latin-1") for sample in samples] if raw else list(samples)
    text = ""
    for number in range(BATCH):
        if number % 10 == 0 or len(text) > LONGEST:
            text = source.choice(texts)
        text = bent(source, text, texts)
        yield text.encode("latin-1", "replace") if raw else text


def planned(target: Target, wanted: int, factor: float = FACTOR) -> int:
    """How many inputs a target gets of so many."""
    return max(1, int(wanted * target.share * factor / BATCH)) * BATCH


def fuzz(target: Target, wanted: int) -> int:
    """Try so many inputs; how many that were. Fails with the first input that raises what is not documented."""
    tried = 0

    @settings(max_examples=planned(target, wanted) // BATCH, deadline=None, database=None,
              derandomize=FACTOR == 1, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**64))
    def search(seed: int) -> None:
        nonlocal tried
        for content in inputs(seed, target.samples):
            tried += 1
            try:
                target.parse(content)
            except target.documented:
                continue
            except Exception as error:
                raise AssertionError(f"{target.name} raises {error!r} on {content[:500]!r}") from error

    search()
    assert tried >= planned(target, wanted), f"{target.name}: only {tried} inputs were tried"
    TRIED[target.name] = TRIED.get(target.name, 0) + tried
    return tried


def summary() -> str:
    """How much was tried so far."""
    return f"fuzz: {sum(TRIED.values()):,} inputs in {len(TRIED)} parsers"
