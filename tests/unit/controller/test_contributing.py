# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example in docs/contributing.md works as it stands there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import facts_factory
from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules import _finding, _kernel, _rule

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/contributing.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
RULE, CASE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def rows(text: str, names: object) -> dict:
    """Rows of a table as they stand in the source, by their keys."""
    return eval("{" + text + "}", dict(vars(names)))


@pytest.fixture
def made_up(monkeypatch):
    """The id of the made-up finding, whose rule is in the file it is meant for as long as a test runs."""
    (identifier,) = rows(CASE, facts_factory)
    assert identifier not in _finding.DEFAULTS, "the example became real; make up another"
    monkeypatch.setattr(_rule, "RULES", list(_rule.RULES))
    exec(RULE, dict(vars(_kernel)))
    yield identifier
    del _finding.DEFAULTS[identifier]


def test_rule_is_registered_with_its_page(made_up):
    assert [rule.id for rule in _rule.RULES][-1] == made_up
    page = runpy.run_path(str(ROOT / "scripts/make_causes.py"))["causes"]().split(f"## {made_up}\n", 1)[1]
    assert "**Shows.**" in page and "**Do.** give the host more RAM." in page
    assert "severity: advice · explains: no · [source](https://" in page


def test_case_raises_the_finding_and_a_healthy_host_does_not(made_up):
    found = [item for item in assess_facts(rows(CASE, facts_factory)[made_up], {})["findings"] if item["id"] == made_up]
    assert [(item["severity"], item["explains"], item["summary"]) for item in found] == [
        ("advice", False, "the host has 4 GiB of RAM")]
    assert found[0]["evidence"] == ["memory.total = 4294967296"]
    assert assess_facts(facts_factory.host_facts(), {})["findings"] == []


def test_example_leaves_nothing_behind():
    assert "memory-small" in RULE
    assert "memory-small" not in _finding.DEFAULTS and "memory-small" not in {rule.id for rule in _rule.RULES}


@pytest.mark.parametrize(("identifier", "severity"), [("shm-mode", "risk"), ("no-such-finding", None)])
def test_severity_of_a_finding_is_told_once(identifier, severity):
    with pytest.raises(ValueError, match=f"{identifier}: give its severity here, or in the table DEFAULTS, once"):
        _rule.rule(identifier, _rule.HOST, "https://example.org", severity=severity)


@pytest.mark.parametrize("name", sorted(name for name in set(re.findall(r"`([\w./]+\.(?:py|yml|txt|sh))`", ARCHITECTURE))
                                        if "NAME" not in name))
def test_the_place_to_touch_is_there(name):
    """A name alone stands for a file of the plugins, the role or the tests."""
    if (ROOT / name).exists():
        return
    found = [path for top in ("plugins", "roles/memory_pool", "tests") for path in (ROOT / top).rglob(Path(name).name)
             if str(path).endswith("/" + name)]
    assert found, f"docs/architecture.md names {name}, which is nowhere"


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:plugins|tests|scripts|docs|changelogs)/[\w./]+)`", PAGE))
                                        - {"tests/unit/recorded/KIND.json"}))
def test_files_that_the_page_names_are_there(path):
    assert (ROOT / path).exists()
