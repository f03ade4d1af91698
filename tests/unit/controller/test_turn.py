# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around the turn of a host: twins, what a node is asked, windows, and progress."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._identity import duplicate_identities
from ansible_collections.aarch64.validator.plugins.plugin_utils._predict import facts_after
from ansible_collections.aarch64.validator.plugins.plugin_utils._progress import Progress
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import build_report, complaint, host_entry
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._terminal import terminal_lines
from ansible_collections.aarch64.validator.plugins.plugin_utils._turn import node_checks
from ansible_collections.aarch64.validator.plugins.plugin_utils._window import restart_window
from facts_factory import node_facts

BABE, GRANDPA = "62616265", "6772616e"
KEY, OTHER = "ab" * 32, "cd" * 32


def twins(**hosts: list) -> list:
    hostvars = {name: {"memory_pool_identities": nodes} for name, nodes in hosts.items()}
    return [(one["what"], one["hosts"]) for one in duplicate_identities(list(hosts), hostvars)]


def test_twins_are_found_by_peer_id_and_by_key():
    assert twins(a=[{"peer_id": "P", "keystore": []}], b=[{"peer_id": "P", "keystore": None}], c=[{"peer_id": "Q"}]) == [
        ("peer id", ["a", "b"])]
    assert twins(a=[{"keystore": [BABE + KEY]}], b=[{"keystore": [GRANDPA + KEY.upper()]}], c=[{"keystore": [BABE + OTHER]}]) == [
        ("session key", ["a", "b"])], "the kind of a key does not make it another one"


def test_a_host_is_no_twin_of_itself_nor_of_one_that_did_not_say():
    same = {"peer_id": "P", "keystore": [BABE + KEY]}
    assert twins(a=[same, same], b=[{}], c=[], d=[{"peer_id": None, "keystore": None}], e=[{"peer_id": ""}]) == []
    assert duplicate_identities(["gone"], {"gone": {}}) == []


def asked(stage: str, rpc: bool = True, **service: object) -> dict:
    facts = node_facts(service)
    found = node_checks(facts, assess_facts(facts, {"limit_nofile": 65535}), stage, rpc)
    return found[0] if found else {}


def test_a_node_that_is_down_is_asked_who_it_is_but_not_whether_it_is_well():
    down = {"main_pid": 0, "active_state": "failed", "sub_state": "failed"}
    assert asked("identity", **down)["checks"] == ["identity"]
    assert asked("turn", **down) == {}
    gate = asked("gate", **down)
    assert gate["down"] and "syncing" not in gate["checks"] and "runtime" in gate["checks"], "it may have days to catch up with"
    assert "syncing" in asked("gate")["checks"]


def test_without_rpc_the_gate_still_looks_at_the_service():
    assert asked("turn", rpc=False) == {}
    assert asked("gate", rpc=False)["checks"] == ["active", "journal", "limits"]
    other = {"exec_start": "/usr/sbin/nginx -g x", "binary": "/usr/sbin/nginx", "command_line": ["nginx"]}
    assert asked("gate", **other)["checks"] == ["active", "journal", "limits"], "not every service is a node"
    pool = dict(node_facts()["services"]["polkadot.service"]["pool"], mapped=[{"bytes": 1 << 38}])
    assert "rpc" in asked("gate", **dict(other, pool=pool))["checks"], "a node by another name maps a pool all the same"


def test_the_gate_waits_for_no_limit_that_the_host_cannot_grant():
    limits = dict(node_facts()["services"]["polkadot.service"]["limits"], grantable={"nofile": 20000, "memlock": 8 << 20})
    assert asked("gate", limits=limits)["limits"] == {"nofile": 20000, "memlock": 8 << 20}


def test_a_node_that_was_started_with_what_is_on_trial_has_its_gate_still_to_come():
    def told(started: bool, stage: str, **service: object) -> dict:
        facts = node_facts(service, host={"on_trial": [
            {"remedy": "shm", "unit": None, "started": None},
            {"remedy": "service-limits", "unit": "polkadot.service", "started": started}]})
        found = node_checks(facts, assess_facts(facts, {}), stage)
        return found[0] if found else {}

    trial = told(True, "trial")
    assert trial["unproven"] and trial["authority"] and trial["checks"] == told(False, "gate")["checks"] and not trial["limits"]
    assert told(True, "identity")["checks"] == ["identity"] and not told(True, "turn"), "it is not left out for being ill"
    assert not told(False, "trial") and told(False, "turn"), "it runs as it did before the change"
    assert not told(True, "trial", need_daemon_reload=True), "it was started, but not with the change"


