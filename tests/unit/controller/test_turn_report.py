# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that was undone, left out or lost, or waits for a restart, stands in every form of the report with its reason."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET

import pytest

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import build_report, complaint, host_entry
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._csv import hosts_csv
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._html import report_html
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._junit import junit_xml
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._metrics import metrics_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._sarif import sarif
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._terminal import terminal_lines
from facts_factory import node_facts

GATE = "batch 2 of 5: gate after the restart of polkadot.service not passed: peers: it has 0 peers"
UNDONE = "/etc/systemd/system/polkadot.service.d/60-aarch64-validator.conf: put back as it was before"
LOST = "its turn was over and its node was well then, now it does not answer: timed out"
NOT_REACHED = "not reached: the run stopped at batch 2 of 5 because of undone"
UNTIL = "memory_pool_window 02:00-05:00 UTC, which opens at 2026-03-03 02:00 UTC"
OUTCOMES = {
    "undone": {"failure": {"task": "t", "message": GATE, "unreachable": False}, "changes": ["a", "b"], "undone": [UNDONE]},
    "lost": {"failure": {"task": "t", "message": LOST, "unreachable": True}, "changes": ["a"]},
    "later": {"skipped": NOT_REACHED},
    "waiting": {"pending": ["polkadot.service"], "pending_until": UNTIL},
}


def report(check: bool = False) -> dict:
    facts = node_facts()
    told = {"facts": facts, "assessment": assess_facts(facts, {})}
    return build_report([host_entry(name, dict(told, **outcome)) for name, outcome in OUTCOMES.items()], {}, "remediate", check,
                        "2026-01-01T00:00:00Z")


FORMS = {
    "terminal": lambda told: "\n".join(text for text, _colour in terminal_lines(told, 400, False)),
    "csv": hosts_csv,
    "junit": junit_xml,
    "sarif": lambda told: json.dumps(sarif(told)),
    "html": report_html,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_of_each_with_its_reason(form):
    text = FORMS[form](report())
    for said in (GATE, LOST, NOT_REACHED, UNTIL):
        assert said in text, f"{form} does not say: {said}"
    if form != "csv":
        assert UNDONE in text


def test_the_run_ends_with_an_error_that_names_each():
    assert complaint(report(), "blocked") == "failed: undone; unreachable: lost; left out: later"


def test_the_table_fits_and_begins_with_what_failed():
    lines = [text for text, _colour in terminal_lines(report(), 100, False)]
    assert max(map(len, lines)) <= 100
    row = next(line for line in lines if line.startswith("failed "))
    assert "undone" in row and "batch 2 of 5: gate after the restart of" in row
    assert "not reached: the run stopped at batch 2" in next(line for line in lines if " later " in line)


def test_csv_has_a_column_for_each():
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(hosts_csv(report())))}
    assert (rows["undone"]["changes"], rows["undone"]["undone"]) == ("2", "1")
    assert rows["later"]["left_out"] == NOT_REACHED and rows["waiting"]["pending_until"] == UNTIL


def test_junit_fails_where_the_run_does():
    kinds = {(suite.get("name"), case.get("name")): [child.tag for child in case]
             for suite in ET.fromstring(junit_xml(report())) for case in suite}
    assert kinds["undone", "failed"] == ["failure"], "it was tried and did not pass"
    assert kinds["lost", "unreachable"] == ["error"] and kinds["later", "left out"] == ["failure"]
    assert kinds["waiting", "restart pending"] == ["system-out"]
    assert "undone: " + UNDONE in junit_xml(report())
    (tried,) = ET.fromstring(junit_xml(report(check=True))).findall(".//testcase[@name='left out']")
    assert [child.tag for child in tried] == ["system-out"], "a check run does not fail for what it did not do"


def test_sarif_notes_and_metrics():
    notes = sarif(report())["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert {(note["descriptor"]["id"], note["level"]) for note in notes} == {
        ("failed", "error"), ("unreachable", "error"), ("left-out", "warning"), ("restart-pending", "note")}
    text = metrics_text(report())
    for line in ('host_left_out{host="later"} 1', 'host_left_out{host="waiting"} 0', 'changes_undone{host="undone"} 1',
                 'restarts_pending{host="waiting"} 1', 'host_verdict{host="lost",verdict="unreachable"} 1'):
        assert f"aarch64_validator_{line}\n" in text
