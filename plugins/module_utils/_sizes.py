# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes and limits as people write them, as integers of bytes and back.

Private to this collection.
"""

from __future__ import annotations

import functools
import re

UNLIMITED = -1  # the value of resource.RLIM_INFINITY, and how facts say "no limit"
UNIT_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}

_SIZE = re.compile(r"\A([0-9]{1,30})\s*([KMGTP]?)(?:i?B)?\Z", re.IGNORECASE)
_MAX_BYTES = (1 << 63) - 1


class OptionError(ValueError):
    """A value an operator gave that cannot be used; says the option, the value and what would be valid."""

    def __init__(self, option: str, value: object, valid: str) -> None:
        super().__init__(f"{option}: {value!r} is not valid; give {valid}")


def parse_size(value: object, option: str) -> int:
    """Bytes of a size above zero, such as ``2G`` or ``65536``. Units are powers of 1024."""
    match = _SIZE.match(str(value)) if not isinstance(value, bool) else None
    size = int(match.group(1)) * UNIT_BYTES[match.group(2).upper()] if match else 0
    if not 0 < size <= _MAX_BYTES:
        raise OptionError(option, value, "a whole number of bytes above zero, with K, M, G or T if wanted, such as 2G")
    return size


def parse_limit(value: object, option: str) -> int:
    """A resource limit: a number above zero (units allowed), or ``infinity``."""
    if str(value) == "infinity" or (value == UNLIMITED and not isinstance(value, bool)):
        return UNLIMITED
    try:
        return parse_size(value, option)
    except OptionError:
        raise OptionError(option, value, "a whole number above zero, or infinity") from None


def format_exact(size: int) -> str:
    """The shortest text that mount(8), fstab and systemd read back as exactly this many bytes."""
    if size == UNLIMITED:
        return "infinity"
    for unit in ("T", "G", "M", "K"):
        if size and size % UNIT_BYTES[unit] == 0:
            return f"{size // UNIT_BYTES[unit]}{unit}"
    return str(size)


@functools.lru_cache(maxsize=1024)
def format_human(size: int | None) -> str:
    """A size for people: ``64 MiB``, ``386 GiB``, ``258.03 GiB``, ``infinity``, ``?`` if unknown."""
    if size is None:
        return "?"
    if size == UNLIMITED:
        return "infinity"
    for unit in ("P", "T", "G", "M", "K"):
        # GiB serves up to 10 TiB, because address space is compared in GiB everywhere else
        if size >= UNIT_BYTES[unit] * (10 if unit in "PT" else 1):
            return f"{size / UNIT_BYTES[unit]:.2f}".rstrip("0").rstrip(".") + f" {unit}iB"
    return f"{size} B"


def at_least(value: int, floor: int) -> bool:
    """Whether a limit reaches a floor, where -1 is more than any number."""
    return value == UNLIMITED or (floor != UNLIMITED and value >= floor)


def smaller(left: int, right: int) -> int:
    """The smaller of two limits, where -1 is more than any number."""
    return right if at_least(left, right) else left


def larger(left: int, right: int) -> int:
    """The larger of two limits, where -1 is more than any number."""
    return left if at_least(left, right) else right
