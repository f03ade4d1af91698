# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module node_build: from options to a release, in slices. Private to this collection."""

from __future__ import annotations

import os
import shutil
import time
import typing as t
import uuid

from ansible_collections.aarch64.validator.plugins.module_utils import _build_plan as plan
from ansible_collections.aarch64.validator.plugins.module_utils import _build_run as running
from ansible_collections.aarch64.validator.plugins.module_utils._build_result import RELEASES, made_from, manifests, release
from ansible_collections.aarch64.validator.plugins.module_utils._build_source import source_state
from ansible_collections.aarch64.validator.plugins.module_utils._build_toolchain import (
    BuildError,
    check_targets,
    cross_linker,
    find_toolchain,
)
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_human, parse_size

_LOOK_SECONDS = 0.2


class Wanted(t.NamedTuple):
    """A build as it is wanted: everything that decides it, and what it takes."""

    record: dict  # {source, inputs, revision, dirty}
    command: list
    environment: dict
    artefacts: str


def build(options: dict, dry: bool) -> dict:
    """One slice of a build; the result of the module. Raises BuildError, OptionError or OSError."""
    plan.check_options(options)
    directory = os.path.abspath(options["dir"])
    token = str((options["continue"] or {}).get("id") or "")
    if token:
        return followed(directory, token, options)
    wanted = wanted_build(options, directory)
    if running.is_running(directory):
        status = running.load(directory, running.STATUS)
        if status.get("record") != wanted.record:
            raise BuildError(f"another build runs in {directory}, of {described_source(status)}; wait for its end, or give "
                             "another dir")
        return dict(followed(directory, status["id"], options), notes=["a build that was running already is followed"])
    same = [one for one in manifests(directory) if made_from(one, wanted.record["inputs"], wanted.record)]
    if same and not options["clean"]:
        return result(same[-1], os.path.join(directory, RELEASES, same[-1]["release"]))
    reasons, notes = before_the_build(options, directory, wanted)
    actions = [f"artefacts in {wanted.artefacts} removed: {'; '.join(reasons)}"] if reasons else []
    actions.append(f"built {described_source({'record': wanted.record})}")
    if dry:
        return dict(result(None, None), changed=True, actions=actions, notes=notes, cleaned=bool(reasons))
    os.makedirs(wanted.artefacts, exist_ok=True)
    token = uuid.uuid4().hex
    record = wanted.record
    running.start(running.Job(token, directory, record["source"], wanted.command, wanted.environment, options["timeout"],
                              bool(reasons), record))
    done = followed(directory, token, options)
    return dict(done, actions=actions[:-1] + done["actions"], notes=notes + done["notes"], cleaned=bool(reasons),
                changed=bool(reasons) or done["changed"])


def wanted_build(options: dict, directory: str) -> Wanted:
    """What is to be built and with what. Raises BuildError where something is missing for it."""
    source = os.path.realpath(options["source"])
    if source == os.path.realpath(directory):
        raise BuildError(f"dir: {directory} is the source itself; give a directory of its own for what is built")
    state = source_state(source, options["revision"], options["allow_dirty"])
    found = find_toolchain(source, options["toolchain"], options["cargo"])
    target = options["target"] or found.host
    check_targets(found, target, options["rustflags"])
    inputs = plan.inputs_of(options, found, target, cross_linker(found, target, options["linker"]))
    artefacts = os.path.join(directory, running.ARTEFACTS)
    return Wanted(
        {"source": source, "inputs": inputs, **state}, plan.cargo_command(found.cargo, inputs, artefacts, options["jobs"]),
        plan.build_environment(os.environ, inputs, found), artefacts)


def before_the_build(options: dict, directory: str, wanted: Wanted) -> tuple:
    """``(reasons to clean, notes)``. Raises BuildError where there is too little room."""
    least = parse_size(options["min_free"], "min_free")
    place = directory
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    free = shutil.disk_usage(place).free
    if free < least:
        raise BuildError(f"{place} has {format_human(free)} free, and min_free wants {format_human(least)} for a build; "
                         "make room, or give another dir")
    artefacts = os.path.isdir(wanted.artefacts) and bool(os.listdir(wanted.artefacts))
    record = running.load(directory, running.RECORD)
    reasons = plan.stale_reasons(record, wanted.record["inputs"], wanted.record["source"], artefacts, options["clean"])
    status = running.load(directory, running.STATUS)
    unfinished = status.get("outcome") in ("running", "timed out") and not reasons and artefacts
    return reasons, ["a build that was interrupted goes on where it stopped"] if unfinished else []


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
        raise BuildError(running.failure(directory, status, options["timeout"]))
    return finished(directory, status["record"], options)


def finished(directory: str, record: dict, options: dict) -> dict:
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
            "next": {}, "cleaned": False, "manifest": manifest, "directory": path, "reproducible": None}


def described_source(status: dict) -> str:
    """``polkadot of 1a2b3c4d5e6f in /home/builder/polkadot-sdk for aarch64-unknown-linux-gnu``."""
    record = status.get("record") or {}
    inputs = record.get("inputs") or {}
    of = " of " + record["revision"][:12] if record.get("revision") else ""
    return f"{', '.join(inputs.get('binaries') or ['something'])}{of} in {record.get('source')} for {inputs.get('target')}"
