# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What asking hosts costs, over SSH, against ping, setup, a runbook's commands and pyinfra.

bench_hosts.py [--record]. All names are this machine, controller and targets share its processors, so that only ratios mean
anything. Each way is timed several times, in turn, and its median counts; the connections are made anew each time. With
--record the tables and the plot of docs/performance.md are written, with those of bench_target.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "playbooks/collections"))

import bench_target  # noqa: E402
import performance_doc  # noqa: E402
from bars import ended  # noqa: E402
from loopback_ssh import names_over_ssh  # noqa: E402

NAMES = 20
TIMES = 3
# What a runbook tells an operator to look at, one command after the other.
RUNBOOK = (
    "uname -m", "uname -r", "getconf PAGESIZE", "getconf LONG_BIT", "df -h /dev/shm", "findmnt /dev/shm", "cat /etc/fstab",
    "bash -c 'ulimit -a'", "bash -c 'ulimit -Hn'", "bash -c 'ulimit -Hl'", "cat /proc/meminfo", "cat /proc/1/limits",
    "cat /proc/sys/vm/overcommit_memory", "cat /proc/sys/vm/max_map_count", "cat /proc/self/maps",
    "bash -c 'systemctl show polkadot.service || true'",
)
PYINFRA = "pyinfra>=3,<4"
PYINFRA_COMMANDS = 12
# A copy of what remediate writes, so that this machine stays as it is; systemd is not there to be asked.
PRIVATE = """
mount -t tmpfs -o size=2G,nosuid,nodev tmpfs /dev/shm
cp -a /etc "$0/etc" && mount --bind "$0/etc" /etc
mkdir -p "$0/state" /var/lib/aarch64-validator && mount --bind "$0/state" /var/lib/aarch64-validator
exec "$@"
"""


class Way(t.NamedTuple):
    """One way to ask all names."""

    command: t.Callable[[Path, Path], list[str]]  # from the inventory and a directory
    times: int = TIMES
    settings: dict[str, str] = {}  # noqa: RUF012


def playbook(path: Path, *options: str, forks: int = NAMES) -> t.Callable[[Path, Path], list[str]]:
    def command(inventory: Path, directory: Path) -> list[str]:
        variables = {"memory_pool_fail_on": "never", "memory_pool_report_dir": str(directory / "report")}
        return [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), "--forks", str(forks), str(path),
                "-e", json.dumps(variables), *options]
    return command


def play(directory: Path, name: str, tasks: list[dict]) -> Path:
    path = directory / f"{name}.yml"
    path.write_text(json.dumps([{"hosts": "validators", "gather_facts": False, "tasks": tasks}]))
    return path


def pyinfra(home: Path) -> t.Callable[[Path, Path], list[str]]:
    """The first commands of the runbook, as operations of pyinfra."""
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    subprocess.run([str(home / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", PYINFRA], check=True)
    deploy = home / "deploy.py"
    calls = [f"server.shell(commands=[{words!r}])\n" for words in RUNBOOK[:PYINFRA_COMMANDS]]
    deploy.write_text("from pyinfra.operations import server\n" + "".join(calls))

    def command(inventory: Path, directory: Path) -> list[str]:
        names = json.loads(inventory.read_text())["validators"]["hosts"]
        hosts = [(name, {"ssh_hostname": given["ansible_host"], "ssh_port": given["ansible_port"],
                         "ssh_user": given["ansible_user"], "ssh_key": given["ansible_ssh_private_key_file"],
                         "ssh_strict_host_key_checking": "no", "ssh_known_hosts_file": "/dev/null", "ssh_allow_agent": False})
                 for name, given in names.items()]
        (directory / "inventory.py").write_text(f"validators = {hosts!r}\n")
        return [str(home / "bin/pyinfra"), "-y", str(directory / "inventory.py"), str(deploy)]
    return command


def cost(given: Path, way: Way, private: bool = False) -> tuple[float, float]:
    """How long one run takes from start to end, and how long the processors of this machine worked for it, targets included."""
    with tempfile.TemporaryDirectory(dir=given, prefix="run-") as made:
        directory = Path(made)
        around = ["unshare", "--mount", "--propagation", "private", "sh", "-c", PRIVATE, str(given)] if private else []
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with names_over_ssh(directory, NAMES, around) as inventory:
            environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **way.settings}
            command = way.command(inventory, directory)
            started = time.perf_counter()
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            spent = time.perf_counter() - started
            for control in (directory / "cp").glob("*"):
                subprocess.run(["ssh", "-o", f"ControlPath={control}", "-O", "exit", "none"], capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        with contextlib.suppress(FileNotFoundError):
            summary = json.loads((directory / "report/report.json").read_text())["summary"]
            if summary["hosts"] != NAMES or summary["failed"] or summary["unreachable"]:
                raise SystemExit(f"not every name was asked: {summary}")
    return spent, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def over_ssh(directory: Path) -> dict[str, tuple[float, float]]:
    """Seconds from start to end, and of the processors, by way."""
    runbook = play(directory, "runbook", [{"ansible.builtin.command": words, "changed_when": False} for words in RUNBOOK])
    ping = play(directory, "ping", [{"ansible.builtin.ping": None}])
    ways = {
        "ping": Way(playbook(ping)),
        "setup, min": Way(playbook(play(directory, "setup", [{"ansible.builtin.setup": {"gather_subset": ["!all"]}}]))),
        "audit": Way(playbook(ROOT / "playbooks/audit.yml")),
        "diagnose": Way(playbook(ROOT / "playbooks/diagnose.yml")),
        "audit, 5 forks": Way(playbook(ROOT / "playbooks/audit.yml", forks=5), 2),
        "audit without pipelining": Way(playbook(ROOT / "playbooks/audit.yml"), 2, {"ANSIBLE_PIPELINING": "False"}),
        "runbook, 16 commands": Way(playbook(runbook), 2),
        "runbook without ControlPersist": Way(playbook(runbook), 1, {"ANSIBLE_SSH_ARGS": "-o ControlMaster=no"}),
        "runbook, 12 by pyinfra": Way(pyinfra(directory / "pyinfra"), 2),
    }
    cost(directory, ways["ping"])  # what is read from disk once
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(TIMES):
        for name, way in ways.items():
            if turn < way.times:
                taken[name].append(cost(directory, way))
    if os.geteuid() == 0:
        remediate = Way(playbook(ROOT / "playbooks/remediate.yml"))
        cost(directory, Way(playbook(ROOT / "playbooks/remediate.yml", "-e", "memory_pool_serial=1")), private=True)
        taken["remediate, nothing to do"] = [cost(directory, remediate, private=True) for _turn in range(2)]
    medians = {}
    for name, values in taken.items():
        spent, worked = (statistics.median(column) for column in zip(*values))
        medians[name] = (spent, worked)
    return medians


def main() -> int:
    """Measure and tell; keep it where that is asked for."""
    if not shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin"):
        print("left out: needs openssh-server")
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        rows = over_ssh(Path(made))
    text, bars = performance_doc.table(NAMES, rows)
    print(text)
    if "--record" in sys.argv[1:]:
        if bench_target.missing():
            raise SystemExit(f"nothing is kept: the costs of a host {bench_target.missing()}")
        on_host, more = bench_target.table(bench_target.costs())
        print(on_host)
        performance_doc.record(ROOT / "docs", f"{text}\n\n{on_host}", rows)
        bars += more
    return ended(bars)


if __name__ == "__main__":
    sys.exit(main())
