# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/causes.md is what the rules say."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.plugin_utils import (  # pylint: disable=unused-import
    _assess,  # noqa: F401  registers the rules
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import DEFAULTS
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import LAST, RULES

ROOT = Path(__file__).resolve().parents[3]


def test_page_is_up_to_date():
    written = runpy.run_path(str(ROOT / "scripts" / "make_causes.py"))["causes"]()
    assert (ROOT / "docs" / "causes.md").read_text() == written, "run scripts/make_causes.py"


def test_every_finding_has_a_rule():
    assert {rule.id for rule in RULES} == set(DEFAULTS)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.each != LAST], ids=lambda rule: rule.id)
def test_every_rule_says_how_it_shows_and_what_to_do(rule):
    assert "Shows:" in rule.text and "Do:" in rule.text, f"{rule.id}: an operator would not know what to do"
    assert rule.reference.startswith("https://")
