# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes that one engine of a node reserves, from what is at hand. Private to this collection.

A node has 32 or 64 slots of 4 GiB, each followed by a guard of 2 GiB (Wasmtime up to 27) or 32 MiB (since 28,
bytecodealliance/wasmtime#9606), and one guard more. 64 slots since paritytech/polkadot-sdk#1856, October 2023.
"""

from __future__ import annotations

GIB = 1 << 30
ENGINE_2022 = 0x3080000000  # 32 slots, guard 2 GiB: 194 GiB
ENGINE_2023 = 0x6080000000  # 64 slots, guard 2 GiB: 386 GiB
ENGINE_NOW = 0x4082000000  # 64 slots, guard 32 MiB: 258.03 GiB
SMALL_GUARD_SINCE = 28
# Instances in use open the ends of a pool, so that the reserved part in the maps is a little short of it.
_SLOT = 6 * GIB


def of_process(regions: list) -> int | None:
    """The engine size that explains the pool regions of a live process best, by the largest of them."""
    if not regions:
        return None
    mapped = max(region["bytes"] for region in regions)
    candidates = []
    for size in (ENGINE_NOW, ENGINE_2023, ENGINE_2022):
        count = max(1, round(mapped / size))  # neighbours merge into one region
        candidates.append((abs(mapped - count * size), count, size))
    distance, count, size = min(candidates)
    return size if distance <= count * _SLOT else None


def of_wasmtime(version: str | None) -> int | None:
    """The engine size of a node linked with this release of Wasmtime. Of old ones the larger, later one is assumed."""
    major = (version or "").split(".")[0]
    if not major.isdigit():
        return None
    return ENGINE_NOW if int(major) >= SMALL_GUARD_SINCE else ENGINE_2023
