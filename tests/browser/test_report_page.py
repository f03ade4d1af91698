# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person does with report.html, done by a program: look, sort, filter, open, copy, with the mouse and without."""

from __future__ import annotations

import re
import time
import typing as t
from pathlib import Path

import pytest

if t.TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import OpenPage, Pages, Picture

CONTRAST = Path(__file__).with_name("contrast.js").read_text()
PHONE = {"width": 390, "height": 844}
COUNTS = pytest.mark.parametrize("count", [10, 10000])
NAMES = "[...document.querySelectorAll('#rows .host-name')].map(node => node.textContent)"
FOCUSED = "(node => node.id || node.className.baseVal || node.className)(document.activeElement)"
OUTLINED = """(node => [node, node.parentElement, node.firstElementChild].some(one => one
  && (getComputedStyle(one).outlineStyle !== "none" || getComputedStyle(one).strokeWidth === "2.5px")))(document.activeElement)"""
ROW = "document.getElementById(document.getElementById('table').getAttribute('aria-activedescendant')).innerText"
SCROLL = "place => { const node = document.getElementById('table-scroll'); node.scrollTop = place * node.scrollHeight }"
VERDICTS = "[...document.querySelectorAll('#rows .badge')].map(node => node.textContent)"


def shown(page: Page) -> str:
    return page.inner_text("#count").strip()


def attribute(page: Page, selector: str, name: str) -> str:
    """What an element has; the test fails where it has none."""
    value = page.get_attribute(selector, name)
    assert value is not None, f"{selector} has no {name}"
    return value


