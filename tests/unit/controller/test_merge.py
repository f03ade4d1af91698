# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of several runs become one, as one run on all their hosts would have written it."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest
from test_replay import Run, audit
from test_report import ADVICE, AT_RISK, BLOCKED, HEALTHY, UNREACHABLE, report

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._merge_reports import (
    duplicates_complaint,
    identities,
    merge_reports,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._piece_files import read_pieces
from ansible_collections.aarch64.validator.plugins.plugin_utils._version import VERSION

KEY = "ab" * 32


def later(whole: dict, **changes: object) -> dict:
    return copy.deepcopy(dict(whole, **changes))


def with_identity(host: str, peer: str | None, *keys: str) -> dict:
    piece = report("remediate", **{host: HEALTHY})
    piece["hosts"][0]["identities"] = identities({"identities": [{}, {"peer_id": peer, "keystore": list(keys), "roles": []}]})
    return piece


def test_merge_is_the_report_of_one_run():
    one = report(a=HEALTHY, b=AT_RISK, c=BLOCKED, d=UNREACHABLE, e=ADVICE)
    first = report(a=HEALTHY, d=UNREACHABLE)
    second = later(report(c=BLOCKED, e=ADVICE, b=AT_RISK), generated_at="2026-01-02T00:00:00Z")
    merged = merge_reports([("one.json", first), ("two.json", second)])
    for key in ("schema", "version", "mode", "check", "policy", "summary", "hosts"):
        assert merged[key] == one[key]
    assert merged["generated_at"] == "2026-01-02T00:00:00Z"
    assert merged["pieces"] == [{"file": "one.json", "generated_at": "2026-01-01T00:00:00Z", "hosts": 2},
                                {"file": "two.json", "generated_at": "2026-01-02T00:00:00Z", "hosts": 3}]
    assert merged["duplicate_identities"] == []


def test_merge_of_merges_is_a_merge():
    pieces = [(name, report(**{name: HEALTHY})) for name in "abc"]
    twice = merge_reports([("ab", merge_reports(pieces[:2])), pieces[2]])
    assert twice["hosts"] == merge_reports(pieces)["hosts"]


@pytest.mark.parametrize(("one", "other"), [
    ({"limit_nofile": "65535"}, {"limit_nofile": 65535}),
    ({"restart_delay": "120"}, {}),
    ({"engines_needed": ""}, {"engines_needed": None}),
])
def test_policies_that_mean_the_same_fit(one, other):
    """`-e name=value` and old releases of ansible-core make text of numbers."""
    pieces = [("a", later(report(a=HEALTHY), policy=one)), ("b", later(report(b=HEALTHY), policy=other))]
    assert len(merge_reports(pieces)["hosts"]) == 2


def test_default_size_is_not_the_same_size_asked_for():
    pieces = [("a", later(report(a=HEALTHY), policy={})), ("b", later(report(b=HEALTHY), policy={"shm_size": "2048M"}))]
    with pytest.raises(ValueError, match="memory_pool_shm_size was '2048M'"):  # only the default is lowered on a small board
        merge_reports(pieces)


def test_drift_of_a_piece_is_left_out():
    piece = later(report(a=HEALTHY), drift={"hosts_gone": ["b"]})
    piece["hosts"][0]["drift"] = {"new": []}
    merged = merge_reports([("a", piece)])
    assert "drift" not in merged and "drift" not in merged["hosts"][0]


@pytest.mark.parametrize(("other", "told"), [
    (report(a=BLOCKED), "host 'a' is in one.json and in two.json; give"),
    (report(b=HEALTHY, mode="verify"), "mode is 'verify' in two.json and 'diagnose' in one.json; give"),
    (report(b=HEALTHY, check=True), "check is True in two.json and False in one.json; give"),
    (later(report(b=HEALTHY), policy={"shm_size": "4G"}), "memory_pool_shm_size was '4G' in two.json and None in one.json; run"),
    (later(report(b=HEALTHY), schema=2), "two.json is of schema 2, this version writes schema 1"),
    (later(report(b=HEALTHY), version="1.1.0"), f"version is '1.1.0' in two.json and '{VERSION}' in one.json; run"),
    (later(report(b=HEALTHY), version=None), "two.json has no version; give"),
    (later(report(b=HEALTHY), generated_at=None), "two.json has no generated_at; give"),
    (later(report(b=HEALTHY), generated_at="yesterday"), "two.json has no generated_at that is a time; give"),
    ([], "two.json is no report"),
    ({"schema": 1, "hosts": [{"name": "b"}]}, "two.json has a list of hosts that is not whole"),
])
def test_pieces_that_do_not_fit(other, told):
    with pytest.raises(ValueError, match="^" + re.escape(told)):
        merge_reports([("one.json", report(a=HEALTHY)), ("two.json", other)])


@pytest.mark.parametrize(("name", "value"), [
    ("verdict", "fine"), ("undone", None), ("pools", []), ("settings", [{"service": None}]), ("failure", "no"),
    ("clean_starts", {"a.service": {}}), ("identities", [{"keystore": [1]}]),
])
def test_host_of_another_version_is_named(name, value):
    piece = report(a=HEALTHY)
    piece["hosts"][0][name] = value
    with pytest.raises(ValueError, match=r"one\.json"):
        merge_reports([("one.json", piece)])
    del piece["hosts"][0][name]
    if name != "identities":
        with pytest.raises(ValueError, match=r"one\.json"):
            merge_reports([("one.json", piece)])


@pytest.mark.parametrize(("rows", "name", "value"), [
    ("findings", "summary", 5), ("findings", "evidence", "text"), ("findings", "service", ["a"]),
    ("settings", "wanted", {"x": 1}), ("settings", "session", []),
])
def test_value_of_another_kind_is_told_before_anything_is_made_of_it(rows, name, value):
    piece = later(report(a=AT_RISK))
    piece["hosts"][0][rows][0][name] = value
    with pytest.raises(ValueError, match=r"one\.json.* (not whole|has no (findings|settings) that this version can read)"):
        merge_reports([("one.json", piece)])


def test_one_host_twice_in_a_piece():
    piece = report(a=HEALTHY)
    piece["hosts"] *= 2
    with pytest.raises(ValueError, match=r"host 'a' is twice in one\.json"):
        merge_reports([("one.json", piece)])


def test_hosts_of_two_pieces_that_are_one_node():
    pieces = [("x", with_identity("a", "12D3KooWA", "6772616e" + KEY)), ("y", with_identity("b", "12D3KooWB", "62616265" + KEY)),
              ("z", with_identity("c", "12D3KooWA"))]
    merged = merge_reports(pieces)
    assert [(item["what"], item["hosts"]) for item in merged["duplicate_identities"]] == [
        ("peer id", ["a", "c"]), ("session key", ["a", "b"])]
    assert duplicates_complaint(merged, "blocked") == (
        f"a and c have one peer id, 12D3KooWA; a and b have one session key, {KEY}")
    assert duplicates_complaint(merged, "never") is None
    assert merge_reports([("x", with_identity("a", None)), ("y", with_identity("b", None))])["duplicate_identities"] == []


def stored(directory: Path, whole: dict) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "report.json").write_text(json.dumps(whole))
    return str(directory / "report.json")


