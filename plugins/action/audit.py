# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather, judge and keep what one host tells, in one task. Documentation: plugins/modules/audit.py."""

from __future__ import annotations

import typing as t

from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ansible_collections.aarch64.validator.plugins.plugin_utils._answer import FACTS, GATHERS, trusted_answer
from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._gather_action import GatherAction
from ansible_collections.aarch64.validator.plugins.plugin_utils._predict import facts_after
from ansible_collections.aarch64.validator.plugins.plugin_utils._report import _spool
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import host_entry

MODULE = f"aarch64.validator.{GATHERS}"
GATHERING = ("services", "engines_needed")
ENGINES = ("docker", "podman")


class ActionModule(GatherAction):
    """Runs memory_facts, judges its answer while other hosts are asked, and leaves the outcome for the report."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        name = task_vars["inventory_hostname"]
        _spool.forget(name)
        _validation, options = self.validate_argument_spec(argument_spec={
            "services": {"type": "list", "elements": "str"},
            "engines_needed": {"type": "int"},
            "policy": {"type": "dict", "default": {}},
            "engines": {"type": "dict"},
            "facts": {"type": "bool", "default": False},
        })
        told, others = self.told(options, task_vars)
        _spool.keep(name, told)
        result = {"changed": False, "verdict": host_entry(name, told)["verdict"]}
        if told.get("failure"):
            result["reason"] = told["failure"]["message"]
        # In memory the facts of a fleet would only lie about; a cache that lasts can be judged again.
        if (options["facts"] or constants.CACHE_PLUGIN != "memory") and told.get("facts"):
            others = dict(others, **{FACTS: told["facts"]})
        return dict(result, ansible_facts=others) if others else result

    def told(self, options: dict[str, t.Any], task_vars: dict[str, t.Any]) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
        """The outcome of this host, and the facts beside it that ansible-core wants to keep, as where Python is."""
        arguments = {key: options[key] for key in GATHERING if options[key] is not None}
        try:
            said = self.answered(lambda: self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars))
        except AnsibleConnectionFailure as error:
            return failure(f"unreachable: {error}", unreachable=True), {}
        except AnsibleError as error:
            return failure(str(error)), {}
        answer = trusted_answer(said, GATHERS)
        facts = answer.get("ansible_facts") or {}
        others = {key: value for key, value in facts.items() if key != FACTS}
        if answer.get("failed") or FACTS not in facts:
            lines = str(answer.get("module_stderr") or "").splitlines()[:1]
            return failure(": ".join([str(answer.get("msg") or "the module gave no facts"), *lines])), others
        try:
            seen = self.answered(lambda: self.with_engines(facts[FACTS], options["engines"], task_vars))
            if seen.get("failed"):
                return failure(seen["msg"]), others
            return {"facts": seen, "assessment": assess_facts(seen, options["policy"])}, others
        except AnsibleConnectionFailure as error:
            return failure(f"unreachable: {error}", unreachable=True), others
        except ValueError as error:
            return failure(str(error)), others

    def with_engines(self, facts: dict, wanted: dict | None, task_vars: dict) -> dict[str, t.Any]:
        """The facts with what the container engines give to new containers, where that is asked for."""
        for engine in ENGINES if wanted is not None else ():
            task = self._task.copy()
            task.action = f"aarch64.validator.{engine}_defaults"
            task.args = wanted
            task.check_mode = True
            task.timeout = None  # that of this task counts for all of it
            action = self._shared_loader_obj.action_loader.get(
                task.action, task=task, connection=self._connection, play_context=self._play_context, loader=self._loader,
                templar=self._templar, shared_loader_obj=self._shared_loader_obj)
            facts = facts_after(facts, "container-engine", engine, action.run(task_vars=task_vars))
        return facts


def failure(message: str, unreachable: bool = False) -> dict[str, t.Any]:
    """The outcome of a host that could not be judged."""
    return {"failure": {"task": "Gather and judge", "message": message, "unreachable": unreachable}}
