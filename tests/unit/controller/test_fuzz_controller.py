# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No text and no facts of a host make the controller raise anything but what it documents."""

from __future__ import annotations

import copy
import json
import random
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_assess import CASES

from ansible_collections.aarch64.validator.plugins.module_utils import _journal, _redact
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.plugin_utils import _release_check, _signatures, _strace_calls, _window
from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._report import _recorded
from fuzzing import FACTOR, TOKENS, TRIED, Target, fuzz, summary
from host_texts import COMMAND, JOURNAL, STRACE

LOG = """Nov 21 10:00:00 val-1 polkadot[4711]: 2026-11-21 10:00:00 Error:
Nov 21 10:00:00 val-1 polkadot[4711]:    0: failed to create memory pool mapping
Nov 21 10:00:00 val-1 polkadot[4711]: Caused by:
Nov 21 10:00:00 val-1 polkadot[4711]:     0: mmap failed to reserve 0x6080000000 bytes
Nov 21 10:00:00 val-1 polkadot[4711]:     1: Cannot allocate memory (os error 12)
docker-1  | {"log":"thread 'main' panicked at 'x: code: 24, kind: Other'\\n"}
address space (kbytes, -v) 314572800
"""
MANIFEST = {
    "schema": 1, "release": "polkadot-1a2b3c4d5e6f", "revision": "1a" * 20, "dirty": False, "source": "/src",
    "command": ["cargo"],
    "inputs": {"target": "aarch64-unknown-linux-gnu", "binaries": ["polkadot"]},
    "binaries": [{"name": "polkadot", "size": 12, "sha256": "ab" * 32, "version": "polkadot 1.0", "facts": {
        "machine": "aarch64", "libc": "glibc", "glibc_wanted": "2.31", "page_alignment": 65536, "jemalloc_page_size": 65536,
        "wasmtime_version": "35.0.0", "error": None}}],
}


def manifest(content: str) -> None:
    """A manifest that lay on a build host, judged for hosts."""
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return
    assert json.dumps(_release_check.release_check(parsed, {"val-1": CASES["shm-mode"]}))


TARGETS = (
    Target("manifest of a release", manifest, [json.dumps(MANIFEST), json.dumps(MANIFEST, indent=1)], (OptionError,), 0.5),
    Target("explain", _signatures.explain_log, [LOG, JOURNAL, STRACE]),
    Target("strace calls", lambda text: [_strace_calls.parse_call(line) for line in text.split("\n")], [STRACE]),
    Target("recorded facts", lambda content: _recorded.recorded_outcome("a.json", content, {}),
           [json.dumps(CASES["shm-mode"]).encode(), b"{}", b"[]"], (), 0.4),
    Target("fact cache", lambda content: _recorded.cached("s1_val-1", content, ""),
           [json.dumps({"__payload__": json.dumps({"aarch64_memory": {}})}).encode()]),
    Target("windows", _window.parse, ["02:00-05:00 UTC", "Sat,Sun 23:00-04:30 Europe/Berlin"], (ValueError,)),
)
INPUTS = 14000
WRONG = (None, True, False, 0, -1, 1 << 64, 1.5, float("inf"), "", "x", "-1", [], {}, [None], [[]], {"": None}, {"soft": "a"},
         *TOKENS[-12:])


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_what_is_documented(target: Target) -> None:
    fuzz(target, INPUTS)


def places(value: t.Any, path: tuple = ()) -> t.Iterator[tuple]:
    """Every place in nested facts."""
    for key, held in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(held, (*path, key))


ALL = [(case, path) for case in sorted(CASES) for path in places(CASES[case])]


@settings(max_examples=int(5000 * FACTOR), deadline=None, database=None, derandomize=FACTOR == 1,
          suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**64))
def test_wrongly_typed_facts(seed: int) -> None:
    """A host that answers something else than facts is refused by name, and costs no other host its report."""
    TRIED["facts"] = TRIED.get("facts", 0) + 1
    source = random.Random(seed)
    case, path = source.choice(ALL)
    facts = copy.deepcopy(CASES[case])
    place = facts
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = source.choice(WRONG)
    try:
        result = assess_facts(facts, {})
    except ValueError:
        return
    assert json.dumps(result)
    assert result["verdict"] in ("blocked", "at-risk", "advice", "healthy")


def test_recorded_logs_are_samples() -> None:
    """The samples are texts that mean something, so that what is bent is near to it."""
    assert _signatures.explain_log(LOG)
    assert _journal.relevant_lines(_journal.parse_journal(JOURNAL))
    assert _redact.HIDDEN in _redact.redact_text(COMMAND)


def test_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """Says what the tests before it have tried."""
    with capsys.disabled():
        print("\n" + summary())