def test_files_directories_and_patterns_give_each_file_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c[1]"):
        stored(tmp_path / "slices" / name, report(**{name: HEALTHY}))
    own = stored(tmp_path / "slices" / "validator-report", {})
    names = ["slices/a/report.json", "slices/b/report.json", "slices/c[1]/report.json"]
    for given in (["slices"], ["slices/*"], ["slices/**/report.json"], ["slices/a", *names], ["slices/?", "slices/c[1]"]):
        assert sorted(file for file, _content in read_pieces(given, own)) == names
    assert len(read_pieces([own], own)) == 1, "what is named is taken"


@pytest.mark.parametrize(("given", "told"), [
    ("none/*.json", "'none/*.json' leads to no file; give"),
    ("empty", "'empty' leads to no file; give"),
    ("bad.json", "'bad.json' is no JSON"),
    ("deep.json", "'deep.json' is no JSON"),
])
def test_pieces_that_cannot_be_read(given, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.json").write_bytes(b"\xff")
    (tmp_path / "deep.json").write_text("[" * 100000)
    with pytest.raises(ValueError, match="^" + re.escape(told)):
        read_pieces([given], "own")


def merge(directory: Path, *arguments: str, **variables: object) -> Run:
    return audit(directory, *arguments, playbook="aarch64.validator.merge", **variables)


def test_playbook_merges_with_no_inventory(tmp_path):
    stored(tmp_path / "one", report("audit", a=HEALTHY, b=AT_RISK))
    stored(tmp_path / "two", report("audit", c=BLOCKED))
    done = merge(tmp_path, memory_pool_pieces=["one", "two/*.json"])
    assert done.status == 2 and "blocked: c" in done.output, done.output
    assert "audit: 3 hosts: 1 blocked, 1 at-risk, 1 healthy" in done.output
    assert [entry["name"] for entry in done.report["hosts"]] == ["c", "b", "a"]
    assert {path.name for path in (tmp_path / "validator-report").iterdir()} == {
        "report.json", "report.html", "hosts.csv", "junit.xml", "report.sarif", "metrics.prom", "facts"}
    assert len(list((tmp_path / "validator-report/facts").iterdir())) == 3, "a merge can be judged again as one run can"
    (tmp_path / "hosts").write_text("a\nb\n")
    done = merge(tmp_path, "-i", "hosts", "--limit", "a", "--check", memory_pool_pieces="one,two", memory_pool_fail_on="never",
                 memory_pool_query="hosts[].name")
    assert done.status == 0 and json.loads((tmp_path / "validator-report/query.json").read_text()) == ["c", "b", "a"], done.output
    assert done.report["check"] is False, "whether hosts were changed is a matter of the pieces"


def test_playbook_refuses_and_tells(tmp_path):
    stored(tmp_path / "one", with_identity("a", "12D3KooWA"))
    stored(tmp_path / "two", with_identity("b", "12D3KooWA"))
    done = merge(tmp_path, memory_pool_pieces=["one", "two"])
    assert done.status == 2 and "one node on two hosts: a and b have one peer id, 12D3KooWA" in done.output
    stored(tmp_path / "two", with_identity("a", None))
    done = merge(tmp_path, memory_pool_pieces=["one", "two"], memory_pool_report_dir="other")
    assert done.status == 2 and not (tmp_path / "other").exists()
    assert "memory_pool_pieces: host 'a' is in one/report.json and in two/report.json; give" in done.output
    nothing = "missing required arguments: memory_pool_pieces"
    for wrong, told in (({}, nothing), ({"memory_pool_pieces": []}, "there is no piece")):
        done = merge(tmp_path, memory_pool_report_dir="other", **wrong)
        assert done.status == 2 and told in done.output, done.output
