# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What remedies that write a drop-in have in common: refusals, diffs, and the way back. Private to this collection."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._difference import difference
from ansible_collections.aarch64.validator.plugins.module_utils._lock import changing_host
from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager, ManagerError
from ansible_collections.aarch64.validator.plugins.module_utils._provisional import forget, remember_drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._state import save_state
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import is_running_here, unit_name

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

RELOADED = "systemd: configuration reloaded"


class Refusal(Exception):
    """Why this cannot be done, as one message for the operator."""


def refuse(reason: str | None) -> None:
    """End here if there is a reason to."""
    if reason is not None:
        raise Refusal(reason)


class DropIn(t.NamedTuple):
    """The drop-in of a remedy for one unit: what stands there, and what shall. None is no file."""

    remedy: _drop_in.Remedy
    unit: str
    old: str | None
    new: str | None

    @property
    def path(self) -> str:
        """Where it is."""
        return self.remedy.path(self.unit)

    @property
    def writes(self) -> bool:
        """Whether anything is to be written or removed."""
        return self.new != self.old

    @property
    def outcome(self) -> str:
        """What a Refusal inside of all_or_nothing() says at its end."""
        return f"; {self.path} was put back as it was" if self.writes else ""

    def diff(self) -> list:
        """What difference() says of it."""
        return difference(self.path, self.old, self.new)


@contextlib.contextmanager
def all_or_nothing(manager: Manager, file: DropIn, provisional: bool) -> t.Iterator[dict | None]:
    """Around what writes a drop-in, has it loaded and looks at the outcome: what fails there leaves everything as it was.

    Gives the entry of the remedy's state for the unit. With provisional, what was there is noted for an undo by ``changes``.
    Raises ManagerError if systemd does not take note of what was put back.
    """
    entry = _drop_in.recorded(file.remedy).get(file.unit)
    if file.writes and provisional:
        remember_drop_in(file.remedy.state, file.unit, file.path, file.old, file.new, entry)
    try:
        yield entry
    except (Refusal, ManagerError, OSError, ValueError) as error:
        if file.writes:
            back_out(manager, file, entry, error)
        raise


def back_out(manager: Manager, file: DropIn, entry: dict | None, error: Exception) -> None:
    """Undo a drop-in after a failure, which the caller raises again. Raises ManagerError if systemd does not take note."""
    _drop_in.put_back(file.remedy, file.unit, file.old, entry)
    try:
        manager.reload()
    except ManagerError as again:
        outcome = f"{file.path} is as it was before, but systemd has not read it again ({again})"
        raise ManagerError(f"{file.unit}: {error}; {outcome}") from error


def run_remedy(module: AnsibleModule, subject: str, present: t.Callable, reverted: t.Callable) -> None:
    """Do what the options of a remedy's module ask for, and answer Ansible.

    present and reverted are ``(manager, parameters, dry) -> result`` with actions and diff in it; subject is what they change,
    for people. Without root nothing can be changed, so that the plan is all there is: empty, or what become would do.
    """
    may_change = module.check_mode or os.geteuid() == 0
    try:
        work = present if module.params["state"] == "present" else reverted
        with changing_host(module.check_mode):
            result = work(Manager(), module.params, dry=module.check_mode or not may_change)
    except (Refusal, ManagerError, ValueError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{error.filename or subject}: {error.strerror or error}")
    if not module._diff:
        result.pop("diff", None)
    if result["actions"] and not may_change:
        message = f"changing {subject} needs root; run this task with become: true"
        module.fail_json(**dict(result, msg=message, changed=False, actions=[], planned=result["actions"]))
    module.exit_json(**result)


def to_revert(recorded: t.Callable[..., dict], *of: object) -> dict:
    """What the function recorded has of that, for a revert. Raises Refusal without root, ValueError or OSError."""
    try:
        return recorded(*of)
    except PermissionError:
        raise Refusal("what to revert is recorded for root alone; run this task with become: true") from None


def take_back(remedy: _drop_in.Remedy, manager: Manager, parameters: dict, dry: bool, kept: str) -> dict:
    """Undo a remedy for one unit or all; the result of its module. Raises Refusal, ManagerError, ValueError or OSError.

    kept: what running processes keep until their next start.
    """
    state = to_revert(_drop_in.recorded, remedy)
    systemd = is_running_here()
    units = revert_units(manager, parameters["unit"], state, systemd)
    plans = {unit: _drop_in.undo_plan(remedy, unit, state.get(unit)) for unit in units}
    edited = [plan["path"] for plan in plans.values() if plan and plan["kept"]]
    undone = {unit: plan for unit, plan in plans.items() if plan and not plan["kept"]}
    for plan in undone.values():
        refuse(_drop_in.read_only_reason(plan["path"], needs_space=plan["new"] is not None))
    actions = [undo_action(plan) for plan in undone.values()] + ([RELOADED] if undone and systemd else [])
    notes = [f"{path}: edited by somebody else, left as it is" for path in edited]
    if undone and systemd:
        shown = manager.show_all(sorted(undone), ["Id", "MainPID"])
        running = [properties["Id"] for properties in shown if properties.get("MainPID", "0") != "0"]
        notes += [f"{unit}: running processes keep their {kept} until the next restart" for unit in running]
    if undone and not dry:
        for plan in undone.values():
            _drop_in.restore(plan["path"], plan["new"], plan["directory_made"])
        if systemd:
            manager.reload()
    if units and not dry:
        forget(remedy.state, units)
    if undone and not dry:
        # Last, so that a run that is interrupted before can be repeated.
        save_state(remedy.state, {unit: entry for unit, entry in state.items() if unit not in undone})
    return {
        "changed": bool(actions),
        "actions": actions,
        "notes": notes,
        "restart_required": False,
        "diff": [part for plan in undone.values() for part in difference(plan["path"], plan["old"], plan["new"])],
    }


def revert_units(manager: Manager, asked: str | None, state: dict, systemd: bool) -> list:
    """The units to revert: the one asked for, by the name behind an alias, or all that the state knows."""
    if asked is None:
        return sorted(state)
    name = unit_name(asked, "unit")
    if name in state or not systemd:
        return [name]
    return [manager.show(name, ["Id"]).get("Id") or name]


def undo_action(plan: dict) -> str:
    """One sentence about one drop-in."""
    if plan["old"] == plan["new"]:
        return "{}: forgotten, it was not there any more".format(plan["path"])
    return "{}: {}".format(plan["path"], "removed" if plan["new"] is None else "put back as it was before")
