# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings from two sources as one list. Pure; private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import SEVERITIES
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import changed


def merged(findings: list, shown: list) -> list:
    """Findings of the rules with those that a trial has shown, each id once for a service.

    What the rules found of the host itself takes up what a service of it shows.
    """
    result = list(findings)
    for other in shown:
        places = [index for index, item in enumerate(result)
                  if item["id"] == other["id"] and item["service"] in (other["service"], None)]
        if places:
            result[places[0]] = _both(result[places[0]], other)
        else:
            result.append(other)
    return result


def _both(item: dict, other: dict) -> dict:
    """Two findings as one. The worse one speaks: a trial that shows more than a rule foresaw is the stronger evidence."""
    worse = min((item, other), key=lambda one: SEVERITIES.index(one["severity"]))
    more = [line for line in other["evidence"] if line not in item["evidence"]]
    return changed(worse, service=item["service"], evidence=item["evidence"] + more, remedy=item["remedy"] or other["remedy"])
