# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many hosts one core judges in a second: facts recorded on real hosts with a node, and those of an invented fleet."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("playbooks/collections", "tests/unit", "tests/support")]

from bars import Bar, ended  # noqa: E402
from report_fleets import fleet_facts  # noqa: E402

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts  # noqa: E402

HOSTS, TIMES = 2000, 7
WANTED = 5000


def per_second(hosts: list[dict]) -> float:
    """The best of several rounds, by the processor's time."""
    rounds = []
    for _turn in range(TIMES):
        started = time.process_time()
        for number in range(HOSTS):
            assess_facts(hosts[number % len(hosts)], {})
        rounds.append(HOSTS / (time.process_time() - started))
    return max(rounds)


def main() -> int:
    """Measure and tell."""
    recorded = [json.loads(path.read_text()) for path in sorted((ROOT / "tests/unit/recorded").glob("aarch64-*.json"))]
    fleets = {"recorded aarch64 hosts": recorded, "an invented fleet": [facts for _name, facts in fleet_facts(300)]}
    bars = [Bar(f"{name}, hosts judged per second", per_second(hosts), "at least", WANTED) for name, hosts in fleets.items()]
    for row in bars:
        print(f"{row.name:<50}{row.seen:>8,.0f}   wanted {row.how} {row.wanted:,}")
    return ended(bars)


if __name__ == "__main__":
    sys.exit(main())
