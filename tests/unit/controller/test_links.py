# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links to pages of others: their shape, and that each is known. No page is asked here.

external_links.txt has every page that anything here points to, so that a mistyped one is seen and a new one is looked at. With
the internet at hand, ``scripts/build_docs.py --external`` asks them all. Links within the site and the repository are checked by
its build.
"""

from __future__ import annotations

import re
import subprocess
import urllib.parse
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
KNOWN = (Path(__file__).parent / "external_links.txt").read_text().split()
URL = re.compile(r"\b[a-zA-Z]{2,6}://[^\s<>\"'`\\{}|^\[\]()]{2,}")
# Addresses of examples: reserved names, and the hosts themselves.
EXAMPLE = re.compile(r"(https?|unix)://(127\.0\.0\.1|localhost|\[|[\w.-]*\bexample\.(org|com|net))([:/]|$)|(file|unix):///")
# Where a reader of a page or of a plugin's documentation finds links.
READ = ("*.md", "galaxy.yml", ".github/*.yml", "docs/docsite/*.yml", "plugins/*.py", "plugins/*.yml", "roles/*.yml")


def links() -> dict[str, str]:
    """Each link of what git knows, without its fragment, with the first file that has it."""
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *READ], cwd=ROOT,
                           capture_output=True, text=True, check=True).stdout.split()
    found: dict[str, str] = {}
    for name in files:
        for link in URL.findall((ROOT / name).read_text()):
            page = link.rstrip(".,;:*").split("#")[0]
            if not EXAMPLE.match(page) and "gnu.org/licenses" not in page:
                found.setdefault(page, name)
    return found


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="git says which files there are")
def test_every_page_of_others_is_known_and_no_other():
    found = links()
    unknown = [f"{link} ({file})" for link, file in sorted(found.items()) if link not in KNOWN]
    assert unknown == [], "open these, then add them to external_links.txt"
    assert sorted(set(KNOWN) - set(found)) == [], "nothing points to these any more: take them out of external_links.txt"


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
