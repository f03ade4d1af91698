# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What memory_facts is asked for: its options, and what they may be. Private to this collection."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._engine_size import ENGINE_NOW
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import unit_name

AUTO = "auto"
ARGUMENT_SPEC = {
    "services": {"type": "list", "elements": "str", "default": [AUTO]},
    "binaries": {"type": "list", "elements": "str", "default": []},
    "engine_bytes": {"type": "int", "default": ENGINE_NOW},
    "engines_needed": {"type": "int"},
    "probe": {"type": "bool", "default": True},
    "log_lines": {"type": "int", "default": 400},
    "toolchain": {"type": "bool", "default": False},
}


class Wanted(t.NamedTuple):
    """What to gather: the checked options of memory_facts."""

    services: list  # unit names, or [AUTO]
    binaries: list  # absolute paths
    engine_bytes: int
    engines_needed: int | None
    probe: bool
    log_lines: int
    toolchain: bool


def checked(options: dict) -> Wanted:
    """What to gather. Raises OptionError for what the types of the options let through."""
    wanted = Wanted(**options)
    for option, lowest in (("engine_bytes", 1), ("engines_needed", 1), ("log_lines", 0)):
        value = options[option]
        if value is not None and value < lowest:
            raise OptionError(option, value, f"a whole number, {lowest} or more")
    for path in wanted.binaries:
        if not os.path.isabs(path) or "\0" in path:
            raise OptionError("binaries", path, "absolute paths of programs on the host")
    if wanted.services == [AUTO]:
        return wanted
    if not wanted.services or AUTO in wanted.services:
        raise OptionError("services", wanted.services, "auto alone, or a list of service names")
    return wanted._replace(services=[unit_name(name, "services") for name in wanted.services])
