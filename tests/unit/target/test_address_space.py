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
    pool_regions,
    probe,
    va_bits_of_config,
    va_bits_of_maps,
)
from ansible_collections.aarch64.validator.plugins.module_utils._engine_size import (
    ENGINE_2023,
    ENGINE_NOW,
    of_process,
    of_wasmtime,
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
    pool = [region(1 << 40, ENGINE_NOW)]
    assert pool_regions(pool) == [{"address": 1 << 40, "bytes": ENGINE_NOW, "prot_none": ENGINE_NOW}]


def test_pool_with_instances_in_use_is_still_one():
    start, maps = 1 << 40, []
    for number in range(64):
        slot = start + number * (4 * GIB + (32 << 20))
        maps.append(region(slot, 1 << 20, "rw-p", inode=7, path="/memfd:wasm-memory-image (deleted)"))
        maps.append(region(slot + (1 << 20), 4 * GIB + (31 << 20)))
    runs = pool_regions(maps)
    assert len(runs) == 1
    assert 257 * GIB < runs[0]["prot_none"] <= runs[0]["bytes"] < 259 * GIB


@pytest.mark.parametrize(("mapped", "size"), [
    (ENGINE_NOW, ENGINE_NOW), (2 * ENGINE_NOW, ENGINE_NOW), (ENGINE_2023, ENGINE_2023), (ENGINE_2023 - 3 * GIB, ENGINE_2023),
    (100 * GIB, None),
])
def test_engine_size_from_a_live_process(mapped, size):
    assert of_process([{"address": 1, "bytes": mapped, "prot_none": mapped}]) == size


def test_engine_size_from_the_release_of_wasmtime():
    assert [of_wasmtime(version) for version in ("36.0.7", "8.0.1", None, "x")] == [ENGINE_NOW, ENGINE_2023, None, None]


def test_small_reservations_are_no_pool():
    assert pool_regions([region(1 << 40, 63 * GIB), region(1 << 42, GIB), region(1 << 43, 300 * GIB, "rw-p")]) == []


def test_trial_without_limit_holds_all_engines():
    answer = probe(ENGINE_NOW, 3, -1, 47)
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
    probe(ENGINE_NOW, 3, -1, 47)
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
