# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What remedies that change one settings file have in common, beside those that write drop-ins. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._difference import difference
from ansible_collections.aarch64.validator.plugins.module_utils._provisional import forget, remember_drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._state import save_state
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import (
    refuse,
    to_revert,
    undo_action,
)

DOCKER, PODMAN = "docker-defaults", "podman-defaults"  # names of their states


class FileRemedy(t.NamedTuple):
    """As _drop_in.Remedy, for a file that is known by its path: where that has a unit, this has the path."""

    state: str
    wrote: t.Callable[[str], bool]

    def path(self, unit: str) -> str:
        """The file itself."""
        return unit


def file_remedy(state: str, wrote: t.Callable[[str], bool]) -> _drop_in.Remedy:
    """A remedy for the functions of _drop_in; wrote says whether a text is just as this remedy writes it."""
    return t.cast("_drop_in.Remedy", FileRemedy(state, wrote))


def recorded_entry(remedy: _drop_in.Remedy, path: str) -> dict | None:
    """What the state has about a file; nothing for those who may not read it."""
    try:
        return _drop_in.recorded(remedy).get(path)
    except PermissionError:
        return None


def write_file(
    remedy: _drop_in.Remedy, path: str, old: str | None, new: str, provisional: bool, extra: dict | None = None,
) -> None:
    """Put a new text in place, after what an undo needs to know. Raises OSError or ValueError."""
    if provisional:
        remember_drop_in(remedy.state, path, path, old, new, _drop_in.recorded(remedy).get(path))
    _drop_in.write_drop_in(remedy, path, old, new, extra=extra)


def take_back_files(
    remedy: _drop_in.Remedy, asked: str | None, dry: bool,
    plan_of: t.Callable[[str, dict], dict | None], restored: t.Callable[[str], None],
    shown: t.Callable[..., list] = difference,
) -> dict:
    """Undo a remedy for one file or all; the result of its module. Raises Refusal, ValueError or OSError.

    plan_of: as _drop_in.undo_plan(), from the path and its entry. restored is called when a file is as it was.
    shown: makes its entry of a diff, from its path and both texts.
    """
    state = to_revert(_drop_in.recorded, remedy)
    found = {path: plan_of(path, state[path]) for path in sorted(state) if asked in (None, path)}
    plans = {path: plan for path, plan in found.items() if plan}
    undone = {path: plan for path, plan in plans.items() if not plan["kept"]}
    for path, plan in undone.items():
        refuse(_drop_in.read_only_reason(path, needs_space=plan["new"] is not None))
        if not dry:
            _drop_in.restore(path, plan["new"], False)
            restored(path)
            _drop_in.restore(path, plan["new"], plan["directory_made"])
            state = {name: entry for name, entry in state.items() if name != path}
            save_state(remedy.state, state)  # last, so that a run that is interrupted before can be repeated
    if not dry:
        forget(remedy.state, list(found))
        empty = [path for path, plan in found.items() if not plan]  # seen, but never changed
        if empty:
            save_state(remedy.state, {name: entry for name, entry in state.items() if name not in empty})
    actions = [undo_action(plan) for plan in undone.values()]
    return {
        "changed": bool(actions), "actions": actions, "restart_required": False,
        "notes": [f"{path}: edited by somebody else, left as it is" for path in plans if path not in undone],
        "diff": [part for plan in undone.values() for part in shown(plan["path"], plan["old"], plan["new"])],
    }
