# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: questions to a report."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.aarch64.validator.plugins.plugin_utils._query import QueryError, answer


def query(report: dict, expression: str) -> t.Any:
    """See query.yml."""
    try:
        return answer(report, expression)
    except QueryError as error:
        raise AnsibleFilterError(f"query: {error}") from None


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict:
        return {"query": query}
