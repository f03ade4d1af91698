# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing asks for root but the operator, and what only looks works without it, also in the hands of an ordinary user."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
PYTHON = "/usr/bin/python3"  # that of a virtual environment may lie where an ordinary user cannot go
FILES = sorted(path for place in ("playbooks", "roles") for path in (ROOT / place).rglob("*.yml")
               if "collections" not in path.parts)
LOCAL = re.compile(r"ansible\.builtin\.(?:stat|copy|file|wait_for|command|slurp|fetch):")


def keywords(value: t.Any, path: str = "") -> t.Iterator[tuple[str, t.Any]]:
    """Every ``become`` of plays, blocks and tasks, with its place."""
    for key, held in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(key, str) and key.startswith("become"):
            yield f"{path}/{key}", held
        yield from keywords(held, f"{path}/{key}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_play_and_no_task_asks_for_root(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        for place, value in keywords(document):
            assert value is False, f"{place} is {value}: who asks for root is the operator, and nobody else"


def test_a_task_on_the_controller_is_no_task_of_root() -> None:
    """An operator who gives --become means the hosts. Tasks that run programs on the controller say so themselves."""
    named = [path for path in FILES if LOCAL.search(path.read_text()) and "delegate_to: localhost" in path.read_text()]
    assert named, "nothing was looked at"
    for path in named:
        assert "become: false" in path.read_text(), f"{path}: would be root on the controller"


def test_the_list_of_what_needs_root_is_whole() -> None:
    """SECURITY.md names every module whose documentation says that it needs root, and no other."""
    text = (ROOT / "SECURITY.md").read_text().partition("## What needs root")[2].partition("\n## ")[0]
    for path in sorted((ROOT / "plugins/modules").glob("*.py")):
        needs = bool(re.search(r"Needs root|needs root|become: true", path.read_text()))
        if needs:
            assert f"`{path.stem}`" in text, f"{path.stem} needs root, and SECURITY.md does not say so"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("name", "arguments"), [
    ("diagnose", []), ("audit", []), ("remediate", ["--check", "--diff"]), ("verify", []),
], ids=["diagnose", "audit", "remediate in check mode", "verify"])
def test_an_ordinary_user_can_look(name: str, arguments: list[str], tmp_path: Path) -> None:
    """On this machine, without systemd or a node to look at."""
    for place in (tmp_path, *tmp_path.parents):
        if place.name.startswith("pytest-"):
            place.chmod(0o755)
    tmp_path.chmod(0o777)
    inventory = {"validators": {"hosts": {"here": {"ansible_connection": "local", "ansible_python_interpreter": PYTHON}}}}
    (tmp_path / "hosts.json").write_text(json.dumps(inventory))
    extra = {"memory_pool_report_dir": str(tmp_path / "report"), "memory_pool_fail_on": "never"}
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable, "-m", "ansible", "playbook",
               "-i", str(tmp_path / "hosts.json"), str(ROOT / f"playbooks/{name}.yml"), "-e", json.dumps(extra), *arguments]
    looks = [*command[:4], "sh", "-c", f"test -r {ROOT / 'galaxy.yml'} && test -x {PYTHON}"]
    if subprocess.run(looks, check=False, capture_output=True).returncode:
        pytest.skip("an ordinary user cannot read this clone, or has no Python")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8",
                   "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                   "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"), "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    report = json.loads((tmp_path / "report/report.json").read_text())
    host, = report["hosts"]
    assert done.returncode == 0 and not host["failure"], done.stdout + done.stderr
    assert (tmp_path / "report/report.json").stat().st_uid == NOBODY
    assert host["facts"]["unread"] is not None and "root" not in str(host["changes"])
