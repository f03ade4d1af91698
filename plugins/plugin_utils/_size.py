# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a host has told, and what it calls its services: what comes before any judgement. Pure; private to this collection."""

from __future__ import annotations

import typing as t

# A host with 20 services, 200 lines of log each and every line as long as it may be tells less than 9 MiB; usual are 20 KiB.
MOST = 16 << 20
MOST_DEPTH = 40
MOST_NAME = 300  # systemd.unit(5) allows 255
_ENTRY = 8  # what a value costs besides its text, roughly as in JSON
_FLAT = frozenset((bool, int, float, type(None)))


def check_names(services: object, processes: object) -> None:
    """Raise ValueError for a service or process whose name could drive the terminal on which it is shown."""
    for names, spaces in ((services, False), (processes, True)):
        for name in names if isinstance(names, dict) else ():
            if not (isinstance(name, str) and 0 < len(name) <= MOST_NAME and name.isprintable() and (spaces or " " not in name)):
                raise ValueError("these memory facts have a service whose name no service can have; look at what answers there")


def check_size(facts: object, most: int = MOST) -> None:
    """Raise ValueError for facts that no host sends that is what it says it is. Looks at no more than it has to."""
    left = most
    level: list[t.Collection] = [(facts,)]
    for _depth in range(MOST_DEPTH):
        inner: list[t.Collection] = []
        for values in level:
            left -= _ENTRY * len(values)
            for value in values if left >= 0 else ():
                kind = type(value)
                if kind is str:
                    left -= len(value)
                elif kind is dict:
                    inner.append(value.values())
                    left -= _keys(value, inner)
                elif kind is list:
                    inner.append(value)
                elif kind not in _FLAT:
                    left -= _other(value, inner)
            if left < 0:
                raise ValueError(f"these memory facts are larger than {most >> 20} MiB; look at what answers there")
        if not inner:
            return
        level = inner
    raise ValueError("these memory facts are nested too deeply; look at what answers there")


def _keys(facts: dict, inner: list) -> int:
    """What the keys cost; keys that are no text go to what is looked at next."""
    try:
        return _ENTRY * len(facts) + len("".join(facts))
    except TypeError:
        inner.append(facts.keys())
        return 0


def _other(value: object, inner: list) -> int:
    """The same for what is not exactly text, a list or a dictionary, such as the tagged text of ansible-core 2.19."""
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, dict):
        inner += (list(value.keys()), list(value.values()))  # those of ansible-core 2.19 are generators
    elif isinstance(value, (list, tuple)):
        inner.append(value)
    return 0
