# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow a build to its end, showing what it is at, and judge the result. Documentation: plugins/modules/node_build.py."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_human
from ansible_collections.aarch64.validator.plugins.plugin_utils._answer import trusted_answer
from ansible_collections.aarch64.validator.plugins.plugin_utils._bounded_action import BoundedAction
from ansible_collections.aarch64.validator.plugins.plugin_utils._release_check import release_check
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._text import clean

MODULE = "aarch64.validator.node_build"
FIRST_SECONDS = 3  # until it is said what has begun
display = Display()


class ActionModule(BoundedAction):
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
        arguments = dict(options) if "wait" in options else dict(options, wait=FIRST_SECONDS)
        while True:
            result = trusted_answer(self.slice(arguments, task_vars), "node_build")
            if result.get("failed") or "done" not in result:
                show(name, ended_badly(result))
                return dict(result, changed=done["changed"] or result.get("changed", False))
            show(name, begun(result, self._task.check_mode))
            done = merged(done, result)
            if result["done"]:
                break
            show(name, [(result["progress"], None)])
            arguments = {**options, "continue": result["next"]}
        check = judged(result["manifest"], hosts)
        # What was said when it began is not said again.
        place = None if self._task.check_mode else options.get("fetched_to")
        known = sum(bool(facts) for facts in hosts.values())
        show(name, ended_well(dict(done, notes=result["notes"]), check, known, place))
        if check["problems"]:
            done = dict(done, failed=True, msg="; ".join(check["problems"]))
        return dict(result, **done, check=check)

    def slice(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        """One execution of the module."""
        return self.answered(lambda: self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars))


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


def show(name: str, lines: list[tuple[str, str | None]]) -> None:
    """Lines ``(text, colour)`` for a terminal; those that begin with a space belong to the one above."""
    for text, colour in lines:
        display.display(clean(text if text.startswith(" ") else f"{name}: {text}"), color=colour)


def begun(result: dict[str, t.Any], dry: bool) -> list[tuple[str, str | None]]:
    """What has begun, with what, and what else an operator should know before hours have gone by."""
    first = [("would begin: " if dry else "") + line for line in result["begun"][:1]]
    lines = first + ["  " + line for line in result["begun"][1:]]
    if not result["done"]:
        lines += [f"  note: {note}" for note in result["notes"]]
    return [(line, None) for line in lines]


def ended_badly(result: dict[str, t.Any]) -> list[tuple[str, str | None]]:
    """What was removed all the same, and the end of the log, which is taken out of the result."""
    lines = [str(action) for action in result.get("actions") or []]
    log = result.pop("log_end", None) or []
    if log:
        lines += ["the end of what cargo said:", *(f"  | {line}" for line in log)]
    return [(line, None) for line in lines]


def ended_well(
    done: dict[str, t.Any], check: dict[str, t.Any], known: int, fetched_to: str | None
) -> list[tuple[str, str | None]]:
    """What came out, to how many of the known hosts it is of use, and how it is delivered."""
    manifest = done["manifest"]
    if not manifest:
        return [(f"  note: {note}", None) for note in done["notes"]]
    lines = ["released as {}".format(done["directory"]) if done["changed"] else
             "{} is there already, from the same inputs; nothing was built".format(done["directory"])]
    lines += [f"  note: {note}" for note in done["notes"]]
    for binary in manifest["binaries"]:
        glibc = binary["facts"].get("glibc_wanted")
        wants = f"glibc {glibc}" if glibc else binary["facts"].get("libc")
        lines.append("  {}: {}, {}, wants {}, {}".format(
            binary["name"], binary["facts"].get("machine"), format_human(binary["size"]), wants,
            binary["version"] or "not run on the build host"))
    if known:
        able = known - len(check["misfits"])
        lines.append(f"  can run on {able} of {known} host{'' if known == 1 else 's'} whose facts were recorded")
    warnings = ["  warning: " + text for text in check["warnings"]]
    warnings += [f"  {host} cannot run it: {'; '.join(why)}" for host, why in check["misfits"].items()]
    if check["unknown"]:
        warnings.append(f"  no facts of {', '.join(check['unknown'])} were recorded: nobody knows whether they can run it")
    told = [(line, None) for line in lines] + [(line, "yellow") for line in warnings]  # type: list[tuple[str, str | None]]
    if fetched_to and not check["problems"]:
        place = os.path.join(fetched_to, manifest["release"])
        told.append((f"  to deliver it: the playbook deliver with -e memory_pool_release={place}", None))
    return told
