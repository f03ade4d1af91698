# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines beyond one controller: ansible-runner in three slices, and ansible-pull. Merged, they say what one run says.

Twelve hosts, all of which are this machine. The project is the one of docs/scale.md, with the built collection in it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
HOSTS = [f"val-{number:02}" for number in range(1, 13)]
SLICES = {f"slice-{number + 1}": HOSTS[number::3] for number in range(3)}  # as AWX deals them out
# More than any host has, so that there is something to say of each.
# One service named, so that nodes in containers, such as the hosts of other tests, do not come and go between two audits.
POLICY = {"memory_pool_shm_size": "1000T", "memory_pool_services": ["systemd-journald.service"]}
ARTIFACTS = "{{ lookup('ansible.builtin.env', 'AWX_ISOLATED_DATA_DIR') }}/validator-report"
# Facts that are others a second later, by their paths.
PASSING = (("host", "time"), ("kernel", "committed"), ("memory", "available"), ("memory", "swap_free"), ("memory", "cgroup"),
           ("shm", "used"), ("shm", "inodes_free"), ("pool", "largest_reservation"))


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWX_"))}
    return {**kept, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}


def run(*command: object, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private data directory of ansible-runner; its folder project could as well be that of AWX."""
    private = tmp_path_factory.mktemp("runner") / "data"
    for name in ("project", "inventory", "env"):
        (private / name).mkdir(parents=True)
    run("ansible-galaxy", "collection", "build", ROOT, "--output-path", private.parent, cwd=private)
    (archive,) = private.parent.glob("*.tar.gz")
    run("ansible-galaxy", "collection", "install", archive, "-p", "collections", cwd=private / "project")
    (private / "project/ansible.cfg").write_text("[defaults]\ncollections_path = collections\n")
    for name in ("audit", "verify"):
        play = f"---\n- name: Run it\n  ansible.builtin.import_playbook: aarch64.validator.{name}\n"
        (private / f"project/{name}.yml").write_text(play)
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (private / "inventory/hosts.json").write_text(json.dumps({"validators": {"hosts": dict.fromkeys(HOSTS, host)}}))
    (private / "env/extravars").write_text(json.dumps({**POLICY, "memory_pool_report_dir": ARTIFACTS}))
    (private / "env/settings").write_text(json.dumps({"fact_cache_type": "jsonfile"}))
    return private


def sliced(private: Path, result: Path, name: str, playbook: str, limit: list[str]) -> None:
    """One slice through the three steps, which could as well be three machines."""
    steps = (
        ["ansible-runner", "transmit", private, "-p", playbook, "-i", name, "--limit", ",".join(limit)],
        ["ansible-runner", "worker"],
        ["ansible-runner", "process", result, "-i", name],
    )
    stream = b""
    for step in steps:
        command = [str(word) for word in step]
        stream = subprocess.run(command, input=stream, stdout=subprocess.PIPE, env=environment(), check=False).stdout


def report_of(directory: Path) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads((directory / "report.json").read_text()))


def merged(directory: Path, *pieces: str, check: bool = True, **variables: object) -> subprocess.CompletedProcess[str]:
    (directory / "ansible.cfg").write_text(f"[defaults]\ncollections_path = {ROOT}/playbooks/collections\n")
    given = {"memory_pool_pieces": pieces, **variables}
    return run("ansible-playbook", "aarch64.validator.merge", "-e", json.dumps(given), cwd=directory, check=check)


def lasting(whole: dict[str, t.Any]) -> dict[str, t.Any]:
    """A report without what passes."""
    for entry in whole["hosts"]:
        for part, name in PASSING:
            entry["facts"][part].pop(name, None)
    return {name: value for name, value in whole.items() if name not in ("generated_at", "pieces", "duplicate_identities")}


@pytest.fixture(scope="module")
def three(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ansible-runner brought three slices back."""
    result = tmp_path_factory.mktemp("result")
    started = time.monotonic()
    for name, limit in SLICES.items():
        sliced(project, result, name, "audit.yml", limit)
    print(f"three slices, one after the other: {time.monotonic() - started:.1f} s")
    return result


@pytest.fixture(scope="module")
def one(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, t.Any]:
    """The report of one run on all hosts."""
    directory = tmp_path_factory.mktemp("one")
    started = time.monotonic()
    run("ansible-playbook", "-i", project / "inventory", "audit.yml", "--forks", "12",
        "-e", json.dumps({**POLICY, "memory_pool_report_dir": str(directory)}), cwd=project / "project")
    print(f"one run: {time.monotonic() - started:.1f} s")
    return report_of(directory)


def test_three_slices_are_one_run(three: Path, one: dict[str, t.Any], tmp_path: Path) -> None:
    done = merged(tmp_path, f"{three}/artifacts/*/validator-report")
    assert "audit: 12 hosts: 12 at-risk" in done.stdout
    whole = report_of(tmp_path / "validator-report")
    assert [(Path(piece["file"]).parts[-3], piece["hosts"]) for piece in whole["pieces"]] == [(name, 4) for name in SLICES]
    now, then = lasting(whole), lasting(one)
    for host, other in zip(now["hosts"], then["hosts"]):
        assert host == other, host["name"]
    assert now == then
    assert len(list((tmp_path / "validator-report/facts").iterdir())) == len(HOSTS)


def test_slice_that_comes_twice_is_refused(three: Path, tmp_path: Path) -> None:
    shutil.copytree(three / "artifacts/slice-1/validator-report", tmp_path / "again")
    done = merged(tmp_path, f"{three}/artifacts/*/validator-report", "again", check=False)
    assert done.returncode == 2 and "host 'val-01' is in " in done.stdout
    assert not (tmp_path / "validator-report").exists()


def test_fact_cache_of_a_slice_can_be_judged_again(three: Path, tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text(f"[defaults]\ncollections_path = {ROOT}/playbooks/collections\n")
    given = {**POLICY, "memory_pool_facts_dir": str(three / "artifacts/slice-2/fact_cache")}
    run("ansible-playbook", "aarch64.validator.audit", "-e", json.dumps(given), cwd=tmp_path)
    again, said = (report_of(place / "validator-report") for place in (tmp_path, three / "artifacts/slice-2"))
    assert again["hosts"] == said["hosts"] and [entry["name"] for entry in said["hosts"]] == SLICES["slice-2"]


def test_slice_that_fails_still_brings_its_report(project: Path, tmp_path: Path) -> None:
    """verify ends with exit code 2, since what it wants is not there; so does the merge."""
    sliced(project, tmp_path / "result", "slice-9", "verify.yml", HOSTS[:1])
    artifacts = tmp_path / "result/artifacts/slice-9"
    assert (artifacts / "rc").read_text() == "2" and (artifacts / "status").read_text() == "failed"
    done = merged(tmp_path, "result", check=False)
    assert done.returncode == 2 and "wanted but not live: val-01" in done.stdout


def test_host_pulls_and_hands_over_its_report(project: Path, tmp_path: Path) -> None:
    """The project in a repository, pulled and run by the host itself, which then puts one file where the others put theirs."""
    def git(*words: object) -> None:
        run("git", "-c", "user.name=ops", "-c", "user.email=ops@example.org", *words, cwd=tmp_path / "repository")

    shutil.copytree(project / "project", tmp_path / "repository", symlinks=True)
    git("init", "--quiet", "--initial-branch", "main")
    git("add", "--all", "--force")
    git("commit", "--quiet", "--message", "project")
    name = socket.gethostname()
    run("ansible-pull", "--url", (tmp_path / "repository").as_uri(), "--checkout", "main", "--directory", tmp_path / "checkout",
        "--inventory", f"{name},", "-e", json.dumps({**POLICY, "memory_pool_hosts": "all", "memory_pool_report_dir": "pulled",
                                                     "ansible_python_interpreter": sys.executable}), "audit.yml", cwd=tmp_path)
    (pulled,) = tmp_path.rglob("pulled/report.json")
    (tmp_path / "inbox").mkdir()
    pulled.replace(tmp_path / "inbox" / f"{name}.json")
    merged(tmp_path, "inbox/*.json")
    assert [entry["name"] for entry in report_of(tmp_path / "validator-report")["hosts"]] == [name]
