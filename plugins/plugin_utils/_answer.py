# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module answered, as far as it can be believed. Pure; private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._redact import (
    HIDDEN,
    is_secret_name,
    redact_arguments,
    redact_text,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._not_started import in_words
from ansible_collections.aarch64.validator.plugins.plugin_utils._printable import (
    MOST_TEXT,
    as_facts,
    diff_parts,
    printable,
    printable_all,
    warning_texts,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._size import check_names, check_size

FACTS = "aarch64_memory"
GATHERS = "memory_facts"  # the one module that answers facts
# What ansible-core itself adds where it had to look for the Python of a host.
_DISCOVERED = "discovered_interpreter_"
# What a person reads, and what ansible-core prints by itself.
_SHOWN = ("msg", "exception", "module_stdout", "module_stderr", "stdout", "stderr")
_TEXTS = ("actions", "notes", "planned", "begun", "log_end")


def trusted_answer(answer: dict, module: str) -> dict:
    """The answer without facts that are not this module's to give; a failure in place of one that no module gives.

    Facts of other names would become variables, and those of a host win over the defaults of a role. Texts lose what would
    drive a terminal.
    """
    try:
        check_size(answer)
        complaint = _complaint(answer, module)
        if module == GATHERS and not complaint:
            facts = (answer.get("ansible_facts") or {}).get(FACTS) or {}
            check_names(facts.get("services"), facts.get("processes"))
    except ValueError as error:
        complaint = str(error)
    if complaint:
        return {"failed": True, "changed": False, "msg": f"{module}: {complaint}"}
    given = answer.get("ansible_facts") or {}
    kept = {name: as_facts(value) for name, value in given.items()
            if name.startswith(_DISCOVERED) or (name == FACTS and module == GATHERS and isinstance(value, dict))}
    trusted = _readable(in_words(answer))
    if kept:
        trusted["ansible_facts"] = kept
    return trusted


def _readable(answer: dict) -> dict:
    """All of an answer but its facts, as it may be shown."""
    said = {printable(name): value for name, value in answer.items()
            if name not in ("ansible_facts", "diff", "warnings", "deprecations")}
    if not isinstance(said.get("exception"), str):
        # Since ansible-core 2.19 an object, which repeats the message as the host wrote it.
        said.pop("exception", None)
    if "invocation" in said:  # what -vvv prints of the options
        said["invocation"] = _without_secrets(said["invocation"])
    said = {name: printable_all(value, MOST_TEXT if name in _SHOWN else None) for name, value in said.items()}
    # Modules hide secrets themselves, but not what Python says where one of them ends before its time.
    said.update({name: redact_text(said[name]) for name in _SHOWN if isinstance(said.get(name), str)})
    if "diff" in answer:
        said["diff"] = diff_parts(answer["diff"])
    warnings = warning_texts(answer.get("warnings"), answer.get("deprecations"))
    return dict(said, warnings=warnings) if warnings else said


def _without_secrets(value: t.Any) -> t.Any:
    """The same with the secrets of all texts hidden."""
    if isinstance(value, dict):
        return {key: HIDDEN if isinstance(held, str) and held and is_secret_name(str(key)) else _without_secrets(held)
                for key, held in value.items()}
    if isinstance(value, list):
        words = all(isinstance(held, str) for held in value)
        return redact_arguments(value) if words else [_without_secrets(held) for held in value]
    return redact_text(value) if isinstance(value, str) else value


def _complaint(answer: dict, module: str) -> str | None:
    """Why this is not an answer of that module, or None."""
    given = answer.get("ansible_facts") or {}
    if not isinstance(given, dict) or not all(isinstance(name, str) for name in (*answer, *given)):
        return "the facts of the host are not a dictionary"
    if not isinstance(answer.get("changed", False), bool):
        return "the host does not say whether something has changed"
    for name in _TEXTS:
        texts = answer.get(name, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            return f"the {name} of the host are not a list of texts"
    if module == GATHERS and not isinstance(given.get(FACTS) or {}, dict):
        return "the memory facts of the host are not a dictionary"
    failed = answer.get("failed") or answer.get("unreachable") or answer.get("skipped") or "ansible_job_id" in answer
    if module == GATHERS and not failed and not isinstance(given.get(FACTS), dict):
        return "the host answered without memory facts; look at what answers there"
    return None
