# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases of ansible-core and of Python that tests run on stand in scripts/pythons.sh; the workflow runs each of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from test_requirements import PYTHONS_OF_CORE

from ansible_collections.aarch64.validator.plugins.plugin_utils._version import VERSION

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
JOBS = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())["jobs"]
MAKEFILE = (ROOT / "Makefile").read_text().replace("\\\n", " ")
TARGETS, VARIABLES = (set(re.findall(rf"^{word} (.*)", MAKEFILE, re.MULTILINE)[0].split()) for word in (r"\.PHONY:", "export"))
BASH = shutil.which("bash") or "bash"


def shell(command: str, **environment: str) -> subprocess.CompletedProcess:
    """What a command says to whom scripts/pythons.sh is at hand."""
    words = [BASH, "-c", f". scripts/pythons.sh; {command}"]
    surroundings = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(words, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)


def listed(name: str) -> list:
    return shell(f'printf "%s\\n" "${{{name}[@]}}"').stdout.splitlines()


def matrix(job: str) -> dict:
    return JOBS[job]["strategy"]["matrix"]


def test_reports_name_the_version_of_the_collection():
    assert yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"] == VERSION


def test_the_workflow_has_the_lists_of_the_scripts():
    assert matrix("sanity")["core"] == listed("CORES")
    assert matrix("target-python")["python"] == listed("HOST_PYTHONS")


def test_the_oldest_release_is_the_one_that_the_collection_asks_for():
    required = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["requires_ansible"]
    assert required == f">={listed('CORES')[0]}.0"
    assert f"ansible-core>={listed('CORES')[0]}\n" in (ROOT / "requirements.txt").read_text()


@pytest.mark.parametrize("row", listed("CORES_ON"))
def test_each_release_is_run_with_pythons_that_it_knows(row):
    core, pythons = row.split(": ")
    first, last = PYTHONS_OF_CORE[core]
    assert pythons.split() == [f"3.{minor}" for minor in range(last, first - 1, -1)]


def test_the_usual_and_the_newest_release_are_among_them():
    assert listed("USUAL_CORE")[0] in listed("CORES") and listed("NEWEST_CORE") == listed("CORES")[-1:]


@pytest.mark.parametrize(("core", "code", "told"), [
    ("2.99", 2, "VERSION: '2.99' is none of 2.17 "),
    ("2.17", 77, "left out: ansible-core 2.17 needs one of the Pythons 3.12 3.11 3.10"),
])
def test_what_cannot_be_run_is_told(core, code, told, tmp_path):
    """On a machine without Pythons."""
    done = shell(f"controller_for {core}", PATH=str(tmp_path), PYENV_ROOT=str(tmp_path), HOME=str(tmp_path))
    assert done.returncode == code and told in done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").glob("*.sh")), ids=lambda path: path.name)
def test_no_other_script_has_a_list_of_its_own(path):
    code = "\n".join(line.partition("#")[0] for line in path.read_text().splitlines())
    assert path.name == "pythons.sh" or re.findall(r"(?<![\w.])2\.(?:1[5-9]|2\d)(?![\w.])", code) == []


def test_the_parts_of_the_integration_tests_make_a_whole():
    parts = [target.split("PART=")[1] for target in matrix("hosts")["target"] if "PART=" in target]
    assert parts == [f"{number}/{len(parts)}" for number in range(1, len(parts) + 1)]


def commands(path: Path) -> list:
    """What the steps of a workflow run, with each value of the matrix; steps with a name are of their own kind."""
    found = []
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        values = job.get("strategy", {}).get("matrix", {})
        for step in job["steps"]:
            if "run" in step and "name" not in step:
                name = re.search(r"\${{ matrix\.(\w+) }}", step["run"])
                found += [step["run"].replace(name[0], value) for value in values[name[1]]] if name else [step["run"]]
    return found


@pytest.mark.parametrize("command", [command for path in WORKFLOWS for command in commands(path)])
def test_workflows_run_what_anybody_can_run(command):
    words = command.removeprefix("sudo ").split()
    assert words[0] == "make"
    assert {word for word in words[1:] if "=" not in word} <= TARGETS
    assert {word.split("=")[0] for word in words[1:] if "=" in word} <= VARIABLES
