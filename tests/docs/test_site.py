# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The docs site as it is built, in a real Chromium. SCREENSHOTS=DIRECTORY keeps pictures, for people to look at."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
PAGES = ("index", "README", "docs/quick-start", "docs/runbook", "docs/architecture", "docs/causes", "docs/scale",
         "plugins/shm_module", "plugins/memory_pool_role")
CONTRAST = (ROOT / "tests/browser/contrast.js").read_text()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("site") / "html"
    command = [sys.executable, str(ROOT / "scripts/build_docs.py"), "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return output


@pytest.fixture(scope="session")
def browser() -> t.Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("needs Chromium: apt-get install chromium")
    # Root has no sandbox; what is opened here was made here.
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield running
        running.close()


def test_every_guide_and_every_plugin_has_a_page(site: Path) -> None:
    guides = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert {path.stem for path in (site / "docs").glob("*.html")} == guides
    plugins = {f"{path.stem}_module" for path in (ROOT / "plugins/modules").glob("*.py")}
    plugins |= {f"{path.stem}_filter" for path in (ROOT / "plugins/filter").glob("*.py")}
    assert plugins <= {path.stem for path in (site / "plugins").glob("*.html")}


def test_every_guide_is_in_the_list_for_readers_of_the_repository() -> None:
    text = (ROOT / "docs/README.md").read_text()
    guides = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert [name for name in sorted(guides) if f"]({name})" not in text] == []


def test_cores_that_are_said_to_be_tried_were() -> None:
    """README names versions of ansible-core with a table; each of them has its row."""
    text = (ROOT / "docs/tested-on.md").read_text()
    rows = text.split("<!-- cores: rows -->")[1].split("<!-- cores: end -->")[0].splitlines()
    found = {line.split("|")[1].strip().rpartition(".")[0] for line in rows if line.startswith("|")}
    readme = (ROOT / "README.md").read_text()
    said = next(cell for cell in re.split(r"[|;]", readme) if "[tested on]" in cell and "chain" in cell)
    claimed = set(re.findall(r"2\.\d+", said))
    assert claimed and claimed <= found, "run make test-versions"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1360])
def test_pages_can_be_read(site: Path, browser: Browser, width: int, theme: t.Literal["light", "dark"]) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    thrown: list = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    for name in PAGES:
        page.goto((site / f"{name}.html").as_uri())
        assert page.locator("h1").first.is_visible(), name
        broken = page.eval_on_selector_all("img", "all => all.filter(i => i.complete && !i.naturalWidth).map(i => i.src)")
        assert broken == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways at {width}"
        assert "ERROR:" not in page.locator("body").inner_text(), name
        texts = page.evaluate(CONTRAST)
        assert texts["count"] > 50 and texts["low"] == [], f"{name}, {theme}: these cannot be read: {texts['low']}"
        if os.environ.get("SCREENSHOTS"):
            file = f"{name.replace('/', '-')}-{width}-{theme}.png"
            page.screenshot(path=str(Path(os.environ["SCREENSHOTS"]) / file))
    assert thrown == []
    page.close()
