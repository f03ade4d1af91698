# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases: what is said of them, which hosts can run them, and how a delivery shows in a judgement."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml

from ansible_collections.aarch64.validator.plugins.module_utils._node import RELEASES
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._predict import facts_after
from ansible_collections.aarch64.validator.plugins.plugin_utils._release_check import older_libc, recorded_facts, release_check
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._release import misfits
from facts_factory import host_facts, node_facts, release_manifest

ROLE = Path(__file__).resolve().parents[3] / "roles/node_build"
NAME = release_manifest()["release"]
NEW = f"{RELEASES}/{NAME}/polkadot"
OLD = "/usr/bin/polkadot"


def judged(program_file: str, binary: str, release: dict | None = None, **service: object) -> tuple:
    """``(remedies, summaries of release-not-live, rows of the release)``."""
    facts = node_facts({"program": OLD, "program_file": program_file, "binary": binary, **service})
    told = assess_facts(facts, {"release": release or release_manifest()})
    return ([item["remedy"] for item in told["remedies"]],
            [item["summary"] for item in told["findings"] if item["id"] == "release-not-live"],
            [row for row in told["settings"] if row["setting"] == "release"])


def test_a_delivery_goes_from_copy_to_restart_to_done():
    remedies, said, rows = judged(OLD, OLD)
    assert remedies == ["node-release"] and said == [f"polkadot.service starts {OLD}, wanted is {NAME}"]
    assert [(row["wanted"], row["configured"], row["live"], row["ok"]) for row in rows] == [(NAME, OLD, OLD, False)]
    remedies, said, _rows = judged(NEW, OLD)
    assert remedies == ["service-restart"] and f"still runs {OLD}" in said[0]
    remedies, said, rows = judged(NEW, NEW)
    assert (remedies, said, rows[0]["ok"]) == ([], [], True)
    down = {"main_pid": 0, "active": False, "active_state": "inactive", "sub_state": "dead"}
    assert judged(NEW, NEW, **down)[0] == [], "a node that is stopped on purpose is not started for a release"
    failed = {**down, "active_state": "failed", "sub_state": "failed", "result": "exit-code"}
    assert "service-restart" in judged(NEW, NEW, restart_required=True, **failed)[0], "the node stays down with its new program"


def test_what_a_remedy_is_given():
    told = assess_facts(node_facts({"program": OLD, "program_file": OLD}), {"release": release_manifest()})
    assert told["remedies"][0]["options"] == {
        "unit": "polkadot.service", "release": NAME, "files": [{"name": "polkadot", "sha256": "0" * 64}]}


def test_check_mode_predicts_the_restart_and_the_end():
    facts, policy = node_facts({"program": OLD, "program_file": OLD}), {"release": release_manifest()}
    switched = facts_after(facts, "node-release", "polkadot.service", {"program": NEW, "restart_required": True})
    assert [item["remedy"] for item in assess_facts(switched, policy)["remedies"]] == ["service-restart"]
    restarted = facts_after(switched, "service-restart", "polkadot.service", {"changed": True})
    assert assess_facts(restarted, policy)["remedies"] == []
    assert facts_after(facts, "node-release", "polkadot.service", {"program": None, "reason": "no"}) == dict(facts)


@pytest.mark.parametrize(("binary", "host", "said"), [
    ({"glibc_wanted": "2.38"}, {}, "wants glibc 2.38, this host has 2.36"),
    ({"machine": "x86_64"}, {}, "is built for x86_64, this host is aarch64"),
    ({"jemalloc_page_size": 4096}, {"kernel": {"page_size": 16384}}, "was built for pages of 4 KiB"),
    ({"page_alignment": 4096}, {"kernel": {"page_size": 65536}}, "are aligned to 4 KiB"),
    ({"libc": "musl", "glibc_wanted": None}, {}, "wants musl, this host has glibc"),
    ({"error": "truncated"}, {}, "cannot be started: truncated"),
])
def test_a_host_that_cannot_run_it_gets_no_remedy_and_is_told_why(binary, host, said):
    release = release_manifest(**binary)
    assert said in "; ".join(misfits(host_facts(**host), release))
    told = assess_facts(node_facts({"program": OLD, "program_file": OLD}, **host), {"release": release})
    assert "node-release" not in [item["remedy"] for item in told["remedies"]]
    assert any(said in item["summary"] and item["id"] == "release-not-live" for item in told["findings"])
    assert any(row["setting"] == "release" and not row["ok"] for row in told["settings"]), "the run must not end well"


