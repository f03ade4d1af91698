# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a benchmark must reach; one that is missed ends it with a failure."""

from __future__ import annotations

import sys
import typing as t


class Bar(t.NamedTuple):
    """A figure that was seen, and what is wanted of it."""

    name: str
    seen: float
    how: t.Literal["at most", "at least"]
    wanted: float

    @property
    def met(self) -> bool:
        """Whether it is."""
        return self.seen <= self.wanted if self.how == "at most" else self.seen >= self.wanted


def ended(bars: t.Iterable[Bar]) -> int:
    """The exit status of a benchmark; what is missed is named on standard error."""
    missed = [one for one in bars if not one.met]
    for one in missed:
        print(f"missed: {one.name} is {one.seen:.2f}, wanted {one.how} {one.wanted:g}", file=sys.stderr)
    return 1 if missed else 0
