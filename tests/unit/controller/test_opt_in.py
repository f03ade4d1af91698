# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remedies that are applied only on request: off by default, and honest about what they have not reached."""

from __future__ import annotations

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _sandbox_apply
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._policy import checked_policy
from ansible_collections.aarch64.validator.plugins.plugin_utils._predict import facts_after
from facts_factory import host_facts, node_facts

UNIT = "polkadot.service"
BLOCKED = node_facts({
    "active": False, "active_state": "activating", "sub_state": "auto-restart", "result": "signal", "main_pid": 0,
    "sandbox": {"MemoryDenyWriteExecute": "yes", "RestrictNamespaces": "yes"},
    "log": ["polkadot: unable to make memory executable: Permission denied (os error 13)"],
    "limits": dict(node_facts({})["services"][UNIT]["limits"], live=None),
})
BEFORE = {"shm_size": 64 << 20, "ulimits": {}}
AFTER = {"shm_size": 2 << 30, "ulimits": {"nofile": {"soft": 65535, "hard": 65535}}}
ANSWER = {"engine": "docker", "installed": True, "actions": ["..."], "short": ["shm_size", "nofile"], "before": BEFORE,
          "defaults": AFTER, "wanted": {"shm_size": 2 << 30, "ulimits": {"nofile": 65535}}, "restart_required": True, "notes": []}
ASKED = {"container_defaults": True}


def remedies(facts: dict, policy: dict) -> list:
    return [(one["remedy"], one["service"]) for one in assess_facts(facts, policy)["remedies"]]


def test_sandbox_is_left_alone_by_default():
    found = {item["id"]: item for item in assess_facts(BLOCKED, {})["findings"]}
    assert not found["wx-denied"]["automatic"] and remedies(BLOCKED, {}) == []
    assert "memory_pool_relax_sandbox: true" in found["wx-denied"]["summary"]


def test_sandbox_is_relaxed_on_request_and_then_the_node_is_started():
    assert remedies(BLOCKED, {"relax_sandbox": True}) == [("sandbox", UNIT)]
    after = facts_after(BLOCKED, "sandbox", UNIT, {"lines": ["MemoryDenyWriteExecute=no"], "restart_required": True})
    assert remedies(after, {"relax_sandbox": True}) == [("service-restart", UNIT)], "the node would be left down"
    assert facts_after(BLOCKED, "sandbox", UNIT, {"lines": []}) == BLOCKED
    refused = [{"remedy": "sandbox", "service": UNIT, "reason": "restriction_bisect: starts"}]
    left = {item["id"]: item for item in assess_facts(BLOCKED, {"relax_sandbox": True}, refused)["findings"]}["wx-denied"]
    assert not left["automatic"] and "restriction_bisect: starts" in left["summary"]


def test_kernel_and_containers_are_no_matter_of_a_unit():
    inside = dict(BLOCKED, services={UNIT: dict(BLOCKED["services"][UNIT], container={"engine": "docker"})})
    assert remedies(inside, {"relax_sandbox": True}) == []


def test_engines_are_not_looked_at_by_default():
    facts = facts_after(host_facts(), "container-engine", "docker", ANSWER)
    assert remedies(facts, {}) == [] and all("docker" not in row["setting"] for row in assess_facts(facts, {})["settings"])


def test_defaults_are_set_on_request_and_limits_that_wait_are_not_called_live():
    facts = facts_after(host_facts(), "container-engine", "docker", ANSWER)
    assert remedies(facts, ASKED) == [("container-defaults", None)]
    rows = {row["setting"]: row for row in assess_facts(facts, ASKED)["settings"]}
    assert (rows["docker /dev/shm"]["configured"], rows["docker /dev/shm"]["ok"]) == (64 << 20, False)
    after = facts_after(facts, "container-defaults", None, ANSWER)
    assert remedies(after, ASKED) == []
    rows = {row["setting"]: row for row in assess_facts(after, ASKED)["settings"]}
    assert rows["docker /dev/shm"]["ok"]
    assert rows["docker nofile"]["configured_ok"] and not rows["docker nofile"]["live_ok"]
    assert facts["services"] == after["services"], "containers that run were said to have changed"


def test_engine_that_cannot_be_changed_is_named_and_one_that_is_missing_is_not():
    broken = facts_after(host_facts(), "container-engine", "docker", {"failed": True, "msg": "daemon.json: line 1, column 2"})
    row = assess_facts(broken, ASKED)["settings"][-1]
    assert not row["live_ok"] and "column 2" in row["note"]
    none = facts_after(host_facts(), "container-engine", "podman", {"installed": False, "actions": []})
    assert remedies(none, ASKED) == [] and "podman" not in str(assess_facts(none, ASKED)["settings"])


@pytest.mark.parametrize(("name", "value"), [
    ("container_shm", "2X"), ("container_ulimits", []), ("container_ulimits", {"files": 1}), ("container_defaults", "yes"),
    ("relax_sandbox", 1)])
def test_bad_values_are_refused_before_any_change(name, value):
    with pytest.raises(ValueError, match=f"memory_pool_{name}"):
        checked_policy({name: value})


def test_lines_of_a_relaxation():
    lines = ["MemoryDenyWriteExecute=no", "SystemCallFilter=memfd_create mlock"]
    assert _sandbox_apply.checked_lines(lines) == lines
    assert _sandbox_apply.merged(lines, ["SystemCallFilter=mlock bpf"]) == [lines[0], "SystemCallFilter=memfd_create mlock bpf"]
    assert _sandbox_apply.merged(lines, ["SystemCallFilter="]) == [lines[0], "SystemCallFilter="]
    assert _sandbox_apply.merged(["SystemCallFilter="], lines) == ["SystemCallFilter=", lines[0]]
    for bad in ("SystemCallFilter=~mlock", "MemoryDenyWriteExecute=yes", "ExecStart=", "PrivateTmp", "LimitNOFILE=5",
                "SystemCallFilter=a\nb=c"):
        with pytest.raises(OptionError, match="lines"):
            _sandbox_apply.checked_lines([bad])
    with pytest.raises(OptionError, match="once"):
        _sandbox_apply.checked_lines(["PrivateUsers=no", "PrivateUsers=no"])
