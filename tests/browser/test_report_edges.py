# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html where something is not there: scripts, a screen, an earlier report, hosts."""

from __future__ import annotations

import typing as t

from report_fleets import fleet_report

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._html import report_html

if t.TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import OpenPage, Pages, Picture


def test_page_without_scripts_and_on_paper(open_page: OpenPage, pages: Pages, picture: Picture) -> None:
    plain = open_page(pages[10000], java_script_enabled=False).page
    assert plain.locator("#plain tbody tr").count() == 50 and plain.is_visible("#plain") and plain.is_hidden("#live")
    assert "cannot run their node" in plain.inner_text("h1")
    picture(plain, "10000-without-script")
    paper = open_page(pages[10]).page
    paper.emulate_media(media="print")
    assert paper.is_visible("#plain") and paper.is_hidden("#toolbar") and paper.is_visible("#causes")
    picture(paper, "10-paper", whole=True)


def test_without_an_earlier_report(open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(report_html(fleet_report(3, "diagnose")), encoding="utf-8")
    page = open_page(path).page
    assert "memory_pool_baseline" in page.inner_text("#since") and page.locator("#head .c-since").count() == 0


def test_nobody(open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(report_html(fleet_report(0)), encoding="utf-8")
    page = open_page(path).page
    assert page.inner_text("#count") == "0 hosts" and page.is_visible("#nothing")
