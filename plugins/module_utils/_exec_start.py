# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line that systemd would give a service, from its unit and environment files. Private to this collection.

For a node that is not running: ``ExecStart=/usr/bin/polkadot $POLKADOT_CLI_ARGS`` says nothing without
/etc/default/polkadot. Sources as of _environment_file.
"""

from __future__ import annotations

import glob
import os
import re

from ansible_collections.aarch64.validator.plugins.module_utils._environment_file import (
    BLANKS,
    UNIT,
    expand,
    next_word,
    parse_environment_directive,
    parse_environment_file,
    skip_blanks,
    with_specifiers,
)
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._unit_lines import logical_lines

_LISTS = ("ExecStart", "Environment", "EnvironmentFile")
_MAX_FILES = 20  # that one pattern of EnvironmentFile= may match
_PREFIXED = re.compile(r"\A([-@:+!]*)(.*)\Z", re.DOTALL)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\"'\\]")
_SEMICOLON = re.compile(r"(\\?);(?=[ \t\n\r]|\Z)")
_LIBRARIES = tuple(base + "/systemd/libsystemd-shared-*" for base in ("/usr/lib*", "/usr/lib/*", "/lib"))


def next_command_line(unit: str, files: list, unread: list) -> dict | None:
    """command_line_of() a unit whose files were read already, each ``(path, text)``; its environment files are read here."""
    texts = [text for _path, text in environment_texts(files, unit, unread)]
    return command_line_of(files, texts, unit, comments_continue())


def environment_texts(files: list, unit: str, unread: list) -> list:
    """``(path, text)`` of the environment files of a unit, in the order in which systemd reads them."""
    texts = []
    for pattern in environment_patterns(files, unit):
        optional = pattern.startswith("-")
        for path in _matching(pattern[optional:]):
            if not optional or os.path.exists(path):
                texts.append((path, read_text(path, unread) or ""))
    return texts


def _matching(pattern: str) -> list:
    found = sorted(glob.glob(pattern))[:_MAX_FILES]
    return found or [pattern]


def comments_continue() -> bool:
    """Whether the systemd installed here is older than v254, by the name of its library; see parse_environment_file."""
    names = [path for pattern in _LIBRARIES for path in glob.glob(pattern)]
    releases = [int(release) for release in re.findall(r"libsystemd-shared-([0-9]{3})", "\n".join(names))]
    return bool(releases) and max(releases) < 254


def command_line_of(files: list, environment_texts: list, unit: str = "", comments_continue: bool = False) -> dict | None:
    """``{program, arguments}`` of a service's first command; arguments begin with argv[0]. None if it has none that
    systemd could start.

    files are ``(path, text)`` in load order, environment_texts the texts of the files that environment_patterns names,
    in that order. Variables that the manager adds (HOME, USER, MAINPID, ...) count as unset. Not redacted.
    """
    lists = service_lists(files)
    try:
        commands = [command for line in lists["ExecStart"] for command in parse_exec_start(line, unit)]
    except ValueError:
        return None
    if not commands:
        return None
    variables = parse_environment_directive(lists["Environment"], unit)
    for text in environment_texts:
        variables.update(parse_environment_file(text, comments_continue))
    first = commands[0]
    arguments = first["arguments"] if ":" in first["prefixes"] else expand(first["arguments"], variables)
    return {"program": first["program"], "arguments": arguments}


def environment_patterns(files: list, unit: str = "") -> list:
    """Paths or patterns of ``EnvironmentFile=``, in order; a leading ``-`` marks those that may be missing."""
    patterns = []
    for value in service_lists(files)["EnvironmentFile"]:
        try:
            patterns.append(with_specifiers(value, unit))
        except ValueError:
            continue
    return patterns


def service_lists(files: list) -> dict:
    """Values of the list settings of ``[Service]`` that make a command line."""
    return {name: [found["value"] for found in assignments] for name, assignments in service_assignments(files).items()}


def service_assignments(files: list) -> dict:
    """``{path, line, value}`` of each value in service_lists(), by setting; an empty assignment clears its list."""
    lists = {name: [] for name in _LISTS}  # type: dict[str, list]
    for path, text in files:
        section = ""
        for number, line in logical_lines(text):
            if line.startswith("["):
                section = line
            name, equals, value = (part.strip(BLANKS) for part in line.partition("="))
            if section == "[Service]" and equals and name in lists:
                if value:
                    lists[name].append({"path": path, "line": number, "value": value})
                else:
                    lists[name].clear()
    return lists


def parse_exec_start(line: str, unit: str = "") -> list:
    """Commands of one ``ExecStart=`` value, as ``{program, arguments, prefixes}``; arguments begin with argv[0].

    Specifiers are filled in, variables are not. Raises ValueError where systemd calls the whole unit's setting bad; of
    a bad command that begins with ``-`` it only forgets the rest of the line.
    """
    return [{name: command[name] for name in ("program", "arguments", "prefixes")} for command in exec_commands(line, unit)]


def exec_commands(line: str, unit: str = "") -> list:
    """As parse_exec_start(), each also with ``ends``: by argument, where in the line the next word would begin."""
    commands = []  # type: list[dict]
    at, more = 0, True
    while more:
        try:
            word, at = next_word(line, at, UNIT)
        except ValueError:
            break
        if word is None:
            break
        if word == ";":
            continue
        prefixes, program = _PREFIXED.findall(word)[0]
        try:
            program = with_specifiers(program, unit)
            first = at
            arguments, ends, at, more = _arguments(line, at, unit)
            if "@" not in prefixes:
                arguments, ends = [program] + arguments, [first] + ends
            _check(program, arguments)
        except ValueError:
            if "-" in prefixes:
                break
            raise
        commands.append({"program": program, "arguments": arguments, "prefixes": prefixes, "ends": ends})
    return commands


def _check(program: str, arguments: list) -> None:
    """Raises ValueError."""
    relative = "/" in program and not program.startswith("/")
    if relative or not program or program in (".", "..") or program.endswith("/") or _UNSAFE.search(program):
        raise ValueError("no path of a program: " + program)
    if not arguments:
        raise ValueError("argv[0] is missing")


def _arguments(line: str, at: int, unit: str) -> tuple:
    """``(words up to a lone semicolon, ends of them, position after it, whether there was one)``. Raises ValueError."""
    words = []  # type: list[str]
    ends = []  # type: list[int]
    while True:
        semicolon = _SEMICOLON.match(line, at)
        if semicolon:
            at = skip_blanks(line, semicolon.end())
            if not semicolon.group(1):
                return words, ends, at, True
            words.append(";")
            ends.append(at)
            continue
        word, at = next_word(line, at, UNIT)
        if word is None:
            return words, ends, at, False
        words.append(with_specifiers(word, unit))
        ends.append(at)
