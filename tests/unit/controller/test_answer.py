# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what a module answers, only what such a module has to say is believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.plugin_utils._answer import trusted_answer
from ansible_collections.aarch64.validator.plugins.plugin_utils._size import check_size

ROOT = Path(__file__).parents[3]
FACTS = {"aarch64_memory": {"services": {"polkadot.service": {}}}}


def test_facts_pass_and_others_do_not():
    given = dict(FACTS, memory_pool_report_dir="/etc", discovered_interpreter_python="/usr/bin/python3")
    kept = trusted_answer({"changed": False, "ansible_facts": given}, "memory_facts")["ansible_facts"]
    assert kept == dict(FACTS, discovered_interpreter_python="/usr/bin/python3")
    assert "ansible_facts" not in trusted_answer({"changed": False, "ansible_facts": FACTS}, "shm")


@pytest.mark.parametrize(("answer", "module", "complaint"), [
    ({"changed": "yes"}, "shm", "whether something has changed"),
    ({"actions": "text"}, "shm", "actions of the host are not a list"),
    ({"notes": [1]}, "shm", "notes of the host are not a list"),
    ({"ansible_facts": [1]}, "shm", "not a dictionary"),
    ({}, "memory_facts", "without memory facts"),
    ({"ansible_facts": {"aarch64_memory": {"services": {"a\x1b[2J": {}}}}}, "memory_facts", "a service whose name"),
    ({"ansible_facts": {"aarch64_memory": {"services": {"a b": {}}}}}, "memory_facts", "a service whose name"),
    ({"msg": "x" * (17 << 20)}, "shm", "larger than 16 MiB"),
])
def test_what_no_module_answers_is_a_failure(answer, module, complaint):
    refused = trusted_answer(answer, module)
    assert refused["failed"] and refused["changed"] is False and complaint in refused["msg"]


def test_failures_stay_what_they_are_without_control_characters():
    told = trusted_answer({"failed": True, "msg": "a\x1b[2J\u202eb\nc\td", "unreachable": False}, "memory_facts")
    assert told["msg"] == "a [2J b\nc\td" and told["failed"]
    assert trusted_answer({"unreachable": True, "msg": "gone"}, "memory_facts")["unreachable"]


def test_size_is_of_all_that_is_told():
    check_size({"a": ["x" * 100] * 10}, most=2000)
    with pytest.raises(ValueError, match="larger than"):
        check_size({"a": ["x" * 100] * 20}, most=2000)
    with pytest.raises(ValueError, match="larger than"):
        check_size({"x" * 3000: None}, most=2000)
    deep: list = []
    for _level in range(60):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        check_size(deep)


def test_what_any_module_answers_is_looked_at():
    actions = {path.stem: path.read_text() for path in (ROOT / "plugins/action").glob("[a-z]*.py")}
    asked = {path.stem for path in (ROOT / "plugins/modules").glob("[a-z]*.py")}
    assert asked == set(actions), "the answers of these modules are believed, or no module has this name"
    for name in asked - {"report"}:
        assert "_checked_action" in actions[name] or "trusted_answer(" in actions[name], f"{name} believes what a host answers"
