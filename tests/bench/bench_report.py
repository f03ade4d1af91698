# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long all forms of a report take for 1,000 to 10,000 recorded hosts, and how much memory at most.

The facts are judged in a process of its own, which leaves report.json; another reads it and builds each form, so that its
peak is that of the forms, with the report in memory. Seconds are those of the processor, whatever else it does. The last
column is the growth for ten times the hosts.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("playbooks/collections", "tests/unit", "tests/support")]

COUNTS = (1000, 3000, 10000)


def judge(path: Path, count: int) -> dict:
    """Judge the facts of so many hosts, compare with an earlier report, and keep the report."""
    from report_fleets import fleet_report, with_earlier

    started = time.process_time()
    report = fleet_report(count)
    told = {"judge the facts, seconds": time.process_time() - started}
    path.write_text(json.dumps(with_earlier(report)))
    return dict(told, **{"report.json, MB": path.stat().st_size / 1e6})


def build(path: Path) -> dict:
    """Build every form of a report."""
    from ansible_collections.aarch64.validator.plugins.action.report import FORMATS

    report = json.loads(path.read_bytes())
    told, sizes = {"before the forms, peak MB": peak()}, {}
    for name, form in FORMATS.items():
        started = time.process_time()
        sizes[name] = len(form(report)) / 1e6
        told[name + ", seconds"] = time.process_time() - started
    told["all forms, seconds"] = sum(told[name + ", seconds"] for name in FORMATS)
    return dict(told, **{"all forms, peak MB": peak(), "report.html, MB": sizes["report.html"]})


def peak() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def apart(*arguments: object) -> dict:
    """What this program says of one step, in a process of its own."""
    command = [sys.executable, __file__, *map(str, arguments)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def main() -> None:
    if len(sys.argv) > 1:
        path = Path(sys.argv[1])
        print(json.dumps(judge(path, int(sys.argv[2])) if len(sys.argv) > 2 else build(path)))
        return
    tables = []
    for count in COUNTS:
        with tempfile.NamedTemporaryFile(suffix=".json") as report:
            tables.append(dict(apart(report.name, count), **apart(report.name)))
    print(f"{'':<27}" + "".join(f"{count:>10,}" for count in COUNTS))
    for name in tables[0]:
        values = [table[name] for table in tables]
        print(f"{name:<27}" + "".join(f"{value:>10.2f}" for value in values) + f"{values[-1] / values[0]:>9.1f}x")


if __name__ == "__main__":
    main()