def test_a_node_between_stop_and_start_needs_a_start_and_is_told_as_such():
    waits = {"main_pid": 0, "active": False, "active_state": "inactive", "sub_state": "dead"}
    facts = node_facts(dict(waits, interrupted=True))
    judged = assess_facts(facts, {})
    assert [(one["remedy"], one["options"]) for one in judged["remedies"]] == [
        ("service-restart", {"unit": "polkadot.service", "delay": 120})]
    assert judged["verdict"] == "blocked" and "was interrupted" in judged["findings"][0]["summary"]
    after = facts_after(facts, "service-restart", "polkadot.service", {"changed": True})
    assert assess_facts(after, {})["remedies"] == []
    stopped = assess_facts(node_facts(waits), {})
    assert stopped["remedies"] == [], "a node that somebody has stopped stays stopped"


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text + "+00:00")


@pytest.mark.parametrize(("window", "time", "is_open", "opens_at"), [
    ("", "2026-03-02T03:00", True, None),
    ("02:00-05:00", "2026-03-02T02:00", True, None),
    ("02:00-05:00 UTC", "2026-03-02T05:00", False, "2026-03-03 02:00 UTC"),
    ("Fri 23:00-04:00 UTC", "2026-03-07T03:59", True, None),  # the night of Friday lasts into Saturday
    ("Fri 23:00-04:00 UTC", "2026-03-06T03:00", False, "2026-03-06 23:00 UTC"),
    ("Sat-Mon 10:00-24:00", "2026-03-02T23:59", True, None),
    ("Sat,Sun 01:00-02:00; Wed 10:00-11:00", "2026-03-02T00:00", False, "2026-03-04 10:00 UTC"),
    ("02:00-05:00 Europe/Berlin", "2026-07-01T00:30", True, None),
    ("02:00-05:00 Europe/Berlin", "2026-01-01T00:30", False, "2026-01-01 01:00 UTC"),
    ("03:00-04:00 Europe/Berlin", "2026-03-28T12:00", False, "2026-03-29 01:00 UTC"),  # the clock is put forward that night
])
def test_windows(window: str, time: str, is_open: bool, opens_at: str | None):
    assert restart_window(window, at(time)) == {"open": is_open, "opens_at": opens_at}


@pytest.mark.parametrize("window", [
    "night", "02:00", "25:00-26:00", "02:60-03:00", "02:00-02:00", "Foo 02:00-03:00", "Mon- 02:00-03:00", "02:00-03:00;",
    "02:00-03:00 Mars/Olympus", 200,
])
def test_bad_windows_name_the_option(window: object):
    with pytest.raises(OptionError, match="memory_pool_window"):
        restart_window(window, at("2026-01-01T00:00"))


def test_progress():
    progress = Progress()
    progress.plan([["a"], ["b", "c"], ["d"]])
    progress.next_batch(1000)
    progress.work("a", "restarting")
    assert progress.line(1000) == "batch 1 of 3, 0 of 4 hosts done; a restarting"
    progress.settle("a")
    progress.next_batch(1060)
    assert progress.head(1060).startswith("batch 2 of 3, 1 of 4 hosts done, ends at about ") and progress.ends(1060) == 1240
    progress.next_batch(1100)
    assert "3 of 4 hosts done" in progress.line(1100), "a host that was left out does not hold up the count"
    assert progress.result(1130) == "3 of 4 hosts done after batch 3 of 3, in 130 seconds"


def report(**outcome: object) -> dict:
    facts = node_facts()
    entry = host_entry("val", dict({"facts": facts, "assessment": assess_facts(facts, {})}, **outcome))
    return build_report([entry], {}, "remediate", False, "2026-01-01T00:00:00Z")


def shown(built: dict) -> str:
    return "\n".join(line for line, _colour in terminal_lines(built, 160, False))


def test_a_host_that_was_left_out_never_vanishes():
    built = report(skipped="polkadot.service: not healthy (syncing: it is syncing)")
    assert complaint(built, "blocked") == "left out: val" and complaint(built, "never") is None
    assert complaint(dict(built, check=True), "blocked") is None
    assert "left out: polkadot.service: not healthy (syncing" in shown(built) and "run again" in shown(built)


def test_what_was_undone_and_what_waits_for_a_window_is_said():
    assert "undone: /etc/fstab: line put back" in shown(report(undone=["/etc/fstab: line put back"]))
    waiting = shown(report(pending=["polkadot.service"], pending_until="memory_pool_window 02:00-03:00, which opens at X"))
    assert "run the same again within memory_pool_window 02:00-03:00, which opens at X, to restart polkadot.service" in waiting
