# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a module gave no answer of its own, in words for the operator. Pure; private to this collection."""

from __future__ import annotations

import re

from ansible.release import __version__ as ansible_version

_NOT_FOUND = 127  # of a shell, for a program that is not there
_MISSING = (re.compile(r"interpreter '([^']{1,200})' was not found"),
            re.compile(r"(\S{0,190}python\S{0,10}): (?:not found|No such file or directory)"))
# A Python that is too old for ansible-core stumbles over its text, or is told by it.
_TOO_OLD = ("SyntaxError", "requires a minimum of Python version", "Ansible requires Python")
# The oldest Python of a host, by release: ansible-core's support matrix, and _PY_MIN of its module_utils/basic.py.
_OLDEST = {"2.17": "3.7", "2.18": "3.8", "2.19": "3.8", "2.20": "3.9", "2.21": "3.9"}
_TRACEBACK = "Traceback (most recent call last):"


def in_words(answer: dict, release: str = ansible_version) -> dict:
    """The answer of a module that failed, with a message that says why. Any other is given back as it is."""
    if not answer.get("failed"):
        return answer
    said, errors = _text(answer.get("msg")) or _exception(answer), _text(answer.get("module_stderr"))
    why = _missing(answer, said, errors) or _too_old(said, errors, release)
    if why:
        return dict(answer, msg=why, module_stderr="")
    if errors.startswith(_TRACEBACK):
        # Reports show the first line, and the last one of a traceback says what happened.
        return dict(answer, msg=said, module_stderr=f"{errors.rstrip().splitlines()[-1].strip()}\n{errors}")
    return dict(answer, msg=said) if said else answer


def _missing(answer: dict, said: str, errors: str) -> str:
    """The message for a host without the Python that was asked for; empty for any other."""
    if answer.get("rc") != _NOT_FOUND:
        return ""
    for pattern, text in zip(_MISSING, (said, errors)):
        match = pattern.search(text)
        if match:
            return (f"no Python on this host: {match.group(1)} is not there; install python3, or set "
                    "ansible_python_interpreter to where a Python is. Nothing was changed")
    return ""


def _too_old(said: str, errors: str, release: str) -> str:
    """The message for a host whose Python ansible-core cannot work with; empty for any other."""
    if not any(sign in text for sign in _TOO_OLD for text in (said, errors)):
        return ""
    series = ".".join(release.split(".")[:2])
    needs = f", which needs {_OLDEST[series]} or newer there" if series in _OLDEST else ""
    return (f"the Python of this host is too old for ansible-core {series} on the controller{needs}; set "
            "ansible_python_interpreter to a newer one, or use an older ansible-core: 2.17 works with Python 3.7. "
            "Nothing was changed")


def _exception(answer: dict) -> str:
    """What an exception in the module said, which ansible-core 2.19 puts into an object without a message beside it."""
    event = answer.get("exception")
    for name in ("event", "msg"):
        event = event.get(name) if isinstance(event, dict) else None
    return _text(event)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
