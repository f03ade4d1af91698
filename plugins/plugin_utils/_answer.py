# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module answered, as far as it can be believed. Pure; private to this collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._redact import (
    HIDDEN,
    is_secret_name,
    redact_arguments,
    redact_text,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._not_started import in_words
from ansible_collections.aarch64.validator.plugins.plugin_utils._size import check_names, check_size

FACTS = "aarch64_memory"
GATHERS = "memory_facts"  # the one module that answers facts
# What ansible-core itself adds where it had to look for the Python of a host.
_DISCOVERED = "discovered_interpreter_"
_MOST_MESSAGE = 64 << 10
# What ansible-core prints as it is: a host must not drive the terminal of an operator, or turn its text around.
_PRINTED = ("msg", "exception", "module_stdout", "module_stderr", "stdout", "stderr")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_TEXTS = ("actions", "notes", "planned", "begun", "log_end")


def trusted_answer(answer: dict, module: str) -> dict:
    """The answer without facts that are not this module's to give; a failure in place of one that no module gives.

    Facts of other names would become variables, and those of a host win over the defaults of a role.
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
    kept = {name: value for name, value in given.items()
            if name.startswith(_DISCOVERED) or (name == FACTS and module == GATHERS)}
    trusted = {name: value for name, value in in_words(answer).items() if name != "ansible_facts"}
    if kept:
        trusted["ansible_facts"] = kept
    if not isinstance(trusted.get("exception"), str):
        # Since ansible-core 2.19 an object, which repeats the message as the host wrote it.
        trusted.pop("exception", None)
    for name in _PRINTED:
        if isinstance(trusted.get(name), str):
            # Modules hide secrets themselves, but not what Python says where one of them ends before its time.
            trusted[name] = redact_text(_UNPRINTABLE.sub(" ", trusted[name][:_MOST_MESSAGE]))
    if "invocation" in trusted:  # what -vvv prints of the options
        trusted["invocation"] = _without_secrets(trusted["invocation"])
    return trusted


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
    if not isinstance(answer.get("ansible_facts") or {}, dict):
        return "the facts of the host are not a dictionary"
    if not isinstance(answer.get("changed", False), bool):
        return "the host does not say whether something has changed"
    for name in _TEXTS:
        texts = answer.get(name, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            return f"the {name} of the host are not a list of texts"
    failed = answer.get("failed") or answer.get("unreachable") or answer.get("skipped") or "ansible_job_id" in answer
    if module == GATHERS and not failed and not isinstance((answer.get("ansible_facts") or {}).get(FACTS), dict):
        return "the host answered without memory facts; look at what answers there"
    return None
