# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel without room for pools: the node gets another strategy, a start if it needs one, and nothing more."""

from __future__ import annotations

import pytest

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._predict import facts_after
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import build_report, complaint, host_entry
from facts_factory import ENGINE_2023, ENGINE_NOW, GIB, limits, node_facts

UNIT = "polkadot.service"
RECREATE = "recreate-instance-copy-on-write"
POOLING = {"role": "full", "executors": 1, "strategy": ["pooling-copy-on-write"], "runtime_cache_size": [2]}
OTHER = dict(POOLING, strategy=[RECREATE])
SMALL = {"va_bits": 39}
DOWN = {"active": False, "active_state": "activating", "sub_state": "auto-restart", "result": "exit-code", "main_pid": 0,
        "log": ["x polkadot[1]: failed to create memory pool mapping: mmap failed to reserve 0x4082000000 bytes"]}


def on_small_kernel(**service: object) -> dict:
    pooling = {"node": POOLING, "next_node": POOLING, "pool": {"engine_bytes": ENGINE_NOW}}
    return node_facts(dict(pooling, **service), kernel=SMALL)


def remedies(facts: dict, **policy: object) -> list:
    return [item["remedy"] for item in assess_facts(facts, policy)["remedies"]]


def row(facts: dict) -> dict:
    return next(row for row in assess_facts(facts, {})["settings"] if row["setting"] == "instantiation strategy")


def test_a_running_node_gets_the_strategy_and_then_a_restart():
    facts = on_small_kernel()
    assert assess_facts(facts, {})["verdict"] == "at-risk" and remedies(facts) == ["node-strategy"]
    assert (row(facts)["wanted"], row(facts)["live"], row(facts)["ok"]) == (RECREATE, "pooling-copy-on-write", False)
    written = facts_after(facts, "node-strategy", UNIT, {"changed": True, "restart_required": True, "node": OTHER})
    assert remedies(written) == ["service-restart"], "a strategy that is written and not live must lead to a restart"
    assert (row(written)["configured_ok"], row(written)["live_ok"]) == (True, False)
    assert assess_facts(written, {})["verdict"] == "at-risk", "it must not be called healed before the live process shows it"
    restarted = facts_after(written, "service-restart", UNIT, {"changed": True})
    assert remedies(restarted) == [] and row(restarted)["ok"]
    assert assess_facts(restarted, {})["verdict"] == "healthy"


def test_a_node_that_is_down_is_started_with_the_strategy():
    facts = on_small_kernel(**DOWN)
    assert remedies(facts) == ["node-strategy"]
    written = facts_after(facts, "node-strategy", UNIT, {"changed": True, "restart_required": True, "node": OTHER})
    assert remedies(written) == ["service-restart"]


def test_a_restart_that_somebody_else_owes_is_made():
    assert remedies(on_small_kernel(next_node=OTHER)) == ["service-restart"]


def test_nothing_is_done_where_there_is_room_or_the_strategy_is_live():
    assert remedies(node_facts({"node": POOLING, "next_node": POOLING})) == []
    assert remedies(on_small_kernel(node=OTHER, next_node=OTHER)) == []


def test_a_pool_in_a_process_that_says_it_has_none_is_told_and_not_restarted_for_ever():
    facts = on_small_kernel(node=OTHER, next_node=OTHER, pool={"engine_bytes": ENGINE_NOW, "mapped": [{"bytes": ENGINE_NOW}]})
    assert assess_facts(facts, {})["verdict"] == "at-risk" and remedies(facts) == []


def test_keep_never_touches_the_command_line():
    facts = on_small_kernel()
    found = assess_facts(facts, {"node_strategy": "keep"})
    assert found["remedies"] == [] and found["verdict"] == "at-risk"
    assert not [row for row in found["settings"] if row["setting"] == "instantiation strategy"]


def test_a_limit_is_lifted_only_where_the_kernel_has_room_without_it():
    tight = {"configured": limits(**{"as": 300 * GIB}), "live": limits(**{"as": 300 * GIB})}
    assert remedies(on_small_kernel(limits=tight)) == ["node-strategy"], "lifting the limit would leave the kernel's own"
    roomy = node_facts({"node": POOLING, "next_node": POOLING, "limits": tight, "pool": {"engine_bytes": ENGINE_2023}})
    assert remedies(roomy) == ["service-limits"]


def test_what_was_tried_in_vain_is_left_to_a_person_with_the_reason():
    refused = [{"remedy": "node-strategy", "service": UNIT, "reason": "/usr/bin/polkadot does not know the option"}]
    found = assess_facts(on_small_kernel(), {}, refused)
    finding = found["findings"][0]
    assert finding["automatic"] is False and found["remedies"] == []
    assert finding["evidence"][-1] == "/usr/bin/polkadot does not know the option"
    report = build_report([host_entry("a", {"assessment": found})], {}, "remediate", False, "")
    assert complaint(report, "blocked") == "wanted but not live: a"


@pytest.mark.parametrize("value", ["", "never", None, 1])
def test_a_policy_that_cannot_be_used_is_refused(value):
    if value is None:
        assert assess_facts(on_small_kernel(), {"node_strategy": value})["remedies"]
        return
    with pytest.raises(ValueError, match=r"memory_pool_node_strategy: .* is not valid; give auto or keep"):
        assess_facts(on_small_kernel(), {"node_strategy": value})
