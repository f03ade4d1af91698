# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long batches and order take for 1,000 to 10,000 hosts, in seconds of a processor, whatever else runs beside.

The last column compares ten times the hosts.
"""

from __future__ import annotations

import sys
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("playbooks/collections", "tests/support")]

from bars import Bar, ended  # noqa: E402

from ansible_collections.aarch64.validator.plugins.plugin_utils._rollout import rollout_batches, rollout_order  # noqa: E402

COUNTS = (1000, 3000, 10000)
WANTED_SECONDS = 2
SERIAL = [1, "10%", "25%"]
FLEETS: dict[str, t.Callable[[int], dict]] = {
    "networks of 250 hosts": lambda n: {"ansible_host": f"10.{n // 2500}.{n // 250 % 10}.{n % 250}"},
    "IPv6, 100 networks": lambda n: {"ansible_host": f"2001:db8:{n % 100:x}::{n:x}"},
    "one domain": lambda n: {"memory_pool_domain": "r1"},
    "each its own domain": lambda n: {},
    "all authorities": lambda n: {"memory_pool_authority": True},
    "authorities in pairs, 2 sites": lambda n: {
        "memory_pool_domain": n % 2, "memory_pool_exclusive_group": f"authority,p{n // 4}",
    },
    "one domain, own groups": lambda n: {"memory_pool_domain": "r1", "memory_pool_exclusive_group": f"p{n}"},
    "100 domains across 100 groups": lambda n: {"memory_pool_domain": n // 100, "memory_pool_exclusive_group": f"p{n % 100}"},
}


def seconds(variables_of: t.Callable[[int], dict], count: int, function: t.Callable[..., object], *options: object) -> float:
    hostvars = {f"host{number}": variables_of(number) for number in range(count)}
    started = time.process_time()
    function(list(hostvars), hostvars, *options)
    return time.process_time() - started


def main() -> int:
    """Measure and tell."""
    bars = []
    print(f"{'seconds':>39}" + "".join(f"{count:>10,}" for count in COUNTS) + "     ratio")
    for name, variables_of in FLEETS.items():
        for function, options in ((rollout_batches, [SERIAL]), (rollout_order, [])):
            times = [seconds(variables_of, count, function, *options) for count in COUNTS]
            label = f"{name}, {function.__name__[len('rollout_'):]}"
            print(f"{label:<39}" + "".join(f"{value:>10.3f}" for value in times) + f"{times[-1] / times[0]:>9.1f}x")
            bars.append(Bar(f"{label}, seconds for {COUNTS[-1]:,} hosts", times[-1], "at most", WANTED_SECONDS))
    return ended(bars)


if __name__ == "__main__":
    sys.exit(main())
