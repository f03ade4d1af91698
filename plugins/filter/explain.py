# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: from log text to causes."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.aarch64.validator.plugins.plugin_utils._signatures import explain_log

VALID = "give a text, or a list of texts such as the lines of a log"


def explain(text_or_lines: str | list) -> list:
    """See explain.yml."""
    if isinstance(text_or_lines, (list, tuple)):
        for number, item in enumerate(text_or_lines, 1):
            if not isinstance(item, str):
                raise AnsibleFilterError(f"explain: item {number} of the list is of type {type(item).__name__}; {VALID}")
    elif not isinstance(text_or_lines, str):
        raise AnsibleFilterError(f"explain: the input is of type {type(text_or_lines).__name__}; {VALID}")
    return explain_log(text_or_lines)


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict:
        return {"explain": explain}
