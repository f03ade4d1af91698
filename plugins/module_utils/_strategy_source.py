# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a service as its files give them, and where each word of them comes from.

Pure functions of texts; private to this collection. Sources as of _exec_start.
"""

from __future__ import annotations

import hashlib
import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._environment_file import (
    expand,
    parse_environment_directive,
    parse_environment_file,
)
from ansible_collections.aarch64.validator.plugins.module_utils._exec_start import exec_commands, service_assignments

_BRACED = re.compile(r"\$\{([^}:]*)(\}?)")  # matches also what is left open, so that its end is looked for once


class Place(t.NamedTuple):
    """Where an operator finds something; the name of a variable if it is in one."""

    path: str
    line: int | None
    variable: str | None = None

    def __str__(self) -> str:
        line = "" if self.line is None else f", line {self.line}"
        return self.path + line + (f" ({self.variable})" if self.variable else "")


class Command(t.NamedTuple):
    """One command of a service. line is the number of its ExecStart= value; words are its arguments, variables filled in,
    as one list for each argument in the text."""

    line: int
    program: str
    prefixes: str
    arguments: list
    ends: list
    words: list

    @property
    def argv(self) -> list:
        """What the process gets."""
        return [word for words in self.words for word in words]


class Source(t.NamedTuple):
    """All commands of a service; lines are its ExecStart= values as ``{path, line, value}``."""

    lines: list
    commands: list
    variables: dict
    places: dict  # Place by variable

    @property
    def digest(self) -> str:
        """How a drop-in and the state recognise the text that they were made from."""
        return hashlib.sha256("\n".join(line["value"] for line in self.lines).encode("utf-8", "replace")).hexdigest()

    def place(self, command: Command, argument: int, text: str = "") -> Place:
        """Where an argument of a command comes from: its text, or the variable in it whose value has this text."""
        line = self.lines[command.line]
        found = Place(line["path"], line["line"])
        for name in [] if ":" in command.prefixes else variables_of(command.arguments[argument]):
            if name in self.places and text in self.variables.get(name, ""):
                found = self.places[name]
                break
        return found


def variables_of(argument: str) -> list:
    """Names of the variables that an argument may name."""
    if is_split(argument):
        return [argument[1:]]
    return [name for name, closed in _BRACED.findall(argument) if closed]


def is_split(argument: str) -> bool:
    """Whether an argument becomes as many words as its variable has."""
    return argument.startswith("$") and argument[1:2] not in ("{", "$")


def read_source(files: list, environment_files: list, unit: str, comments_continue: bool) -> Source:
    """The commands of a unit made of these files, each ``(path, text)``, in load order.

    Raises ValueError where systemd would refuse them.
    """
    assignments = service_assignments(files)
    variables = {}  # type: dict[str, str]
    places = {}  # type: dict[str, Place]
    for found in assignments["Environment"]:
        values = parse_environment_directive([found["value"]], unit)
        variables.update(values)
        places.update((name, Place(found["path"], found["line"], name)) for name in values)
    for path, text in environment_files:
        values = parse_environment_file(text, comments_continue)
        variables.update(values)
        numbers = _last_lines(text)
        places.update((name, Place(path, numbers.get(name), name)) for name in values)
    lines = assignments["ExecStart"]
    commands = [_command(number, command, variables)
                for number, line in enumerate(lines) for command in exec_commands(line["value"], unit)]
    return Source(lines, commands, variables, places)


def _command(line: int, command: dict, variables: dict) -> Command:
    literal = ":" in command["prefixes"]
    words = [[argument] if literal else expand([argument], variables) for argument in command["arguments"]]
    return Command(line, command["program"], command["prefixes"], command["arguments"], command["ends"], words)


def _last_lines(text: str) -> dict:
    """The number of the line of an environment file that sets a variable last, by variable."""
    return {line.partition("=")[0].strip(): number for number, line in enumerate(text.split("\n"), 1)}
