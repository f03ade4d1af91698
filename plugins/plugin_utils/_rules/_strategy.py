# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about the command line that this collection has amended. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import RISK
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import SERVICE, Subject, rule

EXEC_START = "https://www.freedesktop.org/software/systemd/man/systemd.service.html#ExecStart="


@rule("node-strategy-outdated", SERVICE, EXEC_START, remedy="node-strategy", severity=RISK)
def node_strategy_outdated(subject: Subject) -> t.Iterator[tuple]:
    """The unit has another command line than the one that its strategy drop-in repeats.

    Shows: a package or a person changed ``ExecStart=`` after ``60-aarch64-validator-strategy.conf`` was made from it.
    Why: the drop-in gives the whole command line again, so that the node starts with the old one.
    Do: the playbook remediate makes the drop-in anew; the playbook revert removes it.
    """
    service = subject.service or {}
    if service.get("strategy_drop_in") == "outdated":
        changes = {} if subject.policy["node_strategy"] == "auto" else {"remedy": None}
        summary = f"ExecStart= of {subject.name} was changed; its drop-in with the strategy still has the old command line"
        yield summary, ["strategy_drop_in = outdated"], changes
