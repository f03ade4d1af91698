# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What remedies have changed on trial, until it is kept or undone. Private to this collection.

The state of a remedy says how to get back to before this collection came. This says how to get back to before changes that
have not proven themselves yet: by remedy and unit, what was there and what was put in its place. An interrupted run leaves
it behind, and the next one that proves or undoes its changes decides about both.
"""

from __future__ import annotations

import os
import stat
import time
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._state import load_state, save_state

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils._shm_plan import Plan

NAME = "provisional"
SHM = "shm"
BOOT_ID = "/proc/sys/kernel/random/boot_id"


def boot_id() -> str:
    """Which boot this is: times of CLOCK_MONOTONIC mean something within one alone."""
    return (read_text(BOOT_ID, []) or "").strip()


def provisional(remedy: str) -> dict:
    """What is on trial of this remedy, by unit. Raises ValueError when somebody has damaged it."""
    known = load_state(NAME).get(remedy, {})
    return known if isinstance(known, dict) else {}


def remember(remedy: str, unit: str, record: dict) -> None:
    """Keep how to undo a change, before it is made."""
    state = load_state(NAME)
    save_state(NAME, dict(state, **{remedy: dict(state.get(remedy, {}), **{unit: record})}))


def forget(remedy: str, units: list | None = None) -> None:
    """Nothing is on trial any more of this remedy, or of these units."""
    state = load_state(NAME)
    left = {} if units is None else {unit: record for unit, record in state.get(remedy, {}).items() if unit not in units}
    others = {name: known for name, known in state.items() if name != remedy}
    save_state(NAME, dict(others, **{remedy: left}) if left else others)


def remember_drop_in(remedy: str, unit: str, path: str, before: str | None, after: str | None, entry: dict | None) -> None:
    """Keep a drop-in as it is before it is written. entry is what the state of the remedy knows of the unit.

    Of several changes in a row the first text counts, unless somebody else has edited the file in between.
    """
    known = provisional(remedy).get(unit)
    # A run that was interrupted before it wrote has left the text from before the first change.
    if known and before in (known["after"], known["before"]):
        record = dict(known, after=after)
    else:
        mode = stat.S_IMODE(os.stat(path).st_mode) if before is not None else None
        record = {"path": path, "before": before, "after": after, "entry": entry, "mode": mode,
                  "boot": boot_id(), "at": time.monotonic()}
    remember(remedy, unit, record)


def remember_shm(plan_from: t.Callable[[dict], Plan], state: dict) -> None:
    """Keep how to undo a change of /dev/shm. plan_from plans it as one that comes after changes already remembered."""
    known = provisional(SHM).get(SHM) or {"made": {}, "state": state}
    made = plan_from(known["made"]).state
    if made is not None:
        remember(SHM, SHM, dict(known, made=made))
