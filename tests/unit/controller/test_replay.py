# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts that an audit recorded are judged again with no host at hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.aarch64.validator.plugins.action.report import write_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._release_check import recorded_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import host_entry
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._recorded import file_name, host_name, recorded_outcome
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._replay import recorded
from facts_factory import host_facts, node_facts

ROOT = Path(__file__).resolve().parents[3]
RECORDED = sorted((ROOT / "tests/unit/recorded").glob("*.json"))
EXPECTED = yaml.safe_load((ROOT / "tests/unit/recorded/expected.yml").read_text())
ODD_NAME = "../rack/1"  # of a host, which must not lead out of the directory


def test_every_recorded_host_has_an_expectation():
    assert [path.stem for path in RECORDED] == sorted(EXPECTED)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_host(path):
    assessment = assess_facts(json.loads(path.read_text()), {})
    expected = EXPECTED[path.stem]
    assert assessment["verdict"] == expected["verdict"]
    assert [item["id"] for item in assessment["findings"] if item["severity"] != "info"] == expected["findings"]


@pytest.mark.parametrize(("host", "file"), [
    ("val-1.example.org", "val-1.example.org.json"),
    ("2001:db8::1", "2001%3Adb8%3A%3A1.json"),
    (ODD_NAME, "%2E.%2Frack%2F1.json"),
    (".hidden", "%2Ehidden.json"),
    ("100%", "100%25.json"),
    ("~root", "%7Eroot.json"),
    ("wächter 1", "w%C3%A4chter%201.json"),
])
def test_file_of_a_host(host, file):
    assert file_name(host) == file
    assert host_name(file) == host


@pytest.mark.parametrize("letter", ["x", "\u9a8c", "/"])
def test_name_too_long_for_a_file_is_cut(letter, tmp_path):
    names = [letter * 250 + end for end in "ab"]
    files = [file_name(name) for name in names]
    assert files[0] != files[1], "two hosts never share a file"
    for file in files:
        (tmp_path / file).write_text(json.dumps(node_facts()))
        assert file_name(host_name(file)) != file and host_name(file).isprintable()
    assert [name for name, _told, _text in recorded(str(tmp_path), names[:1], {})] == names[:1]
    assert list(recorded_facts(str(tmp_path), names[1:])) == names[1:]


def test_host_with_a_long_name_costs_no_report(tmp_path):
    connection = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    names = ["\u9a8c" * 100, "val-1"]
    (tmp_path / "hosts.json").write_text(json.dumps({"validators": {"hosts": dict.fromkeys(names, connection)}}))
    run = audit(tmp_path, "-i", "hosts.json", memory_pool_fail_on="never")
    assert run.status == 0, run.output
    assert {entry["name"] for entry in run.report["hosts"] if not entry["failure"]} == set(names)
    assert {path.name for path in (tmp_path / "validator-report/facts").iterdir()} == set(map(file_name, names))


def test_name_of_a_file_cannot_drive_the_terminal():
    assert host_name("val%1b[2J.json") == host_name("val\x1b[2J.json") == "val%1B%5B2J"


def test_outcome_of_a_file_is_that_of_the_live_host():
    facts = node_facts()
    outcome = recorded_outcome("val-1.json", json.dumps(facts).encode(), {"shm_size": "64G"})
    assert outcome == {"facts": facts, "assessment": assess_facts(facts, {"shm_size": "64G"})}


@pytest.mark.parametrize(("content", "problem"), [
    (b"", "is no JSON"),
    (b"\xff\xfe", "is no JSON"),
    (b"[" * 100000, "is no JSON"),
    (b"[]", "schema 1"),
    (b'{"schema": 2}', "schema 1"),
    (b'{"schema": 1}', "not whole, they lack host, kernel"),
    (json.dumps(host_facts(shm={"size": "64M"})).encode(), "cannot be judged (these memory facts are not of the shape"),
])
def test_file_that_cannot_be_judged_is_a_failed_host(content, problem):
    entry = host_entry("val-1", recorded_outcome("val-1.json", content, {}))
    assert entry["verdict"] == "failed"
    assert entry["failure"]["message"].startswith("val-1.json ")
    assert problem in entry["failure"]["message"] and "audit writes" in entry["failure"]["message"]


def test_older_facts_of_a_host_that_gave_none_are_kept(tmp_path):
    outcomes = {"val-1": {"facts": host_facts()}, "val-2": {}}
    (tmp_path / "facts").mkdir()
    for name in outcomes:
        (tmp_path / "facts" / file_name(name)).write_text("older")
    write_facts([host_entry(name, outcome) for name, outcome in outcomes.items()], str(tmp_path))
    assert json.loads((tmp_path / "facts/val-1.json").read_text()) == host_facts()
    assert (tmp_path / "facts/val-2.json").read_text() == "older"


