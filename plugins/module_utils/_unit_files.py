# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits as unit files set them: which file and line decides, and what a daemon-reload would load.

Private to this collection. Source: systemd.unit(5), systemd.syntax(7), and ``config_parse_rlimit`` of systemd.
"""

from __future__ import annotations

import os
import re

from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNIT_BYTES, UNLIMITED, at_least
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import LIMIT_PROPERTIES
from ansible_collections.aarch64.validator.plugins.module_utils._unit_lines import logical_lines

COUNTED = ("nofile", "nproc")  # plain numbers; the others are sizes and take K, M, G, T, P
_NAMES = {prop: name for name, prop in LIMIT_PROPERTIES.items()}
_SIZE = re.compile(r"\A([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*([KMGTP]?)B?\Z")


def parse_limit_value(text: str, name: str) -> dict | None:
    """``soft:hard`` or one value, as ``{soft, hard}``; None for what systemd would ignore with a warning."""
    values = [_parse_one(part.strip(), name) for part in text.split(":")]
    soft, hard = values[0], values[-1]
    if len(values) > 2 or soft is None or hard is None or not at_least(hard, soft):
        return None
    return {"soft": soft, "hard": hard}


def _parse_one(text: str, name: str) -> int | None:
    if text == "infinity":
        return UNLIMITED
    match = _SIZE.match(text)
    if not match or (name in COUNTED and not text.isdigit()):
        return None
    return int(float(match.group(1)) * UNIT_BYTES[match.group(2)]) if "." in text else (
        int(match.group(1)) * UNIT_BYTES[match.group(2)])


def limit_assignments(text: str, path: str) -> list:
    """Every ``Limit*=`` of a ``[Service]`` section that systemd would take: ``{name, value, path, line}``.

    value is ``{soft, hard}``. An empty assignment changes nothing (seen with systemd 252), unlike in lists.
    """
    assignments = []
    section = None
    for number, line in logical_lines(text):
        if line.startswith("["):
            section = line
            continue
        key, equals, value = line.partition("=")
        name = _NAMES.get(key.strip())
        if section != "[Service]" or not equals or name is None:
            continue
        parsed = parse_limit_value(value.strip(), name)
        if parsed is not None:
            assignments.append({"name": name, "value": parsed, "path": path, "line": number})
    return assignments


def deciding_assignments(files: list) -> dict:
    """By limit, the assignment that decides: the last one in the files, given as ``(path, text)`` in load order."""
    deciding = {}
    for path, text in files:
        for assignment in limit_assignments(text, path):
            deciding[assignment["name"]] = assignment
    return deciding


def loaded_limits(files: list, defaults: dict) -> dict:
    """Limits that a unit made of these files has after a reload, as ``{name: {soft, hard}}``."""
    limits = dict(defaults)
    limits.update((name, assignment["value"]) for name, assignment in deciding_assignments(files).items())
    return limits


def drop_in_names(unit: str) -> list:
    """Names whose ``.d`` directories apply to a service, most specific first.

    ``a-b@c.service`` also has those of ``a-b@.service``, ``a-.service`` and ``service``.
    """
    stem = unit[:-len(".service")]
    prefix, at, _instance = stem.partition("@")
    names = [unit] + ([prefix + "@.service"] if at else [])
    position = prefix.rfind("-", 0, len(prefix) - 1)
    while position > 0:
        names.append(prefix[:position + 1] + ".service")
        position = prefix.rfind("-", 0, position)
    return names + ["service"]


def with_file(paths: list, path: str) -> list:
    """Paths of drop-ins in load order, with one more among them, in place of another of the same name."""
    by_name = {os.path.basename(other): other for other in paths}
    by_name[os.path.basename(path)] = path
    return [by_name[name] for name in sorted(by_name, key=os.fsencode)]


def find_drop_ins(names: list, directories: list) -> list:
    """Paths of the drop-ins that a reload would load, in load order; of equal names the first directory's wins."""
    found = {}  # type: dict[str, str]
    for name in names:
        for variant in drop_in_names(name):
            for directory in directories:
                for path in _conf_files(os.path.join(directory, variant + ".d")):
                    found.setdefault(os.path.basename(path), path)
    return [found[name] for name in sorted(found, key=os.fsencode)]


def _conf_files(directory: str) -> list:
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    return [os.path.join(directory, name) for name in names if name.endswith(".conf") and not name.startswith(".")]


def find_fragment(unit: str, directories: list, loaded: str) -> str:
    """The main file of a unit that a reload would load; loaded is the one in use, for aliases and templates."""
    for directory in directories:
        path = os.path.join(directory, unit)
        if os.path.exists(path):
            return path
    return loaded


def unit_paths(properties: dict, directories: list) -> list:
    """Paths of all files of a unit that a reload would load, in load order, from its Id, Names and FragmentPath."""
    fragment = find_fragment(properties["Id"], directories, properties.get("FragmentPath", ""))
    names = properties.get("Names", "").split() or [properties["Id"]]
    return [fragment] + find_drop_ins(names, directories)


def insert_own(files: list, path: str, text: str | None) -> list:
    """Files of a unit in load order, with our drop-in of this text among them; without it if there is no text."""
    texts = {other: content for other, content in files if other != path}
    fragment = [other for other in texts if not other.endswith(".conf")][:1]
    drop_ins = [other for other in texts if other.endswith(".conf")]
    if text is not None:
        texts[path] = text
        drop_ins = with_file(drop_ins, path)
    return [(other, texts[other]) for other in fragment + drop_ins]


def read_files(paths: list, unread: list) -> list:
    """``(path, text)`` of files that can be read."""
    texts = [(path, read_text(path, unread)) for path in paths if path]
    return [(path, text) for path, text in texts if text is not None]
