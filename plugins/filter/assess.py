# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: from memory facts to verdict, findings and remedies."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts


def assess(facts: dict, policy: dict | None = None, refused: list | None = None) -> dict:
    """See assess.yml."""
    try:
        return assess_facts(facts, policy or {}, refused or [])
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict:
        return {"assess": assess}
