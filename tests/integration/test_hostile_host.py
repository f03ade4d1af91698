# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that answer lies: nothing of them is evaluated on the controller, and they spoil no other host's report."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LIAR = Path(__file__).with_name("liar.py")
RECORDED = REPOSITORY / "tests/unit/recorded/aarch64-va48.json"
# By name of the host: what its verdict must be. Facts that are only full of evil texts are judged like any others.
KINDS = {
    "jinja": None, "failing": "failed", "huge": "failed", "deep": "failed", "typed": "failed", "lists": "failed",
    "silent": "failed", "words": "failed", "names": "failed", "override": None,
}
# Another ansible-core, such as one of a release in which facts are marked unsafe instead of strings trusted.
PLAYBOOK = os.environ.get("HOSTILE_ANSIBLE_PLAYBOOK")


class Told(t.NamedTuple):
    """What an operator got."""

    status: int
    output: str
    report: dict[str, t.Any]
    directory: Path
    home: Path


def run(home: Path, playbook: str) -> Told:
    """Run a playbook against all liars and this machine."""
    home.mkdir()
    for kind in KINDS:
        (home / kind).write_text(f"#!{sys.executable}\n" + LIAR.read_text())
        (home / kind).chmod(0o755)
    (home / "facts.json").write_text(RECORDED.read_text())
    hosts = {kind: {"ansible_connection": "local", "ansible_python_interpreter": str(home / kind)} for kind in KINDS}
    hosts["honest"] = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    report = home / "report"
    variables = {"memory_pool_report_dir": str(report)}  # what facts of a host would win over
    inventory = {"all": {"vars": variables, "children": {"validators": {"hosts": hosts}}}}
    (home / "inventory.json").write_text(json.dumps(inventory))
    command = [PLAYBOOK] if PLAYBOOK else [sys.executable, "-m", "ansible", "playbook"]
    process = subprocess.run(
        [*command, "-i", str(home / "inventory.json"), f"playbooks/{playbook}.yml", "-v"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, errors="replace",
        # Facts as variables are what a user's own ansible.cfg may well have.
        env={**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_INJECT_FACT_VARS": "true",
             "ANSIBLE_NOCOLOR": "1", "HOME": str(home), "PWD": str(REPOSITORY)})
    found = json.loads((report / "report.json").read_text()) if (report / "report.json").exists() else {"hosts": []}
    return Told(process.returncode, process.stdout + process.stderr, found, report, home)


@pytest.fixture(scope="module", params=["audit", "remediate"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A run that changes nothing, and one that would."""
    return run(tmp_path_factory.mktemp("hostile") / request.param, request.param)


def test_nothing_is_evaluated(told: Told) -> None:
    assert not (told.home / "owned").exists(), "a text of a host was run on the controller"
    assert not (told.home / "elsewhere").exists(), "a host decided where the report is written"


def test_each_liar_is_named(told: Told) -> None:
    verdicts = {host["name"]: host["verdict"] for host in told.report["hosts"]}
    assert set(verdicts) == {*KINDS, "honest"}, "a host was added or lost"
    wrong = {name: verdicts[name] for name, verdict in KINDS.items() if verdict and verdicts[name] != verdict}
    assert not wrong, "these hosts lied and are believed"
    failures = {host["name"]: host["failure"] for host in told.report["hosts"]}
    assert not failures["honest"], "a liar spoilt the report of another host"
    assert told.status != 0, "the run ended well"


def test_reports_are_safe(told: Told) -> None:
    screen = told.output
    assert "\x1b" not in screen.replace("\x1b[0m", ""), "a host can move the cursor of the operator"
    with open(told.directory / "hosts.csv", newline="", encoding="utf-8") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r") or cell[:2] == "-c"], "a formula in hosts.csv"
    page = (told.directory / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    assert sum(file.stat().st_size for file in told.directory.rglob("*") if file.is_file()) < 32 << 20, "a host filled the disk"
