# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: from who each node is to hosts that are the same node."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.aarch64.validator.plugins.plugin_utils import _identity


def duplicate_identities(hosts: list, hostvars: dict) -> list:
    """See duplicate_identities.yml."""
    try:
        return _identity.duplicate_identities(hosts, hostvars)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict:
        return {"duplicate_identities": duplicate_identities}
