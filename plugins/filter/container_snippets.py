# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: from memory facts to a container as it should be started, for each runtime."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.aarch64.validator.plugins.plugin_utils._container_snippets import IMAGE, snippets


def container_snippets(facts: dict, policy: dict | None = None, node: str | None = None, image: str = IMAGE) -> dict:
    """See container_snippets.yml."""
    try:
        return snippets(facts, policy or {}, node, image)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict:
        return {"container_snippets": container_snippets}
