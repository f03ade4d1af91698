# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether report.html of 1,000 to 10,000 hosts stutters, in the Chromium of this machine, which paints without a graphics card.

``open`` is until the page is loaded, ``filter`` until a word that is typed shows, ``frame`` between two pictures while one
scrolls through all hosts; 17 ms is what a screen takes. Milliseconds.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("playbooks/collections", "tests/unit", "tests/support")]

COUNTS = (1000, 3000, 10000)
WORDS = ("hel", "shm", "val-0099", "unreachable", "rpi nofile", "")
FRAMES = """async ([selector, times]) => {
  const node = document.querySelector(selector), gaps = [];
  let last = await new Promise(requestAnimationFrame);
  for (let step = 1; step <= times; step += 1) {
    node.scrollTop = (node.scrollHeight * step) / times;
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  gaps.sort((left, right) => left - right);
  return { median: gaps[times >> 1], p95: gaps[Math.floor(times * 0.95)], worst: gaps[times - 1] };
}"""
FILTER = """words => new Promise((done) => {
  const field = document.getElementById("words"), count = document.getElementById("count"), before = count.textContent;
  const started = performance.now();
  const look = () => (count.textContent !== before ? done(performance.now() - started) : requestAnimationFrame(look));
  field.value = words;
  field.dispatchEvent(new Event("input"));
  look();
})"""


def measured(browser: Browser, path: Path) -> dict[str, float]:
    """What one page takes."""
    page = browser.new_page(viewport={"width": 1360, "height": 900})
    page.goto(path.as_uri())
    told = {"open": page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")}
    page.uncheck("#group")
    for name in ("table", "heat"):
        frames = page.evaluate(FRAMES, [f"#{name}-scroll", 120])
        told.update({f"{name}, frame, median": frames["median"], f"{name}, frame, 95 %": frames["p95"]})
    filters = [page.evaluate(FILTER, words) for words in WORDS]
    told.update({"filter, median": statistics.median(filters), "filter, worst": max(filters)})
    page.close()
    return told


def main() -> None:
    from report_fleets import fleet_report, with_earlier

    from ansible_collections.aarch64.validator.plugins.plugin_utils._report._html import report_html

    chromium = shutil.which("chromium")
    if chromium is None:
        print("left out: needs chromium")
        return
    columns = []
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as directory:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for count in COUNTS:
            path = Path(directory, f"{count}.html")
            path.write_text(report_html(with_earlier(fleet_report(count))), encoding="utf-8")
            columns.append(dict({"megabytes": path.stat().st_size / 1e6}, **measured(browser, path)))
        browser.close()
    print(f"{'report.html':<27}" + "".join(f"{count:>10,}" for count in COUNTS))
    for name in columns[0]:
        print(f"{name:<27}" + "".join(f"{column[name]:>10.1f}" for column in columns))


if __name__ == "__main__":
    main()
