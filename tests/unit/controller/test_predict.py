# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode predicts."""

from __future__ import annotations

import copy

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._predict import facts_after
from facts_factory import ENGINE_2023, GIB, host_facts, limits, node_facts

UNIT = "polkadot.service"
DEAD = node_facts({
    "active": False, "active_state": "activating", "sub_state": "auto-restart", "result": "exit-code", "main_pid": 0,
    "log": ["polkadot: failed to create memory pool mapping"],
    "limits": {"configured": limits(**{"as": 300 * GIB}), "live": None},
    "pool": {"engine_bytes": ENGINE_2023, "probed_fit": 0, "errno": 12, "largest_reservation": 299 * GIB},
})


def limited(facts: dict) -> dict:
    wanted = dict(facts["services"][UNIT]["limits"], configured=limits())
    return facts_after(facts, "service-limits", UNIT, {"limits": wanted, "restart_required": True})


def test_node_that_dies_of_its_limit_is_restarted_and_then_well():
    facts = limited(DEAD)
    remedies = assess_facts(facts, {})["remedies"]
    assert [item["remedy"] for item in remedies] == ["service-restart"], "the node would be left down"
    assert assess_facts(facts_after(facts, "service-restart", UNIT, {"changed": True}), {})["verdict"] == "healthy"


def test_facts_are_left_as_they_are():
    before = copy.deepcopy(DEAD)
    limited(DEAD)
    assert before == DEAD


def test_restart_grants_no_more_than_the_host_can():
    facts = node_facts({"limits": {"configured": limits(), "live": limits(nofile=1024, memlock=0),
                                   "grantable": {"nofile": 20000, "memlock": 8 << 20}}})
    live = facts_after(facts, "service-restart", UNIT, {"changed": True})["services"][UNIT]["limits"]["live"]
    assert (live["nofile"]["soft"], live["memlock"]["soft"], live["as"]["soft"]) == (20000, 8 << 20, -1)


def test_shm():
    after = facts_after(host_facts(shm={"size": 1}), "shm", None, {"shm": host_facts()["shm"]})
    assert assess_facts(after, {})["verdict"] == "healthy"


def test_service_that_is_left_stopped_is_not_called_running():
    stopped = node_facts({"active": False, "active_state": "inactive", "sub_state": "dead", "restart_required": True})
    after = facts_after(stopped, "service-restart", UNIT, {"changed": False, "notes": ["left stopped"]})
    assert after["services"][UNIT]["active"] is False
    assert after["services"][UNIT]["restart_required"] is False


class TestTrialStart:
    ANSWER = {"timed_out": False, "exit_status": 1, "unit": UNIT, "invocation": {}, "failed": False, "changed": False}  # noqa: RUF012

    def test_is_kept_without_what_is_of_ansible(self):
        after = facts_after(DEAD, "startup-trace", UNIT, self.ANSWER)
        assert after["services"][UNIT]["trace"] == {"timed_out": False, "exit_status": 1, "unit": UNIT}

    def test_that_was_not_possible_leaves_no_trace(self):
        for answer in ({"failed": True, "msg": "no strace", "reason": "strace-missing"}, {"command": [], "unit": UNIT}):
            assert facts_after(DEAD, "startup-trace", UNIT, answer) == DEAD

    def test_says_nothing_of_what_is_changed_later(self):
        tried = facts_after(DEAD, "startup-trace", UNIT, self.ANSWER)
        assert "trace" not in limited(tried)["services"][UNIT]
        assert "trace" not in facts_after(tried, "service-restart", UNIT, {"changed": True})["services"][UNIT]
