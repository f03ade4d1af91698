# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build has made: releases, each a directory with its binaries and their manifest. Private to this collection.

A manifest says ``{schema, release, revision, dirty, source, inputs, command, binaries}``; a binary there is ``{name, size,
sha256, version, facts}``: size in bytes, version as the program prints it (None where it was not run), facts as
binary_facts() has them without the path.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil

from ansible_collections.aarch64.validator.plugins.module_utils._atomic import replace_file, sync_directory
from ansible_collections.aarch64.validator.plugins.module_utils._build_plan import release_name
from ansible_collections.aarch64.validator.plugins.module_utils._build_toolchain import BuildError
from ansible_collections.aarch64.validator.plugins.module_utils._child import NoAnswer, ask
from ansible_collections.aarch64.validator.plugins.module_utils._elf import binary_facts

SCHEMA = 1
RELEASES, MANIFEST = "releases", "manifest.json"
VERSION_SECONDS = 30
_CHUNK = 1 << 20


def sha256_of(path: str) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for piece in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(piece)
    return digest.hexdigest()


def manifests(directory: str) -> list:
    """The manifests of all releases whose files are there as they were made, the latest last."""
    base = os.path.join(directory, RELEASES)
    found = []
    for name in os.listdir(base) if os.path.isdir(base) else []:
        path = os.path.join(base, name, MANIFEST)
        try:
            with open(path, encoding="utf-8") as stream:
                manifest = json.load(stream)
            whole = manifest["schema"] == SCHEMA and manifest["release"] == name and all(
                sha256_of(os.path.join(base, name, binary["name"])) == binary["sha256"] for binary in manifest["binaries"])
            if whole:
                found.append((os.stat(path).st_mtime, manifest))
        except (OSError, ValueError, KeyError, TypeError):  # damaged: it is made again
            continue
    return [manifest for _age, manifest in sorted(found, key=lambda pair: pair[0])]


def made_from(manifest: dict, inputs: dict, state: dict) -> bool:
    """Whether a release is of these inputs and this revision. One of an unknown source never is."""
    return (manifest["inputs"] == inputs and state["revision"] is not None and manifest["revision"] == state["revision"]
            and not manifest["dirty"] and not state["dirty"])


def described(files: dict, own_machine: str) -> tuple:
    """``(binaries, notes)`` of a manifest for files by name. Raises BuildError where cargo has left no program."""
    binaries, notes = [], []
    for name, path in files.items():
        if not os.path.isfile(path):
            raise BuildError(f"cargo has ended well but left no {path}; nothing was released")
        facts = binary_facts(path, [])
        if facts["error"] or facts["script"]:
            raise BuildError(f"{path} is no program that could be started: {facts['error'] or 'a script'}; nothing was released")
        version, note = version_of(path, facts["machine"], own_machine)
        notes += [note] if note else []
        binaries.append({"name": name, "size": facts["size"], "sha256": sha256_of(path), "version": version,
                         "facts": {key: value for key, value in facts.items() if key != "path"}})
    return binaries, notes


def version_of(path: str, machine: str | None, own_machine: str) -> tuple:
    """``(first line of --version, None)``, or None and why it was not asked. Raises BuildError for one that fails here."""
    if machine != own_machine:
        return None, f"{os.path.basename(path)} is for {machine} and was not run on this build host, which is {own_machine}"
    try:
        answer = ask([path, "--version"], VERSION_SECONDS, {"LC_ALL": "C"})
    except NoAnswer as error:
        raise BuildError(f"{error}; nothing was released") from error
    if answer.status != 0:
        complaint = (answer.errors.strip().splitlines() or [f"exit status {answer.status}"])[-1]
        raise BuildError(f"{path} --version fails on the host that built it: {complaint}; nothing was released")
    return (answer.output.strip().splitlines() or [""])[0], None


def release(directory: str, files: dict, record: dict, command: list, own_machine: str) -> dict:
    """Make a release of what cargo has left: ``{manifest, path, new, notes, reproducible}``. Raises BuildError or OSError.

    ``reproducible``: whether an earlier build from the same inputs had the same binaries; None where there was none.
    """
    binaries, notes = described(files, own_machine)
    state = {"revision": record["revision"], "dirty": record["dirty"]}
    earlier = [manifest for manifest in manifests(directory) if made_from(manifest, record["inputs"], state)]
    name = release_name([binary["name"] for binary in binaries], state["revision"], state["dirty"], digest_of(binaries))
    path = os.path.join(directory, RELEASES, name)
    digests = [binary["sha256"] for binary in binaries]
    reproducible = _digests(earlier[-1]) == digests if earlier else None
    if reproducible is False:
        notes.append("the same inputs gave other binaries than before: {}".format(", ".join(
            "{} {} then, {} now".format(new["name"], old["sha256"][:12], new["sha256"][:12])
            for old, new in zip(earlier[-1]["binaries"], binaries) if old["sha256"] != new["sha256"])))
    elif reproducible:
        notes.append("the same inputs gave the same binaries as before, byte for byte")
    manifest = {"schema": SCHEMA, "release": name, "source": record["source"], "inputs": record["inputs"],
                "command": command, "binaries": binaries, **state}
    same = next((one for one in manifests(directory) if one["release"] == name), None)
    if same is not None and _digests(same) == digests:
        replace_file(os.path.join(path, MANIFEST), _encoded(manifest))
        return {"manifest": manifest, "path": path, "new": False, "notes": notes, "reproducible": reproducible}
    _place(path, files, manifest)
    return {"manifest": manifest, "path": path, "new": True, "notes": notes, "reproducible": reproducible}


def digest_of(binaries: list) -> str:
    """What tells releases of one commit apart: the SHA-256 of the only binary, or one over those of all, with their names.

    Otherwise a release with workers would have the name of that without, which nodes run already, and never be delivered.
    """
    if len(binaries) == 1:
        return binaries[0]["sha256"]
    return hashlib.sha256("".join("{sha256}  {name}\n".format(**binary) for binary in binaries).encode()).hexdigest()


def _digests(manifest: dict) -> list:
    return [binary["sha256"] for binary in manifest["binaries"]]


def _encoded(manifest: dict) -> bytes:
    return (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()


def _place(path: str, files: dict, manifest: dict) -> None:
    """Copy the files beside their final place and move the directory there as a whole."""
    temporary = os.path.join(os.path.dirname(path), "." + os.path.basename(path) + ".new")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    for old in (temporary, path):  # of an interrupted run, or a release that somebody has damaged
        shutil.rmtree(old, ignore_errors=True)
    try:
        os.mkdir(temporary)
        for name, file in files.items():
            target = os.path.join(temporary, name)
            shutil.copyfile(file, target)
            os.chmod(target, 0o755)  # it is to be run by other users  # noqa: S103  # nosec B103
            with open(target, "rb") as stream:
                os.fsync(stream.fileno())
        replace_file(os.path.join(temporary, MANIFEST), _encoded(manifest))
        os.rename(temporary, path)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_directory(os.path.dirname(path))
