# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real aarch64 guests for the chain, one kernel after the other.

The environment may say which: ARM64_KERNELS="va39 pg16k".  With --record the
facts of each kernel are kept for replay, and docs/tested-on.md is written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from fleet import reach
from fleet.state import FleetError
from guest import images, lifecycle, needs
from guest.state import Guests
from tested_on import Figures, write_page

ROOT = Path(__file__).resolve().parents[2]
KERNELS = os.environ.get("ARM64_KERNELS", "va39 va48").split()
# The page says "half of RAM" of a small board for one of them, and 2 GiB for all others.
MEMORY = {"va39": 2048}
UNIT = lifecycle.NODE_UNIT
TREES = ("/etc/fstab", "/etc/systemd", "/etc/sysctl.d", "/etc/default")
REMOTE_MODULE = "/usr/bin/python3 && sleep 0"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the option that keeps what was seen."""
    parser.addoption("--record", action="store_true", help="write tests/unit/recorded and docs/tested-on.md")


class Run(t.NamedTuple):
    """How a playbook ended."""

    status: int
    output: str
    report: dict[str, t.Any]

    @property
    def host(self) -> dict[str, t.Any]:
        """The one host of the report."""
        return dict(self.report["hosts"][0])

    @property
    def ids(self) -> set[str]:
        """What was found and asks for something."""
        return {item["id"] for item in self.host["findings"] if item["severity"] != "info"}

    @property
    def remote_modules(self) -> int:
        """How many modules were executed on the guest; needs -vvv."""
        return sum(REMOTE_MODULE in line for line in self.output.splitlines() if "EXEC" in line)


class ArmGuest:
    """One guest, with what tests do to it and ask it."""

    def __init__(self, guests: Guests, kernel: str, reports: Path) -> None:
        """Name the guest; nothing is started here."""
        self.guests = guests
        self.kernel = kernel
        self.reports = reports
        self.figures = Figures(kernel)

    def run(self, *command: str, **options: t.Any) -> str:
        """Run a command by ssh and return what it printed."""
        return reach.on_host(self.guests, self.kernel, command, **options)

    def tries(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        ssh = reach.ssh_command(self.guests, self.kernel, command)
        return subprocess.run(ssh, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def show(self, *properties: str) -> dict[str, str]:
        """Properties of the node's unit."""
        text = self.run("systemctl", "show", "--property=" + ",".join(properties), UNIT)
        return dict(line.split("=", 1) for line in text.splitlines())

    def pid(self) -> str:
        """The process of the node."""
        return self.show("MainPID")["MainPID"]

    def engines(self, program: str, slots: int, guard: int, count: int) -> int:
        """How many engines of real Wasmtime fit into a process."""
        done = self.tries(f"/usr/local/bin/{program}", images.LIBRARY, str(slots), str(guard), str(count))
        return len(done.stdout.splitlines())

    def upgrade(self) -> None:
        """Let the chain upgrade its runtime."""
        self.run("systemctl", "kill", "--kill-whom=main", "--signal=USR1", UNIT)

    def wait(self, condition: str, seconds: int = 60) -> None:
        """Wait on the guest until a shell condition holds."""
        self.run("timeout", str(seconds), "sh", "-c", f"until {condition}; do sleep 0.5; done")

    def checksums(self) -> str:
        """Names, modes, owners and contents of all that a remedy may write."""
        names = self.run("find", *TREES, "-printf", r"%p %y %m %u %g %l\n")
        sums = self.run("find", *TREES, "-type", "f", "-exec", "sha256sum", "{}", "+")
        return "".join(sorted(names.splitlines(keepends=True)) + sorted(sums.splitlines(keepends=True)))

    def playbook(self, name: str, *arguments: str, **variables: t.Any) -> Run:
        """Run a playbook of this collection on the guest."""
        reports = self.reports / name
        report = reports / "report.json"
        report.unlink(missing_ok=True)
        # The disk of a guest has less free than a node should have.
        small = {"memory_pool_restart_delay": 1, "memory_pool_min_free": "100M"}
        extra = {"memory_pool_report_dir": str(reports), **small, **variables}
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(self.guests.inventory), f"playbooks/{name}.yml"]
        done = subprocess.run(
            [*command, "--extra-vars", json.dumps(extra), *arguments], cwd=ROOT, capture_output=True, text=True,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "COLUMNS": "100"}, check=False,
        )
        output = done.stdout + done.stderr
        assert report.exists(), f"{name} wrote no report:\n{output[-4000:]}"
        return Run(done.returncode, output, json.loads(report.read_text()))


@pytest.fixture(scope="session", params=KERNELS)
def arm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[ArmGuest]:
    """A guest with its node running; it survives reboots."""
    kernel = str(request.param)
    lacking = needs.missing(kernel)
    if lacking:
        pytest.skip(lacking)
    workdir = tmp_path_factory.mktemp(kernel)
    try:
        guests = lifecycle.up(workdir, kernel, memory=MEMORY.get(kernel, 5120), persistent=True, node=True)
    except FleetError as error:
        lifecycle.down(workdir)
        pytest.fail(str(error))
    guest = ArmGuest(guests, kernel, workdir / "reports")
    yield guest
    lifecycle.down(workdir)
    if request.config.getoption("--record"):
        write_page(ROOT / "docs/tested-on.md", guest.figures)
