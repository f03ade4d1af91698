# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No text and no facts of a host make the controller raise anything but what it documents."""

from __future__ import annotations

import copy
import importlib.util
import json
import random
import re
import typing as t
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_assess import CASES

from ansible_collections.aarch64.validator.plugins.module_utils import _journal, _redact
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.plugin_utils import (
    _answer,
    _answer_text,
    _release_check,
    _signatures,
    _strace_calls,
    _window,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._report import _recorded
from fuzzing import BATCH, FACTOR, TOKENS, TRIED, Target, fuzz, planned, summary
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
FACTS_TRIED = 5000
ANSWERED = 60000
DRAWS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
WRONG = (None, True, False, 0, -1, 1 << 64, 1.5, float("inf"), "", "x", "-1", [], {}, [None], [[]], {"": None}, {"soft": "a"},
         *TOKENS[-12:], "\x1b[2J\x9b\u202e\u061c")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_what_is_documented(target: Target) -> None:
    fuzz(target, INPUTS)


def places(value: t.Any, path: tuple = ()) -> t.Iterator[tuple]:
    """Every place in nested facts."""
    for key, held in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(held, (*path, key))


ALL = [(case, path) for case in sorted(CASES) for path in places(CASES[case])]


@settings(max_examples=int(FACTS_TRIED * FACTOR), deadline=None, database=None, derandomize=FACTOR == 1,
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


# What modules answer: one that gathers, one that changes, one that waits, and one that failed.
ANSWERS = (
    {"changed": False, "ansible_facts": {"aarch64_memory": CASES["shm-mode"], "discovered_interpreter_python": "/bin/python3"},
     "invocation": {"module_args": {"services": ["--node-key", "0x12"]}}, "warnings": ["text", {"event": {"msg": "text"}}]},
    {"changed": True, "actions": ["wrote a file"], "notes": ["a note"], "planned": [], "diff": [
        {"before": "a\n", "after": "b\n", "before_header": "/etc/fstab", "after_header": "/etc/fstab"}, {"prepared": "text"}]},
    {"changed": False, "done": False, "progress": "3 of 5", "next": {"unit": "polkadot.service", "began": 1.5}, "begun": ["text"],
     "checks": [{"name": "rpc", "value": {"peers": 3}}], "log_end": ["text"], "deprecations": [{"msg": "text", "version": "2"}]},
    {"failed": True, "msg": "text", "rc": 127, "module_stderr": "Traceback (most recent call last):\n  x\nKeyError: 1\n",
     "module_stdout": "", "exception": {"event": {"msg": "text"}}, "ansible_facts": {"aarch64_memory": {}}},
)
MODULES = ("memory_facts", "shm", "node_health", "node_build")
NAMES = ("failed", "unreachable", "skipped", "ansible_job_id", "ansible_facts", "aarch64_memory", "diff", "warnings", "exception")
ANSWER_PLACES = [[*places(answer)] for answer in ANSWERS]


def any_json(source: random.Random, depth: int = 3) -> t.Any:
    """Any value that JSON has."""
    if not depth or source.random() < 0.6:
        return copy.deepcopy(source.choice(WRONG))
    held = [any_json(source, depth - 1) for _number in range(source.randrange(4))]
    return held if source.random() < 0.5 else dict(zip(map(str, (source.choice((*NAMES, *TOKENS)) for _value in held)), held))


def misshapen(source: random.Random) -> dict[str, t.Any]:
    """An answer with up to three values that do not belong where they are."""
    number = source.randrange(len(ANSWERS))
    answer = copy.deepcopy(ANSWERS[number])
    for _fault in range(source.randrange(1, 4)):
        *way, last = source.choice(ANSWER_PLACES[number])
        place: t.Any = answer
        for key in way:
            place = place[key] if isinstance(place, dict) and key in place else None
        if isinstance(place, dict):
            place[last] = any_json(source)
        answer[source.choice(NAMES)] = any_json(source) if source.random() < 0.4 else answer.get(source.choice(NAMES))
    return answer


@settings(max_examples=int(ANSWERED * FACTOR / BATCH), deadline=None, database=None, derandomize=FACTOR == 1,
          suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**64))
def test_any_value_at_every_place_of_an_answer(seed: int) -> None:
    """Whatever a host answers, it is an answer that a module gives, or a failure; and nothing of it drives a terminal."""
    source = random.Random(seed)
    for _number in range(BATCH):
        TRIED["answers"] = TRIED.get("answers", 0) + 1
        answer, module = misshapen(source), source.choice(MODULES)
        read = json.loads(_answer_text.readable_answer(json.dumps(answer)))
        for given_answer in (answer, read):
            trusted = _answer.trusted_answer(given_answer, module)
            kept = trusted.pop("ansible_facts", {})
            assert isinstance(trusted.get("changed", False), bool)
            assert not DRAWS.search(json.dumps(trusted, ensure_ascii=False)), trusted
            assert all((name == _answer.FACTS and module == _answer.GATHERS) or name.startswith("discovered_") for name in kept)
            told = not any(trusted.get(name) for name in NAMES[:3]) and "ansible_job_id" not in trusted
            assert isinstance(kept.get(_answer.FACTS, {}), dict)
            assert _answer.FACTS in kept or not (told and module == _answer.GATHERS), "an answer without facts is taken for one"


def test_so_much_is_tried() -> None:
    """What docs/reliability.md says of a run of all tests."""
    others = [_sibling(name) for name in ("test_fuzz_target", "test_fuzz_containers")]
    texts = sum(planned(target, INPUTS, 1) for target in TARGETS)
    texts += sum(planned(target, other.INPUTS, 1) for other in others for target in other.TARGETS)
    assert texts + FACTS_TRIED + ANSWERED >= 320_000, "fewer inputs than the documentation says"


def _sibling(name: str) -> t.Any:
    """A module of tests for hosts, loaded for what it plans."""
    spec = importlib.util.spec_from_file_location(f"planned_{name}", Path(__file__).parents[1] / "target" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_recorded_logs_are_samples() -> None:
    """The samples are texts that mean something, so that what is bent is near to it."""
    assert _signatures.explain_log(LOG)
    assert _journal.relevant_lines(_journal.parse_journal(JOURNAL))
    assert _redact.HIDDEN in _redact.redact_text(COMMAND)


def test_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """Says what the tests before it have tried."""
    with capsys.disabled():
        print("\n" + summary())