class Run(t.NamedTuple):
    """A finished run of the playbook audit."""

    status: int
    output: str
    report: dict


def audit(directory: Path, *arguments: str, playbook: str = str(ROOT / "playbooks/audit.yml"), **variables: object) -> Run:
    """Run it away from the clone, with no configuration and no inventory but what the arguments give."""
    (directory / "ansible.cfg").touch()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks/collections"),
        "ANSIBLE_NOCOLOR": "1",
        "COLUMNS": "100",
    }
    command = [sys.executable, "-m", "ansible", "playbook", playbook, "-e", json.dumps(variables), *arguments]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    report = directory / "validator-report/report.json"
    return Run(done.returncode, done.stdout + done.stderr, json.loads(report.read_text()) if report.exists() else {})


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """A directory, and the audit of this machine in it, of which more is asked than it can have."""
    directory = tmp_path_factory.mktemp("live")
    inventory = {"validators": {"hosts": {ODD_NAME: {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}}
    (directory / "hosts.json").write_text(json.dumps(inventory))
    return directory, audit(directory, "-i", "hosts.json", memory_pool_shm_size="1000T", memory_pool_fail_on="at-risk")


def test_replay_needs_no_inventory_and_says_what_the_live_audit_said(live, tmp_path):
    directory, said = live
    assert said.status == 2 and said.report["summary"]["at-risk"] == 1, said.output
    facts = directory / "validator-report/facts"
    assert [path.name for path in facts.iterdir()] == [file_name(ODD_NAME)]
    assert json.loads((facts / file_name(ODD_NAME)).read_text()) == said.report["hosts"][0]["facts"]
    replayed = audit(tmp_path, memory_pool_facts_dir=str(facts), memory_pool_shm_size="1000T", memory_pool_fail_on="at-risk")
    assert replayed.status == 2, replayed.output
    for key in ("schema", "mode", "policy", "summary", "hosts"):
        assert replayed.report[key] == said.report[key]
    assert replayed.output.count("PLAY [") == 1, "a play for hosts was run"
    assert "Could not match supplied host pattern" not in replayed.output
    assert not (tmp_path / "validator-report/facts").exists(), "a replay recorded what it read"


def test_policy_and_exit_of_a_replay(live, tmp_path):
    """Also by the playbook's full name, in check mode, with an inventory and a target."""
    variables = {"memory_pool_facts_dir": str(live[0] / "validator-report/facts"), "memory_pool_shm_size": "1K",
                 "memory_pool_hosts": "nobody"}
    inventory = str(live[0] / "hosts.json")
    replayed = audit(tmp_path, "-i", inventory, "--check", playbook="aarch64.validator.audit", **variables)
    assert replayed.status == 0, replayed.output
    assert replayed.report["policy"]["shm_size"] == "1K"
    assert "shm-too-small" not in replayed.output


def test_limit_chooses_among_recorded_hosts_and_bad_files_hide_none(tmp_path):
    facts = tmp_path / "facts"
    facts.mkdir()
    (facts / "val-1.json").write_text(json.dumps(node_facts()))
    (facts / "val-2.json").write_text("{")
    (facts / "val-3.json").symlink_to("val-1.json")
    (facts / "val-4.json").mkdir()
    (facts / "notes.txt").touch()
    everything = audit(tmp_path, memory_pool_facts_dir="facts")
    assert everything.status == 2
    assert {entry["name"]: entry["verdict"] for entry in everything.report["hosts"]} == {"val-1": "healthy", "val-2": "failed"}
    assert "val-2.json is no JSON" in everything.output
    (tmp_path / "hosts").write_text("[validators]\nval-1\nval-2\n")
    one = audit(tmp_path, "-i", "hosts", "--limit", "val-1", memory_pool_facts_dir="facts")
    assert one.status == 0, one.output
    assert [entry["name"] for entry in one.report["hosts"]] == ["val-1"]


@pytest.mark.parametrize(("variables", "told"), [
    ({"memory_pool_facts_dir": "none"}, "memory_pool_facts_dir: 'none' cannot be read (No such file or directory); give"),
    ({"memory_pool_facts_dir": "."}, "memory_pool_facts_dir: '.' holds no *.json; give a directory with a file of facts"),
    ({"memory_pool_facts_dir": ".", "memory_pool_shm_size": "much"}, "memory_pool_shm_size: 'much' is not valid; give"),
])
def test_what_cannot_be_replayed(tmp_path, variables, told):
    done = audit(tmp_path, **variables)
    assert done.status == 2 and not done.report
    assert told in done.output
