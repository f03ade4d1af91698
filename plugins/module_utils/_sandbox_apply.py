# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module service_sandbox: a drop-in that relaxes just what was shown to block. Private to this collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._bisect_unit import assignments
from ansible_collections.aarch64.validator.plugins.module_utils._manager import (
    Manager,
    missing_systemd,
    unusable_unit,
)
from ansible_collections.aarch64.validator.plugins.module_utils._sandbox_directives import DIRECTIVES, NARROW_COSTS, cost
from ansible_collections.aarch64.validator.plugins.module_utils._service_limits import down_needs_restart
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import unit_name
from ansible_collections.aarch64.validator.plugins.module_utils._unit_files import insert_own, read_files, unit_paths
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import (
    RELOADED,
    DropIn,
    Refusal,
    all_or_nothing,
    refuse,
    take_back,
)

PROPERTIES = ["Id", "Names", "LoadState", "ActiveState", "SubState", "Result", "MainPID", "FragmentPath", "NeedDaemonReload"]
DROP_IN_FILE = "60-aarch64-validator-sandbox.conf"
HEADER = "# Written by aarch64.validator (service_sandbox). Its revert playbook removes this file.\n"
_SECTION = "[Service]\n"
_WORDS = re.compile(r"\A[A-Za-z0-9_@]+(?: [A-Za-z0-9_@]+)*\Z")  # names to allow; what would forbid begins with ~
_VALID = ("lines of the relaxation that restriction_bisect returns, such as MemoryDenyWriteExecute=no or "
          "SystemCallFilter=memfd_create")


def own_lines(text: str) -> list | None:
    """The lines of a drop-in exactly as render() writes it, or None for any other text."""
    if not text.startswith(HEADER + _SECTION):
        return None
    lines = text[len(HEADER + _SECTION):].splitlines()
    return lines if render(lines) == text else None


def render(lines: list) -> str:
    """The text of our drop-in."""
    return HEADER + _SECTION + "".join(line + "\n" for line in lines)


REMEDY = _drop_in.Remedy(_drop_in.SANDBOX, DROP_IN_FILE, lambda text: own_lines(text) is not None)


class Plan(t.NamedTuple):
    """What is to be written and loaded for one unit."""

    file: DropIn
    reload: bool


def checked_lines(lines: list) -> list:
    """Lines that relax and do nothing else, each directive once, in their order. Raises OptionError."""
    seen = {}  # type: dict[str, str]
    for line in lines:
        name, equals, value = (part.strip() for part in line.partition("="))
        allows = name in NARROW_COSTS and _WORDS.match(value)
        if not equals or name not in DIRECTIVES or not (value == DIRECTIVES[name].lifted or allows):
            raise OptionError("lines", line, _VALID)
        if name in seen:
            raise OptionError("lines", line, f"{name} once, as {name}={seen[name]}")
        seen[name] = value
    return [f"{name}={value}" for name, value in seen.items()]


def present(manager: Manager, parameters: dict, dry: bool) -> dict:
    """Relax a sandbox; the result of the module. Raises Refusal, ManagerError, ValueError or OSError."""
    name = unit_name(parameters["unit"], "unit")
    lines = checked_lines(parameters["lines"])
    refuse(missing_systemd())
    properties = manager.show(name, PROPERTIES)
    refuse(unusable_unit(name, properties))
    plan = make_plan(manager, properties, lines)
    file = plan.file
    if file.writes:
        refuse(_drop_in.read_only_reason(file.path))
    if plan.reload and not dry:
        apply_plan(manager, file, parameters["provisional"])
    actions = [f"{file.path}: {line}" for line in lines if file.writes and line not in (own_lines(file.old or "") or [])]
    running = properties.get("MainPID", "0") != "0"
    return {
        "changed": plan.reload,
        "actions": actions + ([RELOADED] if plan.reload else []),
        "notes": [f"{line.partition('=')[0]}: {sentence_of(line)}" for line in lines if file.writes],
        # What runs has got over its sandbox; only its next start needs another.
        "restart_required": not running and down_needs_restart(properties, plan.reload),
        "lines": lines,
        "diff": file.diff(),
    }


def sentence_of(line: str) -> str:
    """What a line of ours costs."""
    name, _equals, value = line.partition("=")
    return cost(name, () if value == DIRECTIVES[name].lifted else value.split())


def make_plan(manager: Manager, properties: dict, lines: list) -> Plan:
    """What to write for a unit. Raises Refusal where another file would overrule it."""
    unit = properties.get("Id", "")
    path = REMEDY.path(unit)
    old = _drop_in.read_drop_in(path)
    known = own_lines(old) if old is not None else []
    if known is None:
        raise Refusal(f"{path}: edited by somebody else, left as it is; remove it to have it written anew. Nothing was changed.")
    new = render(merged(known, lines)) if lines else old
    files = read_files(unit_paths(properties, manager.show_manager(["UnitPath"]).get("UnitPath", "").split()), [])
    refuse(overruled_reason(unit, path, insert_own(files, path, new), lines))
    return Plan(DropIn(REMEDY, unit, old, new), new != old or (bool(lines) and properties.get("NeedDaemonReload") == "yes"))


def merged(known: list, lines: list) -> list:
    """Our lines after those of an earlier run; what a list allows adds up."""
    found = {}  # type: dict[str, list]
    for line in known + lines:
        name, _equals, value = line.partition("=")
        # An empty list lifts the directive altogether, so that nothing more has to be allowed.
        narrow = name in NARROW_COSTS and value != DIRECTIVES[name].lifted
        lifted = found.get(name) == [DIRECTIVES[name].lifted]
        before = found.get(name, []) if narrow else []
        found[name] = found[name] if lifted else list(dict.fromkeys(before + (value.split() if narrow else [value])))
    return [f"{name}={' '.join(values)}" for name, values in found.items()]


def overruled_reason(unit: str, path: str, files: list, lines: list) -> str | None:
    """Why a line of ours would have no effect: its directive is set again in a file that sorts after ours."""
    written = assignments(files)
    for line in lines:
        name = line.partition("=")[0]
        last = written[name][-1] if name in written else {"path": path}
        if last["path"] != path:
            return (f"{unit}: {last['path']}, line {last['line']} sets {name}={last['value']} and sorts after {DROP_IN_FILE}, so "
                    "that ours would have no effect; change or remove that line. Nothing was changed.")
    return None


def apply_plan(manager: Manager, file: DropIn, provisional: bool) -> None:
    """Write and reload. What fails leaves everything as it was."""
    with all_or_nothing(manager, file, provisional):
        if file.writes and file.new is not None:
            _drop_in.write_drop_in(REMEDY, file.unit, file.old, file.new)
        manager.reload()
        state = manager.show(file.unit, ["LoadState"]).get("LoadState")
        if state != "loaded":
            raise Refusal(f"{file.unit}: after the reload systemd says {state}{file.outcome}")


def reverted(manager: Manager, parameters: dict, dry: bool) -> dict:
    """Take the relaxation back; the result of the module. Raises Refusal, ManagerError, ValueError or OSError."""
    return take_back(REMEDY, manager, parameters, dry, kept="sandbox")
