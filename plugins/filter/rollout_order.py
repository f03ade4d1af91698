# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: hosts in the order of a careful rollout."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.aarch64.validator.plugins.plugin_utils import _rollout


def rollout_order(hosts: list, hostvars: dict, canaries: list | str | None = None,
                  domain_prefix: int = _rollout.PREFIX, domain_prefix_v6: int = _rollout.PREFIX_V6) -> list:
    """See rollout_order.yml."""
    try:
        return _rollout.rollout_order(hosts, hostvars, canaries, domain_prefix, domain_prefix_v6)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict:
        return {"rollout_order": rollout_order}
