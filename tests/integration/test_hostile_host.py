# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that answer lies: nothing of them is evaluated on the controller, and they spoil no other host's report."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from loopback_ssh import names_over_ssh

REPOSITORY = Path(__file__).resolve().parents[2]
LIAR = Path(__file__).with_name("liar.py")
RECORDED = REPOSITORY / "tests/unit/recorded/aarch64-va48.json"
# By name of the host: what its verdict must be. Facts that are only full of evil texts are judged like any others.
KINDS = {
    "jinja": None, "failing": "failed", "huge": "failed", "deep": "failed", "typed": "failed", "lists": "failed",
    "silent": "failed", "words": "failed", "names": "failed", "override": None, "mistyped": "failed", "values": "failed",
    "large": None, "drawing": None, "junk": None, "mute": "failed", "dripping": "failed", "endless": "failed",
    "complaining": "failed",
}
ANSWER_SECONDS = 10
# What any process of a run may have: ansible-core itself about 60 MiB, and what is read on a busy machine until it is looked at.
MOST_MEMORY = 300 << 20
DRAWS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# Another ansible-core, such as one of a release in which facts are marked unsafe instead of strings trusted.
PLAYBOOK = os.environ.get("HOSTILE_ANSIBLE_PLAYBOOK")


class Told(t.NamedTuple):
    """What an operator got."""

    status: int
    output: str
    report: dict[str, t.Any]
    directory: Path
    home: Path
    memory: int  # of the largest of its processes, in bytes


def run(home: Path, playbook: str, kinds: t.Collection[str] = tuple(KINDS), ways: t.Sequence[dict[str, t.Any]] = (),
        **settings: str) -> Told:
    """Run a playbook against liars and this machine. ways are how the hosts are reached, if not as this machine itself."""
    home.mkdir()
    for kind in kinds:
        (home / kind).write_text(f"#!{sys.executable}\n" + LIAR.read_text())
        (home / kind).chmod(0o755)
    (home / "facts.json").write_text(RECORDED.read_text())
    pythons = {**{kind: str(home / kind) for kind in kinds}, "honest": sys.executable}
    reached = ways or [{"ansible_connection": "local"}] * len(pythons)
    hosts = {name: dict(way, ansible_python_interpreter=python) for (name, python), way in zip(pythons.items(), reached)}
    report = home / "report"
    # What facts of a host would win over.
    variables = {"memory_pool_report_dir": str(report), "memory_pool_answer_seconds": ANSWER_SECONDS}
    inventory = {"all": {"vars": variables, "children": {"validators": {"hosts": hosts}}}}
    (home / "inventory.json").write_text(json.dumps(inventory))
    command = [PLAYBOOK] if PLAYBOOK else [sys.executable, "-m", "ansible", "playbook"]
    measured = [sys.executable, "-c", MEASURE, *command]
    process = subprocess.run(
        [*measured, "-i", str(home / "inventory.json"), f"playbooks/{playbook}.yml", "-v", "--diff"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, errors="replace", timeout=600,
        # Facts as variables are what a user's own ansible.cfg may well have.
        env={**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_INJECT_FACT_VARS": "true",
             "ANSIBLE_NOCOLOR": "1", "HOME": str(home), "PWD": str(REPOSITORY), **settings})
    output, _mark, memory = (process.stdout + process.stderr).rpartition("largest process: ")
    found = json.loads((report / "report.json").read_text()) if (report / "report.json").exists() else {"hosts": []}
    return Told(process.returncode, output, found, report, home, int(memory) << 10)


# Says at the end how much memory the largest process had that this one has waited for.
MEASURE = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print("largest process:", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


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
    drawn = [line for line in told.output.replace("\x1b[0m", "").split("\n") if DRAWS.search(line)]
    assert not drawn, f"a host drives the terminal of the operator: {drawn[:5]!r}"
    with open(told.directory / "hosts.csv", newline="", encoding="utf-8") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r") or cell[:2] == "-c"], "a formula in hosts.csv"
    page = (told.directory / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    assert sum(file.stat().st_size for file in told.directory.rglob("*") if file.is_file()) < 32 << 20, "a host filled the disk"


def test_what_failed_is_said(told: Told) -> None:
    """An operator reads what to do, and not what a connection plugin raised."""
    said = {host["name"]: host["failure"]["message"] for host in told.report["hosts"] if host["failure"]}
    late, large = f"no answer within {ANSWER_SECONDS} s", "the host answered more than 16 MiB"
    expected = {"mute": late, "dripping": late, "endless": large, "complaining": large, "huge": large, "values": large}
    wrong = {name: said.get(name) for name, text in expected.items() if text not in said.get(name, "")}
    assert not wrong, "the report does not say why these hosts failed"
    assert "16 MiB" not in said.get("large", ""), "an answer that is just small enough is refused"


def test_many_that_answer_too_much(tmp_path: Path) -> None:
    """Ten hosts at once, of which each alone would fill hundreds of megabytes."""
    kinds = [f"{kind}.{number}" for kind in ("huge", "endless", "values", "complaining", "words") for number in (1, 2)]
    told = run(tmp_path / "many", "audit", kinds)
    assert {host["name"] for host in told.report["hosts"] if host["verdict"] == "failed"} == set(kinds), told.output
    assert told.memory < MOST_MEMORY, f"one process had {told.memory >> 20} MiB: with 50 forks the controller runs out of memory"


@pytest.mark.parametrize("pipelining", ["true", "false"])
def test_over_ssh_nothing_stays(tmp_path: Path, pipelining: str) -> None:
    """A connection to a host that says nothing is given up, also behind the task: no client of it is left on the controller."""
    kinds = ["mute", "endless"]
    with names_over_ssh(tmp_path, len(kinds) + 1) as inventory:
        ways = list(json.loads(inventory.read_text())["validators"]["hosts"].values())
        told = run(tmp_path / "ssh", "audit", kinds, ways, ANSIBLE_PIPELINING=pipelining, ANSIBLE_SSH_PIPELINING=pipelining)
        verdicts = {host["name"]: host["verdict"] for host in told.report["hosts"]}
        assert verdicts.pop("honest") not in ("failed", "unreachable"), told.output
        assert set(verdicts.values()) == {"failed"}, told.output
        left = subprocess.run(["pgrep", "-af", f"ssh .*{tmp_path}"], capture_output=True, text=True, check=False).stdout
        clients = [line for line in left.splitlines() if "[mux]" not in line and "sshd" not in line]
        assert not clients, f"left on the controller: {clients}"
