# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's daemon.json: what it says of new containers, and its text with other defaults. Pure; private to this collection.

Source: dockerd(8), and daemon/config/config.go and daemon/reload_unix.go of github.com/moby/moby: the size of /dev/shm is taken
over by a reload, but only from a key that is there; limits are read when the engine starts.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _container_defaults as defaults
from ansible_collections.aarch64.validator.plugins.module_utils._json_edit import (
    members,
    parse_object,
    with_member,
    without_member,
)
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import at_least, format_exact

SHM, ULIMITS = "default-shm-size", "default-ulimits"
FLAGS = {SHM: "--default-shm-size", ULIMITS: "--default-ulimit"}
KIB = 1024
_NUMBER = re.compile(r"\A-?[0-9]{1,20}\Z")


class Wrong(ValueError):
    """A value that the engine itself would refuse."""


def shm_of(config: dict) -> int:
    """Bytes of /dev/shm that these settings give. Raises Wrong."""
    return _size(config[SHM], SHM) if SHM in config else defaults.DEFAULT_SHM


def _size(value: t.Any, key: str) -> int:
    size = defaults.parse_units(value, KIB)
    if size is None:
        raise Wrong(f'"{key}" is {value!r}, which the engine does not take; give a text such as "2G"')
    return size


def ulimits_of(config: dict) -> dict:
    """``{nofile: {soft, hard}}`` that these settings give. Raises Wrong."""
    given = config.get(ULIMITS) or {}
    try:
        known = {name: {key.lower(): value for key, value in limit.items()} for name, limit in given.items()}
        return {name: {"soft": int(limit.get("soft", 0)), "hard": int(limit.get("hard", 0))} for name, limit in known.items()}
    except (AttributeError, OverflowError, TypeError, ValueError):
        raise Wrong(f'"{ULIMITS}" is not what the engine takes: an object of Name, Soft and Hard for each limit') from None


def new_text(text: str, shm: int | None, ulimits: dict) -> str:
    """The settings with this size and these limits, everything else as it was."""
    if shm is not None:
        text = with_member(text, SHM, format_exact(shm))
    if not ulimits:
        return text
    values = {name: {"Name": name, "Hard": limit["hard"], "Soft": limit["soft"]} for name, limit in sorted(ulimits.items())}
    if not parse_object(text).get(ULIMITS):
        return with_member(text, ULIMITS, values)
    place = next(member for member in members(text) if member.key == ULIMITS)
    inner = text[place.value_start:place.value_end]
    for name, value in values.items():
        inner = with_member(inner, name, value)
    return text[:place.value_start] + inner + text[place.value_end:]


def ours_removed(now: str, before: str | None, written: dict) -> str:
    """Settings that somebody else has edited since, without what of them is ours; what was there before is put back."""
    config, original = parse_object(now), parse_object(before or "")
    for key, value in written.items():
        if key in config and config[key] == value:
            now = with_member(now, key, original[key]) if key in original else without_member(now, key)
    return now


def values_of(text: str) -> dict:
    """The keys that this remedy may set, as they are in a text."""
    return {key: value for key, value in parse_object(text).items() if key in FLAGS}


def flags_suffice(shm: int | None, wanted: dict, given: dict) -> tuple:
    """``(keys that flags of the engine settle well, reason why a flag stands in the way)``.

    given are the values of FLAGS on its command line. A key that is both there and in the file keeps an engine from starting.
    """
    settled = []  # type: list[str]
    if given[SHM] and shm is not None:
        if (defaults.parse_units(given[SHM][-1], KIB) or 0) < shm:
            return settled, f"{FLAGS[SHM]}={given[SHM][-1]}"
        settled.append(SHM)
    if given[ULIMITS] and wanted:
        limits = {name: _flag_limit(text) for name, _equals, text in (value.partition("=") for value in given[ULIMITS])}
        if any(name not in limits or not at_least(limits[name], floor) for name, floor in wanted.items()):
            return settled, f"{FLAGS[ULIMITS]}=" + ",".join(given[ULIMITS])
        settled.append(ULIMITS)
    return settled, None


def _flag_limit(text: str) -> int:
    soft = text.partition(":")[0]
    return int(soft) if _NUMBER.match(soft) else 0
