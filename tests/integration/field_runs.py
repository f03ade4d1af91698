# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plant the faults of field_faults on real hosts, run the playbooks while they are there and after, and keep what was seen.

A host whose systemd hangs costs a minute for each question. It has runs of its own, beside those of all others.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from conftest import HostHandle
from field_faults import Fault
from fleet import lifecycle
from fleet.state import Fleet, leader
from rootfs import cache_dir
from service_host import REPOSITORY, ServiceHost, install

HANGS, PYTHON_37 = "systemd-hangs", "python-37"
PLAIN = "plain"  # a host without a fault, in the midst of all others
# A run that does not end by then hangs. On an idle machine the longest takes two minutes.
PATIENCE = 900
VARIABLES = {
    # What these hosts can grant, see tests/support/fleet/supervisor.py.
    "memory_pool_limit_nofile": 16384, "memory_pool_limit_memlock": 8388608, "memory_pool_serial": ["100%"],
}
_BASE = """
echo 'POLKADOT_CLI_ARGS="--chain polkadot"' >/etc/default/polkadot
systemctl restart polkadot.service
mount -o remount,size=64M /dev/shm
"""
_SNAPSHOT = """
echo node $(pgrep -o -u polkadot)
grep ' /dev/shm ' /proc/mounts || true
for tree in /etc/fstab /usr/local/etc /etc/systemd /etc/default /var/lib/aarch64-validator; do
    test -e $tree || test -L $tree || continue
    find $tree -printf '%p %y %m %u %g %l\\n' -type f -exec sha256sum '{}' + | sort
done
"""
_LEFT_OVER = "find /etc /usr/local/etc /var/lib -name '*.aarch64-validator-new'; ls /run/aarch64-validator.lock || true"
# The kernel's clock is shared with this machine, so it is the libc of the module and of its children that jumps.
_CLOCK = """
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static const long jumps[] = {0, 7200, -7200, 315360000};
int clock_gettime(clockid_t id, struct timespec *now) {
    struct timespec steady;
    long failed = syscall(SYS_clock_gettime, id, now);
    if (failed || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) return failed;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &steady);
    now->tv_sec += jumps[steady.tv_nsec / 20000000 % 4];
    return 0;
}
time_t time(time_t *where) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where) *where = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *where, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    where->tv_sec = now.tv_sec;
    where->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""
_JUMPING = "#!/bin/sh\nLD_PRELOAD=/opt/clock/clock.so exec /usr/bin/python3 \"$@\"\n"


@dataclass
class Run:
    """How a playbook ended, and its report by host."""

    status: int
    output: str
    hosts: dict[str, dict[str, t.Any]]


@dataclass
class Seen:
    """What was seen of one host: entries of reports by run, snapshots by moment."""

    entries: dict[str, dict[str, t.Any]] = field(default_factory=dict)
    snapshots: dict[str, str] = field(default_factory=dict)
    kept: bool = True
    left_over: str = ""
    modules: dict[str, dict[str, t.Any]] = field(default_factory=dict)

    def said(self, run: str, words: str) -> str:
        """The line of a report that has these words; empty if there is none."""
        entry = self.entries[run]
        lines = [entry["failure"]["message"]] if entry["failure"] else []
        lines += [f"{item['id']}: {item['summary']}" for item in entry["findings"]]
        lines += [f"not read: {row['path']} ({row['reason']})" for row in (entry["facts"] or {}).get("unread", [])]
        return next((line for line in lines if words in line), "")

    def node(self, moment: str) -> str:
        """The process of the node."""
        return self.snapshots[moment].splitlines()[0]


T = t.TypeVar("T")


class Field:
    """A fleet of which each host has a fault."""

    def __init__(self, fleet: Fleet, faults: list[Fault], workdir: Path) -> None:
        self.fleet, self.faults, self.workdir = fleet, faults, workdir
        self.handles = {host.name: HostHandle(fleet, host.name) for host in fleet.hosts}
        self.seen = {name: Seen() for name in self.handles}

    def each(self, work: t.Callable[[T], t.Any], them: t.Iterable[T]) -> None:
        """Do something on many hosts, or with many faults, at once; raises what one of them raises."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, them))

    def shell(self, name: str, text: str) -> str:
        """Run shell text on a host, without ssh."""
        return self.handles[name].inside("sh", "-ec", text)

    def plant(self, fault: Fault) -> None:
        """Give a host its fault."""
        root = self.fleet.root(fault.name)
        if fault.name == "clock":
            (root / "opt/clock").mkdir()
            (self.workdir / "clock.c").write_text(_CLOCK, encoding="utf-8")
            library = str(root / "opt/clock/clock.so")
            subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, str(self.workdir / "clock.c")], check=True)
            (root / "opt/clock/python3").write_text(_JUMPING, encoding="utf-8")
            (root / "opt/clock/python3").chmod(0o755)
        elif fault.name == "busybox":
            for directory in ("bin", "dev", "tmp", "root"):
                (root / "srv/busybox" / directory).mkdir(parents=True)
            shutil.copy(str(shutil.which("busybox")), root / "srv/busybox/bin/busybox")
            (root / "srv/busybox/bin/sh").symlink_to("busybox")
        elif fault.name == "labels":
            os.setxattr(root / "etc/fstab", "security.selinux", b"system_u:object_r:etc_t:s0")
        elif fault.name == PYTHON_37:
            copy_python(python_37(), root)
        self.shell(fault.name, fault.plant)
        if fault.name == HANGS:
            install(self.handles[HANGS])
            os.kill(leader(self.fleet, HANGS), signal.SIGSTOP)

    def lift(self, fault: Fault) -> None:
        """Take the fault away."""
        if fault.name == HANGS:
            os.kill(leader(self.fleet, HANGS), signal.SIGCONT)
        self.shell(fault.name, fault.lift)

    def snapshot(self, moment: str, names: t.Iterable[str]) -> None:
        """Keep the node's process, the mount and all that a remedy may write."""
        def one(name: str) -> None:
            self.seen[name].snapshots[moment] = self.shell(name, _SNAPSHOT)

        self.each(one, names)

    def play(self, label: str, names: list[str], playbook: str, *arguments: str, faulty: bool = True,
             core: list[str] | None = None) -> Run:
        """Run a playbook on some hosts and keep their entries under a label."""
        content = json.loads(self.fleet.inventory.read_text())
        group = content["validators"]
        group["hosts"] = {name: group["hosts"][name] for name in names}
        for fault in self.faults:
            if faulty and fault.name in names:
                group["hosts"][fault.name].update(fault.variables)
        if PYTHON_37 in names:
            group["hosts"][PYTHON_37]["ansible_python_interpreter"] = python_37()
        directory = self.workdir / f"{label}-{names[0]}"
        directory.mkdir()
        (directory / "inventory.json").write_text(json.dumps(content))
        variables = json.dumps({**VARIABLES, "memory_pool_report_dir": str(directory)})
        command = [*(core or [sys.executable, "-m", "ansible", "playbook"]), "-i", str(directory / "inventory.json"),
                   f"playbooks/{playbook}.yml", "--extra-vars", variables, *arguments]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=PATIENCE,
                              env={**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg")})
        output = done.stdout + done.stderr
        assert (directory / "report.json").exists(), output[-4000:]
        entries = {entry["name"]: entry for entry in json.loads((directory / "report.json").read_text())["hosts"]}
        for name, entry in entries.items():
            self.seen[name].entries[label] = entry
        return Run(done.returncode, output, entries)

    def keep(self, fault: Fault) -> None:
        """Look whether remediate has left alone what is not its own."""
        script = f"if {fault.keeps or 'true'}; then echo kept; fi"
        self.seen[fault.name].kept = self.shell(fault.name, script).strip().endswith("kept")

    def look_for_left_over(self, name: str) -> None:
        """Temporary files and locks of runs that have ended."""
        self.seen[name].left_over = self.shell(name, _LEFT_OVER).strip()

    def several(self, faults: list[Fault]) -> None:
        """All runs on hosts that answer."""
        names = [PLAIN, *(fault.name for fault in faults)]
        self.snapshot("before", names)
        self.play("audit", names, "audit")
        self.play("check", names, "remediate", "--check")
        self.snapshot("checked", names)
        self.play("remediate", names, "remediate")
        self.snapshot("remediated", names)
        self.each(self.keep, faults)
        self.each(self.lift, faults)
        core = old_core() if PYTHON_37 in names else []
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(self.play, "after", [name for name in names if name != PYTHON_37], "remediate", faulty=False)]
            if core:
                runs.append(pool.submit(self.play, "after", [PYTHON_37], "remediate", faulty=False, core=core))
            for run in runs:
                run.result()
        self.finish(names)

    def finish(self, names: list[str]) -> None:
        """The last look at hosts whose faults are gone."""
        self.snapshot("after", names)
        self.each(self.look_for_left_over, names)
        self.each(lambda name: self.handles[name].rpc("state_getRuntimeVersion"), [name for name in names if name != PYTHON_37])

    def hanging(self, faults: list[Fault]) -> None:
        """All runs on the host whose systemd hangs; each step of a playbook that asks it takes a minute."""
        if not faults:
            return
        host, seen = ServiceHost(self.handles[HANGS]), self.seen[HANGS]
        self.snapshot("before", [HANGS])
        with ThreadPoolExecutor(4) as pool:
            work: dict[str, t.Any] = {
                "limits in check mode": pool.submit(host.limits, unit="polkadot", nofile="16384", check=True),
                "limits": pool.submit(host.limits, unit="polkadot", nofile="16384"),
                "restart": pool.submit(host.restart, unit="polkadot", delay=0),
            }
            self.play("audit", [HANGS], "audit")
            seen.modules = {name: future.result() for name, future in work.items()}
        self.snapshot("checked", [HANGS])
        self.play("remediate", [HANGS], "remediate")
        self.snapshot("remediated", [HANGS])
        self.lift(faults[0])
        self.play("after", [HANGS], "remediate", faulty=False)
        self.finish([HANGS])