def until(page: Page, holds: t.Callable[[], object], seconds: float = 10) -> None:
    """Ask again from here: a condition that polls within the page would be script made of text, which its policy refuses."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "does not come true"
        page.wait_for_timeout(20)


def wait_for_count(page: Page, pattern: str) -> None:
    until(page, lambda: re.search(pattern, shown(page)))


@COUNTS
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_page_opens_and_its_text_can_be_read(open_page: OpenPage, pages: Pages, picture: Picture, count: int, theme: str) -> None:
    page = open_page(pages[count], theme=theme).page
    assert shown(page) == f"{count:,} hosts"
    assert page.is_hidden("#plain") and page.is_visible("#heat .cell") and page.is_visible("#space svg")
    picture(page, f"{count}-{theme}", whole=True)
    found = page.evaluate(CONTRAST)
    assert found["count"] > 200 and found["low"] == []
    page.click("#rows tr[data-index='2']")
    assert page.is_visible("#detail")
    for summary in page.query_selector_all("#detail summary"):
        summary.click()
    picture(page, f"{count}-{theme}-detail")
    assert page.evaluate(CONTRAST)["low"] == []


def test_contrast_that_is_too_low_is_seen(open_page: OpenPage, pages: Pages) -> None:
    page = open_page(pages[10]).page
    page.evaluate("document.getElementById('headline').style.color = '#bbb'")
    assert page.evaluate(CONTRAST)["low"]


@COUNTS
def test_table_is_sorted_by_any_column(open_page: OpenPage, pages: Pages, count: int) -> None:
    page = open_page(pages[count]).page
    assert page.get_attribute("#head .c-verdict", "aria-sort") == "ascending"
    assert page.evaluate(VERDICTS)[0] == "Failed"
    for column in page.evaluate("[...document.querySelectorAll('#head th')].map(node => node.dataset.column)"):
        page.click(f"#head .c-{column} button")
        first, was = page.evaluate(NAMES)[0], page.get_attribute(f"#head .c-{column}", "aria-sort")
        assert page.locator("#head [aria-sort='ascending'], #head [aria-sort='descending']").count() == 1
        page.click(f"#head .c-{column} button")
        assert {was, page.get_attribute(f"#head .c-{column}", "aria-sort")} == {"ascending", "descending"}
        assert page.evaluate(NAMES)[0] != first, column
    page.click("#head .c-host button")
    names = page.evaluate(NAMES)
    assert names == sorted(names) and names[0].startswith("val-00000")


@COUNTS
def test_filters_work_together(open_page: OpenPage, pages: Pages, count: int) -> None:
    page = open_page(pages[count]).page
    blocked = int(page.inner_text("#chips [data-verdict='blocked'] .number").replace(",", ""))
    page.click("#chips [data-verdict='blocked']")
    assert page.get_attribute("#chips [data-verdict='blocked']", "aria-pressed") == "true"
    assert shown(page) == f"{blocked:,} of {count:,} hosts"
    assert set(page.evaluate(VERDICTS)) == {"Blocked"}
    page.select_option("#finding", "address-space-limit")
    assert page.get_attribute(".cause[data-finding='address-space-limit']", "aria-pressed") == "true"
    page.fill("#words", "VAL-00002 limit")
    wait_for_count(page, "^1 of")
    assert page.evaluate(NAMES) == ["val-00002.hel.example.org"]
    page.fill("#words", "no such host")
    wait_for_count(page, "^0 of")
    assert page.is_visible("#nothing") and page.is_disabled("#copy-names")
    page.click("#clear")
    assert shown(page) == f"{count:,} hosts" and page.input_value("#words") == ""
    page.click(".cause[data-finding='nofile-limit']")
    assert "of" in shown(page) and page.input_value("#finding") == "nofile-limit"


def test_theme_is_chosen_and_kept(open_page: OpenPage, pages: Pages) -> None:
    page = open_page(pages[10]).page
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.click("#theme")
    dark = page.evaluate(ground)
    assert dark != light and page.inner_text("#theme") == "Light theme"
    page.reload()
    assert page.evaluate(ground) == dark
    page.click("#theme")
    assert page.evaluate(ground) == light


@COUNTS
def test_detail_shows_the_evidence_and_the_fix(open_page: OpenPage, pages: Pages, count: int) -> None:
    page = open_page(pages[count], permissions=["clipboard-read", "clipboard-write"]).page
    page.fill("#words", "val-00002.")
    wait_for_count(page, "^1 of")
    page.click("#rows tr[data-index='0']")
    text = page.inner_text("#detail")
    assert "address-space-limit" in text and "This refuses memory pools." in text and "RLIMIT_AS 1 GiB holds 0" in text
    assert "kernel-old" in text and "Never the cause of a refused memory pool." in text
    assert "LimitAS" in page.inner_text("#detail table")
    command = "make remediate INVENTORY=inventory/fleet.yml ARGS='--limit val-00002.hel.example.org --check --diff'"
    assert page.inner_text("#detail .command code >> nth=0") == command
    page.click("#detail .copy >> nth=0")
    assert page.evaluate("navigator.clipboard.readText()") == command
    page.click("#detail .command summary >> nth=0")
    page.fill("#detail .inventory >> nth=0", "my fleet's.yml")
    assert page.inner_text("#detail .command code >> nth=0").startswith("make remediate INVENTORY='my fleet'\\''s.yml' ARGS=")
    assert page.evaluate("location.hash") == "#host=val-00002.hel.example.org"
    page.click("#close")
    until(page, lambda: page.evaluate("location.hash") == "")
    assert not page.is_visible("#detail")


def test_address_with_a_host_opens_it(open_page: OpenPage, pages: Pages) -> None:
    page = open_page(pages[10]).page
    page.evaluate("location.hash = '#host=val-00003.sgp.example.org'")
    page.wait_for_selector("#detail[open]")
    assert page.inner_text("#detail-name") == "val-00003.sgp.example.org"
    assert "Since the last audit" in page.inner_text("#detail")


@COUNTS
def test_keyboard_alone_reaches_everything(open_page: OpenPage, pages: Pages, count: int) -> None:
    page = open_page(pages[count]).page
    reached = []
    for _step in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
        assert page.evaluate(OUTLINED), f"no sign of the focus on {reached[-1]}"
        if reached[-1] == "table":
            break
    assert {"skip", "theme", "cause", "words", "finding", "group", "heat", "copy-names", "table"} <= set(reached)
    assert any(name.startswith("spot") for name in reached) and any(name.startswith("chip") for name in reached)
    page.keyboard.press("End")
    row = page.evaluate(ROW)
    page.keyboard.press("Enter")
    name = page.inner_text("#detail-name")
    assert name in row and page.evaluate("document.activeElement.id") == "detail-name"
    page.keyboard.press("Escape")
    assert not page.is_visible("#detail") and page.evaluate("document.activeElement.id") == "table"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#rows .here", "aria-rowindex") == "3"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "words"


@COUNTS
def test_heat_map_is_walked_by_keys_and_says_what_is_there(
    open_page: OpenPage, pages: Pages, picture: Picture, count: int,
) -> None:
    page = open_page(pages[count]).page
    assert page.is_checked("#group") is (count > 200), "thousands of rows are no overview"
    page.uncheck("#group")
    page.focus("#heat")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Control+End")
    assert attribute(page, "#heat .here", "aria-label").endswith(": not judged")
    assert "not known, the host was not judged" in page.inner_text("#tip")
    assert page.get_attribute("#heat", "aria-rowcount") == str(count + 1)
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#tip")
    page.check("#group")
    groups = int(attribute(page, "#heat", "aria-rowcount"))
    assert groups < count + 1 and groups < 100
    page.focus("#heat")
    picture(page, f"{count}-heat-grouped")
    page.keyboard.press("Enter")
    assert page.is_visible("#detail") or " of " in shown(page)


def test_plot_leads_to_its_hosts(open_page: OpenPage, pages: Pages) -> None:
    page = open_page(pages[10000]).page
    label = attribute(page, ".spot.lacking >> nth=0", "aria-label")
    assert "too little" in label and "GiB" in label
    page.focus(".spot >> nth=0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert " of 10,000 hosts" in shown(page) and page.is_visible("#only")
    page.click("#only")
    assert shown(page) == "10,000 hosts"


def test_what_changed_since_the_last_audit(open_page: OpenPage, pages: Pages) -> None:
    page = open_page(pages[10000]).page
    assert "of 10,000 hosts differ" in page.inner_text("#since") and "val-gone.example.org" in page.inner_text("#since")
    button = page.locator("#since button", has_text="new or worse")
    number = re.findall("^[0-9,]+", button.inner_text())[0]
    button.click()
    assert shown(page) == f"{number} of 10,000 hosts"
    assert any("new" in text for text in page.locator("#rows .c-since").all_inner_texts())


@COUNTS
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_phone(open_page: OpenPage, pages: Pages, picture: Picture, count: int, theme: str) -> None:
    page = open_page(pages[count], PHONE, theme, has_touch=True, is_mobile=True).page
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate(CONTRAST)["low"] == []
    picture(page, f"{count}-{theme}-phone", whole=True)
    page.select_option("#sort-by", "-host")
    assert page.evaluate(NAMES)[0] == sorted(page.evaluate(NAMES))[-1]
    page.tap("#rows tr[data-index='0']")
    box = page.locator("#detail").bounding_box()
    assert box is not None and (box["x"], box["width"]) == (0, PHONE["width"])
    assert page.evaluate("document.getElementById('detail-body').scrollWidth") <= PHONE["width"]
    picture(page, f"{count}-{theme}-phone-detail")
    small = page.evaluate("[...document.querySelectorAll('#detail button')].filter(node => node.offsetHeight < 44).length")
    assert not small, "a finger needs 44 pixels"


def test_only_rows_in_sight_exist(open_page: OpenPage, pages: Pages) -> None:
    page = open_page(pages[10000]).page
    page.uncheck("#group")
    assert page.locator("#rows tr[data-index]").count() < 60 and page.locator("#heat .heat-row").count() < 60
    assert page.evaluate("document.getElementsByTagName('*').length") < 3500
    for place in (0.5, 1):
        page.evaluate(SCROLL, place)
        page.wait_for_timeout(100)
        assert page.locator("#rows tr[data-index]").count() < 60
    assert page.locator("#rows tr[data-index='9999']").count() == 1
