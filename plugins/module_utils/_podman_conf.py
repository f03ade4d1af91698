# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Podman's containers.conf: what it says of new containers, and our own part of it. Pure; private to this collection.

Source: containers.conf(5), and pkg/config of github.com/containers/common: of the same key in several files the last one counts.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _container_defaults as defaults
from ansible_collections.aarch64.validator.plugins.module_utils._toml import parse_toml

FILE = "/etc/containers/containers.conf.d/60-aarch64-validator.conf"
SHM, ULIMITS = "shm_size", "default_ulimits"
HEADER = "# Written by aarch64.validator (podman_defaults). Its revert playbook removes this file.\n"
_NUMBER = re.compile(r"\A-?[0-9]{1,20}\Z")
_TABLE = "containers"
_THOUSAND = 1000
# What Podman gives by itself where it may (pkg/specgen/generate/oci.go, RLimitDefaultValue).
OWN_DEFAULTS = {"nofile": 1 << 20, "nproc": 1 << 20}


def values_of(text: str) -> dict:
    """``{shm_size, default_ulimits}``, as far as a file sets them: a text and a list of texts."""
    parsed = parse_toml(text)
    return {name: parsed[(_TABLE, name)] for name in (SHM, ULIMITS) if (_TABLE, name) in parsed}


def effective(files: t.Iterable) -> tuple:
    """``(values, sources)`` of files ``(path, text)`` in the order in which they are read."""
    values, sources = {}, {}  # type: dict, dict
    for path, text in files:
        for name, value in values_of(text).items():
            values[name], sources[name] = value, path
    return values, sources


def shm_of(values: dict) -> int:
    """Bytes of /dev/shm that these settings give; nothing for what Podman would refuse."""
    if SHM not in values:
        return defaults.DEFAULT_SHM * 1000 // 1024
    return defaults.parse_units(values[SHM], _THOUSAND) or 0


def ulimits_of(values: dict) -> dict:
    """``{nofile: {soft, hard}}`` that these settings give."""
    found = {}
    for entry in values.get(ULIMITS) or []:
        name, _equals, limits = str(entry).partition("=")
        soft, _colon, hard = limits.partition(":")
        if all(_NUMBER.match(part) for part in (soft, hard or soft)):
            found[name] = {"soft": int(soft), "hard": int(hard or soft)}
    return found


def render(values: dict) -> str:
    """The text of our file. Bytes are plain numbers: what k stands for has changed between releases."""
    lines = [f'{SHM} = "{values[SHM]}"\n'] if SHM in values else []
    if ULIMITS in values:
        lines.append("{} = [{}]\n".format(ULIMITS, ", ".join(f'"{entry}"' for entry in values[ULIMITS])))
    return HEADER + f"[{_TABLE}]\n" + "".join(lines)


def is_ours(text: str) -> bool:
    """Whether a text is just as render() writes it."""
    return render(values_of(text)) == text


def new_values(own: dict, before: dict, shm: int | None, ulimits: dict) -> dict:
    """What our file has to say. before is in effect now: its other limits stay, since a list replaces the earlier one."""
    values = dict(own)
    if shm is not None:
        values[SHM] = str(shm)
    if ulimits:
        others = [entry for entry in before.get(ULIMITS) or [] if str(entry).partition("=")[0] not in ulimits]
        values[ULIMITS] = others + [f"{name}={limit['soft']}:{limit['hard']}" for name, limit in sorted(ulimits.items())]
    return values