def test_what_is_not_known_of_a_host_is_not_held_against_it():
    unknown = host_facts(libc={"name": None, "version": None}, kernel={"page_size": None}, host={"machine": None})
    assert misfits(unknown, release_manifest()) == []
    check = release_check(release_manifest(), {"val-1": host_facts(), "val-2": {}})
    assert check == {"problems": [], "warnings": [], "misfits": {}, "unknown": ["val-2"]}


def test_a_service_with_another_program_is_left_alone():
    facts = node_facts({"program": "/usr/bin/parachain", "program_file": "/usr/bin/parachain"})
    told = assess_facts(facts, {"release": release_manifest()})
    assert [item["id"] for item in told["findings"] if item["id"].startswith("release")] == ["release-without-service"]
    assert told["remedies"] == []


def test_what_is_said_of_a_release():
    bad = release_manifest(wasmtime_version="35.0.0", page_alignment=4096, jemalloc_page_size=4096)
    old = release_check(bad, {})["warnings"]
    assert all(any(word in text for text in old) for word in ("wasmtime-miscompile", "max-page-size=65536", "LG_PAGE=16")), old
    flags = next(text for text in old if "max-page-size" in text).partition("-e node_build_rustflags=")[2].rstrip(")")
    assert flags.split(",") == ["-Clink-arg=-z", "-Clink-arg=max-page-size=65536"], "Ansible splits what -e gives at its commas"
    assert "Out of memory (os error 12)" in release_check(release_manifest(libc="musl"), {})["warnings"][0]
    assert release_check(release_manifest(machine="x86_64"), {})["problems"] == [
        "polkadot is for x86_64, but it was built for aarch64-unknown-linux-gnu"]
    dirty = dict(release_manifest(), dirty=True)
    assert "no revision" in release_check(dirty, {})["warnings"][0]


@pytest.mark.parametrize("change", [
    {"schema": 2}, {"release": "../../etc"}, {"binaries": []}, {"binaries": [{"name": "../x", "sha256": "0" * 64, "facts": {}}]},
    {"binaries": [{"name": "polkadot", "sha256": "none", "facts": {}}]},
    *(release_manifest(**{name: value}) for name, value in (
        ("glibc_wanted", 2.36), ("wasmtime_version", 36), ("page_alignment", "64K"),
        ("jemalloc_page_size", [65536]), ("libc", {}))),
])
def test_a_manifest_that_leads_elsewhere_is_refused(change):
    with pytest.raises(OptionError, match="release"):
        assess_facts(node_facts(), {"release": dict(release_manifest(), **change)})
    for text in ("a path", ["x"]):
        with pytest.raises(OptionError):
            assess_facts(node_facts(), {"release": text})


def test_hosts_with_an_older_libc(tmp_path):
    musl = host_facts(libc={"name": "musl", "version": "1.2.4"})
    hosts = {"new": host_facts(libc={"version": "2.41"}), "old": host_facts(), "musl": musl}
    for name, facts in hosts.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(facts))
    read = recorded_facts(str(tmp_path))
    builder = host_facts(libc={"version": "2.38"})
    assert older_libc(builder, read, "") == ["old has glibc 2.36"]
    assert older_libc(builder, read, "x86_64-unknown-linux-gnu") == [], "another machine's programs are linked with another glibc"
    assert set(recorded_facts(str(tmp_path), ["old"])) == {"old"}
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(ValueError, match=r"bad\.json holds no recorded facts"):
        recorded_facts(str(tmp_path))


def test_facts_of_an_older_audit_are_judged_too():
    facts = node_facts()
    before = copy.deepcopy(facts)
    told = assess_facts(facts, {"release": release_manifest()})
    assert facts == before and [item["remedy"] for item in told["remedies"]] == ["node-release"]


def test_role_variables_are_specified_and_documented():
    variables = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    options = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert set(options) == set(variables) | {"node_build_source"}
    readme = (ROLE / "README.md").read_text()
    for name, default in variables.items():
        assert options[name]["default"] == default, f"{name} is documented with another default"
        assert f"| `{name}`" in readme, f"an operator would not find {name}"
