# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of many hosts wait on disk, and nobody who reads a report can tell."""

from __future__ import annotations

import copy
import json

import pytest
from report_fleets import evil_report, fleet_report, with_earlier
from test_replay import audit

from ansible_collections.aarch64.validator.plugins.action.report import FORMATS
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._kept_facts import (
    FactStore,
    KeptFacts,
    pretty,
    report_chunks,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._terminal import terminal_lines
from facts_factory import node_facts

REPORTS = pytest.mark.parametrize("told", [fleet_report(0), with_earlier(fleet_report(60)), evil_report()],
                                  ids=["nobody", "fleet", "evil"])


def kept(told: dict) -> dict:
    store = FactStore()
    return dict(told, hosts=[store.entry(dict(entry, facts=store.keep(entry["facts"]))) for entry in told["hosts"]])


@REPORTS
def test_report_is_the_same_text_as_if_all_were_in_memory(told):
    assert "".join(report_chunks(kept(told))) == pretty(told) == "".join(report_chunks(told))


@REPORTS
def test_every_form_is_the_same(told):
    for build in FORMATS.values():
        assert build(kept(told)) == build(told), build.__name__
    assert terminal_lines(kept(told), 100, True) == terminal_lines(told, 100, True)


def test_facts_are_taken_out_while_a_report_is_read():
    told = fleet_report(20)
    store = FactStore()
    read = json.loads(json.dumps(told), object_hook=store.hook)
    assert all(isinstance(entry["facts"], KeptFacts) or not entry["facts"] for entry in read["hosts"])
    assert "".join(report_chunks(read)) == pretty(told)


def test_facts_from_any_hand_are_kept():
    facts = {"schema": 1, "host": "none", "kernel": None, "unread": "x", "limits": [], "more": {"a": "\n"}}
    store = FactStore()
    one, two = store.keep(facts), store.keep(copy.deepcopy(node_facts()))
    assert isinstance(one, KeptFacts) and isinstance(two, KeptFacts)
    assert json.loads(one.text()) == facts and json.loads(two.text()) == node_facts() and store.keep({}) == {}


def test_file_that_was_written_by_hand_is_replayed_like_any_other(tmp_path):
    (tmp_path / "facts").mkdir()
    texts = {"as-written": pretty(node_facts()), "one-line": json.dumps(node_facts()),
             "odd": "\n{\r\n" + json.dumps(node_facts())[1:] + "\n\n",
             "utf-16": None, "letters": json.dumps(node_facts(host={"board": "K\u00e4se"}), ensure_ascii=False)}
    for name, text in texts.items():
        content = json.dumps(node_facts()).encode("utf-16") if text is None else text.encode()
        (tmp_path / "facts" / f"{name}.json").write_bytes(content)
    done = audit(tmp_path, memory_pool_facts_dir="facts")
    assert done.status == 0, done.output
    assert {entry["name"]: entry["facts"]["host"].get("board") for entry in done.report["hosts"]} == {
        name: "K\u00e4se" if name == "letters" else node_facts()["host"].get("board") for name in texts}
