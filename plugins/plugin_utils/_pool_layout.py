# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many memory pools fit into an address space. Pure arithmetic; private to this collection.

The model was checked against real 39-bit, 42-bit, 47-bit and 48-bit arm64 kernels with real Wasmtime.
"""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED

GIB = 1 << 30
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
