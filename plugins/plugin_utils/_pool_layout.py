# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a memory pool is made of, and how many fit into an address space. Pure arithmetic; private to this collection.

The model was checked against real 39-bit, 42-bit, 47-bit and 48-bit arm64 kernels with real Wasmtime.
A pool of N slots takes N * (slot + guard) + guard bytes, because one guard also lies before the first slot
(Wasmtime, pooling/memory_pool.rs, SlabLayout; without memory protection keys, which only x86 has).
"""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, format_human

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
WASM32_SLOT = 4 * GIB  # a 32-bit memory is never given less (Wasmtime, memory_reservation)
OLD_GUARD, NEW_GUARD = 2 * GIB, 32 * MIB  # Wasmtime up to 27, and since 28 (wasmtime#9606)
# A slot count that some program uses; it decides where two layouts have the same size. 32 and 64: Substrate before and
# after polkadot-sdk#1856. 1000: Wasmtime's own default. The rest are what people write into a configuration.
KNOWN_SLOTS = (32, 64, 1000, 10, 16, 20, 50, 100, 128, 200, 256, 500, 512, 1024, 2000, 4096, 5000, 10000)
MAX_SLOTS = 1 << 20
OTHER_SLOT_BYTES = tuple(size * MIB for size in (64, 128, 256, 512, 1024, 2048, 8192, 16384))
OTHER_GUARDS = (OLD_GUARD, NEW_GUARD, 64 * KIB)
GENERATIONS = {
    (32, OLD_GUARD): "Substrate from 2022 to late 2023",
    (64, OLD_GUARD): "Polkadot SDK from late 2023 to 2025, Wasmtime 8",
    (64, NEW_GUARD): "Polkadot SDK with Wasmtime 28 or newer",
    (1000, OLD_GUARD): "default pool of Wasmtime up to 27",
    (1000, NEW_GUARD): "default pool of Wasmtime since 28",
    (1, OLD_GUARD): "one instance outside a pool, Wasmtime up to 27",
    (1, NEW_GUARD): "one instance outside a pool, Wasmtime since 28",
}
GENERATION_OF_GUARD = {OLD_GUARD: "Wasmtime up to 27", NEW_GUARD: "Wasmtime since 28"}
# Stack, libraries, heap and address randomisation share each hole with the pools; measured below 8 GiB.
HOLE_SLACK = 8 * GIB
# Without a hint, a kernel with 52 bits hands out addresses below 2**48 only (arm64 asm/processor.h).
MAX_DEFAULT_VA_BITS = 48


def holes(va_bits: int, pie: bool) -> list:
    """Bytes of each contiguous stretch of address space that a process starts with.

    The kernel loads a position-independent program at two thirds of the address space
    (ELF_ET_DYN_BASE, arch/arm64/include/asm/elf.h), which cuts it in two. Another program leaves it whole.
    """
    space = 1 << min(va_bits, MAX_DEFAULT_VA_BITS)
    return [space * 2 // 3, space // 3] if pie else [space]


def fit_in_address_space(va_bits: int, engine_bytes: int, pie: bool) -> int:
    """How many reservations of engine_bytes fit: contiguity decides, not the total."""
    return sum(max(0, hole - HOLE_SLACK) // engine_bytes for hole in holes(va_bits, pie))


def fit_in_limit(limit_as: int, engine_bytes: int) -> int | None:
    """How many fit under RLIMIT_AS; None without a limit. The process itself needs little beside a pool."""
    return None if limit_as == UNLIMITED else max(0, limit_as) // engine_bytes


def decode(size: int) -> dict | None:
    """The layout that takes exactly this many bytes, or None if there is none, or no one likelier than the others.

    ``{slots, slot_bytes, guard_bytes, generation}``. One slot is a single instance outside any pool.
    Slots of 4 GiB with Wasmtime's own guards come first, with any number of slots. Other slot sizes are an operator's
    choice; they count only where a usual number of slots gives exactly one answer.
    """
    if size <= 0:
        return None
    usual = _layouts(size, (WASM32_SLOT,), (OLD_GUARD, NEW_GUARD))
    if usual:
        return min(usual, key=lambda layout: _rank(layout["slots"]))
    other = [layout for layout in _layouts(size, OTHER_SLOT_BYTES + (WASM32_SLOT,), OTHER_GUARDS)
             if layout["slots"] in KNOWN_SLOTS]
    return other[0] if len(other) == 1 else None


def layout_text(layout: dict) -> str:
    """``64 x (4 GiB + 2 GiB) + 2 GiB = 386 GiB``."""
    slots, slot_bytes, guard_bytes = layout["slots"], layout["slot_bytes"], layout["guard_bytes"]
    total = slots * (slot_bytes + guard_bytes) + guard_bytes
    guard = format_human(guard_bytes)
    return f"{slots} x ({format_human(slot_bytes)} + {guard}) + {guard} = {format_human(total)}"


def _layouts(size: int, slot_sizes: tuple, guards: tuple) -> list:
    found = []
    for guard in guards:
        for slot_bytes in slot_sizes:
            slots, rest = divmod(size - guard, slot_bytes + guard)
            if rest == 0 and 1 <= slots <= MAX_SLOTS:
                generation = GENERATIONS.get((slots, guard), GENERATION_OF_GUARD.get(guard, "a changed configuration"))
                if slot_bytes != WASM32_SLOT:
                    generation = "a changed configuration"
                found.append({"slots": slots, "slot_bytes": slot_bytes, "guard_bytes": guard, "generation": generation})
    return found


def _rank(slots: int) -> int:
    """Usual numbers of slots first, in their order; then all others alike."""
    return KNOWN_SLOTS.index(slots) if slots in KNOWN_SLOTS else len(KNOWN_SLOTS)
