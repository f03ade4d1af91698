# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge recorded facts, read from a directory one host at a time. Private to this collection."""

from __future__ import annotations

import contextlib
import os
import typing as t
from pathlib import Path

from ansible import constants
from ansible.errors import AnsibleActionFail

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.plugin_utils._policy import checked_policy
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._recorded import (
    DIRECTORY,
    SUFFIX,
    cached,
    facts_outcome,
    host_names,
    recorded_outcome,
    refused,
)

PRETTY = b'{\n "'  # how the facts that an audit writes begin


def recorded(
    directory: str, hosts: list[str] | None, policy: dict[str, t.Any],
) -> t.Iterator[tuple[str, dict[str, t.Any], str | None]]:
    """Name, outcome and text of the facts of each host whose facts lie in the directory; of these hosts only, where given.

    The text is there where a report can take it as it stands.
    Raises AnsibleActionFail for a directory without facts and for a policy that cannot be used.
    """
    try:
        checked_policy(policy)  # one that cannot be used is said once, not of each host
    except OptionError as error:
        raise AnsibleActionFail(str(error)) from None
    files = regular_files(directory)
    own = [file for file in files if file.suffix == SUFFIX]
    host_of = host_names(hosts)
    told = ((host_of(file.name), file) for file in own) if own else cache(files)
    found = False
    for name, source in told:
        if hosts is None or name in hosts:
            found = True
            if own:
                yield (name, *judged(source, policy))
            else:
                yield name, facts_outcome(name, source, policy), None
    if not found:
        raise unusable(directory, f"holds no *{SUFFIX}" + ("" if hosts is None else " of a host of this run"))


def cache(files: list[Path]) -> t.Iterator[tuple[str, t.Any]]:
    """Host and facts of each file that is one of a fact cache."""
    prefix, origin = constants.config.get_config_value_and_origin("CACHE_PLUGIN_PREFIX")
    for file in files:
        with contextlib.suppress(OSError):
            found = cached(file.name, file.read_bytes(), "" if origin == "default" else prefix)
            if found:
                yield found


def regular_files(directory: str) -> list[Path]:
    """Regular files alone: a link could stand for any file of the controller."""
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except OSError as error:
        raise unusable(directory, f"cannot be read ({error.strerror})") from None
    return [Path(directory, name) for name in names if not name.startswith(".")]


def unusable(directory: str, problem: str) -> AnsibleActionFail:
    """What an operator is told of a directory without facts."""
    return AnsibleActionFail(
        f"memory_pool_facts_dir: {directory!r} {problem}; give a directory with a file of facts for each host, "
        f"as the playbook audit writes it: {DIRECTORY}/ in memory_pool_report_dir, or the directory of a jsonfile fact cache"
    )


def judged(file: Path, policy: dict[str, t.Any]) -> tuple[dict[str, t.Any], str | None]:
    """The outcome of one file, and its text where it is as an audit writes it."""
    try:
        content = file.read_bytes()
    except OSError as error:
        return refused(file.name, f"cannot be read ({error.strerror})"), None
    told = recorded_outcome(file.name, content, policy)
    return told, content.decode() if content.isascii() and content.startswith(PRETTY) and content.endswith(b"}") else None
