# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever hosts are called and log, report.html runs none of it and asks nobody for anything."""

from __future__ import annotations

import re
import typing as t

from report_fleets import EVIL, evil_report

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._html import report_html

if t.TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.conftest import OpenPage, Pages

REFUSED = """(name) => {
  try {
    if (name === "onclick") document.body.setAttribute(name, "x()");
    else document.body[name] = "<b>x</b>";
  } catch (error) { return String(error); }
  return "";
}"""


def test_hostile_hosts_are_text(open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "evil.html"
    path.write_text(report_html(evil_report()), encoding="utf-8")
    page = open_page(path).page
    assert page.locator("img, iframe, object, embed, b > script").count() == 0 and page.locator("script").count() == 2
    assert page.locator("#rows .host-name", has_text="</script><img").first.is_visible()
    for index in range(min(2 * len(EVIL), page.locator("#rows tr[data-index]").count())):
        page.locator(f"#rows tr[data-index='{index}']").click()
        assert page.locator("img, svg svg, a[href^='javascript']").count() == 0
        assert page.locator("#detail .command").count() == 0 or re.fullmatch(r"[\w.:-]+", page.inner_text("#detail-name"))
        page.keyboard.press("Escape")
    page.focus("#heat")
    page.keyboard.press("ArrowDown")
    assert page.is_visible("#tip") and page.locator("script").count() == 2


def test_markup_made_of_text_is_refused_by_the_policy(browser: Browser, pages: Pages) -> None:
    """Even a fault in the script could make no markup of text, and run none."""
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(pages[10].as_uri())
    assert "TrustedHTML" in page.evaluate(REFUSED, "innerHTML")
    assert "TrustedScript" in page.evaluate(REFUSED, "onclick")
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://example.invalid/x'}))")
    page.wait_for_timeout(200)
    assert any("Content Security Policy" in text for text in said), "an image was asked for"
    context.close()
