# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html in a real Chromium. SCREENSHOTS=DIRECTORY keeps pictures of the page, for people to look at."""

from __future__ import annotations

import os
import shutil
import typing as t
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, ViewportSize, sync_playwright
from report_fleets import fleet_report, with_earlier

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._html import report_html

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
DESK: ViewportSize = {"width": 1360, "height": 900}
Pages = t.Dict[int, Path]


@pytest.fixture(scope="session")
def browser() -> t.Iterator[Browser]:
    """Chromium of this machine; none is downloaded."""
    if CHROMIUM is None:
        pytest.fail("needs Chromium: apt-get install chromium")
    # Root has no sandbox; what is opened here was made here.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Files of reports: of 10 and of 10,000 hosts."""
    directory = tmp_path_factory.mktemp("pages")
    files = {}
    for count in (10, 10000):
        files[count] = directory / f"report-{count}.html"
        files[count].write_text(report_html(with_earlier(fleet_report(count))), encoding="utf-8")
    return files


class Watched(t.NamedTuple):
    """A page and all that must not be: what its console said, what it threw, what it asked the network for."""

    page: Page
    said: list[str]
    asked: list[str]


OpenPage = t.Callable[..., Watched]
Picture = t.Callable[..., None]


@pytest.fixture
def open_page(browser: Browser) -> t.Iterator[OpenPage]:
    """Opens a file; afterwards its console must be empty, and nothing but the file may have been asked for."""
    opened = []

    def opener(
        path: Path, viewport: ViewportSize | None = None, theme: t.Literal["light", "dark"] = "light", **options: t.Any,
    ) -> Watched:
        context = browser.new_context(viewport=viewport or DESK, color_scheme=theme, reduced_motion="reduce", **options)
        watched = Watched(context.new_page(), [], [])

        def refuse(dialog: Dialog) -> None:
            watched.said.append(dialog.message)
            dialog.dismiss()

        watched.page.on("console", lambda message: watched.said.append(message.text))
        watched.page.on("pageerror", lambda error: watched.said.append(str(error)))
        watched.page.on("dialog", refuse)
        watched.page.on("request", lambda request: watched.asked.append(request.url))
        watched.page.goto(path.as_uri())
        opened.append((path, context, watched))
        return watched

    yield opener
    for path, context, watched in opened:
        assert watched.said == []
        assert [url for url in watched.asked if url.split("#")[0] != path.as_uri() and url != "data:,"] == []
        context.close()


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Picture:
    """Keeps a picture of a page where SCREENSHOTS says so."""
    directory = os.environ.get("SCREENSHOTS")

    def keep(page: Page, name: str, whole: bool = False) -> None:
        if directory:
            Path(directory).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(directory, name + ".png")), full_page=whole)

    return keep
