# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: what to ask of the nodes of a host around its turn in a rollout."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.aarch64.validator.plugins.plugin_utils import _turn


def node_checks(facts: dict, assessment: dict, stage: str, rpc: bool = True) -> list:
    """See node_checks.yml."""
    try:
        return _turn.node_checks(facts, assessment, stage, rpc)
    except (KeyError, ValueError) as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict:
        return {"node_checks": node_checks}
