# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restrictions of a unit: where its files set them, and its settings with some of them lifted.

Pure; private to this collection. What a trial is given are the loaded values, of the directives that the files name.
Everything else is left out, since systemd derives it again from the rest: PrivateDevices= takes capabilities, and so on.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._sandbox_directives import DIRECTIVES, restricts
from ansible_collections.aarch64.validator.plugins.module_utils._startup_unit import IDENTITY, LIMITS, SANDBOX, STATE
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import DROP_IN_NAME
from ansible_collections.aarch64.validator.plugins.module_utils._unit_lines import logical_lines

# What takes nothing by itself, and adds to or tempers another directive. It is in force in every start.
_COMPANIONS = ("AmbientCapabilities", "Personality", "SystemCallErrorNumber", "ExecPaths", "BindReadOnlyPaths")
# Lifted together: either alone closes the devices.
_TOGETHER = {"DevicePolicy": ("DevicePolicy", "DeviceAllow"), "DeviceAllow": ("DevicePolicy", "DeviceAllow")}
_TRIED = frozenset(SANDBOX + LIMITS + ("ProtectHome",)) - frozenset(_COMPANIONS)
_HOME_TRIED = ("yes", "tmpfs")  # every trial has at least read-only
_GROUP = re.compile(r"@[a-z0-9-]+")


class Restriction(t.NamedTuple):
    """A directive that restricts a unit, with the assignments that make it up as ``{path, line, value}``."""

    name: str
    lines: list


def assignments(files: list) -> dict:
    """By directive, its assignments in ``[Service]`` of these ``(path, text)`` in load order; an empty one clears a list."""
    found = {}  # type: dict[str, list]
    for path, text in files:
        section = ""
        for number, line in logical_lines(text):
            if line.startswith("["):
                section = line
            name, equals, value = (part.strip() for part in line.partition("="))
            if section != "[Service]" or not equals or name not in DIRECTIVES:
                continue
            before = [line for line in found.get(name, []) if line["value"]] if value and DIRECTIVES[name].is_list else []
            found[name] = before + [{"path": path, "line": number, "value": value}]
    return found


def restrictions(properties: dict, files: list) -> list:
    """What can be lifted in a trial of this unit, the likeliest to stop a node first."""
    written = assignments(files)
    found = []  # type: list[Restriction]
    for name in DIRECTIVES:
        value = properties.get(name)
        if name not in written or name not in _TRIED or value is None or not restricts(name, value):
            continue
        if name == "ProtectHome" and value not in _HOME_TRIED:
            continue
        found.append(Restriction(name, written[name]))
    names = [item.name for item in found]
    return [item for item in found if item.name != "DeviceAllow" or "DevicePolicy" not in names]


def untried(files: list) -> list:
    """Names of directives that the files set, and that every trial has in a form of its own, or not at all."""
    written = assignments(files)
    return [name for name in DIRECTIVES if name in written and name not in _TRIED and restricts(name, written[name][-1]["value"])]


def lifted_properties(properties: dict, items: list, lifted: t.Collection) -> dict:
    """Loaded properties of a unit for a trial in which these of its restrictions are lifted."""
    forced = {prop for item in items if item.name not in lifted for prop in _TOGETHER.get(item.name, (item.name,))}
    free = {name: DIRECTIVES[name].lifted for name in LIMITS if name in lifted}  # without a value it would be the default
    kept = forced.union(_COMPANIONS, IDENTITY, LIMITS, set(STATE) - {"ProtectHome"})
    names = {name: name[:-len("Soft")] if name.endswith("Soft") else name for name in properties}
    return {name: free.get(base, properties[name]) for name, base in names.items() if base in kept}


def deciding_line(name: str, lines: list, refused: str | None, groups: dict) -> dict:
    """The assignment that forbids: of a list the one that took away what was refused, otherwise the last one.

    groups: names of calls by the group that a line may name.
    """
    if not refused or not DIRECTIVES[name].is_list:
        return dict(lines[-1])
    allowed, decided = lines[0]["value"].startswith("~"), lines[0]
    for line in lines:
        denies = line["value"].startswith("~")
        words = {word.partition(":")[0] for word in line["value"].lstrip("~").split()}
        named = words.union(*(groups.get(word, ()) for word in words))
        # without the groups only what is named by itself is known
        if refused in named and (allowed == denies or (denies and not groups)):
            allowed, decided = not denies, line
    return dict(decided)


def named_groups(lines: list) -> list:
    """Groups of system calls that these assignments name."""
    return sorted({group for line in lines for group in _GROUP.findall(line["value"])})


def parse_groups(text: str) -> dict:
    """Calls by group, from what ``systemd-analyze syscall-filter`` prints; groups within groups are resolved."""
    groups, current = {}, ""  # type: tuple[dict[str, set], str]
    for line in text.splitlines():
        word = line.strip()
        if line.startswith("@"):
            current = word
            groups[current] = set()
        elif word and not word.startswith("#") and current:
            groups[current].add(word)
    for _depth in range(4):
        for calls in groups.values():
            calls.update(*[groups[word] for word in list(calls) if word in groups])
    return groups


def later_files(lines: list) -> list:
    """Drop-ins among these assignments that systemd reads after those of this collection, so that they win."""
    ours = os.fsencode(DROP_IN_NAME)
    paths = [line["path"] for line in lines if line["path"].endswith(".conf")]
    return sorted({path for path in paths if os.fsencode(os.path.basename(path)) > ours})
