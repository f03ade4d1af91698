# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes and limits as operators write them."""

from __future__ import annotations

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import (
    OptionError,
    at_least,
    format_exact,
    format_human,
    larger,
    parse_limit,
    parse_size,
    smaller,
)


@pytest.mark.parametrize(("text", "size"), [
    ("2G", 2 << 30), ("2g", 2 << 30), ("2GiB", 2 << 30), ("64M", 64 << 20), ("1", 1), (4096, 4096), ("16K", 16384),
    ("1T", 1 << 40),
])
def test_size(text, size):
    assert parse_size(text, "size") == size


@pytest.mark.parametrize("text", [
    "2X", "-1G", "0", "", " ", "1.5G", "G", "2G\n", "2 G G", None, True, [], "99999999999999999999G", "infinity",
])
def test_bad_size_names_option_value_and_way_out(text):
    with pytest.raises(OptionError) as caught:
        parse_size(text, "shm_size")
    assert str(caught.value).startswith(f"shm_size: {text!r} is not valid; give ")


def test_limit():
    assert [parse_limit(value, "o") for value in ("infinity", -1, "65535", 65535, "8M")] == [-1, -1, 65535, 65535, 8 << 20]


@pytest.mark.parametrize("text", ["many", "-2", "0", "", "Infinity ", True])
def test_bad_limit(text):
    with pytest.raises(OptionError, match="or infinity"):
        parse_limit(text, "limit_nofile")


@pytest.mark.parametrize(("size", "exact", "human"), [
    (2 << 30, "2G", "2 GiB"), (64 << 20, "64M", "64 MiB"), (1000, "1000", "1000 B"), (0x4082000000, "264224M", "258.03 GiB"),
    (-1, "infinity", "infinity"), (386 << 30, "386G", "386 GiB"), (6002 << 30, "6002G", "6002 GiB"), (1 << 47, "128T", "128 TiB"),
])
def test_formats(size, exact, human):
    assert (format_exact(size), format_human(size)) == (exact, human)


def test_unlimited_is_more_than_any_number():
    assert at_least(-1, 5)
    assert not at_least(5, -1)
    assert at_least(-1, -1)
    assert (smaller(-1, 5), larger(-1, 5), smaller(3, 5), larger(3, 5)) == (5, -1, 3, 5)
