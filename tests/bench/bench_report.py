# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the report of 1,000 to 10,000 recorded hosts takes in all its forms, and how much memory at most.

The facts lie in files, as an audit leaves them. First the parts one by one, in a process of their own; then the playbook audit
as a whole, with the start of Ansible. Seconds are those of the processor, whatever else it does. The last column is the growth
for ten times the hosts.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("playbooks/collections", "tests/unit", "tests/support")]

from bars import Bar, ended  # noqa: E402

COUNTS = (1000, 3000, 10000)
WANTED = {"all forms, seconds": 10, "all, peak MB": 500, "playbook audit, peak MB": 500}
GROWING = ("judge the facts, seconds", "all forms, seconds")
LINEAR = 13  # for ten times the hosts


def record(directory: Path, count: int) -> None:
    """The facts of so many hosts, as files."""
    from report_fleets import fleet_facts

    from ansible_collections.aarch64.validator.plugins.plugin_utils._report._kept_facts import pretty
    from ansible_collections.aarch64.validator.plugins.plugin_utils._report._recorded import file_name

    directory.mkdir()
    for name, facts in fleet_facts(count):
        (directory / file_name(name)).write_text(pretty(facts))


def build(directory: Path) -> dict[str, float]:
    """Judge the facts, and make every form of the report, as the action plugin does."""
    from ansible_collections.aarch64.validator.plugins.action import report as action
    from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import build_report, host_entry
    from ansible_collections.aarch64.validator.plugins.plugin_utils._report._files import write_text
    from ansible_collections.aarch64.validator.plugins.plugin_utils._report._kept_facts import FactStore, report_chunks
    from ansible_collections.aarch64.validator.plugins.plugin_utils._report._replay import recorded
    from ansible_collections.aarch64.validator.plugins.plugin_utils._report._terminal import terminal_lines

    told = {}
    started = time.process_time()

    def lap(name: str) -> None:
        nonlocal started
        told[name + ", seconds"] = time.process_time() - started
        started = time.process_time()

    store, entries = FactStore(), []
    for name, outcome, text in recorded(str(directory / "facts"), None, {}):
        entry = host_entry(name, outcome)
        entries.append(store.entry(dict(entry, facts=store.keep(entry["facts"], text))))
    report = build_report(entries, {}, "audit", False, "2026-01-01T00:00:00Z")
    lap("judge the facts")
    sizes = {"report.json": Path(write_text(report_chunks(report), str(directory), "report.json")).stat().st_size}
    lap("report.json")
    for name, form in action.FORMATS.items():
        sizes[name] = Path(write_text(form(report), str(directory), name)).stat().st_size
        lap(name)
    terminal_lines(report, 100, False)
    lap("terminal")
    forms = sum(value for name, value in told.items() if not name.startswith("judge"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**told, "all forms, seconds": forms, "all, peak MB": peak,
            **{f"{name}, MB": sizes[name] / 1e6 for name in ("report.json", "report.html")}}


def replay(directory: Path) -> dict[str, float]:
    """The playbook audit on these facts, with a baseline."""
    extra = {"memory_pool_facts_dir": str(directory / "facts"), "memory_pool_report_dir": str(directory / "replayed"),
             "memory_pool_fail_on": "never", "memory_pool_baseline": str(directory / "report.json")}
    command = [sys.executable, "-m", "ansible", "playbook", str(ROOT / "playbooks/audit.yml"), "-e", json.dumps(extra)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"playbook audit, seconds": used.ru_utime + used.ru_stime, "playbook audit, peak MB": used.ru_maxrss / 1024}


def apart(step: str, directory: Path) -> dict[str, float]:
    """What this program says of one step, in a process of its own."""
    command = [sys.executable, __file__, step, str(directory)]
    return dict(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))


def main() -> int:
    """Measure and tell."""
    if len(sys.argv) > 1:
        print(json.dumps({"build": build, "replay": replay}[sys.argv[1]](Path(sys.argv[2]))))
        return 0
    tables = []
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as made:
            directory = Path(made)
            record(directory / "facts", count)
            tables.append({**apart("build", directory), **apart("replay", directory)})
    print(f"{'':<27}" + "".join(f"{count:>10,}" for count in COUNTS))
    for name in tables[0]:
        values = [table[name] for table in tables]
        print(f"{name:<27}" + "".join(f"{value:>10.2f}" for value in values) + f"{values[-1] / values[0]:>9.1f}x")
    most = tables[-1]
    return ended([
        *(Bar(f"{name} for {COUNTS[-1]:,} hosts", most[name], "at most", wanted) for name, wanted in WANTED.items()),
        *(Bar(f"growth of {name} for ten times the hosts", most[name] / tables[0][name], "at most", LINEAR) for name in GROWING),
    ])


if __name__ == "__main__":
    sys.exit(main())
