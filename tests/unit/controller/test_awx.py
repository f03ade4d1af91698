# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey and the job templates for AWX ask for what the role takes. No AWX is run here."""

from __future__ import annotations

import json
import sys

import pytest
import yaml
from test_replay import ROOT, audit

from ansible_collections.aarch64.validator.plugins.plugin_utils._policy import differences

OPTIONS = yaml.safe_load((ROOT / "roles/memory_pool/meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
DEFAULTS = yaml.safe_load((ROOT / "roles/memory_pool/defaults/main.yml").read_text())
SURVEY = json.loads((ROOT / "docs/awx/survey.json").read_text())
TEMPLATES = sorted((ROOT / "docs/awx").glob("job_template_*.json"))
# What a question of AWX may be, for each type that the role's specification knows.
KINDS = {"str": {"text", "multiplechoice"}, "raw": {"text"}, "int": {"integer"}, "bool": {"multiplechoice"}}
FIELDS = {"question_name", "question_description", "required", "type", "variable", "default", "min", "max"}


@pytest.mark.parametrize("question", SURVEY["spec"], ids=lambda question: question["variable"])
def test_question_is_a_variable_of_the_role(question):
    name = question["variable"]
    option = OPTIONS[name]
    assert set(question) - {"choices"} == FIELDS and question["question_name"]
    assert question["type"] in KINDS[option["type"]], f"AWX would hand {name} over as another type"
    if question["type"] == "multiplechoice":
        valid = ["true", "false"] if option["type"] == "bool" else option["choices"]
        assert set(question["choices"]) <= set(valid) and question["default"] in question["choices"]
    elif question["type"] == "integer":
        assert isinstance(question["default"], int) and question["min"] <= question["default"] <= question["max"]
    else:
        assert question["min"] <= len(question["default"]) <= question["max"]
        assert question["required"] is bool(question["default"]), "an empty answer would be refused, or a needed one left out"
    default = DEFAULTS[name] or ("" if not isinstance(DEFAULTS[name], bool) else False)
    assert question["default"] == (str(default).lower() if isinstance(default, bool) else
                                   default if option["type"] == "int" else str(default)), f"{name} is asked with another default"


def test_no_variable_is_asked_twice():
    names = [question["variable"] for question in SURVEY["spec"]]
    assert set(SURVEY) == {"name", "description", "spec"} and len(names) == len(set(names))


def test_answers_are_taken_as_awx_gives_them(tmp_path):
    """The defaults of the survey, as the extra variables of a job, judge as no variable at all does."""
    (tmp_path / "hosts.json").write_text(json.dumps({"validators": {"hosts": {"val-1": {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}}))
    answers = {question["variable"]: question["default"] for question in SURVEY["spec"]}
    asked = audit(tmp_path, "-i", "hosts.json", **dict(answers, memory_pool_fail_on="never"))
    plain = audit(tmp_path, "-i", "hosts.json", memory_pool_fail_on="never")
    assert (asked.status, plain.status) == (0, 0), asked.output + plain.output
    assert differences(asked.report["policy"], plain.report["policy"]) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_job_template_runs_a_playbook_of_this_collection(path):
    template = json.loads(path.read_text())
    assert (ROOT / "playbooks" / template["playbook"]).is_file()
    assert f"{template['playbook']} " in (ROOT / "docs/scale.md").read_text(), "the project in docs/scale.md lacks it"
    assert "memory_pool_report_dir" in yaml.safe_load(template["extra_vars"])
    assert template["ask_limit_on_launch"] and template["survey_enabled"]
    if template["playbook"] == "remediate.yml":
        assert template["job_slice_count"] == 1, "slices would plan their batches apart"
        assert template["job_type"] == "check" and template["ask_job_type_on_launch"], "a first click would change hosts"


def test_there_are_job_templates():
    assert [path.stem for path in TEMPLATES] == ["job_template_audit", "job_template_remediate"]
