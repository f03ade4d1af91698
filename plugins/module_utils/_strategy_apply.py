# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module node_strategy: from options to a changed host. Private to this collection."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._manager import (
    Manager,
    missing_systemd,
    unusable_unit,
)
from ansible_collections.aarch64.validator.plugins.module_utils._node import STRATEGY_FLAG
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._service_limits import down_needs_restart
from ansible_collections.aarch64.validator.plugins.module_utils._state import save_state
from ansible_collections.aarch64.validator.plugins.module_utils._strategy import is_pooling, strategies_of
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_help import (
    HelpError,
    account_of,
    ask_help,
    may_be_node,
)
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_plan import Decision, Programs, decide, nodes_of, stays
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_source import Source
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_unit import (
    REMEDY,
    Unit,
    mode_of,
    not_loaded,
    overruled_reason,
    read_unit,
    source_changed,
)
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import unit_name
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import (
    RELOADED,
    DropIn,
    Refusal,
    all_or_nothing,
    refuse,
    take_back,
)

PROPERTIES = [
    "Id", "Names", "LoadState", "ActiveState", "SubState", "Result", "MainPID", "FragmentPath", "NeedDaemonReload", "ExecStart",
    "User", "Group", "DynamicUser", "RootDirectory", "RootImage", "Transient",
]


class Plan(t.NamedTuple):
    """What is to be written and loaded; after are the commands that it comes to, None if they cannot be told."""

    file: DropIn
    decision: Decision
    after: Source | None
    reload: bool


def present(manager: Manager, parameters: dict, dry: bool) -> dict:
    """Give a node the strategy; the result of the module. Raises Refusal, ManagerError, ValueError or OSError."""
    name = unit_name(parameters["unit"], "unit")
    refuse(missing_systemd())
    properties = manager.show(name, PROPERTIES)
    refuse(unusable_unit(name, properties))
    unit = read_unit(manager, properties)
    account = account_of(properties)
    programs = Programs(  # each is read and asked once
        functools.lru_cache(maxsize=None)(may_be_node),
        functools.lru_cache(maxsize=None)(lambda program: ask_help(program, account)))
    source, decision = decide_unit(unit, parameters["strategy"], programs)
    plan = make_plan(unit, decision)
    if plan.file.writes:
        refuse(_drop_in.read_only_reason(unit.path))
    if plan.reload and not dry:
        apply_plan(manager, plan, source, parameters["provisional"])
    strategies = predicted(plan, programs)
    return {
        "changed": plan.reload,
        "actions": actions_of(plan, parameters["strategy"]),
        "notes": decision.notes,
        "restart_required": needs_restart(properties, strategies, plan.reload),
        "applied": plan.file.new is not None and not unit.foreign,
        "supported": decision.supported,
        "reason": decision.reason,
        "source_changed": source is not None and source_changed(unit, source),
        "left": decision.left,
        "node": None if strategies is None else {"strategy": strategies},
        "diff": plan.file.diff(),
    }


def decide_unit(unit: Unit, strategy: str, programs: Programs) -> tuple:
    """``(source, decision)``; the source is None if it cannot be told."""
    try:
        source = unit.source(unit.old if unit.foreign else None)
    except ValueError as error:
        return None, stays(f"{unit.name}: systemd cannot read its ExecStart= ({redact_text(str(error))})")
    if unit.properties.get("Transient") == "yes":
        return source, stays(f"{unit.name}: is a transient unit and gone with its process; give the option to what starts it")
    if unit.properties.get("RootDirectory") or unit.properties.get("RootImage"):
        return source, stays(f"{unit.name}: its program lies in a root directory of its own, where it cannot be asked; "
                             f"give {STRATEGY_FLAG} {strategy} yourself")
    decision = decide(source, strategy, unit.name, programs)
    if unit.foreign and decision.text is not None:
        reason = f"{unit.path}: edited by somebody else, left as it is; remove it to have it written anew"
        return source, stays(reason, decision.supported)
    # Of a text by somebody else nothing is taken away either.
    return source, decision._replace(stays=True) if unit.foreign else decision


def make_plan(unit: Unit, decision: Decision) -> Plan:
    """What to write. Raises Refusal where another file would overrule it."""
    new = unit.old if decision.stays else decision.text
    if decision.text is not None:
        refuse(overruled_reason(unit, decision.text))
    try:
        after = unit.source(new)
    except ValueError:
        after = None
    # systemd 252 does not notice by itself a drop-in in a directory that was made after the last reload.
    stale = unit.properties.get("NeedDaemonReload") == "yes" or (new is not None and not_loaded(unit.properties, after))
    useful = new is not None or not (decision.stays or decision.supported is False)
    return Plan(DropIn(REMEDY, unit.name, unit.old, new), decision, after, new != unit.old or (stale and useful))


def apply_plan(manager: Manager, plan: Plan, source: Source | None, provisional: bool) -> None:
    """Write and reload. What fails leaves everything as it was."""
    file = plan.file
    with all_or_nothing(manager, file, provisional) as entry:
        if file.writes and file.new is not None and source is not None:
            _drop_in.write_drop_in(REMEDY, file.unit, file.old, file.new, mode_of(source), {"source": source.digest})
        elif file.writes:
            made = (entry or _drop_in.first_entry(REMEDY, file.unit, file.old))["directory_made"]
            _drop_in.restore(file.path, None, made)
        manager.reload()
        properties = manager.show(file.unit, PROPERTIES)
        state, shown = properties.get("LoadState"), redact_text(properties.get("ExecStart", "")) or "no command"
        if state != "loaded" or (file.new is not None and not_loaded(properties, plan.after)):
            raise Refusal(f"{file.unit}: after the reload systemd says {state} and has {shown}{file.outcome}")
        if file.writes and file.new is None:  # last, so that an interrupted run can be repeated
            save_state(REMEDY.state, {name: known for name, known in _drop_in.recorded(REMEDY).items() if name != file.unit})


def actions_of(plan: Plan, strategy: str) -> list:
    """One sentence for each change."""
    actions = []
    if plan.file.writes and plan.file.new is None:
        actions.append(f"{plan.file.path}: removed, because {plan.decision.reason}")
    elif plan.file.writes:
        actions.append(f"{plan.file.path}: ExecStart= with {STRATEGY_FLAG} {strategy}")
    return actions + ([RELOADED] if plan.reload else [])


def predicted(plan: Plan, programs: Programs) -> list | None:
    """The strategies of the node at its next start, or None if it is no node or cannot be told."""
    try:
        nodes = nodes_of(plan.after, programs) if plan.after else []
    except HelpError:
        return None
    return strategies_of(nodes[0].argv) if nodes else None


def needs_restart(properties: dict, strategies: list | None, start_changed: bool) -> bool:
    """Whether a restart would bring the process closer to what is set."""
    pid = int(properties.get("MainPID") or 0)
    if not pid:
        return down_needs_restart(properties, start_changed)
    text = read_text(f"/proc/{pid}/cmdline", [])
    if strategies is None or not text:
        return start_changed
    live = strategies_of(text.rstrip("\0").split("\0"))
    return any(now != then and not is_pooling(then) for now, then in zip(live + [""] * len(strategies), strategies))


def reverted(manager: Manager, parameters: dict, dry: bool) -> dict:
    """Take the option away; the result of the module. Raises Refusal, ManagerError, ValueError or OSError."""
    return take_back(REMEDY, manager, parameters, dry, kept="command line")
