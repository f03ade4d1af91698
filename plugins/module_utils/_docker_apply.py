# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module docker_defaults: from options to a changed host. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _container_defaults as defaults
from ansible_collections.aarch64.validator.plugins.module_utils import _docker_plan, _docker_proof, _drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._container_wanted import wanted_here
from ansible_collections.aarch64.validator.plugins.module_utils._difference import key_difference
from ansible_collections.aarch64.validator.plugins.module_utils._docker_settings import (
    REMEDY,
    Settings,
    given_flags,
    read_settings,
)
from ansible_collections.aarch64.validator.plugins.module_utils._file_remedy import recorded_entry, take_back_files
from ansible_collections.aarch64.validator.plugins.module_utils._json_edit import BrokenJson, parse_object
from ansible_collections.aarch64.validator.plugins.module_utils._trial_container import TrialError
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import (
    Refusal,
    refuse,
)

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager

RELOADED = "docker: settings read again"
_KEPT = "running containers keep what they had until they are created anew; a restart does not do it"


def present(manager: Manager, parameters: dict, dry: bool) -> dict:
    """Give new containers more; the result of the module. Raises Refusal, ManagerError, ValueError or OSError."""
    if not dry:
        _docker_proof.tidy(parameters["config_file"])
    shm, wanted, notes, nr_open = wanted_here(parameters)
    settings = read_settings(parameters["config_file"])
    if settings is None:
        return defaults.absent("docker")
    flags = given_flags(manager, settings.engine)
    settled, obstacle = _docker_plan.flags_suffice(shm, wanted, flags)
    refuse(obstacle and (f"the engine is started with {obstacle}; with that in {settings.path} too it would not start any more. "
                         "Change it where the engine is started. Nothing was changed."))
    limits, may_raise = settings.engine.limits() if settings.engine else ({}, False)
    needed = {} if _docker_plan.ULIMITS in settled else defaults.needed_ulimits(
        wanted, _docker_plan.ulimits_of(settings.config), limits)
    if needed and settings.engine is None:
        raise Refusal(
            "ulimits: the engine does not run, so that no container can show that it grants them; start it. Nothing was changed.")
    refuse(defaults.ungranted(wanted, defaults.granted(limits, may_raise, nr_open), "the engine") if needed else None)
    sized = shm is not None and _docker_plan.SHM not in settled
    short = sized and _docker_plan.shm_of(settings.config) < (shm or 0)
    new = _docker_plan.new_text(settings.old or "", shm if short else None, needed) if short or needed else settings.old
    reload = settings.engine is not None and (short or (sized and not settings.proven))
    writes = new != settings.old
    seen = None
    if (writes or reload) and not dry:
        refuse(_drop_in.read_only_reason(settings.path) if writes else None)
        seen = _docker_proof.apply(settings, new, shm, needed, parameters["provisional"])
    pending = settings.engine is not None and waits_for_start(settings, needed, dry)
    actions = ([f"{settings.path}: {text}" for text in described(settings.config, parse_object(new or ""))] if writes else [])
    return {
        "changed": bool(actions) or reload, "actions": actions + ([RELOADED] if reload else []), "installed": True,
        "engine": "docker",
        "notes": notes + notes_of(settings, writes, pending), "restart_required": pending,
        "wanted": {"shm_size": shm, "ulimits": wanted}, "short": ["shm_size"] * short + sorted(needed),
        "before": settled_by(flags, settings.config), "defaults": settled_by(flags, parse_object(new or "")),
        "seen": seen, "diff": key_difference(settings.path, settings.old, new),
    }


def settled_by(flags: dict, config: dict) -> dict:
    """What a new container is given, by flags of the engine or by its settings."""
    size = defaults.parse_units(flags[_docker_plan.SHM][-1], _docker_plan.KIB) if flags[_docker_plan.SHM] else None
    return {"shm_size": size or _docker_plan.shm_of(config), "ulimits": _docker_plan.ulimits_of(config)}


def described(before: dict, after: dict) -> list:
    """One text for each key that changes."""
    limits = ", ".join(f"{name}={limit['soft']}:{limit['hard']}" for name, limit in _docker_plan.ulimits_of(after).items())
    texts = {_docker_plan.SHM: after.get(_docker_plan.SHM), _docker_plan.ULIMITS: limits}
    return [f"{key} {text}" for key, text in texts.items() if after.get(key) != before.get(key)]


def notes_of(settings: Settings, writes: bool, pending: bool) -> list:
    """What an operator should know besides."""
    notes = []
    if settings.engine is None:
        notes.append("docker: does not run; new containers get this from its next start on")
    elif writes:
        try:
            notes += defaults.keep_note(settings.api().running())
        except (Refusal, TrialError):  # without root the socket is closed
            notes.append(_KEPT)
    if pending:
        notes.append("docker: default-ulimits are read when the engine starts, and this collection never restarts it; until then "
                     "give --ulimit to a container")
    return notes


def waits_for_start(settings: Settings, needed: dict, dry: bool) -> bool:
    """Whether limits that this remedy has written wait for the next start of the engine."""
    entry = settings.entry if dry else recorded_entry(REMEDY, settings.path)
    engine = settings.engine.identity if settings.engine else None
    return bool(needed) or (entry or {}).get("limits_since") == engine


def reverted(_manager: Manager, parameters: dict, dry: bool) -> dict:
    """Take the defaults back; the result of the module. Raises Refusal, ValueError or OSError."""
    if not dry:
        _docker_proof.tidy(parameters["config_file"])
    result = take_back_files(REMEDY, parameters["config_file"], dry, undo_plan, _docker_proof.refresh, key_difference)
    if any(_docker_plan.ULIMITS in part["before"] for part in result["diff"]):
        result["notes"].append("docker: default-ulimits go back when the engine starts next")
    return result


def undo_plan(path: str, entry: dict) -> dict | None:
    """As _drop_in.undo_plan(); of a text that somebody else has edited since, only what is ours is taken away."""
    plan = _drop_in.undo_plan(REMEDY, path, entry)
    if plan is None or not entry["written"]:
        return None
    if plan["kept"] and plan["old"] is not None:
        try:
            plan["new"] = _docker_plan.ours_removed(plan["old"], entry["before"], entry.get("values") or {})
        except BrokenJson:
            return plan
        plan["kept"] = plan["new"] == plan["old"]
    return plan
