# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of a report as every file beside it needs them. Pure; private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED
from ansible_collections.aarch64.validator.plugins.plugin_utils import (  # pylint: disable=unused-import
    _assess,  # noqa: F401  registers the rules
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import INFO
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import LAST, RULES, Rule

SESSION = "host"  # the key in pools where no service was judged


def plain(text: object) -> str:
    """Text of a host with all that is not printable written out, as in ``\\x1b``, so that it drives no program that reads it.

    Written out and not left out: two names that differ stay two names.
    """
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in shown)


def at(value: object, *names: str) -> t.Any:
    """What lies under these names, None where there is no such thing: facts come from any version or hand."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def gaps(entry: dict) -> list:
    """What could not be read on a host, as ``PATH (reason)``. Services that nobody could judge have a finding of their own."""
    unread = at(entry, "facts", "unread")
    rows = [row for row in unread if isinstance(row, dict)] if isinstance(unread, list) else []
    return [plain("{} ({})".format(row.get("path"), row.get("reason"))) for row in rows if row.get("path") != "services"]


def telling(findings: list) -> list:
    """Findings that ask for something."""
    return [item for item in findings if item["severity"] != INFO]


def unlimited(value: object) -> bool:
    """Whether a value of a setting stands for no limit."""
    return value == UNLIMITED


def rules_by_id() -> dict[str, Rule]:
    """Each finding that can be, with the rule whose text is its page."""
    first = {}  # type: dict[str, Rule]
    for one in sorted(RULES, key=lambda rule: rule.each == LAST):  # those that speak last say less of it
        first.setdefault(one.id, one)
    return first


def worst_pool(pools: dict) -> str | None:
    """The service, or the session, that lacks most engines; the first where that is not known of any."""
    def room(name: str) -> tuple:
        fit, needed = pools[name].get("engines_fit"), pools[name].get("engines_needed") or 0
        return (fit is None, 0 if fit is None else fit - needed, name)

    return min(pools, key=room) if pools else None
