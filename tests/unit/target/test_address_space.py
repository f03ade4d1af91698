# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address space: read from text, and really tried on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils._address_space import (
    DEFAULT_ENGINE_BYTES,
    pie_of_header,
    pool_regions,
    probe,
    va_bits_of_config,
    va_bits_of_maps,
)
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import parse_maps

GIB = 1 << 30


@pytest.mark.parametrize(("line", "bits"), [
    ("7fe3d61000-7fe3d82000 rw-p 00000000 00:00 0 [stack]", 39),
    ("ffffcd7f2000-ffffcd813000 rw-p 00000000 00:00 0 [stack]", 48),
    ("7fffffbde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]", 47),
    ("3fffffbd000-3ffffffe000 rw-p 00000000 00:00 0 [stack]", 42),
])
def test_bits_from_the_top_of_the_stack(line, bits):
    vsyscall = "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]"
    assert va_bits_of_maps(parse_maps(f"5596b8c000-5596b8d000 r-xp 00000000 00:00 0 x\n{line}\n{vsyscall}\n")) == bits


def test_bits_of_nothing():
    assert va_bits_of_maps([]) is None
    assert va_bits_of_config("CONFIG_ARM64_VA_BITS_39=y\nCONFIG_ARM64_VA_BITS=39\n") == 39
    assert va_bits_of_config("# nothing") is None


def region(start: int, size: int, perms: str = "---p", inode: int = 0, path: str = "") -> tuple:
    return start, start + size, perms, inode, path


def test_untouched_pool_is_one_region():
    pool = [region(1 << 40, DEFAULT_ENGINE_BYTES)]
    assert pool_regions(pool) == [{"address": 1 << 40, "bytes": DEFAULT_ENGINE_BYTES, "prot_none": DEFAULT_ENGINE_BYTES}]


def test_pool_with_instances_in_use_is_still_one():
    start, maps = 1 << 40, []
    for number in range(64):
        slot = start + number * (4 * GIB + (32 << 20))
        maps.append(region(slot, 1 << 20, "rw-p", inode=7, path="/memfd:wasm-memory-image (deleted)"))
        maps.append(region(slot + (1 << 20), 4 * GIB + (31 << 20)))
    runs = pool_regions(maps)
    assert len(runs) == 1
    assert 257 * GIB < runs[0]["prot_none"] <= runs[0]["bytes"] < 259 * GIB


def test_small_reservations_are_no_pool():
    assert pool_regions([region(1 << 40, 63 * GIB), region(1 << 42, GIB), region(1 << 43, 300 * GIB, "rw-p")]) == []


@pytest.mark.parametrize(("header", "pie"), [
    (b"\x7fELF\x02\x01" + bytes(10) + b"\x03\x00", True),
    (b"\x7fELF\x02\x01" + bytes(10) + b"\x02\x00", False),
    (b"\x7fELF\x02\x02" + bytes(10) + b"\x00\x03", True),
    (b"#!/usr/bin/python3\n", None), (b"", None), (b"\x7fELF", None),
])
def test_pie(header, pie):
    assert pie_of_header(header) is pie


def test_trial_without_limit_holds_all_engines():
    answer = probe(DEFAULT_ENGINE_BYTES, 3, -1, 47)
    assert (answer["probed_fit"], answer["errno"]) == (3, 0)
    assert answer["largest_reservation"] > 1000 * GIB


@pytest.mark.parametrize(("engine", "fit"), [(0x3080000000, 1), (0x6080000000, 0), (0x4082000000, 1)])
def test_trial_under_the_address_space_limit_of_a_service(engine, fit):
    answer = probe(engine, 3, 300 * GIB, 47)
    assert (answer["probed_fit"], answer["errno"]) == (fit, 12), "the trial must fail with ENOMEM as the node does"
    assert 290 * GIB < answer["largest_reservation"] < 300 * GIB


def pages_in_use() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0])


def test_trial_leaves_nothing_behind():
    before = pages_in_use()
    probe(DEFAULT_ENGINE_BYTES, 3, -1, 47)
    assert abs(pages_in_use() - before) < 100000, "the trial reservation stayed in the process that asked for it"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_trial_survives_a_limit_too_small_for_itself():
    script = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from ansible_collections.aarch64.validator.plugins.module_utils._address_space import probe\n"
        "print(probe(1 << 38, 3, 1 << 20, 47)['probed_fit'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "0" or "no answer" in done.stderr, done.stderr
