# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables, their specification, their documentation and the filter's policy never drift apart."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment

from ansible_collections.aarch64.validator.plugins.module_utils._health import GRACE_SECONDS
from ansible_collections.aarch64.validator.plugins.module_utils._health_options import MAX_SLICE
from ansible_collections.aarch64.validator.plugins.module_utils._lock import WAIT_SECONDS
from ansible_collections.aarch64.validator.plugins.module_utils._restart import MAX_STOP_SECONDS
from ansible_collections.aarch64.validator.plugins.module_utils._restart_apply import PATIENCE
from ansible_collections.aarch64.validator.plugins.module_utils._startup import QUESTION_SECONDS
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import COMMAND_SECONDS
from ansible_collections.aarch64.validator.plugins.plugin_utils._policy import DEFAULTS, checked_policy

ROLE = Path(__file__).resolve().parents[3] / "roles" / "memory_pool"
VARIABLES = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
SPECS = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]
UNSET = {"memory_pool_engines_needed", "memory_pool_baseline", "memory_pool_query"}  # have no default on purpose
OF_ONE_ENTRY = {"report": {"memory_pool_report_mode"}, "replay": {"memory_pool_facts_dir"},
                "merge": {"memory_pool_pieces"}}


@pytest.mark.parametrize("entry", SPECS)
def test_every_entry_point_specifies_every_variable_with_its_default(entry):
    options = SPECS[entry]["options"]
    assert set(options) == set(VARIABLES) | UNSET | OF_ONE_ENTRY.get(entry, set())
    for name, default in VARIABLES.items():
        assert str(options[name]["default"]) == str(default), f"{entry}: {name} is documented with another default"


def test_every_entry_point_has_a_file():
    files = {path.stem for path in (ROLE / "tasks").glob("*.yml")}
    assert set(SPECS) <= files


@pytest.mark.parametrize("entry", SPECS)
def test_every_entry_point_is_documented(entry):
    row = next((line for line in (ROLE / "README.md").read_text().splitlines() if line.startswith(f"| `{entry}` |")), None)
    assert row, f"an operator would not find {entry} in the README of the role"
    missing = [name for name in OF_ONE_ENTRY.get(entry, set()) - {"memory_pool_report_mode"} if f"`{name}`" not in row]
    assert missing == [], "variables of this entry point alone"


def test_what_revert_asks_is_looked_at():
    """revert.yml records what each of its modules undid, and stops where one of them did not reach the host."""
    asked = [task["register"] for task in yaml.safe_load((ROLE / "tasks/revert.yml").read_text()) if "register" in task]
    listed = yaml.safe_load((ROLE / "vars/main.yml").read_text())["__memory_pool_reverted"]
    assert [re.sub(r"[{} ]", "", entry) for entry in listed] == asked


@pytest.mark.parametrize("name", sorted(set(VARIABLES) | UNSET))
def test_every_variable_is_documented(name):
    row = next((line for line in (ROLE / "README.md").read_text().splitlines() if line.startswith(f"| `{name}`")), None)
    assert row, f"an operator would not find {name} in the README of the role"
    if name in VARIABLES:
        assert f"`{str(VARIABLES[name]).lower() if isinstance(VARIABLES[name], bool) else VARIABLES[name]}`" in row


def test_policy_has_the_defaults_of_the_role():
    own = {name[len("memory_pool_"):]: value for name, value in VARIABLES.items()}
    assert {name: own[name] for name in DEFAULTS if name != "engines_needed"} == {
        name: value for name, value in DEFAULTS.items() if name != "engines_needed"}
    policy = yaml.safe_load((ROLE / "vars/main.yml").read_text())["__memory_pool_policy"]
    named = re.findall(r"^\s*(\w+)=(\w+)", policy, re.MULTILINE)
    assert {name for name, _variable in named} == set(DEFAULTS)
    mixed_up = [name for name, variable in named if name != "release" and variable != "memory_pool_" + name]
    assert not mixed_up, f"assess is given the variable of another setting for {mixed_up}"
    assert checked_policy(dict(DEFAULTS)) == checked_policy({})


# Modules that are done on the controller, and those that wait for it.
ON_CONTROLLER = {"set_fact", "fail", "assert", "include_tasks", "import_tasks", "include_role", "import_role", "meta", "report",
                 "import_playbook", "debug"}
BESIDE = {"name", "when", "vars", "register", "loop", "loop_control", "block", "rescue", "always", "become", "changed_when",
          "failed_when", "check_mode", "run_once", "delegate_to", "delegate_facts", "throttle", "diff", "timeout"}
FILES = sorted([*ROLE.parent.glob("*/tasks/**/*.yml"), *ROLE.parents[1].glob("playbooks/tasks/*.yml")])


def tasks_of(tasks):
    """All tasks of a file, also those in blocks."""
    for task in tasks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks_of(task.get(part, []))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_every_task_on_a_host_has_a_limit(path):
    """One host that says nothing must not hold up all others, and the report."""
    for task in tasks_of(yaml.safe_load(path.read_text()) or []):
        modules = {key.rpartition(".")[2] for key in task} - BESIDE
        if task.get("delegate_to") != "localhost" and modules - ON_CONTROLLER:
            assert "timeout" in task, f"{task['name']}: would wait for ever"


def test_limits_are_longer_than_what_they_limit():
    """With the shortest time for an answer, a task of its usual length is never cut off."""
    known = {"memory_pool_answer_seconds": 10, "memory_pool_restart_delay": 120, "memory_pool_clean_start_seconds": 20,
             "__memory_pool_manifest": {"binaries": [{"size": 1 << 27}]}}
    variables = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    limits = {name: value for name, value in variables.items() if name.endswith("_seconds")}
    for name, value in limits.items():  # the first is what the others add to
        known[name] = int(Environment().from_string(value).render(known))
    longest = {
        "look": 9, "slice": MAX_SLICE + GRACE_SECONDS, "change": WAIT_SECONDS + COMMAND_SECONDS,
        "restart": MAX_STOP_SECONDS + 120 + 30 + 90 + 5 + PATIENCE, "start": 20 + 2 * QUESTION_SECONDS + 40,
        "search": 40 * (20 + 40), "copy": 600}
    assert {f"__memory_pool_{name}_seconds" for name in longest} == set(limits)
    short = {name: known[f"__memory_pool_{name}_seconds"] for name, seconds in longest.items()
             if known[f"__memory_pool_{name}_seconds"] < seconds + 1}
    assert not short, "these would be cut off on a host that does answer"
