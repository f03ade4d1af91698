# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of README.md that install the collection, as they stand there, typed in a clone by a user with an empty home.

Nothing is fetched: the virtual environments are there already, with what the tests themselves run with. Only Galaxy is not asked.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tarball import ROOT, clone

PROGRAMS = Path(sys.executable).parent
BLOCKS = re.findall(r"^```console\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
INVENTORY = """---
validators:
  hosts:
    localhost:
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
  vars:
    memory_pool_fail_on: never
"""
# What these would fetch is there.
FETCHED = """
python3() { if [ "$1 $2" != "-m venv" ]; then command python3 "$@"; fi; }
pip() { :; }
"""


def commands(wanted: str) -> list[str]:
    """The commands of the one block that has this text."""
    (block,) = [block for block in BLOCKS if wanted in block]
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of a user with a clone in it, whose example of a fleet is this machine."""
    source = clone(tmp_path)
    for arguments in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *arguments], cwd=source, check=True)
    for place in (source / "inventory/fleet.example.yml", source / "inventory/fleet.yml"):
        place.write_text(INVENTORY)
    (source / ".venv").mkdir()
    (source / ".venv/bin").symlink_to(PROGRAMS)
    (source / ".venv/.installed").touch()
    (tmp_path / "validator/bin").mkdir(parents=True)
    (tmp_path / "validator/bin/activate").write_text(f"PATH={PROGRAMS}:$PATH\n")
    return tmp_path


def typed(home: Path, lines: list[str]) -> str:
    """What a shell in the clone shows of these commands; each has to end well."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment.update(HOME=str(home), ANSIBLE_LOCALHOST_WARNING="false")
    done = subprocess.run(["bash", "-euc", FETCHED + "\n".join(lines)], cwd=home / "source", env=environment,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment_first() -> list[str]:
    """The commands before Galaxy is asked: a virtual environment, and what is needed in it."""
    lines = commands("ansible-galaxy collection install aarch64.validator\n")
    asks = next(number for number, line in enumerate(lines) if line.startswith("ansible-galaxy"))
    assert [line.split()[0] for line in lines[:asks]] == ["python3", "pip"]
    return lines[:asks]


def test_own_tarball_is_installed_and_runs(home: Path) -> None:
    shown = typed(home, environment_first() + commands("make build"))
    assert "Nothing to do" not in shown
    assert (home / ".ansible/collections/ansible_collections/aarch64/validator/MANIFEST.json").exists()
    assert "diagnose: 1 host" in shown
    assert (home / "validator-report/report.json").exists(), "the report is where the user is, outside of the clone"


def test_clone_runs_as_it_is(home: Path) -> None:
    shown = typed(home, environment_first() + commands("cd playbooks"))
    assert "diagnose: 1 host" in shown
    assert not (home / ".ansible/collections").exists()
