# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module node_build: from options to a release, in slices. Private to this collection."""

from __future__ import annotations

import os
import re
import shutil
import time
import typing as t
import uuid

from ansible_collections.aarch64.validator.plugins.module_utils import _build_plan as plan
from ansible_collections.aarch64.validator.plugins.module_utils import _build_run as running
from ansible_collections.aarch64.validator.plugins.module_utils._build_result import RELEASES, made_from, manifests, release
from ansible_collections.aarch64.validator.plugins.module_utils._build_source import check_apart, source_state
from ansible_collections.aarch64.validator.plugins.module_utils._build_toolchain import (
    BuildError,
    Toolchain,
    check_targets,
    cross_linker,
    find_toolchain,
)
from ansible_collections.aarch64.validator.plugins.module_utils._build_workspace import check_workspace
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError, format_human, parse_size

_LOOK_SECONDS = 0.2
_MARKS_OF_CARGO = (".rustc_info.json", "CACHEDIR.TAG")
_OPTION = re.compile(r"\bO\(([a-z_]+)\)")


class Wanted(t.NamedTuple):
    """A build as it is wanted: everything that decides it, and what it takes."""

    record: dict  # {source, inputs, revision, dirty}
    found: Toolchain
    command: list
    environment: dict
    artefacts: str


def build(options: dict, dry: bool) -> dict:
    """One slice of a build; the result of the module. Raises BuildError or OSError."""
    prefix = options["names"]
    try:
        return build_slice(options, dry)
    except OptionError as error:
        raise BuildError(f"{prefix}{error}") from error
    except BuildError as error:
        raise BuildError(_OPTION.sub(prefix + r"\1", str(error)), error.log, error.actions) from error


def build_slice(options: dict, dry: bool) -> dict:
    """The result of the module, with options in messages as ``O(dir)``. Raises BuildError, OptionError or OSError."""
    plan.check_options(options)
    directory = os.path.abspath(options["dir"])
    token = str((options["continue"] or {}).get("id") or "")
    if token:
        return followed(directory, token, options)
    if running.is_running(directory):
        return joined(directory, options)
    wanted = wanted_build(options, directory)
    same = [one for one in manifests(directory) if made_from(one, wanted.record["inputs"], wanted.record)]
    if same and not options["clean"]:
        return result(same[-1], os.path.join(directory, RELEASES, same[-1]["release"]))
    reasons, notes = before_the_build(options, directory, wanted)
    begun = begin_lines(wanted, reasons, directory, options["names"])
    if dry:
        actions = running.removal(directory, {"removed": bool(reasons), "stale": reasons})
        actions.append(f"built {described_source({'record': wanted.record})}")
        return dict(result(None, None), changed=True, actions=actions, notes=notes, cleaned=bool(reasons), begun=begun)
    os.makedirs(wanted.artefacts, exist_ok=True)
    token = uuid.uuid4().hex
    record = wanted.record
    before = plan.commands_before(wanted.found.cargo, record["inputs"])
    running.start(running.Job(token, directory, record["source"], wanted.command, before, wanted.environment, options["timeout"],
                              reasons, record))
    done = followed(directory, token, options)
    return dict(done, notes=notes + done["notes"], begun=begun)


def begin_lines(wanted: Wanted, reasons: list, directory: str, prefix: str) -> list:
    """What an operator should know of a build before it has taken hours."""
    found = wanted.found
    asked_by = _OPTION.sub(prefix + r"\1", found.asked_by)
    lines = ["building " + described_source({"record": wanted.record}),
             f"Rust {found.version.split()[0]} of {os.path.dirname(found.cargo)}, since {asked_by} asks for {found.channel}"]
    if reasons:
        lines.append(f"artefacts of earlier builds are removed first: {'; '.join(reasons)}")
    return lines + [f"log: {os.path.join(directory, running.LOG)}"]


def joined(directory: str, options: dict) -> dict:
    """Follow a build that runs already, if it is the one that is wanted. Raises BuildError where it is not."""
    status = running.load(directory, running.STATUS)
    another = f"another build runs in {directory}, of {described_source(status)}; wait for its end, or give another O(dir)"
    try:
        same = status.get("record") == wanted_build(options, directory).record
    except (BuildError, OptionError) as error:
        raise BuildError(f"{another} ({error})") from error
    if not same:
        raise BuildError(another)
    return dict(followed(directory, status["id"], options), notes=["a build that was running already is followed"])


