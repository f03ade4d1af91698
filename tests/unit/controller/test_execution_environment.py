# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An execution environment gets what this collection needs, as ansible-builder itself sees it. No image is built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_builder import ee_schema

ROOT = Path(__file__).resolve().parents[3]
DEFINITION = ROOT / "meta/execution-environment.yml"
NEEDED = {"ansible-core>=2.17", "jmespath>=1.0", "netaddr>=1.0"}


def test_definition_is_valid():
    ee_schema.validate_schema(yaml.safe_load(DEFINITION.read_text()))


def test_definition_is_read_from_the_root_of_the_collection():
    link = ROOT / "execution-environment.yml"
    assert link.is_symlink() and link.resolve() == DEFINITION
    dependencies = yaml.safe_load(DEFINITION.read_text())["dependencies"]
    assert all((ROOT / dependencies[kind]).is_file() for kind in ("python", "system"))


def test_context_is_created(tmp_path):
    command = [str(Path(sys.executable).parent / "ansible-builder"), "create", "--context", str(tmp_path / "context"),
               "--output-filename", "Containerfile"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = (tmp_path / "context/Containerfile").read_text()
    assert "ansible-galaxy collection install" in steps and "python3.12" in steps
    assert set((tmp_path / "context/_build/requirements.txt").read_text().split()) == NEEDED
    assert "openssh-clients [platform:rpm]" in (tmp_path / "context/_build/bindep.txt").read_text()


@pytest.fixture
def introspected(tmp_path):
    """What ansible-builder finds in an environment that merely contains the collection."""
    place = tmp_path / "ansible_collections/aarch64"
    place.mkdir(parents=True)
    (place / "validator").symlink_to(ROOT)
    script = Path(ee_schema.__file__).parent / "_target_scripts/introspect.py"
    command = [sys.executable, str(script), "introspect", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_any_environment_with_the_collection_gets_its_requirements(introspected):
    found = {kind: " ".join(lines) for kind, lines in yaml.safe_load(introspected).items()}
    assert "jmespath>=1.0" in found["python"] and "netaddr>=1.0" in found["python"]
    assert "openssh-clients [platform:rpm]" in found["system"]
