# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit of 20 names over SSH costs, against a play with nothing but ping and against a runbook's commands as tasks.

All names are this machine, controller and targets share its processors, so that only ratios mean anything. Each way is timed
several times, in turn, and its median counts; the connections are made anew each time.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from loopback_ssh import names_over_ssh  # noqa: E402

NAMES = 20
TIMES = 5
# What a runbook tells an operator to look at, one command after the other.
RUNBOOK = (
    "uname -m", "uname -r", "getconf PAGESIZE", "getconf LONG_BIT", "df -h /dev/shm", "findmnt /dev/shm", "cat /etc/fstab",
    "bash -c 'ulimit -a'", "bash -c 'ulimit -Hn'", "bash -c 'ulimit -Hl'", "cat /proc/meminfo", "cat /proc/1/limits",
    "cat /proc/sys/vm/overcommit_memory", "cat /proc/sys/vm/max_map_count", "cat /proc/self/maps",
    "bash -c 'systemctl show polkadot.service || true'",
)


def playbook(directory: Path, name: str, tasks: list[dict]) -> Path:
    path = directory / f"{name}.yml"
    path.write_text(json.dumps([{"hosts": "validators", "gather_facts": False, "tasks": tasks}]))
    return path


def cost(given: Path, path: Path) -> tuple[float, float]:
    """How long one run takes from start to end, and how long the processors of this machine worked for it, targets included."""
    with tempfile.TemporaryDirectory(dir=given, prefix="run-") as made:
        directory = Path(made)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with names_over_ssh(directory, NAMES) as inventory:
            command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), "--forks", str(NAMES), str(path),
                       "-e", json.dumps({"memory_pool_fail_on": "never", "memory_pool_report_dir": str(directory / "report")})]
            environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
            started = time.perf_counter()
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            spent = time.perf_counter() - started
            for control in (directory / "cp").glob("*"):
                subprocess.run(["ssh", "-o", f"ControlPath={control}", "-O", "exit", "none"], capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        if path.stem == "audit":
            summary = json.loads((directory / "report/report.json").read_text())["summary"]
            if summary["hosts"] != NAMES or summary["failed"] or summary["unreachable"]:
                raise SystemExit(f"not every name was audited: {summary}")
    return spent, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    if not shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin"):
        print("left out: needs openssh-server")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        directory = Path(made)
        tasks = [{"ansible.builtin.command": words, "changed_when": False} for words in RUNBOOK]
        ways = {
            "a play with ping": (playbook(directory, "ping", [{"ansible.builtin.ping": None}]), TIMES),
            "audit": (ROOT / "playbooks/audit.yml", TIMES),
            "the runbook's 16 commands": (playbook(directory, "runbook", tasks), 1),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        cost(directory, ways["a play with ping"][0])  # what is read from disk once
        for turn in range(TIMES):
            for name, (path, times) in ways.items():
                if turn < times:
                    taken[name].append(cost(directory, path))
    medians = {name: [statistics.median(column) for column in zip(*values)] for name, values in taken.items()}
    print(f"{f'{NAMES} names over SSH':<32}{'seconds':>10}{'processor':>12}")
    for name, (spent, worked) in medians.items():
        print(f"{name:<32}{spent:>10.1f}{worked:>12.1f}")
    ping, audit, runbook = medians.values()
    print(f"{'audit / ping, at most 1.15':<32}" + f"{audit[0] / ping[0]:>10.2f}{audit[1] / ping[1]:>12.2f}")
    print(f"{'runbook / audit, at least 12':<32}" + f"{runbook[0] / audit[0]:>10.1f}{runbook[1] / audit[1]:>12.1f}")


if __name__ == "__main__":
    main()
