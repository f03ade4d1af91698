# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talk to systemd: unit names, ``systemctl show``, and what its answers mean. Private to this collection."""

from __future__ import annotations

import os
import re

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, OptionError

UNIT_DIRECTORY = "/etc/systemd/system"
DROP_IN_NAME = "60-aarch64-validator.conf"
COMMAND_SECONDS = 60  # a manager that does not answer by then is reported, never waited for

# Limit*= properties by the name that setrlimit(2) uses.
LIMIT_PROPERTIES = {
    "nofile": "LimitNOFILE",
    "memlock": "LimitMEMLOCK",
    "as": "LimitAS",
    "data": "LimitDATA",
    "fsize": "LimitFSIZE",
    "stack": "LimitSTACK",
    "nproc": "LimitNPROC",
}

# systemd.unit(5): the characters of a unit name. A path, an option or a second line can never match.
_UNIT_NAME = re.compile(r"\A[A-Za-z0-9_][A-Za-z0-9:_.\\@-]{0,240}\Z")
_NO_LIMIT_TEXTS = ("infinity", "18446744073709551615")


def unit_name(value: object, option: str) -> str:
    """A full ``.service`` unit name; the suffix may be left out. Raises OptionError."""
    name = str(value)
    valid = "the name of a systemd service such as polkadot.service, without a path"
    if not isinstance(value, str) or not _UNIT_NAME.match(name) or ".." in name:
        raise OptionError(option, value, valid)
    if name.rpartition(".")[2] in ("socket", "timer", "target", "mount", "slice", "scope", "path", "device", "swap"):
        raise OptionError(option, value, valid)
    if name.endswith(("@", "@.service")):
        raise OptionError(option, value, "an instance of the template, such as polkadot@1.service")
    return name if name.endswith(".service") else name + ".service"


def is_running_here() -> bool:
    """Whether systemd is PID 1 of this host, by the test of sd_booted(3)."""
    return os.path.isdir("/run/systemd/system")


def parse_show(text: str) -> list:
    """Output of ``systemctl show`` as one dict of properties per unit. Repeated properties join by newlines."""
    units = []
    for block in text.strip("\n").split("\n\n"):
        properties = {}  # type: dict[str, list[str]]
        for line in block.splitlines():
            name, equals, value = line.partition("=")
            if equals:
                properties.setdefault(name, []).append(value)
        if properties:
            units.append({name: "\n".join(values) for name, values in properties.items()})
    return units


def show_command(units: list, properties: list) -> list:
    """The argument list that asks the manager for these properties of all these units at once."""
    return ["systemctl", "show", "--no-pager", "--all", "--property=" + ",".join(properties), "--"] + list(units)


def configured_limits(properties: dict) -> dict:
    """Limits a unit will start with, as ``{nofile: {soft, hard}, ...}``, from its properties."""
    limits = {}
    for name, key in LIMIT_PROPERTIES.items():
        try:
            hard = parse_limit_text(properties[key])
            limits[name] = {"soft": parse_limit_text(properties.get(key + "Soft", properties[key])), "hard": hard}
        except (KeyError, ValueError):
            continue
    return limits


def limit_properties(names: list) -> list:
    """The properties of ``systemctl show`` that configured_limits() reads, for these limits."""
    return [LIMIT_PROPERTIES[name] + suffix for name in names for suffix in ("", "Soft")]


def parse_limit_text(text: str) -> int:
    """A limit as ``systemctl show`` prints it. Raises ValueError."""
    return UNLIMITED if text in _NO_LIMIT_TEXTS else int(text)


def drop_in_directory(unit: str, root: str = UNIT_DIRECTORY) -> str:
    """Where this collection's drop-ins of a unit lie."""
    return os.path.join(root, unit + ".d")
