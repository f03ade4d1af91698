# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed since an earlier report."""

from __future__ import annotations

import copy
import json
import sys

import pytest
from test_replay import audit
from test_report import AT_RISK, BLOCKED, FAILED, HEALTHY, UNREACHABLE, judged, report

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import complaint
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._drift import checked_baseline, with_drift
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._terminal import terminal_lines
from facts_factory import host_facts, limits, node_facts

SMALLER = judged(host_facts(shm={"size": 32 << 20}))
LOWER = judged(node_facts({"limits": {"configured": limits(nofile=1024), "live": limits(nofile=1024)}}))
ROW = {"wanted": 65535, "configured": 65535, "live": 65535, "ok": True}
# Nodes in containers of this machine come and go while this runs.
# Where systemd runs, it has this service; nodes that other programs run here have no part in these audits.
NO_NODES = {"memory_pool_services": ["systemd-journald.service"]}


def drift(before: dict | None, now: dict, mode: str = "audit") -> dict:
    """The report of one host as it is now, with what has changed since."""
    older = report(val=before) if before else report()
    return with_drift(report(mode, val=now), checked_baseline(json.loads(json.dumps(older))))


def of_host(before: dict | None, now: dict) -> dict:
    return drift(before, now)["hosts"][0]["drift"]


def ids(items: list) -> list:
    return [item["id"] for item in items]


def masked(*units: str) -> dict:
    """A host of which several units could not be judged: several findings of one id and service."""
    unit = dict(node_facts()["services"]["polkadot.service"], load_state="masked")
    return judged(host_facts(services=dict.fromkeys(units, unit)))


def with_severity(outcome: dict, severity: str) -> dict:
    changed = copy.deepcopy(outcome)
    changed["assessment"]["findings"][0]["severity"] = severity
    return changed


@pytest.mark.parametrize("host", [HEALTHY, AT_RISK, BLOCKED, masked("a.service", "b.service")])
def test_same_again_is_no_drift(host):
    told = drift(host, host)
    assert {key: told["hosts"][0]["drift"][key] for key in ("new", "gone", "changed", "settings")} == {
        "new": [], "gone": [], "changed": [], "settings": []}
    assert complaint(told, "drift") is None, "what was so before ends no run"


def test_new_and_gone_findings_and_settings():
    there = of_host(HEALTHY, LOWER)
    assert there["verdict_before"] == "healthy" and "nofile-limit" in ids(there["new"]) and there["gone"] == []
    assert there["settings"] == [{"service": "polkadot.service", "setting": "LimitNOFILE", "before": ROW,
                                  "now": dict(ROW, configured=1024, live=1024, ok=False)}]
    back = of_host(LOWER, HEALTHY)
    assert back["new"] == [] and back["gone"] == there["new"]
    assert set(there["new"][0]) == {"id", "service", "severity", "summary"}


def test_other_words_are_a_change_and_only_severity_makes_it_worse():
    (item,) = of_host(AT_RISK, SMALLER)["changed"]
    assert item["id"] == "shm-too-small" and item["worse"] is False
    assert item["before"]["summary"].startswith("/dev/shm is 64 MiB") and item["summary"].startswith("/dev/shm is 32 MiB")
    assert complaint(drift(AT_RISK, SMALLER), "drift") is None
    (item,) = of_host(AT_RISK, with_severity(AT_RISK, "blocker"))["changed"]
    assert item["worse"] is True and item["before"]["severity"] == "risk"
    assert complaint(drift(AT_RISK, with_severity(AT_RISK, "blocker")), "drift")
    assert complaint(drift(with_severity(AT_RISK, "blocker"), AT_RISK), "drift") is None, "less bad is not worse"


def test_several_findings_of_one_id_are_told_apart():
    there = of_host(masked("a.service", "b.service"), masked("b.service", "c.service"))
    assert ["c.service" in item["summary"] for item in there["new"]] == [True]
    assert ["a.service" in item["summary"] for item in there["gone"]] == [True]
    assert there["changed"] == []


def test_setting_that_only_one_report_has():
    there = of_host(judged(host_facts()), HEALTHY)["settings"]
    assert [(row["setting"], row["before"]) for row in there] == [("LimitMEMLOCK", None), ("LimitNOFILE", None)]


