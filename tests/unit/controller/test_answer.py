# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what a module answers, only what such a module has to say is believed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.plugin_utils._answer import trusted_answer
from ansible_collections.aarch64.validator.plugins.plugin_utils._answer_text import readable_answer
from ansible_collections.aarch64.validator.plugins.plugin_utils._not_started import in_words
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
    ({"failed": True, "ansible_facts": {"aarch64_memory": [1]}}, "memory_facts", "not a dictionary"),
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


@pytest.mark.parametrize(("answer", "said"), [
    ({"rc": 127, "msg": "The module interpreter '/usr/bin/python3' was not found.",
      "module_stderr": "/bin/sh: 1: /usr/bin/python3: not found"}, "no Python on this host: /usr/bin/python3 is not there; "),
    ({"rc": 127, "msg": "MODULE FAILURE", "module_stderr": "/bin/sh: /opt/python3.9: not found"},
     "no Python on this host: /opt/python3.9 "),
    ({"rc": 1, "msg": "No start of json char found", "module_stderr": "Traceback\n    ^\nSyntaxError: invalid syntax"},
     "too old for ansible-core 2.19 on the controller, which needs 3.8 or newer there; "),
    ({"rc": 1, "msg": "ansible-core requires a minimum of Python version 3.8. Current version: 3.7.3"},
     "too old for ansible-core 2.19"),
    ({"exception": {"event": {"msg": "[Errno 12] Cannot allocate memory"}}}, "[Errno 12] Cannot allocate memory"),
    ({"rc": 1, "msg": "MODULE FAILURE", "exception": {"event": [1]}}, "MODULE FAILURE"),
    ({"rc": 127, "msg": "something else is not there", "module_stderr": 7}, "something else is not there"),
])
def test_a_module_that_could_not_answer_is_told_in_words(answer, said):
    told = in_words(dict(answer, failed=True), "2.19.3")
    assert said in told["msg"]
    assert said in trusted_answer(dict(answer, failed=True), "shm")["msg"] or "ansible-core" in said


def test_an_unknown_ansible_core_is_told_of_without_a_number():
    told = in_words({"failed": True, "module_stderr": "SyntaxError: x"}, "3.4.5")["msg"]
    assert "too old for ansible-core 3.4 on the controller; " in told


def test_of_a_traceback_the_last_line_is_told_first():
    told = in_words({"failed": True, "msg": "m", "module_stderr": "Traceback (most recent call last):\n  x\nMemoryError\n"})
    assert told["module_stderr"].splitlines()[0] == "MemoryError"
    assert in_words({"changed": False, "module_stderr": "SyntaxError"}) == {"changed": False, "module_stderr": "SyntaxError"}


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


def test_what_ansible_core_prints_has_no_secret():
    """Such as the source line of a traceback, or a variable among the options of a module."""
    options = {"environment": {"A_TOKEN": "S3CRET", "RUST_LOG": "info"}, "command": ["node", "--mnemonic", "S3CRET"], "token": ""}
    told = trusted_answer({"failed": True, "msg": "node --node-key S3CRET", "exception": "x\n  password='S3CRET'\nValueError",
                           "module_stderr": "Authorization: Bearer S3CRET", "invocation": {"module_args": options}}, "shm")
    assert "S3CRET" not in str(told), "a secret is printed"
    warned = {"warnings": ["node --node-key S3CRET"], "deprecations": [{"msg": "node --node-key S3CRET"}]}
    assert "S3CRET" not in str(trusted_answer(warned, "shm")) + readable_answer(json.dumps(warned)), "a warning has a secret"
    assert told["invocation"]["module_args"]["environment"]["RUST_LOG"] == "info" and "ValueError" in told["exception"]


SCREEN = "\x1b[2J\x1b]0;title\x07\x9b2J\u202e\u061c\u2067"
DRAWS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
DRAWING = {
    "changed": True, "actions": [SCREEN], SCREEN: SCREEN, "nested": [{SCREEN: [SCREEN]}], "_ansible_" + SCREEN: SCREEN,
    "warnings": [SCREEN, {"event": {"msg": SCREEN}}, 7], "deprecations": [{"msg": SCREEN, "version": SCREEN}, SCREEN],
    "diff": [{"before": SCREEN, "after": SCREEN, "before_header": SCREEN, "after_header": SCREEN, "src_larger": SCREEN},
             {"prepared": SCREEN}, SCREEN, {"before": 1}],
    "add_host": {"host_name": "other", "host_vars": {"ansible_connection": "local"}},
    "ansible_facts": {"aarch64_memory": {"log": ["\x1b[32mgreen\x1b[0m"], "name": "a\u202eb\x9bc"}},
}


def test_nothing_of_an_answer_drives_the_terminal():
    """Neither what ansible-core prints while it reads an answer, nor what it prints of the result."""
    read = json.loads(readable_answer(json.dumps(DRAWING)))
    assert not set(read) & {"add_host", "deprecations"} and not [name for name in read if name.startswith("_ansible_")]
    for answer in (read, trusted_answer(DRAWING, "memory_facts")):
        shown = {name: value for name, value in answer.items() if name != "ansible_facts"}
        assert not DRAWS.search(json.dumps(shown, ensure_ascii=False)), "shown as it is"
        assert '\\u001b' not in json.dumps(shown), "an escape is in what is printed as text"
        assert len(answer["warnings"]) == 4 and set().union(*answer["diff"]) <= {
            "before", "after", "before_header", "after_header", "prepared"}


def test_facts_stay_what_rules_look_for():
    """A node logs in colours, and rules know these; JSON shows their escapes as text, but not marks that turn a line around."""
    facts = json.loads(readable_answer(json.dumps(DRAWING)))["ansible_facts"]["aarch64_memory"]
    assert facts == {"log": ["\x1b[32mgreen\x1b[0m"], "name": "a b c"}


@pytest.mark.parametrize(("text", "said"), [
    ('motd\n  {"a": 1}\nafter it', {"a": 1}),
    ('{"ansible_facts": [1]}', {"ansible_facts": {}}),
    ('{"a": ' + "[" * 60 + "]" * 60 + "}",
     {"failed": True, "msg": "these memory facts are nested too deeply; look at what answers there"}),
    ('{"_ansible_suppress_tmpdir_delete": true, "ansible_job_id": "j1"}',
     {"_ansible_suppress_tmpdir_delete": True, "ansible_job_id": "j1"}),
])
def test_the_object_in_an_output(text, said):
    assert json.loads(readable_answer(text)) == said


@pytest.mark.parametrize("text", ["", "no JSON", "{broken", "[1]", '{"a": ' + "[" * 100000])
def test_what_is_no_object_is_left_to_ansible_core(text):
    assert readable_answer(text) == text
