# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module podman_defaults: from options to a changed host. Private to this collection."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import tempfile
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _container_defaults as defaults
from ansible_collections.aarch64.validator.plugins.module_utils import _drop_in
from ansible_collections.aarch64.validator.plugins.module_utils import _podman_conf as conf
from ansible_collections.aarch64.validator.plugins.module_utils import _trial_container as trial
from ansible_collections.aarch64.validator.plugins.module_utils._child import NoAnswer, ask
from ansible_collections.aarch64.validator.plugins.module_utils._container_wanted import wanted_here
from ansible_collections.aarch64.validator.plugins.module_utils._difference import difference
from ansible_collections.aarch64.validator.plugins.module_utils._file_remedy import (
    PODMAN,
    file_remedy,
    recorded_entry,
    take_back_files,
    write_file,
)
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import (
    may_raise_limits,
    parse_limits,
    parse_status,
)
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import larger, smaller
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import Refusal, refuse

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager

REMEDY = file_remedy(PODMAN, conf.is_ours)
_SECONDS = 60  # for one command, on a slow board
_PLACES = ("/usr/share/containers", "/etc/containers")
_SEARCHED = os.defpath + ":/usr/local/bin"


def settings_files() -> list:
    """``(path, text)`` of the files that Podman reads as root, in its order."""
    paths = []
    for place in _PLACES:
        directory = os.path.join(place, "containers.conf.d")
        names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
        paths += [os.path.join(place, "containers.conf")]
        paths += [os.path.join(directory, name) for name in names if name.endswith(".conf")]
    return [(path, text) for path, text in ((path, _drop_in.read_drop_in(path)) for path in paths) if text is not None]


def present(_manager: Manager, parameters: dict, dry: bool) -> dict:
    """Give new containers more; the result of the module. Raises Refusal, ValueError or OSError."""
    shm, wanted, notes, nr_open = wanted_here(parameters)
    program = shutil.which("podman", path=_SEARCHED)
    if program is None:
        return defaults.absent("podman")
    if not dry:
        tidy(program)
    files = settings_files()
    old = dict(files).get(conf.FILE)
    before, _sources = conf.effective(files)
    needed = with_own_defaults(defaults.needed_ulimits(wanted, conf.ulimits_of(before), {}), nr_open)
    short = shm is not None and conf.shm_of(before) < shm
    new = old
    if short or needed:
        refuse(defaults.ungranted(wanted, granted(nr_open), "this session") if needed else None)
        refuse(foreign_reason(old))
        new = conf.render(conf.new_values(conf.values_of(old or ""), before, shm if short else None, needed))
        refuse(overruled_reason(files, new))
        refuse(_drop_in.read_only_reason(conf.FILE))
    seen = None
    if new is not None and new != old and not dry:
        seen = apply(program, old, new, shm, needed, parameters["provisional"])
    after, _sources = conf.effective(with_own(files, new))
    own = conf.values_of(new or "")
    return {
        "changed": new != old, "notes": notes + (defaults.keep_note(running(program)) if new != old else []),
        "actions": [f"{conf.FILE}: {name} {own[name]}" for name in own if own.get(name) != conf.values_of(old or "").get(name)],
        "restart_required": False, "installed": True, "engine": "podman", "seen": seen, "diff": difference(conf.FILE, old, new),
        "wanted": {"shm_size": shm, "ulimits": wanted}, "short": ["shm_size"] * short + sorted(needed),
        "before": described(before), "defaults": described(after),
    }


def described(values: dict) -> dict:
    """What a new container is given."""
    return {"shm_size": conf.shm_of(values), "ulimits": conf.ulimits_of(values)}


def with_own_defaults(needed: dict, nr_open: int | None) -> dict:
    """Limits to be set, none below what Podman gives by itself as far as it may: a default of ours must not lower that."""
    most = granted(nr_open) if needed else {}
    own = {name: smaller(value, most.get(name, value)) for name, value in conf.OWN_DEFAULTS.items()}
    return {name: {kind: larger(value, own[name]) if name in own else value for kind, value in limit.items()}
            for name, limit in needed.items()}


def granted(nr_open: int | None) -> dict:
    """The highest limits that a container can be given from this session."""
    status = parse_status(read_text("/proc/self/status", []) or "")
    may_raise = may_raise_limits(status, read_text("/proc/self/uid_map", []) or "")
    return defaults.granted(parse_limits(read_text("/proc/self/limits", []) or ""), may_raise, nr_open)


def foreign_reason(old: str | None) -> str | None:
    """Why our file is not to be written."""
    if old is None or conf.is_ours(old):
        return None
    return f"{conf.FILE}: edited by somebody else, left as it is; remove it to have it written anew. Nothing was changed."


def with_own(files: list, new: str | None) -> list:
    """The files as they will be."""
    others = [file for file in files if file[0] != conf.FILE]
    return others if new is None else sorted(others + [(conf.FILE, new)], key=_order)


def _order(file: tuple) -> tuple:
    place = next((number for number, place in enumerate(_PLACES) if file[0].startswith(place + "/")), 0)
    return place, ".conf.d/" in file[0], os.fsencode(os.path.basename(file[0]))


def overruled_reason(files: list, new: str) -> str | None:
    """Why our file would have no effect: a later one sets the same."""
    _values, sources = conf.effective(with_own(files, new))
    for name in conf.values_of(new):
        if sources[name] != conf.FILE:
            return (f"{sources[name]} sets {name} and sorts after {os.path.basename(conf.FILE)}, so that ours would have no "
                    "effect; change or remove that line. Nothing was changed.")
    return None


