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


def checked_manifest(manifest: t.Any, option: str) -> dict:
    """A manifest of module node_build whose names and digests can be relied on. Raises OptionError."""
    try:
        sound = (
            manifest["schema"] == SCHEMA and _NAME.match(manifest["release"]) and manifest["binaries"]
            and all(_NAME.match(one["name"]) and _DIGEST.match(one["sha256"]) and isinstance(one["facts"], dict)
                    for one in manifest["binaries"]))
    except (KeyError, TypeError):
        sound = False
    if not sound:
        raise OptionError(option, str(manifest)[:80], "a directory that the playbook rebuild has written, with its manifest.json")
    return manifest


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
