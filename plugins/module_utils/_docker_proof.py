# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change Docker's settings and see in a throw-away container that it counts, or go back. Private to this collection."""

from __future__ import annotations

import contextlib
import os
import time

from ansible_collections.aarch64.validator.plugins.module_utils import _container_defaults as defaults
from ansible_collections.aarch64.validator.plugins.module_utils import _docker_plan, _drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._docker_engine import ENGINE, Engine, Trial, remove_left_over
from ansible_collections.aarch64.validator.plugins.module_utils._docker_settings import (
    REMEDY,
    Settings,
    read_settings,
)
from ansible_collections.aarch64.validator.plugins.module_utils._file_remedy import recorded_entry, write_file
from ansible_collections.aarch64.validator.plugins.module_utils._json_edit import parse_object
from ansible_collections.aarch64.validator.plugins.module_utils._state import load_state, save_state
from ansible_collections.aarch64.validator.plugins.module_utils._trial_container import TrialError, left_over
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import Refusal, refuse

# While an engine is made to forget a value, its file has a text that is neither the old one nor the new one.
BETWEEN = "docker-between"
_RELOAD_SECONDS = 10  # for an engine to read its settings again, on a slow board


def apply(settings: Settings, new: str | None, shm: int | None, needed: dict, provisional: bool) -> dict | None:
    """Write, reload and prove. What fails leaves everything as it was. Returns what a new container has."""
    if settings.engine is None:
        write(settings, new, {}, provisional)
        return None
    with_trial = Trial(settings.api())
    try:
        with with_trial as trial:
            if needed:  # before anything is written: with a limit that is not granted no container would start
                seen = trial.seen(needed)
                short = defaults.missing(None, {name: limit["soft"] for name, limit in needed.items()}, seen)
                refuse(short and f"ulimits: a container that was given them had {short}. Nothing was changed.")
            entry = recorded_entry(REMEDY, settings.path)
            write(settings, new, {"limits_since": settings.engine.identity} if needed else {}, provisional)
            try:
                return prove(settings, new, shm, trial)
            except (Refusal, TrialError, OSError):
                go_back(settings, entry, trial)
                raise
    except TrialError as error:
        raise Refusal(f"docker: {error}; {settings.path} is as it was") from error


def write(settings: Settings, new: str | None, extra: dict, provisional: bool) -> None:
    """Put the new text in place, if there is one."""
    if new is None or new == settings.old:
        return
    values = dict((recorded_entry(REMEDY, settings.path) or {}).get("values") or {}, **changed_values(settings.old, new))
    write_file(REMEDY, settings.path, settings.old, new, provisional, dict(extra, values=values))


def changed_values(old: str | None, new: str) -> dict:
    """The keys that are ours, with their values."""
    before = _docker_plan.values_of(old or "")
    return {key: value for key, value in _docker_plan.values_of(new).items() if before.get(key) != value}


def prove(settings: Settings, new: str | None, shm: int | None, trial: Trial) -> dict:
    """Reload, and see what a new container has. Raises Refusal, TrialError."""
    engine = settings.engine
    if engine is None:
        raise Refusal("docker: its engine does not run, so that nothing can be tried")
    engine.reload()
    if shm is not None and not trial.wait_for_shm(shm, _RELOAD_SECONDS):
        raise Refusal(f"docker: the engine did not take over {settings.path}, its own log says why; the file is as it was")
    seen = trial.seen({})
    short = defaults.missing(shm, {}, seen)
    refuse(short and f"docker: after the reload a new container has {short}; {settings.path} is as it was")
    entry = recorded_entry(REMEDY, settings.path)
    if new is not None:
        proof = {"engine": engine.identity, "text": _drop_in.digest(new)}
        entry = dict(entry or _drop_in.first_entry(REMEDY, settings.path, settings.old), proof=proof)
        save_state(REMEDY.state, dict(_drop_in.recorded(REMEDY), **{settings.path: entry}))
    return {"shm_size": seen["shm_size"], "limits": {name: seen["limits"].get(name) for name in defaults.ULIMITS}}


def go_back(settings: Settings, entry: dict | None, trial: Trial) -> None:
    """After a failure: the file, the state and the engine as they were."""
    _drop_in.put_back(REMEDY, settings.path, settings.old, entry)
    if settings.engine is not None:
        restore_engine(settings.engine, settings.path, settings.old, trial)


def restore_engine(engine: Engine, path: str, text: str | None, trial: Trial) -> None:
    """Have an engine read a file that is in place again. Of a key that is not there it would keep the last value."""
    had = _docker_plan.shm_of(parse_object(text or ""))
    if _docker_plan.SHM in parse_object(text or "") or trial.told_shm() == had:
        engine.reload()
        return
    directory_made = not os.path.isdir(os.path.dirname(path))
    between = _docker_plan.new_text(text or "", had, {})
    save_state(BETWEEN, {path: {"between": between, "text": text, "directory_made": directory_made}})
    _drop_in.restore(path, between, False)
    try:
        engine.reload()
        deadline = time.monotonic() + _RELOAD_SECONDS
        while trial.told_shm() != had and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        _drop_in.restore(path, text, directory_made)
    save_state(BETWEEN, {})


def tidy(config_file: str | None) -> None:
    """Take away what a run that was killed has left: in the settings, and in the engine as far as that can be done now."""
    for path, record in load_state(BETWEEN).items():
        if _drop_in.read_drop_in(path) == record["between"]:  # else somebody has edited it since
            _drop_in.restore(path, record["text"], record["directory_made"])
        save_state(BETWEEN, {})
    if left_over(ENGINE) is None:
        return
    with contextlib.suppress(Refusal, TrialError):  # it stays remembered
        settings = read_settings(config_file)
        if settings is not None and settings.engine is not None:
            remove_left_over(settings.api())


def refresh(path: str) -> None:
    """Have the engine of a file, if it runs, take it over as it is now. Raises Refusal."""
    settings = read_settings(path)
    if settings is None or settings.engine is None:
        return
    try:
        with Trial(settings.api()) as trial:
            restore_engine(settings.engine, path, settings.old, trial)
    except TrialError as error:
        raise Refusal(f"docker: {path} is as it was, but the engine has not read it again: {error}") from error