def apply(program: str, old: str | None, new: str, shm: int | None, needed: dict, provisional: bool) -> dict:
    """Write and prove. What fails leaves everything as it was. Returns what a new container has."""
    try:
        with Trial(program) as container:
            if needed:  # before anything is written: with a limit that is not granted no container would start
                given = dict(session_limits(), **dict(conf.ulimits_of(conf.effective(settings_files())[0]), **needed))
                lacking = defaults.missing(None, {name: limit["soft"] for name, limit in needed.items()}, container.seen(given))
                refuse(lacking and f"ulimits: a container that was given them had {lacking}. Nothing was changed.")
            entry = recorded_entry(REMEDY, conf.FILE)
            try:
                write_file(REMEDY, conf.FILE, old, new, provisional)
                named = conf.ulimits_of(conf.effective(settings_files())[0])
                unnamed = set(session_limits()) - set(named)
                # Limits that are given replace all of the settings.
                seen = container.seen(dict(session_limits(), **named) if unnamed else {})
                lacking = defaults.missing(shm, {name: limit["soft"] for name, limit in needed.items()}, seen)
                refuse(lacking and f"podman: a new container has {lacking}; {conf.FILE} is as it was")
            except (Refusal, trial.TrialError, OSError, ValueError):
                _drop_in.put_back(REMEDY, conf.FILE, old, entry)
                raise
    except trial.TrialError as error:
        raise Refusal(f"podman: {error}; {conf.FILE} is as it was") from error
    return {"shm_size": seen["shm_size"], "limits": {name: seen["limits"].get(name) for name in defaults.ULIMITS}}


def session_limits() -> dict:
    """Limits that every session can give on: Podman itself asks for more, and fails where it may not have it."""
    found = {"nofile": resource.getrlimit(resource.RLIMIT_NOFILE), "nproc": resource.getrlimit(resource.RLIMIT_NPROC)}
    return {name: {"soft": soft, "hard": hard} for name, (soft, hard) in found.items()}


def running(program: str) -> list:
    """Names of the running containers; none where that is not to be known."""
    try:
        return sorted(_call(program, "ps", "--format={{.Names}}").split())
    except trial.TrialError:
        return []


def _call(program: str, *words: str) -> str:
    try:
        answer = ask([program, *words], _SECONDS, {"LC_ALL": "C"})
    except NoAnswer as error:
        raise trial.TrialError(str(error)) from error
    if answer.status != 0:
        lines = answer.errors.strip().splitlines() or [f"exit status {answer.status}"]
        raise trial.TrialError(f"podman {words[0]}: {redact_text(lines[-1])}")
    return answer.output


def remove_left_over(program: str) -> None:
    """Take away what a run that was killed has left in Podman. Raises NoAnswer, TrialError."""
    name = trial.left_over(PODMAN)
    if name is None:
        return
    ask([program, "kill", name], _SECONDS, {})  # its program is deaf to every other signal
    for kind, remove in (("container", "rm"), ("image", "rmi")):
        if ask([program, kind, "exists", name], _SECONDS, {}).status == 0:
            _call(program, remove, "--force", name)
    trial.ended(PODMAN)


def tidy(program: str) -> None:
    """As remove_left_over(), as far as that can be done now."""
    with contextlib.suppress(NoAnswer, trial.TrialError):  # it stays remembered
        remove_left_over(program)


class Trial:
    """Throw-away containers of Podman; a context manager, after which nothing of them is left."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.name = ""

    def __enter__(self) -> Trial:
        remove_left_over(self.program)
        self.name = trial.begun(PODMAN)
        with tempfile.TemporaryFile() as archive:  # without a name, so that nothing of it is ever left
            archive.write(trial.image_tar())
            archive.flush()
            _call(self.program, "import", f"/proc/{os.getpid()}/fd/{archive.fileno()}", "localhost/" + self.name)
        return self

    def __exit__(self, *_exception: object) -> None:
        _call(self.program, "rmi", "--force", "localhost/" + self.name)
        trial.ended(PODMAN)

    def seen(self, ulimits: dict) -> dict:
        """What a new container has, with these limits given to it; see seen_of(). Raises TrialError where none starts."""
        name = self.name
        given = ["--ulimit={}={}:{}".format(kind, limit["soft"], limit["hard"]) for kind, limit in ulimits.items()]
        try:
            words = ["run", "--detach", "--pull=never", "--network=none", "--name=" + name]
            _call(self.program, *words, *given, "localhost/" + name, trial.PROGRAM)
            pid = _call(self.program, "inspect", "--format={{.State.Pid}}", name).strip()
            if not (pid.isascii() and pid.isdigit() and len(pid) < 11):
                raise trial.TrialError("podman inspect: it does not tell the process of a new container")
            return trial.seen_of(int(pid))
        finally:
            ask([self.program, "kill", name], _SECONDS, {})  # its program is deaf to every other signal
            _call(self.program, "rm", "--force", name)


def reverted(_manager: Manager, parameters: dict, dry: bool) -> dict:
    """Take the defaults back; the result of the module. Raises Refusal, ValueError or OSError."""
    del parameters
    program = shutil.which("podman", path=_SEARCHED)
    if program is not None and not dry:
        tidy(program)

    def plan_of(path: str, entry: dict) -> dict | None:
        return _drop_in.undo_plan(REMEDY, path, entry)

    return take_back_files(REMEDY, None, dry, plan_of, lambda _path: None)
