# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link by which a service starts a delivered release, and the way back. Private to this collection.

The path that a unit starts becomes a symbolic link into a directory of the release. What was there, a file or a link of
somebody else, is remembered by path: ``{before, kept}``. ``before`` is the target of an earlier link; ``kept`` is where the
earlier file lies, the very same file with its owner, mode, times and labels, beside the link.
"""

from __future__ import annotations

import contextlib
import os
import shutil

from ansible_collections.aarch64.validator.plugins.module_utils._atomic import sync_directory, temporary_of
from ansible_collections.aarch64.validator.plugins.module_utils._node import RELEASES
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_link
from ansible_collections.aarch64.validator.plugins.module_utils._state import load_state, save_state

STATE = "node-release"


def kept_path(link: str) -> str:
    """Where the file lies that was at this path before."""
    directory, name = os.path.split(link)
    return os.path.join(directory, f".{name}.aarch64-validator-before")


def release_of(path: str | None) -> str | None:
    """The release that a path lies in, or None."""
    if not path or not path.startswith(RELEASES + "/"):
        return None
    return path[len(RELEASES) + 1:].split("/")[0] or None


def first_entry(link: str) -> dict:
    """What to remember of a path before the first switch."""
    before = read_link(link)
    return {"before": before, "kept": kept_path(link) if before is None and os.path.lexists(link) else None}


def switch(link: str, target: str, entry: dict) -> None:
    """Make the path a link to target, in one step. The state is saved before. Raises OSError."""
    state = load_state(STATE)
    if link not in state:
        save_state(STATE, dict(state, **{link: entry}))
        if entry["kept"]:
            _keep(link, entry["kept"])
    point(link, target)


def _keep(link: str, kept: str) -> None:
    """Give the file at a path a second name, under which it stays when the first becomes a link."""
    if os.path.lexists(kept):
        if os.path.samefile(kept, link):  # of an interrupted run
            return
        os.unlink(kept)
    os.link(link, kept)
    sync_directory(os.path.dirname(link))


def point(link: str, target: str) -> None:
    """Make or change a symbolic link in one step."""
    directory, temporary = os.path.dirname(link), temporary_of(link)
    remove_unfinished(link)
    os.symlink(target, temporary)
    try:
        os.rename(temporary, link)
    except OSError:
        os.unlink(temporary)
        raise
    sync_directory(directory)


def remove_unfinished(link: str) -> None:
    """Remove a link that a run which was killed has made and not put in place."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary_of(link))


def give_back(link: str, entry: dict) -> None:
    """Put back what was at a path before the first switch, in one step."""
    remove_unfinished(link)
    if entry["kept"]:
        if os.path.lexists(entry["kept"]):
            os.rename(entry["kept"], link)
    elif entry["before"] is not None:
        point(link, entry["before"])
    else:
        os.unlink(link)
    sync_directory(os.path.dirname(link))


def undo_release(link: str, record: dict, dry: bool) -> tuple:
    """``(actions, notes)``: the link as it was before a trial, without the release that came for it."""
    now, actions = read_link(link), []
    if now not in (record["after"], record["before"]):
        return [], [f"{link}: changed by somebody else since, left as it is"]
    if now == record["after"] != record["before"]:
        actions.append(f"{link}: put back as it was before")
        if not dry and record["entry"] is None:
            give_back(link, load_state(STATE).get(link) or first_entry(link))
        elif not dry:
            point(link, record["before"])
    if not dry and record["entry"] is None:
        forget_link(link)
    directory = os.path.join(RELEASES, release_of(record["after"]) or "")
    if record["fresh"] and release_of(record["after"]) and os.path.isdir(directory):
        actions.append(f"{directory}: removed")
        if not dry:
            remove_directory(directory)
    return actions, []


def forget_link(link: str) -> None:
    """Nothing is remembered of this path any more, and a second name that its file got goes too."""
    remove_unfinished(link)
    state = load_state(STATE)
    kept = state.pop(link, {}).get("kept")
    if kept and os.path.lexists(kept) and os.path.lexists(link) and os.path.samefile(kept, link):
        os.unlink(kept)  # the switch was interrupted before it was made
    save_state(STATE, state)


def forget_stale(link: str) -> None:
    """What was remembered of a path that somebody else has replaced since; the file from before is of no use any more."""
    state = load_state(STATE)
    kept = state.pop(link, {}).get("kept")
    if kept and os.path.lexists(kept):
        os.unlink(kept)
    save_state(STATE, state)


def take_back(dry: bool) -> dict:
    """Undo every delivery; the result of the module. Raises ValueError or OSError."""
    actions, notes = [], []
    state = load_state(STATE)
    for link, entry in sorted(state.items()):
        if not isinstance(entry, dict) or not set(entry) >= {"before", "kept"}:
            raise ValueError(f"the state of {link} is damaged; move {STATE}.json away to go on without an undo")
        if is_as_before(link, entry):  # of a run that was interrupted before it switched, or after it went back
            if not dry:
                forget_link(link)
        elif release_of(read_link(link)) is None:
            notes.append(f"{link}: replaced by somebody else since, left as it is")
            if entry["kept"] and os.path.lexists(entry["kept"]):
                actions.append("{}: removed, the file from before".format(entry["kept"]))
                if not dry:
                    os.unlink(entry["kept"])
        else:
            actions.append(f"{link}: put back as it was before")
            if not dry:
                give_back(link, entry)
        if not dry:
            save_state(STATE, {name: one for name, one in load_state(STATE).items() if name != link})
    there = all_releases()
    running = running_releases() if there else set()
    for name in there:
        directory = os.path.join(RELEASES, name)
        if name in running:
            notes.append(f"{directory}: a process still runs from it; a revert after its restart removes it")
            continue
        actions.append(f"{directory}: removed")
        if not dry:
            remove_directory(directory)
    if not dry:
        with contextlib.suppress(OSError):  # others are there, or it was never made; an interrupted revert may have left it
            os.rmdir(RELEASES)
    return {"changed": bool(actions), "actions": actions, "notes": notes, "restart_required": False}


def is_as_before(link: str, entry: dict) -> bool:
    """Whether what was at a path before the first switch is there."""
    if entry["kept"] is None:
        return entry["before"] is not None and read_link(link) == entry["before"]
    if os.path.islink(link) or not os.path.isfile(link):
        return False
    return not os.path.lexists(entry["kept"]) or os.path.samefile(entry["kept"], link)


def all_releases() -> list:
    """Names of the releases that were copied to this host."""
    names = sorted(os.listdir(RELEASES)) if os.path.isdir(RELEASES) else []
    return [name for name in names if os.path.isdir(os.path.join(RELEASES, name))]


def remove_unused(release: str) -> None:
    """Remove a release that was copied in vain, unless a link leads to it or a process runs from it."""
    linked = {release_of(read_link(link)) for link in load_state(STATE)}
    if release in all_releases() and release not in linked | running_releases():
        remove_directory(os.path.join(RELEASES, release))


def running_releases() -> set:
    """Releases that processes of this host run from."""
    found = set()
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            found.add(release_of((read_link(f"/proc/{pid}/exe") or "").replace(" (deleted)", "")))
    return found - {None}


def remove_directory(directory: str) -> None:
    """Remove a release, and the directory of all when it was the last."""
    try:
        shutil.rmtree(directory)
    except OSError as error:
        error.filename = directory  # it names what lies in there, and not where
        raise
    with contextlib.suppress(OSError):  # others are there
        os.rmdir(RELEASES)