def wanted_build(options: dict, directory: str) -> Wanted:
    """What is to be built and with what. Raises BuildError where something is missing for it."""
    source = os.path.realpath(options["source"])
    if source == os.path.realpath(directory):
        raise BuildError(f"O(dir): {directory} is the source itself; give a directory of its own for what is built")
    if not options["allow_dirty"]:
        check_apart(source, directory)
    state = source_state(source, options["revision"], options["allow_dirty"])
    found = find_toolchain(source, options["toolchain"], options["cargo"])
    target = options["target"] or found.host
    check_workspace(found, source, options)
    check_targets(found, target, options["rustflags"])
    inputs = plan.inputs_of(options, found, target, cross_linker(found, target, options["linker"]))
    artefacts = os.path.join(directory, running.ARTEFACTS)
    return Wanted(
        {"source": source, "inputs": inputs, **state}, found, plan.cargo_command(found.cargo, inputs, artefacts, options["jobs"]),
        plan.build_environment(os.environ, inputs, found), artefacts)


def before_the_build(options: dict, directory: str, wanted: Wanted) -> tuple:
    """``(reasons to clean, notes)``. Raises BuildError where there is too little room."""
    least = parse_size(options["min_free"], "min_free")
    place = directory
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    free = shutil.disk_usage(place).free
    if free < least:
        raise BuildError(f"{place} has {format_human(free)} free, and O(min_free) wants {format_human(least)} for a build; "
                         "make room, or give another O(dir)")
    artefacts = os.path.isdir(wanted.artefacts) and bool(os.listdir(wanted.artefacts))
    record = running.load(directory, running.RECORD)
    status = running.load(directory, running.STATUS)
    if artefacts and not record and not status:
        check_cargo_made(wanted.artefacts)
    reasons = plan.stale_reasons(record, wanted.record["inputs"], wanted.record["source"], artefacts, options["clean"])
    unfinished = status.get("outcome") in ("running", "timed out") and not reasons and artefacts
    return reasons, ["a build that was interrupted goes on where it stopped"] if unfinished else []


def check_cargo_made(artefacts: str) -> None:
    """Raises BuildError for a directory of somebody else, such as a home of cargo, that no build may remove."""
    if not any(os.path.exists(os.path.join(artefacts, name)) for name in _MARKS_OF_CARGO):
        raise BuildError(f"O(dir): {artefacts} is there already and holds no artefacts of cargo, so that it is not removed; "
                         "give a directory of its own for what is built")


def followed(directory: str, token: str, options: dict) -> dict:
    """Wait for a build to end, for one slice. Raises BuildError where it ended badly."""
    deadline = time.monotonic() + options["wait"]
    while running.is_running(directory) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    still = running.is_running(directory)
    status = running.load(directory, running.STATUS)
    if status.get("id") != token and status:
        raise BuildError(f"another build has begun in {directory}, of {described_source(status)}; this one has no result")
    if still:
        said = running.progress(directory, status["began"])
        return dict(result(None, None), done=False, progress=said, next={"id": token})
    if status.get("outcome") != "done":
        raise running.failure(directory, status, options["timeout"])
    removed = running.removal(directory, status)
    try:
        done = finished(directory, status["record"])
    except BuildError as error:
        raise BuildError(str(error), error.log, removed) from error
    return dict(done, actions=removed + done["actions"], cleaned=bool(removed), changed=bool(removed) or done["changed"])


def finished(directory: str, record: dict) -> dict:
    """Make a release of a build that has ended well."""
    now = source_state(record["source"], None, True)
    if {name: record[name] for name in now} != now:
        raise BuildError(f"{record['source']} has been changed while it was built, so that nothing says what is in the "
                         "binary; nothing was released. Run again")
    artefacts = os.path.join(directory, running.ARTEFACTS)
    files = plan.made_files(record["inputs"], artefacts)
    made = release(directory, files, record, plan.cargo_command("cargo", record["inputs"], artefacts, None), os.uname().machine)
    actions = [f"{made['path']}: released"] if made["new"] else []
    return dict(result(made["manifest"], made["path"]), changed=made["new"], actions=actions, notes=made["notes"],
                reproducible=made["reproducible"])


def result(manifest: dict | None, path: str | None) -> dict:
    """The result of the module where nothing was to be done."""
    name = manifest["release"] if manifest else ""
    return {"changed": False, "actions": [], "notes": [], "done": True, "progress": f"{name} is there" if name else "",
            "next": {}, "cleaned": False, "manifest": manifest, "directory": path, "reproducible": None, "begun": []}


def described_source(status: dict) -> str:
    """``polkadot of 1a2b3c4d5e6f in /home/builder/polkadot-sdk for aarch64-unknown-linux-gnu``."""
    record = status.get("record") or {}
    inputs = record.get("inputs") or {}
    of = " of " + record["revision"][:12] if record.get("revision") else ""
    return f"{', '.join(inputs.get('binaries') or ['something'])}{of} in {record.get('source')} for {inputs.get('target')}"