def test_hosts_that_came_and_went():
    told = with_drift(report(a=HEALTHY, b=AT_RISK), report(b=AT_RISK, c=HEALTHY))
    assert (told["drift"]["hosts_new"], told["drift"]["hosts_gone"]) == (["a"], ["c"])
    assert told["drift"]["same_policy"] is True
    assert complaint(told, "drift") is None
    new = with_drift(report(a=AT_RISK), report())
    assert complaint(new, "drift") == "new or worse than in the earlier report: a"
    assert new["hosts"][0]["drift"]["verdict_before"] is None


@pytest.mark.parametrize(("before", "now", "new", "gone"), [
    (UNREACHABLE, AT_RISK, True, False),
    (AT_RISK, UNREACHABLE, False, False),
    (AT_RISK, FAILED, False, False),
])
def test_host_that_was_not_judged(before, now, new, gone):
    there = of_host(before, now)
    assert (bool(there["new"]), bool(there["gone"])) == (new, gone)
    assert there["settings"] == []
    assert complaint(drift(before, now), "drift")


@pytest.mark.parametrize("mode", ["verify", "remediate"])
def test_setting_that_was_not_live_before_ends_no_run(mode):
    assert complaint(drift(LOWER, LOWER, mode), "blocked")
    assert complaint(drift(LOWER, LOWER, mode), "drift") is None


def test_what_a_revert_brings_back_ends_no_run():
    assert complaint(drift(HEALTHY, LOWER, "revert"), "drift") is None


def test_terminal_says_it():
    older = dict(report(a=HEALTHY, b=SMALLER, d=HEALTHY), policy={"shm_size": "1G"})
    told = with_drift(report(a=LOWER, b=AT_RISK, c=HEALTHY), older)
    shown = "\n".join(line for line, _colour in terminal_lines(told, 160, False))
    assert "since the report of 2026-01-01 00:00:00 UTC: 3 of 3 hosts differ; 1 new: c; 1 gone: d; it was judged by" in shown
    assert "another policy" in shown
    assert "since then: new: nofile-limit of polkadot.service" in shown
    assert "since then: setting polkadot.service LimitNOFILE: configured 65535 -> 1024, live 65535 -> 1024" in shown
    assert "since then: changed: shm-too-small, was /dev/shm is 32 MiB, wanted 2 GiB" in shown
    assert "since" not in "\n".join(line for line, _colour in terminal_lines(report(a=LOWER), 160, False))


def test_other_version_is_told():
    older = dict(report(a=HEALTHY), version="0.9.0")
    assert "another version" in terminal_lines(with_drift(report(a=HEALTHY), older), 160, False)[1][0]
    assert "another version" not in terminal_lines(with_drift(report(a=HEALTHY), report(a=HEALTHY)), 160, False)[1][0]


def with_info(outcome: dict) -> dict:
    changed = copy.deepcopy(outcome)
    changed["assessment"]["findings"] = [{**AT_RISK["assessment"]["findings"][0], "severity": "info"}]
    return changed


@pytest.mark.parametrize(("before", "now", "count", "line"), [
    (with_info(HEALTHY), HEALTHY, 0, None),
    (HEALTHY, UNREACHABLE, 1, "since then: was healthy"),
    (UNREACHABLE, UNREACHABLE, 0, None),
    (UNREACHABLE, HEALTHY, 1, None),
])
def test_hosts_that_differ_are_those_that_something_is_told_of(before, now, count, line):
    told = drift(before, now)
    shown = "\n".join(text for text, _colour in terminal_lines(told, 160, False))
    assert f": {count} of 1 hosts differ" in shown
    assert (line or "since then") in shown if line else "since then" not in shown


def test_old_report_cannot_drive_the_terminal():
    older = json.loads(json.dumps(report(**{"a": SMALLER, "x\x1b[2J": HEALTHY})))
    older["generated_at"] = "\x1b[31m"
    for entry in older["hosts"]:
        for item in (*entry["findings"], *entry["settings"]):
            item.update({key: "\x1b]0;\x07\n" for key in ("summary", "service", "live") if key in item})
    lines = terminal_lines(with_drift(report(a=AT_RISK), checked_baseline(older)), 100, True)
    assert all(line.isprintable() for line, _colour in lines)


