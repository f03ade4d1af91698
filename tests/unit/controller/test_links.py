# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links to pages of others: their shape, and that each is known. No page is asked here.

external_links.txt has every page that anything here points to, so that a mistyped one is seen and a new one is looked at. With
the internet at hand, ``scripts/build_docs.py --external`` asks them all. Relative links are checked by the build of the site,
whole ones to files of this repository here.
"""

from __future__ import annotations

import re
import subprocess
import urllib.parse
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
KNOWN = (Path(__file__).parent / "external_links.txt").read_text().split()
URL = re.compile(r"\b[a-zA-Z]{2,6}://[^\s<>\"'`\\{}|^\[\]()]{2,}")
# Addresses of examples: reserved names, and the hosts themselves.
EXAMPLE = re.compile(r"(https?|unix)://(127\.0\.0\.1|localhost|\[|[\w.-]*\bexample\.(org|com|net))([:/]|$)|(file|unix):///")
# Where a reader of a page or of a plugin's documentation finds links.
READ = ("*.md", "galaxy.yml", ".github/*.yml", "docs/docsite/*.yml", "plugins/*.py", "plugins/*.yml", "roles/*.yml")
# Files of this repository, as its host shows them.
REPOSITORY = yaml.safe_load((ROOT / "galaxy.yml").read_text())["repository"]
OWN = re.compile(re.escape(REPOSITORY) + r"/(blob|tree)/main/([^#\s]+)#?(\S*)")


def links() -> dict[str, str]:
    """Each link of what git knows, with the first file that has it."""
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *READ], cwd=ROOT,
                           capture_output=True, text=True, check=True).stdout.split()
    found: dict[str, str] = {}
    for name in files:
        for link in URL.findall((ROOT / name).read_text()):
            page = link.rstrip(".,;:*")
            if not EXAMPLE.match(page) and "gnu.org/licenses" not in page:
                found.setdefault(page, name)
    return found


def anchors(page: Path) -> set[str]:
    """What a link to a page may have behind ``#``."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="git says which files there are")
def test_every_page_of_others_is_known_and_no_other():
    found = {link.split("#")[0]: name for link, name in links().items() if not OWN.match(link)}
    unknown = [f"{link} ({file})" for link, file in sorted(found.items()) if link not in KNOWN]
    assert unknown == [], "open these, then add them to external_links.txt"
    assert sorted(set(KNOWN) - set(found)) == [], "nothing points to these any more: take them out of external_links.txt"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="git says which files there are")
def test_every_page_of_this_repository_is_there():
    own = {link: name for link, name in links().items() if OWN.match(link)}
    assert own
    for link, name in own.items():
        kind, path, anchor = OWN.findall(link)[0]
        page = ROOT / path
        assert page.is_file() if kind == "blob" else page.is_dir(), f"{name} links to {path}"
        assert not anchor or anchor in anchors(page), f"{name} links to {path}#{anchor}"


def test_readme_has_no_link_that_needs_the_files_beside_it():
    """Galaxy shows README.md alone, where nothing is beside it."""
    text = (ROOT / "README.md").read_text()
    assert re.findall(r"\]\((?!https://)[^)]*\)", text) + re.findall(r"^\[[^\]]+\]: (?!https://).*$", text, re.MULTILINE) == []
    named = set(re.findall(r"\]\[([^\]]+)\]", text))
    assert named == set(re.findall(r"^\[([^\]]+)\]: ", text, re.MULTILINE)), "links without a target, or targets without a link"


def test_known_pages_have_the_shape_of_a_page():
    assert sorted(set(KNOWN)) == KNOWN, "external_links.txt is sorted, each page once"
    for link in KNOWN:
        parts = urllib.parse.urlsplit(link)
        assert parts.scheme == "https", f"{link}: not by https"
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), f"{link}: no name of a server"
        assert "//" not in parts.path and " " not in link and not parts.fragment and not parts.username, link
    bare = [link.rstrip("/") for link in KNOWN]
    assert len(set(bare)) == len(bare), "one page in two spellings"


@pytest.mark.parametrize(("text", "page"), [
    ("see [it](https://docs.kernel.org/a.html#part).", ["https://docs.kernel.org/a.html#part"]),
    ("`http://127.0.0.1:9944`, <https://semver.org>;", ["http://127.0.0.1:9944`"[:-1], "https://semver.org"]),
    ("reference: https://man7.org/linux/", ["https://man7.org/linux/"]),
])
def test_links_are_found_in_text(text, page):
    assert [link.rstrip(".,;:*") for link in URL.findall(text)] == page
