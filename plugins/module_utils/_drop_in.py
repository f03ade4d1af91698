# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop-ins of a unit on disk: write them, take them back, and remember what was there. Private to this collection.

State of each remedy, by unit: ``{path, directory_made, before, written}``: the text found there before our first
write (null for none) and the SHA-256 of every text we wrote, so that undo never removes the work of somebody else.
The drop-ins of all remedies for a unit share a directory: the last one that is undone removes it, if one has made it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._atomic import (
    check_way,
    remove_file,
    replace_file,
    sync_directory,
    unwritable,
)
from ansible_collections.aarch64.validator.plugins.module_utils._read import encode, regular_file
from ansible_collections.aarch64.validator.plugins.module_utils._state import DIRECTORY, load_state, save_state
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import drop_in_directory

# Names of the states of all remedies that write drop-ins.
LIMITS, STRATEGY, SANDBOX = REMEDIES = ("service-limits", "node-strategy", "sandbox")


class Remedy(t.NamedTuple):
    """What tells the drop-ins of one remedy from those of others."""

    state: str  # the name of its state
    file: str  # the name of its drop-ins
    wrote: t.Callable[[str], bool]  # whether a text is just as this remedy writes it: it is ours though the state be lost

    def path(self, unit: str) -> str:
        """Where its drop-in of a unit lies."""
        return os.path.join(drop_in_directory(unit), self.file)


def read_drop_in(path: str) -> str | None:
    """The text of a drop-in, or None where there is none. Raises OSError.

    Not from a directory of another user: a link of his would have root read, and show, whatever he likes.
    """
    check_way(path)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="", opener=regular_file) as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def digest(text: str) -> str:
    """How the state recognises a text."""
    return hashlib.sha256(encode(text)).hexdigest()


def read_only_reason(path: str, needs_space: bool = True) -> str | None:
    """Why nothing can be written at a path, or taken away, if its file system is mounted read-only or full."""
    directory = os.path.dirname(path)
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    reason = unwritable(directory, needs_space)
    return f"{path} cannot be written, {reason}; nothing was changed" if reason else None


def recorded(remedy: Remedy) -> dict:
    """The state, by unit. Raises ValueError when somebody has damaged it, PermissionError without root."""
    return recorded_by(remedy.state)


def recorded_by(name: str) -> dict:
    """The state of this name; see recorded()."""
    state = load_state(name)
    for entry in state.values():
        if not isinstance(entry, dict) or not set(entry) >= {"path", "directory_made", "before", "written"}:
            raise ValueError(f"{DIRECTORY}/{name}.json is damaged; move it away to go on without an undo")
    return state


def write_drop_in(
    remedy: Remedy, unit: str, old: str | None, new: str, mode: int = 0o644, extra: dict | None = None,
) -> None:
    """Put the new text in place; the state is saved before, with what else is to be remembered.

    mode is for a file that does not exist yet. Raises OSError or ValueError.
    """
    path = remedy.path(unit)
    state = recorded(remedy)
    entry = state.get(unit) or first_entry(remedy, unit, old)
    # A text that somebody else has edited stays theirs with our lines in it: undo will leave it and say so.
    if old in (None, entry["before"]) or digest(old) in entry["written"]:
        entry["written"] = sorted(set(entry["written"]) | {digest(new)})
    entry.update(extra or {})
    save_state(remedy.state, dict(state, **{unit: entry}))
    make_directory(os.path.dirname(path))
    replace_file(path, encode(new), mode)


def make_directory(directory: str) -> None:
    """Make the directory of a drop-in, if it is not there."""
    if not os.path.isdir(directory):
        os.mkdir(directory, 0o755)
        os.chmod(directory, 0o755)  # whatever the umask of the session  # noqa: S103  # nosec B103
        sync_directory(os.path.dirname(directory))


def first_entry(remedy: Remedy, unit: str, old: str | None) -> dict:
    """What to remember of a unit before the first write."""
    path = remedy.path(unit)
    # A file that is exactly as we write it is ours, even if the state has been lost.
    ours = old is not None and remedy.wrote(old)
    made = not os.path.isdir(os.path.dirname(path))
    return {
        "path": path,
        "directory_made": made or any(recorded_by(name).get(unit, {}).get("directory_made") for name in REMEDIES),
        "before": None if ours else old,
        "written": [digest(old)] if ours and old is not None else [],
    }


def put_back(remedy: Remedy, unit: str, old: str | None, entry_before: dict | None) -> None:
    """Undo a change after a failure: the text, the directory and the state as they were."""
    state = recorded(remedy)
    restore(remedy.path(unit), old, bool(state.get(unit, {}).get("directory_made")) and entry_before is None)
    if entry_before is None:
        state.pop(unit, None)
    else:
        state[unit] = entry_before
    save_state(remedy.state, state)


def restore(path: str, text: str | None, directory_made: bool) -> None:
    """Give a drop-in this text or remove it, and its directory if that is ours and empty."""
    directory = os.path.dirname(path)
    if text is not None:
        if read_drop_in(path) != text:
            make_directory(directory)
            replace_file(path, encode(text))
    elif os.path.isdir(directory):
        remove_file(path)
    if directory_made and os.path.isdir(directory):
        try:
            os.rmdir(directory)
            sync_directory(os.path.dirname(directory))
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # else somebody has put something there
                raise


def undo_plan(remedy: Remedy, unit: str, entry: dict | None) -> dict | None:
    """What undo would do to a unit: ``{path, old, new, directory_made, kept}``, or None where there is nothing of ours.

    kept means that somebody else has edited the file, so that it stays as it is.
    """
    path = remedy.path(unit)
    old = read_drop_in(path)
    if entry is None:
        entry = first_entry(remedy, unit, old)
        if old is None or entry["before"] is not None:
            return None
    plan = {"path": path, "old": old, "new": old, "directory_made": entry["directory_made"], "kept": False}
    if old is not None and digest(old) in entry["written"]:
        plan["new"] = entry["before"]
    elif old is not None and old != entry["before"]:
        plan["kept"] = True
    return plan