def observe(faults: list[Fault], workdir: Path) -> dict[str, Seen]:
    """Boot a fleet, plant every fault, and do all runs."""
    (workdir / "fleet").mkdir()
    try:
        fleet = lifecycle.up(workdir / "fleet", [PLAIN, *(fault.name for fault in faults)])
        place = Field(fleet, faults, workdir)
        place.each(lambda name: place.shell(name, _BASE), place.handles)
        place.each(lambda name: place.handles[name].wait_for_node(), place.handles)
        place.each(place.plant, faults)
        place.each(lambda name: place.handles[name].wait_for_node(), [fault.name for fault in faults if fault.restarts])
        with ThreadPoolExecutor(2) as pool:
            lanes = [pool.submit(place.hanging, [fault for fault in faults if fault.name == HANGS]),
                     pool.submit(place.several, [fault for fault in faults if fault.name != HANGS])]
            for lane in lanes:
                lane.result()
        return place.seen
    finally:
        lifecycle.down(workdir / "fleet")


def python_37() -> str:
    """The path of a Python 3.7 of this machine; empty if it has none."""
    script = f". {REPOSITORY}/scripts/pythons.sh; python_at 3.7 || true"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def copy_python(python: str, root: Path) -> None:
    """Give a host that Python, at the same path, without what modules have no use for."""
    prefix = Path(python).parent.parent
    target = root / str(prefix).lstrip("/")
    unused = shutil.ignore_patterns("test", "__pycache__", "site-packages", "idlelib", "config-*", "lib2to3", "ensurepip")
    shutil.copytree(prefix / "lib/python3.7", target / "lib/python3.7", ignore=unused)
    (target / "bin").mkdir()
    shutil.copy(python, target / "bin")
    for library in (prefix / "lib").glob("libpython3.7*.so*"):
        shutil.copy(library, target / "lib", follow_symlinks=False)


def old_core() -> list[str]:
    """The command line of the last ansible-core that works with Python 3.7 on hosts; it is kept in the user's cache."""
    venv = cache_dir() / "ansible-core-2.17"
    script = f". {REPOSITORY}/scripts/pythons.sh; venv_for {venv} {sys.executable} ansible-core~=2.17.0 jmespath netaddr"
    subprocess.run(["bash", "-c", "set -e; " + script], check=True)
    return [str(venv / "bin/python"), "-m", "ansible", "playbook"]
