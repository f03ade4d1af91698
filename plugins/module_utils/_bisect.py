# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of many restrictions make a start fail, with few starts. Pure; private to this collection.

What is looked for is a minimal relaxation: restrictions without which the start succeeds, none of which may stay. It
names every restriction that blocks by itself, and one of those that block only together. The assumption is that
relaxing more never makes a start fail.

Two ways lead there. Each failing start may name suspects, which are relaxed one layer after the other, as a program
meets one obstacle after the other: with evidence for k culprits this takes 2k + 1 starts. What no evidence names is
found by halving: at most ceil(log2 n) + 1 starts for each culprit, and two for both ends. Two starts more repeat that
with the relaxation and that without. What blocks only together with something else is rare and looks like chance, so
that it is repeated more often.
"""

from __future__ import annotations

import math
import typing as t

CULPRITS, NOT_THE_CAUSE, STARTS, FLAKY, GAVE_UP = "culprits", "not-the-sandbox", "starts", "flaky", "gave-up"
_MAX_LAYERS = 6  # of suspects that were not enough
_RESERVED = 3  # two repetitions, and the start by which the caller proves the relaxation in its final form


class Outcome(t.NamedTuple):
    """How one start ended; detail is for those who ask, the search does not look at it."""

    good: bool
    detail: t.Any = None


class Result(t.NamedTuple):
    """What the search has found.

    alone: by culprit, whether it blocks when nothing else is in force; None if that was not tried. together: by culprit
    that does not, what else must be in force for it to block. log: ``(relaxed, outcome)`` of every start.
    """

    conclusion: str
    culprits: list
    alone: dict
    together: dict
    log: list
    notes: list


class _End(Exception):
    """The search cannot go on: why, as conclusion and sentence."""

    def __init__(self, conclusion: str, note: str) -> None:
        super().__init__(note)
        self.conclusion = conclusion


def usual_bound(restrictions: int, culprits: int) -> int:
    """Starts that are enough in the usual case: one culprit, or several that leave evidence."""
    return int(2 * math.log2(max(restrictions, 1)) + 2 * culprits)


class Search:
    """One search among items; starts() starts with a set of them relaxed and all others in force.

    suspects() names, for a failing start, items that its evidence points to, the likeliest first. No set is started
    twice but to see whether a start is reliable.
    """

    def __init__(self, items: t.Sequence, starts: t.Callable[[frozenset], Outcome],
                 suspects: t.Callable[[frozenset, Outcome], t.Iterable] = lambda _relaxed, _outcome: (),
                 max_starts: int = 40) -> None:
        self.items = list(items)
        self.log = []  # type: list[tuple[frozenset, Outcome]]
        self._starts = starts
        self._suspects = suspects
        self._max_starts = max_starts

    def run(self) -> Result:
        """Search until there is an answer or no start is left."""
        culprits = []  # type: list
        alone, together = {}, {}  # type: tuple[dict, dict]
        notes = []  # type: list[str]
        conclusion = CULPRITS
        try:
            conclusion = self._ends()
            if conclusion == CULPRITS:
                culprits = self._relaxation()
                alone.update(dict.fromkeys(culprits))
                self._roles(culprits, alone, together)
                self._repeat(culprits, bool(together))
        except _End as end:
            notes = [str(end)]
            if end.conclusion == FLAKY or not culprits:
                conclusion, culprits = end.conclusion, []
            if conclusion == GAVE_UP:
                notes += self._known_so_far()
        return Result(conclusion, culprits, alone, together, self.log, notes)

    def _known_so_far(self) -> list:
        enough = [relaxed for relaxed, outcome in self.log if outcome.good]  # type: list[frozenset]
        return ["it starts with these relaxed: " + _names(sorted(enough, key=len)[0])] if enough else []

    def start(self, relaxed: frozenset) -> Outcome:
        """One real start. Ends the search if it does not end as it did before, or if it would be one too many."""
        if len(self.log) >= self._max_starts:
            raise _End(GAVE_UP, f"{self._max_starts} starts were not enough")
        outcome = self._starts(relaxed)
        before = {earlier.good for other, earlier in self.log if other == relaxed}
        self.log.append((relaxed, outcome))
        if before - {outcome.good}:
            raise _End(FLAKY, "the same start does not always end in the same way: with "
                       f"{_names(relaxed)} relaxed it once succeeded and once failed")
        return outcome

    def works(self, relaxed: frozenset) -> bool:
        """Whether it starts with these relaxed, from what is known already if that is enough."""
        for other, outcome in self.log:
            if outcome.good and other <= relaxed:
                return True
            if not outcome.good and relaxed <= other:
                return False
        return self.start(relaxed).good

    def _works_with(self, relaxed: frozenset) -> t.Callable[[frozenset], bool]:
        return lambda more: self.works(relaxed | more)

    def _fails_without(self, relaxed: frozenset) -> t.Callable[[frozenset], bool]:
        return lambda in_force: not self.works(relaxed - in_force)

    def _ends(self) -> str:
        """Try both ends: everything in force, everything relaxed."""
        if self.start(frozenset()).good:
            self.start(frozenset())
            return STARTS
        if not self.items or not self.start(frozenset(self.items)).good:
            return NOT_THE_CAUSE
        return CULPRITS

    def _relaxation(self) -> list:
        """A minimal relaxation, last layer first: what it needs, given that all earlier layers are relaxed."""
        layers = self._layers()
        needed = frozenset()  # type: frozenset
        for number in reversed(range(len(layers))):
            before = needed.union(*layers[:number])
            needed |= frozenset(minimal_part(layers[number], self._works_with(before)))
        return [item for item in self.items if item in needed]

    def _layers(self) -> list:
        """Suspects of one failing start after the other, until it starts; if they do not suffice, everything else."""
        layers = []  # type: list[list]
        relaxed, outcome = self.log[0]
        while len(layers) < _MAX_LAYERS:
            known = [item for item in self._suspects(relaxed, outcome) if item in self.items and item not in relaxed]
            if not known:
                break
            layers.append(list(dict.fromkeys(known)))
            relaxed = relaxed.union(known)
            if self.works(relaxed):
                return layers
            outcome = self.log[-1][1]
        return layers + [[item for item in self.items if item not in relaxed]]

    def _repeat(self, culprits: list, suspicious: bool) -> None:
        """Repeat the start with the relaxation and that without, to rule out chance."""
        pair = [frozenset(culprits), frozenset()]  # type: list[frozenset]
        if len(self.log) % 2:  # the first start was one without; a program that fails at every second start shows now
            pair.reverse()
        for relaxed in pair + (pair[::-1] if suspicious else []):
            self.start(relaxed)

    def _roles(self, culprits: list, alone: dict, together: dict) -> None:
        """Fill in what each culprit blocks alone or with others, as far as starts are left in the bound."""
        bound = min(usual_bound(len(self.items), len(culprits)), self._max_starts) - _RESERVED
        everything = frozenset(self.items)
        for culprit in culprits:
            if len(self.log) < bound:
                others = everything - {culprit}
                alone[culprit] = not self.works(others)
                if not alone[culprit]:
                    rest = [item for item in self.items if item not in culprits]
                    together[culprit] = minimal_part(rest, self._fails_without(others))


def minimal_part(order: t.Sequence, holds: t.Callable[[frozenset], bool]) -> list:
    """A part of these for which holds() is true, and of which nothing can be left out.

    holds() must be true for all of them together, and must not become false by more of them.
    """
    needed = frozenset()  # type: frozenset
    rest = list(order)
    while not holds(needed):
        low, high = 0, len(rest)  # false for the first low of the rest, true for the first high
        while high - low > 1:
            middle = (low + high) // 2
            if holds(needed.union(rest[:middle])):
                high = middle
            else:
                low = middle
        needed |= {rest[high - 1]}
        rest = rest[:high - 1]
    return [item for item in order if item in needed]


def _names(items: t.Iterable) -> str:
    return ", ".join(sorted(str(item) for item in items)) or "nothing"
