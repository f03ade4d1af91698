# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which revision a source directory is of. Private to this collection."""

from __future__ import annotations

import os
import re
import shutil

from ansible_collections.aarch64.validator.plugins.module_utils._build_toolchain import BuildError
from ansible_collections.aarch64.validator.plugins.module_utils._child import NoAnswer, ask
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text

SECONDS = 300  # git status of a large tree on a slow disk
SHOWN = 5
_WAY_OUT = "O(allow_dirty): true builds it all the same, and the release says so"


def source_state(source: str, wanted: str | None, allow_dirty: bool) -> dict:
    """``{revision, dirty}`` of a source. The revision is None where it is no git tree. Raises BuildError.

    wanted is the revision that the operator expects to be checked out.
    """
    if not os.path.isfile(os.path.join(source, "Cargo.toml")):
        there = "has no Cargo.toml" if os.path.isdir(source) else "is no directory"
        raise BuildError(f"O(source): {source} {there}; give the directory of the workspace to build")
    if shutil.which("git") is None:
        raise BuildError("git is missing on the build host, so that nothing says which revision a source is of; install git")
    problem = None
    revision = _git(source, ["rev-parse", "--verify", "HEAD^{commit}"])
    if "dubious ownership" in revision[0]:
        problem = (f"O(source): {source} belongs to another user, so that git does not say what is in it; build as that user, or "
                   f"run: git config --global --add safe.directory {source}")
    elif not revision[1]:
        problem = (f"O(source): {source} is no git tree with a commit ({revision[0]}), so that nothing says what would be in the "
                   "binary")
    else:
        if wanted:
            expected = _git(source, ["rev-parse", "--verify", "--end-of-options", wanted + "^{commit}"])
            if expected[0] != revision[0]:
                found = expected[0][:12] if expected[1] else "unknown there"
                raise BuildError(f"O(revision): {wanted} is {found}, but {source} has {revision[0][:12]} checked out; "
                                 "check out the revision to build, or give its git URL as O(source)")
        # All of the tree, whatever its configuration hides: members of a workspace are built from beside their directory.
        changed = _git(source, ["status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=none"])
        if not changed[1]:
            raise BuildError(f"O(source): git status fails in {source}: {changed[0]}")
        if changed[0]:
            files = [line[3:] for line in changed[0].splitlines()]
            more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
            problem = (f"O(source): {source} has changes that no revision has ({', '.join(files[:SHOWN])}{more}); "
                       "commit or remove them")
    if problem and not allow_dirty:
        raise BuildError(f"{problem}. {_WAY_OUT}")
    return {"revision": revision[0] if revision[1] else None, "dirty": problem is not None}


def check_apart(source: str, directory: str) -> None:
    """Raises BuildError for a build directory whose files git would take for changes of the source, hours later."""
    try:
        path = os.path.join(os.path.realpath(directory), "build.log")
        answer = ask(["git", "-C", source, "check-ignore", "--quiet", "--", path], SECONDS, {"LC_ALL": "C"})
    except NoAnswer:
        return  # it is said elsewhere that there is no git
    if answer.status == 1:  # in the tree, and not ignored there
        raise BuildError(f"O(dir): {directory} lies in the git tree of {source}, which would then have changes that no revision "
                         "has; give a directory outside")


def _git(source: str, arguments: list) -> tuple:
    """``(output, True)``, or what git complains about and False."""
    try:
        answer = ask(["git", "-C", source] + arguments, SECONDS, {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"})
    except NoAnswer as error:
        return str(error), False
    if answer.status != 0:
        complaint = re.sub(r"\A(fatal|error): ", "", (answer.errors.strip() or f"exit status {answer.status}").splitlines()[0])
        return redact_text(complaint), False
    return answer.output.rstrip("\n") if "status" in arguments else answer.output.strip(), True
