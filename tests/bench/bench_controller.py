# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the time of the controller goes in an audit of 200 names: cProfile of the process that leads, and of its workers.

Names are this machine over local connections, and in place of their Python stands a program with an answer that is ready, so that
what is measured is the controller alone. Times are processor time and a few times what they are without a profile.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("playbooks/collections", "tests/support")]
NAMES = 200
# By what an operator could change, or we: the functions that hold these costs.
LEADING = {
    "all of it": ("playbook_executor.py", "run"),
    "start of a process for each host (fork)": ("", "<built-in method posix.fork>"),
    "variables of each host": ("vars/manager.py", "get_vars"),
    "results of workers": ("strategy/__init__.py", "_process_pending_results"),
}
WORKING = {
    "all of it": ("task_executor.py", "run"),
    "templates of the task's options": ("playbook/task.py", "post_validate"),
    "building what is sent": ("_gather_action.py", "_configure_module"),
    "connection to the host": ("action/__init__.py", "_low_level_execute_command"),
    "reading the answer": ("action/__init__.py", "_parse_returned_data"),
    "looking at it before it is believed": ("_answer.py", "trusted_answer"),
    "judging": ("_assess.py", "assess_facts"),
    "keeping it on disk": ("_spool.py", "keep"),
    "the report, once": ("action/report.py", "run"),
}


def answer() -> str:
    """What this machine tells."""
    from sent_program import sent
    return subprocess.run([sys.executable, "-"], input=sent(), capture_output=True, check=True).stdout.decode()


def profiled(directory: Path) -> None:
    """Run the playbook in this process, with a profile of it and of each of its workers."""
    from ansible.cli.playbook import main as play
    from ansible.executor.task_executor import TaskExecutor
    run = TaskExecutor.run

    def with_profile(self: TaskExecutor) -> dict:
        profile = cProfile.Profile(time.process_time)
        try:
            return profile.runcall(run, self)
        finally:
            profile.dump_stats(directory / f"worker-{os.getpid()}")

    TaskExecutor.run = with_profile
    sys.argv = ["ansible-playbook", "-i", str(directory / "hosts.json"), "--forks", "20", str(ROOT / "playbooks/audit.yml"),
                "-e", json.dumps({"memory_pool_fail_on": "never", "memory_pool_report_dir": str(directory / "report")})]
    leading = cProfile.Profile(time.process_time)
    try:
        leading.runcall(play)
    except SystemExit:
        leading.dump_stats(directory / "leading")
        raise


def seconds(stats: pstats.Stats, file: str, name: str) -> float:
    """Cumulative processor time of one function."""
    rows = stats.stats.items()  # type: ignore[attr-defined]
    return max((row[3] for (path, _line, function), row in rows if function == name and path.endswith(file)), default=0.0)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        directory = Path(made)
        (directory / "answer").write_text(answer())
        python = directory / "python"
        python.write_text(f"#!/bin/sh\ncat >/dev/null </dev/null\nexec cat {directory}/answer\n")
        python.chmod(0o755)
        host = {"ansible_connection": "local", "ansible_python_interpreter": str(python)}
        names = {f"val-{number:03}": host for number in range(NAMES)}
        (directory / "hosts.json").write_text(json.dumps({"validators": {"hosts": names}}))
        environment = dict(os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_PIPELINING="True")
        command = [sys.executable, __file__, str(directory)]
        subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
        workers = [str(path) for path in directory.glob("worker-*")]
        leading = [str(directory / "leading")]
        for title, files, rows in (("the process that leads", leading, LEADING), ("its workers", workers, WORKING)):
            stats = pstats.Stats(*files)
            print(f"{title + ', ' + str(NAMES) + ' names':<48}{'seconds':>10}{'ms a name':>12}")
            for name, function in rows.items():
                spent = seconds(stats, *function)
                print(f"  {name:<46}{spent:>10.2f}{spent / NAMES * 1000:>12.1f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        profiled(Path(sys.argv[1]))
    else:
        main()