@pytest.mark.parametrize("content", [
    [], {}, {"schema": 2, "hosts": []}, {"schema": 1}, {"schema": 1, "hosts": {}}, {"schema": 1, "hosts": [{}]},
    {"schema": 1, "hosts": [{"name": 1, "verdict": "x", "findings": [], "settings": []}]},
    {"schema": 1, "hosts": [{"name": "a", "verdict": "x", "findings": [{"id": "x"}], "settings": []}]},
    {"schema": 1, "hosts": [{"name": "a", "verdict": "x", "findings": [], "settings": [None]}]},
    {"schema": 1, "hosts": [{"name": "a", "verdict": "x", "settings": [], "findings": [
        {"id": "x", "service": None, "severity": "bad", "summary": ""}]}]},
    {"schema": 1, "hosts": [{"name": "a", "verdict": "x", "settings": [], "findings": [
        {"id": ["x"], "service": None, "severity": "risk", "summary": ""}]}]},
    {"schema": 1, "hosts": [{"name": "a", "verdict": "x", "findings": [], "settings": [
        dict(ROW, service=None, setting="LimitNOFILE", live={"soft": 1})]}]},
    host_facts(),
])
def test_what_is_no_baseline(content):
    with pytest.raises(ValueError, match=r"is no report|is of schema|not whole"):
        checked_baseline(content)


@pytest.mark.parametrize(("content", "told"), [
    (None, "cannot be read (No such file or directory); give report.json of an earlier run"),
    ("{", "is no JSON ("),
    ("[" * 100000, "is no JSON (nested too deeply)"),
    ('{"schema": 7}', "is of schema 7, this version writes schema 1; give report.json of an earlier run"),
])
def test_baseline_that_cannot_be_used_ends_the_run_before_anything_is_written(tmp_path, content, told):
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts/val-1.json").write_text(json.dumps(node_facts()))
    if content:
        (tmp_path / "older.json").write_text(content)
    run = audit(tmp_path, memory_pool_facts_dir="facts", memory_pool_baseline="older.json")
    assert run.status == 2 and "memory_pool_baseline: 'older.json' " + told in run.output
    assert not (tmp_path / "validator-report").exists()


def test_drift_without_a_baseline_is_an_error(tmp_path):
    (tmp_path / "val-1.json").write_text(json.dumps(node_facts()))
    run = audit(tmp_path, memory_pool_facts_dir=".", memory_pool_fail_on="drift")
    assert run.status == 2 and "memory_pool_fail_on: drift needs memory_pool_baseline; give report.json" in run.output
    assert not run.report


def test_live_audits_one_after_the_other(tmp_path):
    """Each is held against the report that it replaces."""
    (tmp_path / "hosts.json").write_text(json.dumps({"validators": {"hosts": {"val-1": {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}}))
    run = audit(tmp_path, "-i", "hosts.json", memory_pool_fail_on="never", memory_pool_shm_size="1K", **NO_NODES)
    assert run.status == 0 and "drift" not in run.report, run.output
    wanted = {"memory_pool_baseline": "validator-report/report.json", "memory_pool_fail_on": "drift", **NO_NODES}
    run = audit(tmp_path, "-i", "hosts.json", **wanted, memory_pool_shm_size="1K", memory_pool_query="hosts[?drift.new].name")
    assert run.status == 0 and run.report["drift"]["hosts_new"] == [], run.output
    assert run.report["drift"]["same_policy"] is True and run.report["hosts"][0]["drift"]["settings"] == []
    run = audit(tmp_path, "-i", "hosts.json", **wanted, memory_pool_shm_size="1000T", memory_pool_query="hosts[?drift.new].name")
    assert run.status == 2 and "new or worse than in the earlier report: val-1" in run.output
    assert json.loads((tmp_path / "validator-report/query.json").read_text()) == ["val-1"]
    assert ids(run.report["hosts"][0]["drift"]["new"]) == ["shm-too-small"]
