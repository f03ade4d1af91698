# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as a user gets it: built of what git knows, and installed into an empty place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command: object, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program of this Python's environment below CWD, with no configuration and no collections but what lies there."""
    program = Path(sys.executable).parent / str(command[0])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment.update(ANSIBLE_COLLECTIONS_PATH=str(cwd / "collections"), HOME=str(cwd), ANSIBLE_LOCALHOST_WARNING="false")
    done = subprocess.run([str(program), *map(str, command[1:])], cwd=cwd, env=environment,
                          capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def clone(directory: Path, *without: str) -> Path:
    """What git knows here, as a tree of its own in DIRECTORY/source; WITHOUT are paths to leave out."""
    source = directory / "source"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", ".", *(f":!{path}" for path in without)]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    return source


def install(directory: Path, litter: t.Iterable[str] = ()) -> Path:
    """Build the collection in DIRECTORY and install it below DIRECTORY/collections; return the tarball.

    LITTER are files that a working tree may hold besides what git knows.
    """
    source = clone(directory, "playbooks/collections")
    for name in litter:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("", encoding="utf-8")
    run("ansible-galaxy", "collection", "build", source, "--output-path", directory, cwd=directory)
    (archive,) = directory.glob("*.tar.gz")
    run("ansible-galaxy", "collection", "install", "--offline", archive, "-p", directory / "collections", cwd=directory)
    return archive
