# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule is. Private to this collection.

A rule is one function. Its docstring is its page in docs/causes.md, and it yields what it found::

    @rule("shm-mode", HOST, TMPFS, remedy="shm")
    def shm_mode(subject):
        \"\"\"Programs of other users cannot create shared memory.

        Shows: ``stat /dev/shm`` gives a mode other than 1777.
        Do: the playbook remediate sets the mode.
        \"\"\"
        if subject.facts["shm"]["mode"] != "1777":
            yield "/dev/shm has mode ...", ["shm.mode = ..."]

What is yielded is ``(summary, evidence)``, or ``(summary, evidence, changes)`` where changes lays other values
over the finding: severity, remedy.
"""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import DEFAULTS, finding

HOST = "host"  # asked once
SERVICE = "service"  # asked for each service
POOL = "pool"  # asked for each service, or for the session when there is none
TRIAL = "trial"  # asked for each service when what its facts and its trial start show is known
LAST = "last"  # asked for each service when all others have spoken


class Subject(t.NamedTuple):
    """What a rule looks at: a host, and one service or process of it (None: the host, or the session, itself)."""

    facts: dict
    policy: dict
    name: str | None
    service: dict | None
    pool: dict
    forecast: dict
    rows: list  # settings of this service, or of the host itself
    log: dict  # what the journal of a service that is down says, results of explain by their cause
    explained: bool = False  # whether something already found stops this service
    is_process: bool = False  # a node that runs as no service of this host, so that nothing here can be set for it


class Rule(t.NamedTuple):
    """One entry of RULES."""

    id: str
    each: str
    reference: str
    remedy: str | None
    text: str
    check: t.Callable


RULES = []  # type: list[Rule]


def rule(identifier: str, each: str, reference: str, remedy: str | None = None,
         severity: str | None = None, explains: bool = False) -> t.Callable:
    """Make a generator function the rule for a finding.

    Findings that others depend on have their severity in the table DEFAULTS. Any other brings its row along: severity,
    and explains for one that can by itself produce the message. Raises ValueError for a finding with both or neither.
    """
    if (severity is None) != (identifier in DEFAULTS):
        raise ValueError(f"{identifier}: give its severity here, or in the table DEFAULTS, once")
    if severity is not None:
        DEFAULTS[identifier] = (severity, explains)

    def register(function: t.Callable) -> t.Callable:
        @functools.wraps(function)
        def check(subject: Subject) -> list:
            found = []
            for summary, evidence, *changes in function(subject):
                own = finding(identifier, summary, evidence, reference, service=subject.name, remedy=remedy)
                found.append(changed(own, **changes[0]) if changes else own)
            return found

        RULES.append(Rule(identifier, each, reference, remedy, function.__doc__ or "", check))
        return check

    return register


def changed(item: dict, **values: t.Any) -> dict:
    """A finding with other values; whether it is automatic follows from its remedy."""
    merged = dict(item, **values)
    return finding(merged["id"], merged["summary"], merged["evidence"], merged["reference"],
                   merged["service"], merged["remedy"], merged["severity"])


def check_all(subjects: list, kinds: tuple) -> list:
    """Findings of every rule of these kinds for every subject, in the order of the rules."""
    rules = [one for one in RULES if one.each in kinds] if subjects else ()
    return [item for one in rules for subject in subjects for item in one.check(subject)]
