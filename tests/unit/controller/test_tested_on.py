# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs write into docs/tested-on.md."""

from __future__ import annotations

import pytest
from tested_on import PAGE, Figures, put_row, write_page


@pytest.fixture
def page(tmp_path):
    """A copy of the page."""
    copy = tmp_path / "tested-on.md"
    copy.write_text(PAGE.read_text())
    return copy


def rows(page, table):
    inside = page.read_text().split(f"<!-- {table}: rows -->")[1].split(f"<!-- {table}: end -->")[0]
    return [line.split("|")[1].strip() for line in inside.splitlines() if line.startswith("|")][2:]


def test_row_takes_the_place_of_an_older_patch_release(page):
    kernels = rows(page, "kernels")
    for version in ("9.17.3", "9.3.1", "9.17.14"):
        put_row(page, "cores", version, [version, "3.12.1", "24 tests", "1 passed", "9 steps"])
    assert [row for row in rows(page, "cores") if row.startswith("9.")] == ["9.3.1", "9.17.14"]
    assert rows(page, "kernels") == kernels, "a row of one table changed the other"


def test_row_of_a_kernel_says_what_was_not_seen(page):
    write_page(page, Figures("va39", {"release": "9.9.9 (va39)", "page_size": "4K"}))
    assert "9.9.9 (va39)" in rows(page, "kernels")
    assert "| 9.9.9 (va39) | 4K | not seen | not seen |" in page.read_text()


def test_page_without_markers_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Tested on\n")
    with pytest.raises(ValueError, match="no markers of the table cores"):
        put_row(page, "cores", "2.17.1", ["2.17.1"])
    assert page.read_text() == "# Tested on\n"
