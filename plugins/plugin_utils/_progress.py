# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a rollout is, in one line. Pure; private to this collection. Times are seconds since 1970."""

from __future__ import annotations

import time


class Progress:
    """What is known of a rollout from its events."""

    def __init__(self) -> None:
        self.batches: list = []
        self.number = 0
        self.began = 0.0
        self.stopped = False  # no further batch is begun
        self.settled: set = set()  # hosts whose turn is over, or never came
        self.doing: dict = {}  # by host, what it is at

    @property
    def running(self) -> bool:
        """Whether a batch is worked on."""
        return self.number > 0

    def plan(self, batches: list) -> None:
        self.batches = [list(batch) for batch in batches]

    def next_batch(self, now: float) -> None:
        self.began = self.began or now
        for batch in self.batches[:self.number]:
            self.settled.update(batch)
        self.number += 1
        self.doing = {}

    def work(self, host: str, what: str) -> None:
        self.doing.pop(host, None)  # what is new goes first
        self.doing[host] = what

    def settle(self, host: str) -> None:
        self.settled.add(host)
        self.doing.pop(host, None)

    @property
    def total(self) -> int:
        return sum(len(batch) for batch in self.batches)

    def wait(self, host: str, answer: dict) -> None:
        """A node is not well yet; answer is that of module node_health. On one line, the end of a wait has to come early."""
        checks = ", ".join(str(name) for name in answer.get("waiting_for") or ["its node"])
        self.work(host, f"waits until {str(answer.get('ends_at'))[11:19]} UTC for {checks}")

    def ends(self, now: float) -> float | None:
        """When the rollout will end if it goes on as it went so far; None before the first host is through."""
        over = len(self.settled)
        return now + (now - self.began) / over * (self.total - over) if over and self.began else None

    def head(self, now: float) -> str:
        """``batch 2 of 5, 3 of 8 hosts done, ends at about 12:41``"""
        parts = [f"batch {self.number} of {len(self.batches)}", f"{len(self.settled)} of {self.total} hosts done"]
        ends = self.ends(now)
        if ends is not None:
            parts.append("ends at about {}".format(time.strftime("%H:%M", time.localtime(ends))))
        return ", ".join(parts)

    def result(self, now: float) -> str:
        """``7 of 8 hosts done after batch 4 of 5, in 63 seconds``"""
        where = f"batch {self.number} of {len(self.batches)}"
        return f"{len(self.settled)} of {self.total} hosts done after {where}, in {now - self.began:.0f} seconds"

    def line(self, now: float) -> str:
        """The head and what each host is at, the newest first."""
        return "; ".join([self.head(now)] + [f"{host} {what}" for host, what in reversed(list(self.doing.items()))])
