# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for what blocks a start: minimal, within its bound, and not misled by chance."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils._bisect import Outcome, Search, usual_bound


class Program:
    """A program that starts unless all restrictions of one of its groups are in force."""

    def __init__(self, size: int, groups: list[set[int]]) -> None:
        self.items = list(range(size))
        self.groups = [frozenset(group) for group in groups]

    def starts(self, relaxed: frozenset) -> Outcome:
        return Outcome(all(group & relaxed for group in self.groups))

    def first_blocker(self, relaxed: frozenset, _outcome: Outcome) -> list:
        """What perfect evidence shows: the first obstacle, as a program meets one after the other."""
        return next((sorted(group) for group in self.groups if not group & relaxed), [])


def is_minimal(program: Program, culprits: list) -> bool:
    relaxed = frozenset(culprits)
    return program.starts(relaxed).good and not any(program.starts(relaxed - {one}).good for one in relaxed)


@st.composite
def programs(draw: st.DrawFn, largest_group: int = 3) -> Program:
    size = draw(st.integers(1, 64))
    group = st.sets(st.integers(0, size - 1), min_size=1, max_size=largest_group)
    return Program(size, draw(st.lists(group, min_size=1, max_size=4)))


@given(programs(), st.booleans(), st.randoms(use_true_random=False))
def test_relaxation_is_minimal(program: Program, evidence: bool, chance: random.Random) -> None:
    def suspects(relaxed: frozenset, outcome: Outcome) -> list:
        noise = chance.sample(program.items, min(2, len(program.items)))
        return (program.first_blocker(relaxed, outcome) if chance.random() < 0.7 else []) + noise if evidence else []

    found = Search(program.items, program.starts, suspects, max_starts=500).run()
    assert found.conclusion == "culprits" and not found.notes
    assert is_minimal(program, found.culprits)
    for culprit, alone in found.alone.items():
        assert alone is None or alone == ({culprit} in program.groups)
        if alone is False:
            assert {culprit, *found.together[culprit]} in [set(group) for group in program.groups]


@given(programs(largest_group=1))
def test_starts_with_evidence_stay_within_the_bound(program: Program) -> None:
    culprits = set().union(*program.groups)
    found = Search(program.items, program.starts, program.first_blocker, max_starts=500).run()
    assert set(found.culprits) == culprits
    # with few items a bound that is made for many leaves no room for repetitions
    assert len(found.log) + 1 <= max(usual_bound(len(program.items), len(culprits)), 2 * len(culprits) + 4)


@given(st.integers(1, 64), st.integers(1, 4), st.randoms(use_true_random=False))
def test_starts_without_evidence(size: int, count: int, chance: random.Random) -> None:
    culprits = chance.sample(range(size), min(count, size))
    program = Program(size, [{one} for one in culprits])
    found = Search(program.items, program.starts, max_starts=500).run()
    assert found.culprits == sorted(culprits)
    halving = math.ceil(math.log2(size))
    assert len(found.log) <= max(2 + len(culprits) * (halving + 1) + 2, usual_bound(size, len(culprits)))
    if len(culprits) == 1 and size >= 16:
        assert len(found.log) <= usual_bound(size, 1)


@given(programs())
def test_nothing_is_started_twice_but_to_repeat(program: Program) -> None:
    found = Search(program.items, program.starts, program.first_blocker, max_starts=500).run()
    sets = [relaxed for relaxed, _outcome in found.log]
    once = [relaxed for relaxed in sets if relaxed and relaxed != frozenset(found.culprits)]
    assert len(once) - sum(relaxed == frozenset(program.items) for relaxed in once) <= len(set(once))
    assert sets[0] == frozenset() and sets[1] == frozenset(program.items)


def test_starts_and_not_the_sandbox() -> None:
    found = Search([1, 2], lambda _relaxed: Outcome(True)).run()
    assert (found.conclusion, len(found.log)) == ("starts", 2)
    found = Search([1, 2], lambda _relaxed: Outcome(False)).run()
    assert (found.conclusion, len(found.log)) == ("not-the-sandbox", 2)
    assert Search([], lambda _relaxed: Outcome(False)).run().conclusion == "not-the-sandbox"


def test_too_few_starts() -> None:
    program = Program(64, [{3}, {40}])
    found = Search(program.items, program.starts, max_starts=6).run()
    assert (found.conclusion, found.culprits, len(found.log)) == ("gave-up", [], 6)
    assert found.notes[0] == "6 starts were not enough" and found.notes[1].startswith("it starts with these relaxed: ")
    # enough to find them, and too few for everything else
    found = Search(program.items, program.starts, program.first_blocker, max_starts=6).run()
    assert (found.conclusion, found.culprits) == ("culprits", [3, 40])


@given(st.lists(st.booleans(), min_size=40, max_size=40), st.integers(0, 20))
def test_chance(ends: list[bool], size: int) -> None:
    remaining = iter(ends)
    found = Search(range(size), lambda _relaxed: Outcome(next(remaining)), lambda *_any: [0, 1]).run()
    assert len(found.log) <= 40
    seen = {}  # type: dict[frozenset, set]
    for relaxed, outcome in found.log:
        seen.setdefault(relaxed, set()).add(outcome.good)
    if found.conclusion == "culprits":
        assert all(len(outcomes) == 1 for outcomes in seen.values())
        good = [relaxed for relaxed, outcomes in seen.items() if True in outcomes]
        bad = [relaxed for relaxed, outcomes in seen.items() if False in outcomes]
        assert frozenset(found.culprits) in good
        assert not any(one <= other for one in good for other in bad)
    if found.conclusion == "flaky":
        assert any(len(outcomes) == 2 for outcomes in seen.values()) and not found.culprits and found.notes


@given(st.integers(1, 64), st.integers(0, 4))
def test_failure_at_every_second_start(size: int, guesses: int) -> None:
    starts = iter(range(99))
    found = Search(range(size), lambda _relaxed: Outcome(next(starts) % 2 == 1), lambda *_any: range(guesses)).run()
    assert found.conclusion == "flaky"


def test_chance_is_seldom_believed() -> None:
    chance = random.Random(7)
    ends = [Search(range(20), lambda _relaxed: Outcome(chance.random() < 0.5)).run().conclusion for _number in range(500)]
    assert ends.count("culprits") < 50 and ends.count("flaky") > 150
