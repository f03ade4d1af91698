# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a remedy must remember to undo itself: one small JSON file per remedy on the host.

Private to this collection. The first state saved is the state before this collection came, so it is
written before the first change and never overwritten by a later run; removed when the remedy is undone.
"""

from __future__ import annotations

import contextlib
import json
import os

from ansible_collections.aarch64.validator.plugins.module_utils._atomic import (
    check_directory,
    remove_file,
    replace_file,
    sync_directory,
)
from ansible_collections.aarch64.validator.plugins.module_utils._read import regular_file

DIRECTORY = "/var/lib/aarch64-validator"


def load_state(name: str, directory: str = DIRECTORY) -> dict:
    """The saved state of a remedy, or an empty dict.

    Raises ValueError when the file is damaged, or another user could change it.
    """
    path = _path(name, directory)
    if os.path.lexists(directory):
        try:
            check_directory(directory)
        except PermissionError as error:  # what another user has written there would be done by root
            raise ValueError(f"{path} is not used: {error.strerror}; move that directory away to go on without an undo") from None
    try:
        with open(path, encoding="utf-8", opener=regular_file) as stream:
            state = json.load(stream)
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); move it away to go on without an undo") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} is damaged (not a JSON object); move it away to go on without an undo")
    return state


def save_state(name: str, state: dict, directory: str = DIRECTORY) -> None:
    """Save the state of a remedy, whole or not at all. An empty state removes the file."""
    if not state:
        _remove(name, directory)
        return
    if not os.path.isdir(directory):
        os.makedirs(directory, mode=0o700, exist_ok=True)
        sync_directory(os.path.dirname(directory))
    replace_file(_path(name, directory), (json.dumps(state, indent=1, sort_keys=True) + "\n").encode(), mode=0o600)


def _remove(name: str, directory: str) -> None:
    if not os.path.isdir(directory):
        return
    remove_file(_path(name, directory))
    with contextlib.suppress(OSError):  # another remedy still has its state there
        os.rmdir(directory)


def _path(name: str, directory: str) -> str:
    return os.path.join(directory, name + ".json")
