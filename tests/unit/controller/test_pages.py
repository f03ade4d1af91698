# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in the guides are those of the code: variables, plugins, playbooks, make targets, and findings that pages link to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "roles").glob("*/README.md"))]
CODE = "\n".join(path.read_text() for top in ("roles", "plugins", "playbooks") for path in sorted((ROOT / top).rglob("*"))
                 if path.suffix in (".yml", ".py") and "collections" not in path.parts)
VARIABLE = re.compile(r"\b(?:memory_pool|node_build)_[a-z0-9_]+\b")
COMMAND = re.compile(r"^\$ (?:cd \S+ && )?make +((?:[a-z][a-z0-9-]*(?: +|$))+)", re.MULTILINE)


def names_of_code() -> set:
    files = [path for pattern in ("plugins/*/*.*", "playbooks/*.yml", "roles/*") for path in ROOT.glob(pattern)]
    return {path.stem for path in files if not path.stem.startswith("_")}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_on_a_page_are_those_of_the_code(page):
    text = page.read_text()
    variables = set(VARIABLE.findall(CODE))
    assert sorted(set(VARIABLE.findall(text)) - variables) == [], "no variable of these names"
    assert sorted(set(re.findall(r"\baarch64\.validator\.([a-z_]+)", text)) - names_of_code()) == [], "there is no such plugin"
    targets = set(" ".join(re.findall(r"^([a-z][a-z0-9 -]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)).split())
    assert sorted({name for names in COMMAND.findall(text) for name in names.split()} - targets) == [], "no such target of make"
    findings = set(re.findall(r"^## (\S+)$", (ROOT / "docs/causes.md").read_text(), re.MULTILINE))
    assert sorted(set(re.findall(r"causes\.md#([a-z-]+)", text)) - findings) == [], "docs/causes.md has no finding of these names"


def test_a_wrong_name_would_be_seen():
    assert "memory_pool_shm_sice" not in VARIABLE.findall(CODE) and "memory_pool_shm_size" in VARIABLE.findall(CODE)
    assert COMMAND.findall("$ make test test-arm64   # all\n$ make diagnose INVENTORY=x\n") == ["test test-arm64   ", "diagnose "]
    assert {"shm", "assess", "fleet", "remediate", "memory_pool"} <= names_of_code()


def test_readme_lists_what_the_collection_has():
    listed: dict = {}
    text = (ROOT / "README.md").read_text().split("<!-- contents -->")[1].split("<!-- contents: end -->")[0]
    for kind, names in re.findall(r"^\| (\w+).*? \| (.*`.*) \|$", text, re.MULTILINE):
        listed.setdefault(kind, []).extend(re.findall(r"`([a-z_]+)`", names))
    there = {"playbooks": "playbooks/[a-z]*.yml", "roles": "roles/*", "modules": "plugins/modules/*.py",
             "filters": "plugins/filter/*.yml", "callback": "plugins/callback/*.py"}
    assert {kind: sorted(names) for kind, names in listed.items()} == {
        kind: sorted(path.stem for path in ROOT.glob(pattern)) for kind, pattern in there.items()}


def test_pages_install_the_collection_alike():
    """A virtual environment comes first: the Python of a system takes no packages from pip."""
    def first(page: str) -> str:
        blocks = re.findall(r"^```console\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
        return next(block for block in blocks if "pip install" in block)

    lines = first("README.md").splitlines()
    assert first("docs/quick-start.md").splitlines() == lines
    assert "-m venv" in lines[0] and "pip install" in lines[1] and "ansible-galaxy" in lines[2]


def test_example_of_a_fleet_reaches_root():
    """The first path of the guides is: copy the example, put in your hosts, remediate."""
    variables = yaml.safe_load((ROOT / "inventory/fleet.example.yml").read_text())["validators"]["vars"]
    assert variables["ansible_become"] is True and variables["ansible_user"] != "root"
