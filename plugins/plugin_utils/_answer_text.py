# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON that a module printed, before ansible-core reads it. Pure; private to this collection.

ansible-core shows some of an answer while it reads it: keys that it does not expect and, since release 2.21, warnings. So what
could drive a terminal has to go before.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.aarch64.validator.plugins.plugin_utils._printable import (
    as_facts,
    diff_parts,
    printable_all,
    warning_texts,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._size import check_size

# What ansible-core would do for an action of its own, such as to add a host. One of these is of a task with ``async``.
_INTERNAL = "_ansible_"
_OF_ACTIONS = ("add_host", "add_group")
_OF_ASYNC = "_ansible_suppress_tmpdir_delete"


def readable_answer(text: str) -> str:
    """The first JSON object in an output, with its texts fit to be shown; the output as it is where there is none."""
    start = _start(text)
    if start is None:
        return text
    try:
        answer, _end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):  # ansible-core says so, and why
        return text
    try:
        check_size(answer)
    except ValueError as error:
        answer = {"failed": True, "msg": str(error)}
    return json.dumps(_shown(answer))


def _start(text: str) -> int | None:
    """Where the first line begins that begins an object, as ansible-core looks for it."""
    at = 0
    for line in text.splitlines(keepends=True):
        if line.strip().startswith("{"):
            return at + line.index("{")
        at += len(line)
    return None


def _shown(answer: dict[str, t.Any]) -> dict[str, t.Any]:
    """An answer without what no module has to say, and with the rest fit to be shown."""
    said: dict[str, t.Any] = {}
    for name, value in answer.items():
        if name == "ansible_facts":
            said[name] = as_facts(value) if isinstance(value, dict) or not value else {}
        elif name == "diff":
            said[name] = diff_parts(value)
        elif name == _OF_ASYNC:
            said[name] = value is True
        elif name not in (*_OF_ACTIONS, "warnings", "deprecations") and not name.startswith(_INTERNAL):
            said.update(printable_all({name: value}))
    warnings = warning_texts(answer.get("warnings"), answer.get("deprecations"))
    return dict(said, warnings=warnings) if warnings else said
