# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one module costs a host: bytes that are sent, and seconds of its processor, against ping and setup.

On a real host with systemd that runs one service, whose program is as large as a node's. Needs root, systemd-nspawn and gcc.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("playbooks/collections", "tests/support")]

from bars import Bar, ended  # noqa: E402
from fleet import lifecycle, reach, shaping  # noqa: E402
from sent_program import packed, sent  # noqa: E402

TIMES = 15
NAME = "cost-1"
UNIT = "polkadot-large.service"
PROGRAM = "/opt/polkadot"
PYTHON = "/usr/bin/python3"
# MiB of its constants, its code, and of symbols, which are not loaded. Parity's program for x86_64 has 150 MiB in all.
CONSTANTS, CODE, SYMBOLS = 40, 75, 35
SOURCE = """
#include <unistd.h>
asm(".section .rodata\\n .incbin \\"constants\\"\\n .text\\n .incbin \\"code\\"");
static const char *said[] = {"/registry/src/index.crates.io-1949cf8c6b5b557f/wasmtime-36.0.7/src/engine.rs",
                             "<jemalloc>: Unsupported system page size"};
int main(int n, char **v) { for (;;) { pause(); v[0] = (char *)said[n % 2]; } }
"""
# In the host: the module's code comes by stdin, as over SSH; children such as systemctl count.
MEASURE = """
import resource, subprocess, sys
subprocess.run(["python3", "-"], stdin=sys.stdin, stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
"""
Costs = dict[str, tuple[int, float]]


def missing() -> str:
    """What this machine lacks for it."""
    return lifecycle.missing() or ("" if shutil.which("gcc") else "needs gcc")


def large_program(directory: Path) -> Path:
    """A program of a node's size, with the texts that are looked for in one."""
    for name, size in (("constants", CONSTANTS), ("code", CODE)):
        (directory / name).write_bytes(os.urandom(size << 20))
    (directory / "node.c").write_text(SOURCE)
    subprocess.run(["gcc", "-o", "node", "node.c"], cwd=directory, check=True)
    with (directory / "node").open("ab") as stream:
        stream.write(os.urandom(SYMBOLS << 20))
    return directory / "node"


def codes() -> dict[str, bytes]:
    """What ansible-core, or this collection in its place, sends to a host for each module."""
    return {
        "ping": packed("ansible.builtin.ping", {}, PYTHON),
        "setup, min": packed("ansible.builtin.setup", {"gather_subset": ["!all"]}, PYTHON),
        "memory_facts, one service": sent(services=[UNIT]),
    }


def costs() -> Costs:
    """Bytes sent and median seconds of a host's processor, by module."""
    sent = codes()
    seconds: dict[str, list[float]] = {name: [] for name in sent}
    with tempfile.TemporaryDirectory(prefix="cost-") as made:
        directory = Path(made)
        fleet = lifecycle.up(directory / "fleet", [NAME])
        try:
            target = fleet.root(NAME) / PROGRAM.lstrip("/")
            shutil.copy(large_program(directory), target)
            shaping.write(fleet, NAME, f"/etc/systemd/system/{UNIT}", f"[Service]\nExecStart={PROGRAM}\n")
            for verb in (["daemon-reload"], ["start", UNIT]):
                reach.inside(fleet, NAME, ["systemctl", *verb])
            for _turn in range(TIMES):
                for name, code in sent.items():
                    said = reach.inside(fleet, NAME, ["python3", "-c", MEASURE], input=code.decode())
                    seconds[name].append(float(said))
        finally:
            lifecycle.down(directory / "fleet")
    return {name: (len(code), statistics.median(seconds[name])) for name, code in sent.items()}


def table(costs: Costs) -> tuple[str, list[Bar]]:
    """Markdown of it, and what is wanted."""
    ours, ping, setup = (costs[name] for name in ("memory_facts, one service", "ping", "setup, min"))
    bars = [Bar("memory_facts / setup, ms", ours[1] / setup[1], "at most", 0.6),
            Bar("memory_facts - ping, KiB", (ours[0] - ping[0]) / 1024, "at most", 64)]
    lines = ["| on a host | KiB sent | ms of its processor |", "|---|---|---|"]
    lines += [f"| {name} | {size / 1024:.0f} | {seconds * 1000:.0f} |" for name, (size, seconds) in costs.items()]
    lines += ["", "| ratio | wanted | seen |", "|---|---|---|"]
    lines += [f"| {row.name} | {row.how} {row.wanted:g} | {row.seen:.2f} |" for row in bars]
    return "\n".join(lines), bars


def main() -> int:
    """Measure and tell."""
    lack = missing()
    if lack:
        print(f"left out: {lack}")
        return 0
    text, bars = table(costs())
    print(text)
    return ended(bars)


if __name__ == "__main__":
    sys.exit(main())
