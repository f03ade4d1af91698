# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow a build to its end, showing what it is at, and judge the result. Documentation: plugins/modules/node_build.py."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_human
from ansible_collections.aarch64.validator.plugins.plugin_utils._answer import trusted_answer
from ansible_collections.aarch64.validator.plugins.plugin_utils._release_check import release_check
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._text import clean

MODULE = "aarch64.validator.node_build"
display = Display()


class ActionModule(ActionBase):
    """Executes the module in slices, so that a long build is seen and needs no long connection."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        options = dict(self._task.args)
        hosts = options.pop("hosts", None) or {}
        if not isinstance(hosts, dict):
            raise AnsibleActionFail("hosts: give facts by the names of hosts, as the filter recorded_facts reads them")
        name = (task_vars or {}).get("inventory_hostname", "")
        done = {"actions": [], "notes": [], "cleaned": False, "changed": False}  # type: dict[str, t.Any]
        while True:
            answer = self._execute_module(module_name=MODULE, module_args=options, task_vars=task_vars)
            result = trusted_answer(answer, "node_build")
            if result.get("failed") or "done" not in result:
                return dict(result, actions=done["actions"], changed=done["changed"])
            done = merged(done, result)
            if result["done"]:
                break
            display.display(clean(f"{name}: {result['progress']}"))
            options["continue"] = result["next"]
        check = judged(result["manifest"], hosts)
        for line, colour in told(name, done, check):
            display.display(clean(line), color=colour)
        if check["problems"]:
            done = dict(done, failed=True, msg="; ".join(check["problems"]))
        return dict(result, **done, check=check)


def merged(before: dict[str, t.Any], result: dict[str, t.Any]) -> dict[str, t.Any]:
    """What all slices so far have done."""
    return {
        "actions": before["actions"] + result["actions"], "notes": before["notes"] + result["notes"],
        "cleaned": before["cleaned"] or result["cleaned"], "changed": before["changed"] or result["changed"],
        "manifest": result["manifest"], "directory": result["directory"],
    }


def judged(manifest: dict[str, t.Any] | None, hosts: dict[str, t.Any]) -> dict[str, t.Any]:
    """What is wrong with a release; nothing where there is none yet."""
    if manifest is None:
        return {"problems": [], "warnings": [], "misfits": {}, "unknown": []}
    try:
        return release_check(manifest, hosts)
    except ValueError as error:
        raise AnsibleActionFail(str(error)) from None


def told(name: str, done: dict[str, t.Any], check: dict[str, t.Any]) -> list[tuple[str, str | None]]:
    """``(text, colour)`` lines on the result for a terminal."""
    lines = [f"{name}: {action}" for action in done["actions"]] + [f"{name}: note: {note}" for note in done["notes"]]
    if done["manifest"]:
        lines.append("{}: {}".format(name, done["directory"]))
        for binary in done["manifest"]["binaries"]:
            glibc = binary["facts"].get("glibc_wanted")
            wants = f"glibc {glibc}" if glibc else binary["facts"].get("libc")
            lines.append("  {}: {}, {}, wants {}, {}".format(
                binary["name"], binary["facts"].get("machine"), format_human(binary["size"]), wants,
                binary["version"] or "not run on the build host"))
    warnings = ["  warning: " + text for text in check["warnings"]]
    warnings += [f"  {host} cannot run it: {'; '.join(why)}" for host, why in check["misfits"].items()]
    if check["unknown"]:
        warnings.append(f"  no facts of {', '.join(check['unknown'])} were recorded: nobody knows whether they can run it")
    return [(line, None) for line in lines] + [(line, "yellow") for line in warnings]
