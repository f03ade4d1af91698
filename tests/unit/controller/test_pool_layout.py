# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of contiguity against what was measured on real kernels."""

from __future__ import annotations

import pytest

from ansible_collections.aarch64.validator.plugins.plugin_utils._pool_layout import GIB, fit_in_address_space, fit_in_limit

ENGINES = (0x3080000000, 0x6080000000, 0x4082000000)  # 194, 386 and 258 GiB


@pytest.mark.parametrize(("va_bits", "pie", "fit"), [
    (36, True, (0, 0, 0)), (36, False, (0, 0, 0)),
    (38, True, (0, 0, 0)), (38, False, (1, 0, 0)),
    (39, True, (1, 0, 1)), (39, False, (2, 1, 1)),
    (42, True, (20, 10, 15)), (42, False, (21, 10, 15)),
    (47, True, (675, 339, 507)),
    (48, True, (1350, 678, 1015)), (52, True, (1350, 678, 1015)),
])
def test_engines_that_fit(va_bits, pie, fit):
    assert tuple(fit_in_address_space(va_bits, size, pie) for size in ENGINES) == fit, (
        f"the forecast for {va_bits} bits would tell an operator a wrong number of engines")


def test_limit():
    assert [fit_in_limit(300 * GIB, size) for size in ENGINES] == [1, 0, 1]
    assert fit_in_limit(-1, ENGINES[0]) is None
