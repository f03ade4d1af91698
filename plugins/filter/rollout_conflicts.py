# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: which hosts must not be down together with these."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.aarch64.validator.plugins.plugin_utils import _rollout


def rollout_conflicts(hosts: list, hostvars: dict, others: list,
                      domain_prefix: int = _rollout.PREFIX, domain_prefix_v6: int = _rollout.PREFIX_V6) -> list:
    """See rollout_conflicts.yml."""
    try:
        return _rollout.rollout_conflicts(hosts, hostvars, others, domain_prefix, domain_prefix_v6)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict:
        return {"rollout_conflicts": rollout_conflicts}
