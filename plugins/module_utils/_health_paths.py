# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a node keeps its data, and which keys it has: names of files only. Private to this collection.

Nothing here opens a file of a keystore, or any other below a base path. Sources: sc-cli ``SharedParams::base_path`` and
``KeystoreParams``, sc-keystore ``LocalKeystore`` (names are the key type and the public key in hex), and cumulus
``RelayChainCli``, of polkadot-sdk; the crate directories for the default.
"""

from __future__ import annotations

import os
import pwd
import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._procfs import parse_status
from ansible_collections.aarch64.validator.plugins.module_utils._read import program_path, read_text
from ansible_collections.aarch64.validator.plugins.module_utils._services import arguments_of_next_start, exec_start, files_of
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_human

_BASE, _SHORT_BASE, _KEYSTORE = "--base-path", "-d", "--keystore-path"
_TEMPORARY = ("--tmp", "--dev")
_KEY_NAME = re.compile(r"\A[0-9a-f]{8}(?:[0-9a-f]{2}){32,}\Z")  # four bytes of key type, then the public key
_MAX_KEYS = 10000
_RELAY = "polkadot"  # the directory of the relay chain below the base path of a parachain


class Place(t.NamedTuple):
    """A node as its paths need it."""

    arguments: list  # its command line
    names: list  # what its program may be called
    home: str | None  # where per-user data lies, such as /home/polkadot/.local/share
    root: str  # what stands before paths, so that they are those of the process
    directory: str  # its working directory


def place_of(properties: dict) -> Place:
    """Where the live process of a unit looks for its data, or where its next one will."""
    pid = int(properties.get("MainPID") or 0)
    program = exec_start(properties)[0]
    command_line = (read_text(f"/proc/{pid}/cmdline", []) or "") if pid else ""
    coming = [] if command_line else arguments_of_next_start(files_of(properties, []), properties.get("Id", ""), [])
    arguments = command_line.rstrip("\0").split("\0") if command_line else coming
    paths = [_link(f"/proc/{pid}/exe") if pid else os.path.realpath(program), program] + arguments[:1] if program else []
    names = [os.path.basename(program_path(path)) for path in paths]
    root = f"/proc/{pid}/root" if pid and os.access(f"/proc/{pid}/root/", os.R_OK) else ""
    directory = _link(f"/proc/{pid}/cwd") if pid else properties.get("WorkingDirectory", "").lstrip("!-")
    return Place(arguments, [name for name in dict.fromkeys(names) if name], _data_home(properties, pid), root, directory or "/")


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:  # of another user, without root
        return ""


def _data_home(properties: dict, pid: int) -> str | None:
    """Where the user of a node keeps data, as its environment says or, unread, the user database."""
    variables = dict(
        entry.split("=", 1) for entry in (read_text(f"/proc/{pid}/environ", []) or "").split("\0")
        if entry.startswith(("HOME=", "XDG_DATA_HOME=")))
    if os.path.isabs(variables.get("XDG_DATA_HOME", "")):
        return variables["XDG_DATA_HOME"]
    home = variables.get("HOME") or _home(properties, pid)
    return os.path.join(home, ".local", "share") if home else None


def _home(properties: dict, pid: int) -> str | None:
    uids = parse_status(read_text(f"/proc/{pid}/status", []) or "").get("Uid", "").split() if pid else []
    user = uids[1] if uids[1:] else properties.get("User") or "root"
    try:
        return pwd.getpwuid(int(user)).pw_dir if user.isdigit() else pwd.getpwnam(user).pw_dir
    except KeyError:  # a user that exists only while the service runs (DynamicUser=)
        return None


def sides(arguments: list) -> list:
    """The options of a node, and those of its relay chain's side if it has one, without the program."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    return [arguments[1:cut]] + ([arguments[cut + 1:]] if cut < len(arguments) else [])


def option(arguments: list, name: str, short: str = "") -> str | None:
    """The value of an option, in any way that clap takes it."""
    for index, argument in enumerate(arguments):
        if argument in (name, short) and argument and arguments[index + 1:]:
            return arguments[index + 1]
        if argument.startswith(name + "="):
            return argument[len(name) + 1:]
        if short and argument.startswith(short) and len(argument) > len(short) and not argument.startswith("--"):
            return argument[len(short):].lstrip("=")
    return None


def base_paths(place: Place, exists: t.Callable = os.path.isdir) -> list:
    """Directories of a node's data, one for each side of `` -- ``; empty if they cannot be told."""
    found = []  # type: list[str]
    for number, arguments in enumerate(sides(place.arguments)):
        given = option(arguments, _BASE, _SHORT_BASE)
        if given is not None:
            found.append(_absolute(place, given))
        elif number:
            found += [os.path.join(base, _RELAY) for base in found[:1]]
        elif place.home is not None and not set(_TEMPORARY) & set(arguments):
            # As the crate directories makes the name of a directory out of that of the program.
            candidates = [os.path.join(place.home, name.lower().replace(" ", "")) for name in place.names]
            existing = [path for path in candidates if exists(place.root + path)]
            found += (existing or candidates)[:1]
    # A collator has a relay chain also without a side of its own for it.
    relay = [os.path.join(base, _RELAY) for base in found[:1]]
    found += [path for path in relay if exists(os.path.join(place.root + path, "chains"))]
    return list(dict.fromkeys(found))


def _absolute(place: Place, path: str) -> str:
    return os.path.normpath(os.path.join(place.directory, path))


def keystore_names(place: Place) -> tuple:
    """``(names, notes)``: the files in a node's keystores that are named as keys, None if that cannot be known."""
    names = set()  # type: set[str]
    notes = []  # type: list[str]
    bases = base_paths(place)
    given = [option(arguments, _KEYSTORE) for arguments in sides(place.arguments)]
    try:
        directories = [_absolute(place, path) for path in given if path is not None]
        for base in bases:
            os.listdir(place.root + base)  # one that is not there at all has been told wrongly
            chains = os.path.join(base, "chains")
            directories += [os.path.join(chains, chain, "keystore") for chain in _listed(place.root + chains)]
        for directory in directories:
            names.update(name for name in _listed(place.root + directory) if _KEY_NAME.match(name))
    except OSError as error:
        path = str(error.filename or "")
        return None, [f"{path[len(place.root):] if path.startswith(place.root) else path}: {error.strerror}"]
    if not directories and not bases:
        return None, ["its base path cannot be told from its command line"]
    if len(names) > _MAX_KEYS:
        notes.append(f"only the first {_MAX_KEYS} of {len(names)} keys are listed")
    return sorted(names)[:_MAX_KEYS], notes


def _listed(directory: str) -> list:
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def free_space(place: Place, wanted: int) -> tuple:
    """``(ok, text, value)`` of the check disk: what the node's user may still write, on the fullest of its file systems."""
    spaces = []  # type: list[tuple]
    for base in base_paths(place):
        try:
            status = os.statvfs(place.root + base)
        except OSError as error:
            return None, f"{base}: {error.strerror}", {"path": base, "free": None, "wanted": wanted}
        spaces.append((status.f_bavail * status.f_frsize, base))
    if not spaces:
        return None, "its base path cannot be told from its command line", None
    free, base = min(spaces)
    text = f"{format_human(free)} free under {base}, {format_human(wanted)} wanted"
    return free >= wanted, text, {"path": base, "free": free, "wanted": wanted}
