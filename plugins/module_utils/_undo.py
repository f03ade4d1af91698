# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo what remedies have changed on trial, or keep it. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _docker_proof, _drop_in, _shm_apply, _shm_plan
from ansible_collections.aarch64.validator.plugins.module_utils._atomic import replace_file
from ansible_collections.aarch64.validator.plugins.module_utils._docker_settings import REMEDY as DOCKER
from ansible_collections.aarch64.validator.plugins.module_utils._limits_apply import REMEDY as LIMITS
from ansible_collections.aarch64.validator.plugins.module_utils._podman_apply import REMEDY as PODMAN
from ansible_collections.aarch64.validator.plugins.module_utils._provisional import NAME, SHM, provisional
from ansible_collections.aarch64.validator.plugins.module_utils._read import encode
from ansible_collections.aarch64.validator.plugins.module_utils._release_link import STATE as RELEASE
from ansible_collections.aarch64.validator.plugins.module_utils._release_link import undo_release
from ansible_collections.aarch64.validator.plugins.module_utils._sandbox_apply import REMEDY as SANDBOX
from ansible_collections.aarch64.validator.plugins.module_utils._state import DIRECTORY, load_state, save_state
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_unit import REMEDY as STRATEGY
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import is_running_here
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import RELOADED

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager


def keep(dry: bool) -> dict:
    """Keep all that is on trial; the result of the module. Nothing that a service could notice changes."""
    if not dry:
        save_state(NAME, {})
    return {"changed": False, "actions": [], "notes": []}


def undo(manager: Manager, dry: bool) -> dict:
    """Undo all that is on trial, the last remedy first; the result of the module. Raises OSError or ValueError."""
    if not load_state(NAME):
        return {"changed": False, "actions": [], "notes": []}
    try:
        actions, notes = [], []  # type: list[str], list[str]
        on_trial = any(provisional(remedy.state) for remedy in (STRATEGY, LIMITS, SANDBOX))
        for remedy in (STRATEGY, LIMITS, SANDBOX):
            for unit, record in sorted(provisional(remedy.state).items()):
                done, note = undo_drop_in(remedy, unit, record, dry)
                actions += done
                notes += note
        if on_trial and is_running_here():
            if actions:
                actions.append(RELOADED)
            if not dry:
                manager.reload()  # also after an undo that was interrupted just before this
        if not dry and provisional(DOCKER.state):
            _docker_proof.tidy(None)
        for remedy in (DOCKER, PODMAN):
            for path, record in sorted(provisional(remedy.state).items()):
                done, note = undo_drop_in(remedy, path, record, dry)
                actions += done
                notes += note
                if remedy is DOCKER and not note and not dry:
                    _docker_proof.refresh(path)  # also after an undo that was interrupted just before this
        undone = [undo_release(link, record, dry) for link, record in sorted(provisional(RELEASE).items())]
        undone += [undo_shm(record, dry) for record in provisional(SHM).values()]
        for done, note in undone:
            actions += done
            notes += note
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{DIRECTORY}/{NAME}.json is damaged ({error!r}); move it away to go on") from error
    if not dry:
        save_state(NAME, {})  # last, so that an undo that is interrupted can be repeated
    return {"changed": bool(actions), "actions": actions, "notes": notes}


def undo_drop_in(remedy: _drop_in.Remedy, unit: str, record: dict, dry: bool) -> tuple:
    """``(actions, notes)`` for one drop-in; a text that somebody else has written since stays."""
    path, before, after = record["path"], record["before"], record["after"]
    now = _drop_in.read_drop_in(path)
    if now not in (before, after):
        return [], [f"{path}: edited by somebody else since, left as it is"]
    if not dry:
        if now is None and before is not None:
            _drop_in.make_directory(path.rpartition("/")[0])
            replace_file(path, encode(before), record["mode"])  # the mode went with the file
        _drop_in.put_back(remedy, unit, before, record["entry"])
    if now == before:
        return [], []
    return ["{}: {}".format(path, "removed" if before is None else "put back as it was before")], []


def undo_shm(record: dict, dry: bool) -> tuple:
    """``(actions, notes)`` for /dev/shm and its line in fstab."""
    host = _shm_apply.read_host()
    plan = _shm_plan.plan_reverted(host, record["made"])
    _shm_apply.check_obstacles(plan, forgets_state=True)
    if not dry:
        _shm_apply.apply_plan(host, plan, record["made"])
        save_state(_shm_apply.STATE_NAME, record["state"])
    return list(plan.actions), list(plan.notes)
