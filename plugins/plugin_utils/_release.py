# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that was built for the nodes of a fleet, as its manifest describes it. Pure; private to this collection."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._node import RELEASES
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError

SCHEMA = 1
_NAME = re.compile(r"\A[A-Za-z0-9_][A-Za-z0-9._-]*\Z")
_DIGEST = re.compile(r"\A[0-9a-f]{64}\Z")
# What the rules look at. Of another type, it would be taken for facts of the host that are damaged.
_FACTS = {"machine": str, "libc": str, "glibc_wanted": str, "wasmtime_version": str, "error": str, "interpreter": str,
          "page_alignment": int, "jemalloc_page_size": int}


def checked_manifest(manifest: t.Any, option: str) -> dict:
    """A manifest of module node_build whose names, digests and facts can be relied on. Raises OptionError."""
    try:
        sound = (
            manifest["schema"] == SCHEMA and _NAME.match(manifest["release"]) and manifest["binaries"]
            and all(_NAME.match(one["name"]) and _DIGEST.match(one["sha256"]) and _sound(one["facts"])
                    for one in manifest["binaries"]))
    except (KeyError, TypeError):
        sound = False
    if not sound:
        raise OptionError(option, str(manifest)[:80], "a directory that the playbook rebuild has written, with its manifest.json")
    return manifest


def _sound(facts: t.Any) -> bool:
    """Whether facts of a program, such as a manifest that somebody has edited holds, are each of the type that they should be."""
    return isinstance(facts, dict) and all(
        facts.get(name) is None or isinstance(facts[name], kind) for name, kind in _FACTS.items())


def program_name(release: dict) -> str:
    """What the program of the node is called."""
    return release["binaries"][0]["name"]


def is_of_release(service: dict, release: dict | None) -> bool:
    """Whether a service starts a program of that name, so that the release is meant for it."""
    started = service.get("program") or service.get("binary")
    return bool(release and started) and os.path.basename(started or "") == program_name(release or {})


def shown_release(path: str | None) -> str | None:
    """The release that a program is of; any other program as its path. None where that is not known."""
    if not path or not path.startswith(RELEASES + "/"):
        return path
    return path[len(RELEASES) + 1:].split("/")[0]
