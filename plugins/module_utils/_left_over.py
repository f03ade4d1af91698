# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an interrupted run has left on a host: changes on trial, and nodes that a timer is to start.

Private to this collection. Times are seconds of CLOCK_MONOTONIC within one boot.
"""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._drop_in import LIMITS, STRATEGY, read_drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._provisional import NAME, SHM
from ansible_collections.aarch64.validator.plugins.module_utils._restart import GUARD_PREFIX, own_guards
from ansible_collections.aarch64.validator.plugins.module_utils._state import DIRECTORY, load_state

GUARDS = GUARD_PREFIX + "*.service"  # a pattern for systemctl


def is_guard(properties: dict) -> bool:
    """Whether a unit is the service of a timer that secures a restart."""
    return properties.get("Id", "").startswith(GUARD_PREFIX)


def interrupted(properties: dict, guards: list) -> bool:
    """Whether a unit is down between the stop and the start of a restart, so that a timer of ours will start it."""
    listing = "\n".join("{} loaded {}".format(guard["Id"], guard.get("ActiveState") or "-") for guard in guards)
    return properties.get("MainPID", "0") in ("", "0") and bool(own_guards(listing, properties.get("Id", "")))


def on_trial(units: dict, boot: str, unread: list) -> list | None:
    """``[{remedy, unit, started}]`` for each change that was neither kept nor undone; None if that cannot be read.

    units holds the properties of units by name. started: whether the service was started since and so runs, or dies,
    with the change; None of what needs no start.
    """
    path = f"{DIRECTORY}/{NAME}.json"
    try:
        state = load_state(NAME)
        return [{"remedy": remedy, "unit": None if remedy == SHM else unit,
                 "started": _started(record, units.get(unit, {}), boot) if remedy in (LIMITS, STRATEGY) else None}
                for remedy, records in sorted(state.items()) for unit, record in sorted(records.items())]
    except OSError as error:
        unread.append({"path": path, "reason": error.strerror or str(error)})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        unread.append({"path": path, "reason": f"damaged ({error})"})
    return None


def _started(record: dict, properties: dict, boot: str) -> bool:
    """Whether a service was started under a drop-in that is on trial and still there as it was written."""
    if read_drop_in(record["path"]) != record["after"]:
        return False
    stamp = properties.get("ExecMainStartTimestampMonotonic", "")
    start = int(stamp) / 1e6 if stamp.isdigit() else 0.0
    return start > 0 and (record.get("boot") != boot or start > record["at"])
