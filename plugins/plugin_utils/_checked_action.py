# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module on a host and take from its answer only what such a module answers.

For all modules of this collection that run on hosts. A host that somebody else has taken over answers
what it likes: facts that would set variables of this collection, more than the controller has memory for, or no result.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action.normal import ActionModule as NormalAction

from ansible_collections.aarch64.validator.plugins.plugin_utils._answer import trusted_answer
from ansible_collections.aarch64.validator.plugins.plugin_utils._bounded_action import BoundedAction


class ActionModule(BoundedAction, NormalAction):
    """The action of every module, with a look at what came back."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        ask = super().run
        answer = self.answered(lambda: ask(tmp, task_vars))
        return trusted_answer(answer, self._task.action.rpartition(".")[2])
