# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The crate of a small node as a source to build, and builds of it with the machine's own cargo."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.aarch64.validator.plugins.module_utils._build_apply import build

CRATE = Path(__file__).resolve().parent / "node_crate"
BINARIES = ["polkadot", "polkadot-prepare-worker"]
# The distribution's own where it is there, so that a rustup of the user changes nothing.
CARGO = "/usr/bin/cargo" if os.path.exists("/usr/bin/cargo") else shutil.which("cargo") or ""
MISSING = "" if CARGO and shutil.which("git") else "needs cargo and git"
DEFAULTS: dict[str, t.Any] = {
    "package": None, "revision": None, "features": [], "default_features": True, "profile": "release", "target": None,
    "toolchain": "stable", "cargo": CARGO, "linker": None, "rustflags": [], "environment": {}, "jobs": None, "clean": False,
    "allow_dirty": False, "min_free": "10M", "timeout": 120, "wait": 120, "continue": {}, "names": "",
    "binaries": BINARIES,
}


def commit(source: Path, message: str = "a change") -> str:
    """Commit all that is in a source; its new revision."""
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["add", "--all"], [*identity, "commit", "--quiet", "--allow-empty", "-m", message]):
        subprocess.run(["git", "-C", str(source), *command], check=True)
    return head(source)


def head(source: Path) -> str:
    """The revision that is checked out."""
    command = ["git", "-C", str(source), "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def checkout(directory: Path) -> Path:
    """A git tree of the crate."""
    shutil.copytree(CRATE, directory, ignore=shutil.ignore_patterns("target"))
    subprocess.run(["git", "init", "--quiet", str(directory)], check=True)
    commit(directory, "first")
    return directory


def built(source: Path, directory: Path, **options: t.Any) -> dict[str, t.Any]:
    """What the module node_build answers for these options."""
    return build({**DEFAULTS, "source": str(source), "dir": str(directory), **options}, False)
