# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets of ansible-test, one for each module, on a real host with a node: ansible-test has no such host itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import HostHandle

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ROOT / "tests/integration/targets"
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
# What each target has to hold for its module: check mode, a second run, and undo where the module has one.
UNDOABLE = (
    "changes", "docker_defaults", "node_release", "node_strategy", "podman_defaults", "service_limits", "service_sandbox", "shm",
)


@pytest.mark.parametrize("module", MODULES)
def test_target_is_complete(module: str) -> None:
    text = (TARGETS / module / "tasks/main.yml").read_text()
    assert "check_mode: true" in text, f"{module}: its target never runs in check mode"
    uses = [task for task in _tasks(yaml.safe_load(text)) if f"aarch64.validator.{module}" in task]
    assert len(uses) >= 3, f"{module}: its target does not run it twice besides check mode"
    if module in UNDOABLE:
        assert any(task[f"aarch64.validator.{module}"].get("state") in ("reverted", "undone") for task in uses)
    assert (TARGETS / module / "aliases").exists()


@pytest.mark.nspawn
@pytest.mark.parametrize("module", MODULES)
def test_target(module: str, host: HostHandle, tmp_path: Path) -> None:
    before = host.checksums()
    play = [{
        "name": f"Target {module}", "hosts": host.name, "gather_facts": False, "become": True,
        "tasks": [{"name": module, "ansible.builtin.include_role": {"name": module}}],
    }]
    file = tmp_path / "target.yml"
    file.write_text(yaml.safe_dump(play))
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_ROLES_PATH": str(TARGETS),
                   "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks/collections")}
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(host.fleet.inventory), str(file)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert host.checksums() == before, f"{module}: its target leaves files of the host otherwise than they were"


def _tasks(tasks: list) -> list:
    """All tasks, with those of blocks."""
    parts = [task[part] for task in tasks for part in ("block", "rescue", "always") if part in task]
    return tasks + [task for part in parts for task in _tasks(part)]
