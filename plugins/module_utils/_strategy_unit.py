# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A unit on disk and as it is loaded, seen from its command line and our drop-in for that. Private to this collection."""

from __future__ import annotations

import errno
import os
import re
import stat
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._exec_start import (
    comments_continue,
    environment_texts,
    service_assignments,
)
from ansible_collections.aarch64.validator.plugins.module_utils._node import STRATEGY_FLAG
from ansible_collections.aarch64.validator.plugins.module_utils._strategy import DROP_IN_FILE, made_from
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_source import Source, read_source
from ansible_collections.aarch64.validator.plugins.module_utils._unit_files import insert_own, read_files, unit_paths
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import Refusal

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager

REMEDY = _drop_in.Remedy(
    _drop_in.STRATEGY, DROP_IN_FILE, lambda text: made_from(text) is not None)
_NOTHING_THERE = (os.strerror(errno.ENOENT), os.strerror(errno.EISDIR))  # systemd goes on without such a file
_FLAG = re.compile(r"(?<![^\s\"'])" + STRATEGY_FLAG + r"(?![^\s=\"'])")


class Unit(t.NamedTuple):
    """A unit as its files are on disk now, and the drop-in of this remedy, which is not among the files."""

    name: str
    properties: dict
    path: str
    old: str | None
    entry: dict | None  # what the state has about it
    files: list
    environment_files: list

    def source(self, own: str | None) -> Source:
        """Its commands with this text as our drop-in. Raises ValueError."""
        return read_source(insert_own(self.files, self.path, own), self.environment_files, self.name, comments_continue())

    @property
    def foreign(self) -> bool:
        """Whether somebody else has written our drop-in, or has edited it."""
        if self.old is None:
            return False
        if self.entry is not None:
            return _drop_in.digest(self.old) not in self.entry["written"]
        return made_from(self.old) is None


def read_unit(manager: Manager, properties: dict) -> Unit:
    """Read all files of a unit. Raises Refusal where one of them cannot be read."""
    name = properties["Id"]
    path = REMEDY.path(name)
    unread = []  # type: list[dict]
    directories = manager.show_manager(["UnitPath"]).get("UnitPath", "").split()
    files = [file for file in read_files(unit_paths(properties, directories), unread) if file[0] != path]
    old = _drop_in.read_drop_in(path)
    environment_files = environment_texts(insert_own(files, path, old), name, unread)
    for file in unread:
        if file["reason"] not in _NOTHING_THERE:
            raise Refusal(f"{name}: {file['path']} cannot be read ({file['reason']}), so that its command line is not known; "
                          "run this task with become: true. Nothing was changed.")
    return Unit(name, properties, path, old, recorded_entry(name), files, environment_files)


def recorded_entry(name: str) -> dict | None:
    """What the state has about a unit; nothing for those who may not read it."""
    try:
        return _drop_in.recorded(REMEDY).get(name)
    except PermissionError:
        return None


def source_changed(unit: Unit, source: Source) -> bool:
    """Whether the unit's own command line is another than the one that our drop-in was made from."""
    if unit.old is None or unit.foreign:
        return False
    return bool((unit.entry or {}).get("source", made_from(unit.old)) != source.digest)


def overruled_reason(unit: Unit, text: str) -> str | None:
    """Why our drop-in would have no effect: the command line is set again in a file that sorts after it."""
    later = False
    for path, content in insert_own(unit.files, unit.path, text):
        # An empty assignment leaves no value; one more behind it shows whether it is there.
        values = service_assignments([("", "[Service]\nExecStart=x"), (path, content)])["ExecStart"] if later else []
        if later and [value["path"] for value in values] != [""]:
            line = next((f", line {value['line']}" for value in values if value["path"] == path), "")
            return (f"{unit.name}: {path}{line} sets ExecStart= and sorts after {REMEDY.file}, so that ours would have no "
                    f"effect; give {STRATEGY_FLAG} there. Nothing was changed.")
        later = later or path == unit.path
    return None


def not_loaded(properties: dict, wanted: Source | None) -> bool:
    """Whether the manager surely has other commands than these: what it shows has lost its quotes."""
    if wanted is None or any("\n" in argument for command in wanted.commands for argument in command.arguments):
        return False
    shown = properties.get("ExecStart", "")
    text = "\n".join(" ".join(command.arguments) for command in wanted.commands)
    paths = shown_programs(shown)
    same_programs = all("%" in command.program or os.path.basename(path) == os.path.basename(command.program)
                        for path, command in zip(paths, wanted.commands))
    return not same_programs or len(paths) != len(wanted.commands) or len(_FLAG.findall(shown)) != len(_FLAG.findall(text))


def shown_programs(shown: str) -> list:
    """Paths of the programs in an ExecStart as the manager prints it."""
    paths = []
    for line in shown.split("\n"):
        pieces = line.split(" ; argv[]=")[:-1]
        # Where one piece has several beginnings, the first one counts.
        paths += [piece.partition("{ path=")[2] for piece in pieces if "{ path=" in piece]
    return paths


def mode_of(source: Source) -> int:
    """The mode for our drop-in: no more people may read the command line than before."""
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in {line["path"] for line in source.lines}]
    mode = 0o644
    for other in modes:
        mode &= other
    return mode | 0o600
