# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No text of a host, or of an operator's log, costs the controller more than its length."""

from __future__ import annotations

import re
import typing as t

import pytest
import test_fuzz_controller
from growing import Growing, check

from ansible_collections.aarch64.validator.plugins.plugin_utils import _not_started, _signatures
from host_texts import JOURNAL, MAPS

STAMP = "Nov 21 10:00:00 val-1 polkadot[4711]: "
# How a text gets a parser to where it looks for an end, and what such places are made of.
STARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "explain": ((STAMP, STAMP + "Caused by:\n", '{"MESSAGE":"', "1 mmap(", "mmap failed to reserve 0x"),
                ("Caused by:\n", "1 mmap(NULL, 1, <unfinished ...>\n", "1 <... mmap resumed> ) = 1\n", "<unfinished ...>",
                 "\x1b[", "\x1b]",
                 "^[[", "pod/", "a | ", "[a/", "[pid 1] ", '{"log":"', '"MESSAGE":[', "os error 1", "mmap failed to ",
                 "<... mmap", "0: ",
                 "pool mapping\n", "(os error 12)\n", "1 mmap(<unfinished ...>\n1 mmap(", "ulimit -v ", JOURNAL + "\n", MAPS)),
    "strace calls": (("1 mmap(", "1 mmap(NULL) = -1 "), (") = ", ") = -1", ") ", "[pid 1] ", "mmap(", '"/dev/shm', "rlim_cur=")),
    "manifest of a release": (('{"release":', '{"binaries":['), ('{"binaries":',)),
    "windows": (("Mon,", "02:00"), ("Mon,", "02:00-", "02:00-05:00 ")),
}
OWN = (
    Growing("why a host did not answer", lambda text: _not_started.in_words(
        {"failed": True, "rc": 127, "msg": text, "module_stderr": text}),
        ("", "interpreter '", "python"), ("interpreter '", "python", "python: ", "SyntaxError")),
)


def of_fuzzing() -> t.Iterator[Growing]:
    """The parsers that are fuzzed, all of them."""
    for target in test_fuzz_controller.TARGETS:
        raw = isinstance(target.samples[0], bytes)
        heads, pieces = STARTS.get(target.name, ((), ()))
        sample = target.samples[0].decode() if raw else target.samples[0]
        yield Growing(target.name, encoded(target.parse) if raw else target.parse, ("", *heads), (sample, *pieces),
                      target.documented)


def encoded(parse: t.Callable[[t.Any], object]) -> t.Callable[[str], object]:
    """A parser of bytes."""
    return lambda text: parse(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("growing", [*of_fuzzing(), *OWN], ids=lambda growing: growing.name)
def test_work_grows_with_the_text(growing: Growing) -> None:
    check(growing)


def test_what_is_not_linear_is_found() -> None:
    """A parser that looks for the end of each opening anew, in C, where no line of Python counts."""
    pattern = re.compile(r"\(([^)]*)\)")
    with pytest.raises(AssertionError, match=r"'\(' took"):
        check(Growing("brackets", pattern.findall))
    check(Growing("brackets, linear", re.compile(r"\(([^()]*)\)").findall))
    assert _signatures.explain_log(STAMP + "mmap failed to reserve 0x6080000000 bytes: Cannot allocate memory (os error 12)")
