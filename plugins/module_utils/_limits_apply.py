# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module service_limits: from options to a changed host. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _drop_in, _service_limits
from ansible_collections.aarch64.validator.plugins.module_utils._live_limits import (
    LiveLimits,
    read_limits,
)
from ansible_collections.aarch64.validator.plugins.module_utils._manager import (
    Manager,
    missing_systemd,
    unusable_unit,
)
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import (
    may_raise_limits,
    parse_limits,
    parse_status,
)
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_int, read_text
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import (
    DROP_IN_NAME,
    LIMIT_PROPERTIES,
    configured_limits,
    limit_properties,
    unit_name,
)
from ansible_collections.aarch64.validator.plugins.module_utils._unit_files import (
    insert_own,
    loaded_limits,
    read_files,
    unit_paths,
)
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import (
    RELOADED,
    DropIn,
    Refusal,
    all_or_nothing,
    refuse,
    take_back,
)

PROPERTIES = [
    "Id", "Names", "LoadState", "ActiveState", "SubState", "Result", "MainPID", "ControlGroup", "FragmentPath",
    "NeedDaemonReload",
] + limit_properties(list(_service_limits.GRANTED))
REMEDY = _drop_in.Remedy(
    _drop_in.LIMITS, DROP_IN_NAME, lambda text: _service_limits.generated_lines(text) is not None)


class Host(t.NamedTuple):
    """What decides about limits besides the unit itself."""

    nr_open: int | None
    pid1_limits: dict
    pid1_may_raise: bool
    grantable: dict


def read_host() -> Host:
    """Read what PID 1 can give."""
    nr_open = read_int("/proc/sys/fs/nr_open", [])
    limits = parse_limits(read_text("/proc/1/limits", []) or "")
    status = parse_status(read_text("/proc/1/status", []) or "")
    may_raise = may_raise_limits(status, read_text("/proc/1/uid_map", []) or "")
    return Host(nr_open, limits, may_raise, _service_limits.grantable_limits(limits, may_raise, nr_open))


class Plan(t.NamedTuple):
    """What is to be written and reloaded for one unit; configured is what it will be set to then."""

    file: DropIn
    reload: bool
    configured: dict
    actions: list


def present(manager: Manager, parameters: dict, dry: bool) -> dict:
    """Raise limits; the result of the module. Raises Refusal, ManagerError, ValueError or OSError."""
    name = unit_name(parameters["unit"], "unit")
    host = read_host()
    wanted, notes = _service_limits.wanted_limits(parameters, host.nr_open)
    refuse(missing_systemd())
    properties = manager.show(name, PROPERTIES)
    refuse(unusable_unit(name, properties))
    plan = make_plan(manager, properties, wanted)
    if plan.file.writes:
        refuse(_drop_in.read_only_reason(plan.file.path))
    if plan.reload and not dry:
        properties = apply_plan(manager, plan.file, wanted, parameters["provisional"])
        plan = plan._replace(configured=configured_limits(properties))
    live = LiveLimits(plan.file.unit, properties, wanted, dry)
    if live.main_pid:
        limits = live.raise_all() if parameters["apply_live"] else read_limits(live.main_pid) or {}
        at_start = _service_limits.limits_at_start(
            plan.configured, host.pid1_limits, host.pid1_may_raise, host.nr_open)
        restart = _service_limits.needs_restart(wanted, limits, host.grantable, at_start)
    else:
        limits = None
        restart = _service_limits.down_needs_restart(properties, plan.reload)
    actions = plan.actions + live.actions
    return {
        "changed": bool(actions),
        "actions": actions,
        "notes": notes + _service_limits.ungrantable_notes(wanted, host.grantable) + live.notes,
        "restart_required": restart,
        "limits": {"configured": plan.configured, "live": only_granted(limits), "grantable": host.grantable},
        "diff": plan.file.diff(),
    }


def only_granted(limits: dict | None) -> dict | None:
    """Those of the live limits that this collection looks at."""
    return None if limits is None else {name: limits[name] for name in _service_limits.GRANTED if name in limits}


def make_plan(manager: Manager, properties: dict, wanted: dict) -> Plan:
    """What to write for a unit. Raises Refusal where another file would overrule it."""
    unit = properties.get("Id", "")
    path = REMEDY.path(unit)
    old = _drop_in.read_drop_in(path)
    stale = properties.get("NeedDaemonReload") == "yes"
    configured = configured_limits(properties)
    files = []  # type: list[tuple[str, str]]
    if stale or _service_limits.short_limits(configured, wanted):
        # What the manager shows is what it loaded; the files say what it will have loaded after a reload. systemd 252
        # does not notice by itself a drop-in in a directory that was made after the last reload.
        defaults, files = read_unit_files(manager, properties)
        on_disk = only_granted(loaded_limits(files, dict(configured, **defaults))) or {}
        stale = stale or on_disk != configured
        configured = on_disk
    lines = _service_limits.needed_lines(configured, wanted)
    new = _service_limits.merge_drop_in(old, lines) if lines else old
    if lines:
        after = insert_own(files, path, new or "")
        overruling = _service_limits.overruling(after, path, lines, wanted)
        if overruling is not None:
            raise Refusal(overruled_message(unit, path, overruling, wanted))
        configured = only_granted(loaded_limits(after, configured)) or {}
    actions = [f"{path}: {key}={value}" for key, value in lines.items()]
    reload = stale or bool(lines)
    return Plan(DropIn(REMEDY, unit, old, new), reload, configured, actions + ([RELOADED] if reload else []))


def read_unit_files(manager: Manager, properties: dict) -> tuple:
    """``(defaults of the manager, files)`` of a unit as they are on disk now, each ``(path, text)``, in load order."""
    names = ["Default" + name for name in limit_properties(list(_service_limits.GRANTED))]
    answer = manager.show_manager(["UnitPath"] + names)
    defaults = configured_limits({name[len("Default"):]: answer[name] for name in names if name in answer})
    return defaults, read_files(unit_paths(properties, answer.get("UnitPath", "").split()), [])


def overruled_message(unit: str, path: str, assignment: dict, wanted: dict) -> str:
    """What stands in the way of our drop-in, and what to do about it."""
    name = assignment["name"]
    return (
        "{unit}: {file}, line {line} sets {key}={value} and sorts after {own}, so that {option}: {wanted} would have "
        "no effect; change or remove that line. Nothing was changed.".format(
            unit=unit, file=assignment["path"], line=assignment["line"], key=LIMIT_PROPERTIES[name],
            value=_service_limits.limit_text(assignment["value"]["soft"]), own=path.rpartition("/")[2],
            option=_service_limits.OPTIONS[name], wanted=_service_limits.limit_text(wanted[name])))


def apply_plan(manager: Manager, file: DropIn, wanted: dict, provisional: bool) -> dict:
    """Write and reload; the properties of the unit after that. What fails leaves everything as it was."""
    with all_or_nothing(manager, file, provisional):
        if file.writes and file.new is not None:
            _drop_in.write_drop_in(REMEDY, file.unit, file.old, file.new)
        manager.reload()
        properties = manager.show(file.unit, PROPERTIES)
        short = _service_limits.short_limits(configured_limits(properties), wanted)
        if short:
            raise Refusal(f"{file.unit}: after the reload systemd still says {', '.join(short)}{file.outcome}")
    return properties


def reverted(manager: Manager, parameters: dict, dry: bool) -> dict:
    """Take limits back; the result of the module. Raises Refusal, ManagerError, ValueError or OSError."""
    return take_back(REMEDY, manager, parameters, dry, kept="limits")
