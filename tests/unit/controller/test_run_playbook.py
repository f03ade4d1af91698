# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What make hands over arrives as it was given, and nobody is told to be root for reading files."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible.parsing.dataloader import DataLoader
from test_query import ROOT, RUN_PLAYBOOK
from test_replay import audit

UNREACHABLE = "val-1 ansible_host=192.0.2.1 ansible_connection=ssh"


def run(playbook: str, **given: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.run([sys.executable, str(ROOT / "scripts/run_playbook.py"), playbook], cwd=ROOT, capture_output=True,
                          text=True, check=False, env={**environment, **given})


@pytest.mark.parametrize(("given", "names"), [
    ("a/report.json 'b c'", ["a/report.json", "b c"]),
    ("'slices/*/report.json'", ["slices/*/report.json"]),
    ("'{{ 7 * 7 }}' '$(id)' \"`id`\" ';\u00e9\"'", ["{{ 7 * 7 }}", "$(id)", "`id`", ";\u00e9\""]),
])
def test_pieces_arrive_as_they_were_given_and_are_no_templates(given, names):
    option, variables = RUN_PLAYBOOK["pieces"](given)
    assert option == "-e" and DataLoader().load(variables) == {"memory_pool_pieces": names}


@pytest.mark.parametrize(("given", "told"), [("", "nothing is given"), ("'a", "No closing quotation")])
def test_pieces_that_cannot_be_used(given, told):
    done = run("merge", PIECES=given)
    assert done.returncode == 1 and f"PIECES: {given!r} is not valid ({told}); give report.json of each run" in done.stderr


@pytest.mark.parametrize(("playbook", "arguments", "asks"), [
    ("audit", [], True), ("merge", [], False), ("audit", ["-e", "memory_pool_facts_dir=x"], False), ("remediate", [], True),
])
def test_only_who_asks_hosts_may_need_root(playbook, arguments, asks):
    assert RUN_PLAYBOOK["asks_hosts"](playbook, arguments) is asks


def test_make_merge(tmp_path):
    """By make itself, with a stand-in for Python that says what it was given."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text('#!/bin/sh\nprintenv PIECES\necho "$@"\n')
    (tmp_path / "bin/python").chmod(0o755)
    (tmp_path / ".installed").touch()
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "PIECES")}
    done = subprocess.run(["make", "-s", "merge", f"VENV={tmp_path}", "PIECES='a b' $(shell touch pwned);`id`"], cwd=ROOT,
                          env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["'a b' $(shell touch pwned);`id`", "scripts/run_playbook.py merge"]


@pytest.mark.parametrize(("variables", "told"), [
    ({"memory_pool_baseline": "none.json"}, "memory_pool_baseline: 'none.json' cannot be read (No such file or directory); give"),
    ({"memory_pool_baseline": "hosts"}, "memory_pool_baseline: 'hosts' is no JSON"),
    ({"memory_pool_baseline": "other.json"}, "memory_pool_baseline: 'other.json' is of schema 7, this version writes schema 1"),
    ({"memory_pool_fail_on": "drift"}, "memory_pool_fail_on: drift needs memory_pool_baseline"),
    ({"memory_pool_query": "hosts["}, "memory_pool_query: column 7: the expression is not complete"),
    ({"memory_pool_shm_size": "much"}, "memory_pool_shm_size: 'much' is not valid; give"),
])
@pytest.mark.parametrize("playbook", ["audit", "diagnose"])
def test_what_a_report_cannot_be_made_with_is_said_before_any_host_is_asked(tmp_path, variables, told, playbook):
    (tmp_path / "hosts").write_text(f"[validators]\n{UNREACHABLE}\n")
    (tmp_path / "other.json").write_text('{"schema": 7}')
    done = audit(tmp_path, "-i", "hosts", playbook=str(ROOT / f"playbooks/{playbook}.yml"), **variables)
    assert done.status == 2 and told in done.output, done.output
    assert "Gather" not in done.output and not done.report, "a host was asked first"
