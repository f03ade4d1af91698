# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/causes.md from the rules themselves."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "playbooks" / "collections"))

from ansible_collections.aarch64.validator.plugins.plugin_utils import (  # noqa: E402  # pylint: disable=unused-import
    _assess,  # noqa: F401  registers the rules
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import DEFAULTS  # noqa: E402
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import LAST, RULES  # noqa: E402

HEAD = """# Causes

What each finding means. Written by `scripts/make_causes.py` from the rules in `plugins/plugin_utils/_rules/`; edit them there.
*Explains* says whether a finding can by itself produce `failed to create memory pool mapping`.
"""


def causes() -> str:
    """The whole page: one section for each finding id, in the order of the table of severities."""
    rules = {rule.id: rule for rule in reversed(RULES) if rule.each != LAST}
    parts = [HEAD]
    for identifier, (severity, explains) in DEFAULTS.items():
        rule = rules[identifier]
        facts = [f"severity: {severity}", f"explains: {'yes' if explains else 'no'}"]
        if rule.remedy:
            facts.append(f"remedy: `{rule.remedy}`")
        parts.append(f"## {identifier}\n\n{page(rule.text)}\n\n{' · '.join(facts)} · [source]({rule.reference})\n")
    return "\n".join(parts)


def page(text: str) -> str:
    """A docstring as Markdown: a sentence, then one paragraph for each of Shows, Why and Do."""
    lines = inspect.cleandoc(text).splitlines()
    paragraphs: list[str] = []
    for line in lines:
        word, colon, rest = line.partition(": ")
        if not line:
            continue
        if colon and word in ("Shows", "Why", "Do"):
            paragraphs.append(f"**{word}.** {rest}")
        elif paragraphs:
            paragraphs[-1] += "\n" + line
        else:
            paragraphs.append(line)
    return "\n\n".join(paragraphs).replace("``", "`")


if __name__ == "__main__":
    (ROOT / "docs" / "causes.md").write_text(causes(), encoding="utf-8")
