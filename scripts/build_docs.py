# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the docs site: build_docs.py [--output DIRECTORY] [--external] [--without-pictures]

The guides of docs/, the pages of plugins by antsibull-docs, and pictures of the report by the Chromium of this machine, as
HTML in DIRECTORY (default: .cache/docsite). A warning ends it, and so does a link within the site that leads nowhere.
--external asks the internet for all other links, too.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = "plugins"
# Guides in the order of their titles; one that is not named here comes after them.
PARTS = {
    "Use": ["quick-start", "runbook", "rollout", "audit", "containers", "rebuild"],
    "Understand": ["causes", "scale", "performance", "reliability", "tested-on", "glossary"],
    "Change": ["architecture", "contributing", "releases"],
}
BESIDE = ("README.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "SECURITY.md",
          "roles/memory_pool/README.md", "roles/node_build/README.md")
BLOB = "https://github.com/aarch64-validator/aarch64.validator/blob/main/"
HIDDEN = {"README"}  # the list of guides for readers of the repository; the site has its own


def main() -> int:
    """Lay out the source, then build it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / ".cache/docsite")
    parser.add_argument("--external", action="store_true")
    parser.add_argument("--without-pictures", action="store_true")
    options = parser.parse_args()
    output = options.output.resolve()
    source = output.with_name(output.name + "-source")
    for directory in (source, output):
        shutil.rmtree(directory, ignore_errors=True)
    lay_out(source)
    plugin_pages(source / PLUGINS)
    pictures(source / "pictures", options.without_pictures)
    builders = ["html", "linkcheck"] if options.external else ["html"]
    for builder in builders:
        target = output if builder == "html" else output.with_name(output.name + "-links")
        run(["-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-b", builder, "-c", str(ROOT / "docs/docsite"), str(source),
             str(target)])
    sys.stdout.write(f"{output / 'index.html'}\n")
    return 0


def lay_out(source: Path) -> None:
    """Guides where they are in the repository, so that their links hold, and an index of them."""
    for page in BESIDE:
        (source / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / page, source / page)
    shutil.copytree(ROOT / "docs", source / "docs", ignore=shutil.ignore_patterns("docsite"))
    guides = {path.stem for path in (source / "docs").glob("*.md")} - HIDDEN
    named = {name for names in PARTS.values() for name in names}
    index = [(ROOT / "docs/docsite/index.md").read_text(encoding="utf-8")]
    for title, names in PARTS.items():
        here = [f"docs/{name}" for name in names if name in guides]
        if title == "Use":
            here += [f"docs/{name}" for name in sorted(guides - named)]
        index.append(toctree(title, here))
    reference = ["Role memory_pool <roles/memory_pool/README>", "Role node_build <roles/node_build/README>", "SECURITY",
                 f"Modules and filters <{PLUGINS}/index>", "CHANGELOG", "CODE_OF_CONDUCT"]
    index.append(toctree("Reference", reference))
    for listed in (source / "README.md", source / "docs/README.md"):  # others link to them, but the menu has all that they list
        listed.write_text("---\norphan: true\n---\n" + listed.read_text(encoding="utf-8"), encoding="utf-8")
    (source / "index.md").write_text("\n".join(index), encoding="utf-8")
    readme = source / "README.md"  # its links are whole, for Galaxy, which shows it alone; here they stay within the site
    text = readme.read_text(encoding="utf-8")
    readme.write_text(re.sub(rf"{re.escape(BLOB)}(\S+?\.md)", r"\1", text), encoding="utf-8")


def toctree(title: str, pages: list[str]) -> str:
    """A list of pages for the side of the site."""
    return "\n".join(["```{toctree}", ":maxdepth: 1", ":hidden:", f":caption: {title}", *pages, "```", ""])


def plugin_pages(directory: Path) -> None:
    """A page for each plugin and the role, from their own documentation."""
    directory.mkdir(parents=True)
    environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(ROOT / "playbooks/collections"))
    run(["-m", "antsibull_docs.cli.antsibull_docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error",
         "--dest-dir", str(directory), "aarch64.validator"], env=environment)
    for page in directory.glob("*.rst"):  # the theme has a list of contents of its own
        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(r"\.\. contents::\n(?:   .*\n)*", "", text), encoding="utf-8")


def pictures(directory: Path, without: bool) -> None:
    """Pictures of report.html, of a fleet that is made up and judged by the real rules."""
    directory.mkdir(parents=True)
    names = [f"{what}-{theme}.png" for what in ("report", "host") for theme in ("light", "dark")]
    if without:
        for name in names:
            (directory / name).write_bytes(b"")
        return
    sys.path[:0] = [str(ROOT / "playbooks/collections"), str(ROOT / "tests/support"), str(ROOT / "tests/unit")]
    from playwright.sync_api import sync_playwright

    from ansible_collections.aarch64.validator.plugins.plugin_utils._report._html import report_html

    report_fleets = importlib.import_module("report_fleets")  # found by the path above
    page_file = directory.parent / "report.html"
    report = report_fleets.fleet_report(40)
    page_file.write_text(report_html(report), encoding="utf-8")
    blocked = next(host["name"] for host in report["hosts"] if host["verdict"] == "blocked")
    chromium = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
    if chromium is None:
        raise SystemExit("build_docs.py: needs Chromium for its pictures: apt-get install chromium, or --without-pictures")
    with sync_playwright() as playwright:
        # Root has no sandbox; what is opened here was made here.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        for theme in ("light", "dark"):
            for what, anchor in (("report", ""), ("host", "#host=" + blocked)):
                page = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme=t.cast(t.Any, theme))
                page.goto(page_file.as_uri() + anchor)
                page.wait_for_selector("#table tbody tr", state="attached")
                page.screenshot(path=str(directory / f"{what}-{theme}.png"))
                page.close()
        browser.close()


def run(arguments: list[str], env: dict[str, str] | None = None) -> None:
    """Run a module of this Python; what it says is shown, and a failure ends the build."""
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=env, check=False)
    if done.returncode:
        raise SystemExit(f"build_docs.py: {arguments[1]} failed with {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
