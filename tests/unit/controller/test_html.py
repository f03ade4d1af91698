# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html as text: whole in itself, small, and no host can become part of it. How it behaves is tested in tests/browser."""

from __future__ import annotations

import base64
import copy
import hashlib
import html
import html.parser
import json
import re

import pytest
import yaml
from report_fleets import EVIL, evil_report
from test_report import ADVICE, AT_RISK, BLOCKED, CAPPED, FAILED, HEALTHY, UNREACHABLE, judged, report

from ansible_collections.aarch64.validator.plugins.plugin_utils._report import _html, _html_data
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._drift import with_drift
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._html import headline, report_html, second_line
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._html_data import LONGEST, MOST, page_data
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._values import rules_by_id
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import DEFAULTS
from facts_factory import node_facts

FLEET = report("verify", a=HEALTHY, b=BLOCKED, c=AT_RISK, d=UNREACHABLE, e=FAILED, f=ADVICE, g=CAPPED)


class Page(html.parser.HTMLParser):
    """Elements of a page with their attributes, and the text of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict]] = []
        self.raw: dict[tuple, str] = {}
        self._inside: tuple[str, str | None] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        self._inside = (tag, attributes.get("type")) if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside:
            self.raw[self._inside] = self.raw.get(self._inside, "") + data


@pytest.mark.parametrize("told", [FLEET, evil_report(), report("audit")], ids=["fleet", "evil", "nobody"])
def test_page_is_made_of_its_own_elements_alone(told):
    """However hostile the values, the elements and attributes are those of the template and of rows that the page makes."""
    page, plain = Page(report_html(told)), Page(report_html(report("audit")))
    rows = (("tr", {}), ("td", {}))
    assert [one[0] for one in page.elements if one not in rows] == [one[0] for one in plain.elements if one not in rows]
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
    assert page.raw["script", "module"] == plain.raw["script", "module"]
    assert json.loads(page.raw["script", "application/json"])["mode"] == told["mode"]


@pytest.mark.parametrize("told", [FLEET, evil_report()], ids=["fleet", "evil"])
def test_data_cannot_end_its_element(told):
    text = Page(report_html(told)).raw["script", "application/json"]
    assert not re.search("[<>&\u2028\u2029]", text)
    assert text.isascii() and text.isprintable()


def test_evil_values_are_kept_as_text():
    page = page_data(evil_report())
    names = {host["name"] for host in page["hosts"]}
    assert {EVIL[0], "{{7*7}}", "<!--data-->", r"\u202egpj.exe", r"\x00", r"\ud800"} <= names
    assert all(text.isprintable() for text in page["texts"])
    assert all(finding[7] is None for finding in page["findings"]), "what is no https:// address became a link"


def test_policy_allows_its_own_script_and_style_and_nothing_else():
    page = Page(report_html(FLEET))
    (policy,) = [attributes["content"] for tag, attributes in page.elements
                 if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    def hashed(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert rules == {
        "default-src": "'none'", "script-src": hashed(page.raw["script", "module"]), "style-src": hashed(page.raw["style", None]),
        "img-src": "data:", "base-uri": "'none'", "form-action": "'none'", "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_nothing_is_loaded():
    page = Page(report_html(FLEET))
    sources = [value for _tag, attributes in page.elements for name, value in attributes.items()
               if name in ("src", "href", "srcset", "action", "poster", "data")]
    assert sources == ["data:,", "#hosts"]
    assert "url(" not in page.raw["style", None] and "@import" not in page.raw["style", None]
    script = page.raw["script", "module"].replace("http://www.w3.org/2000/svg", "")  # a name, never asked for
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|sendBeacon|import|EventSource|Worker)\b", script)
    assert "http://" not in script and "https://" not in script


def test_script_makes_text_and_never_markup():
    script = "".join(_html.template(name) for name in _html.SCRIPTS)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|srcdoc", script)


def test_each_file_of_the_page_is_used_and_says_its_licence():
    assert {path.name for path in _html.TEMPLATES.iterdir()} == {"page.html", *_html.STYLES, *_html.SCRIPTS}
    for path in _html.TEMPLATES.iterdir():
        head = "".join(path.read_text().splitlines(keepends=True)[:5])
        assert "SPDX-License-" "Identifier: GPL-3.0-or-later" in head, path.name


def test_collection_brings_the_files_of_the_page():
    ignored = yaml.safe_load((_html.TEMPLATES.parents[3] / "galaxy.yml").read_text())["build_ignore"]
    assert not [pattern for pattern in ignored if any(path.match(pattern) for path in _html.TEMPLATES.iterdir())]


def test_page_without_script_says_who_is_worst():
    text = report_html(evil_report())
    assert html.escape(EVIL[0]) in text and EVIL[0] not in text
    many = report_html(report(**{f"val-{number}": BLOCKED for number in range(99)}))
    assert many.count("<tr><td>") == _html.WORST and "The worst 50 of 99 hosts." in many
    assert "<h1 id=\"headline\">99 of 99 hosts cannot run their node.</h1>" in many


@pytest.mark.parametrize(("hosts", "said"), [
    ({}, "No host was looked at."),
    ({"a": HEALTHY}, "The host is healthy."),
    ({"a": HEALTHY, "b": HEALTHY}, "All 2 hosts are healthy."),
    ({"a": UNREACHABLE}, "Nothing is known: no host could be judged."),
    ({"a": HEALTHY, "b": FAILED}, "No host that could be judged is blocked."),
    ({"a": ADVICE}, "No host is blocked."),
    ({"a": BLOCKED}, "1 of 1 host cannot run its node."),
    ({"a": BLOCKED, "b": BLOCKED, "c": AT_RISK}, "2 of 3 hosts cannot run their node. 1 is at risk."),
])
def test_headline(hosts, said):
    assert headline(report(**hosts)["summary"]) == said


def test_second_line_credits_no_placebo():
    assert "on 1 host." in second_line(report(a=BLOCKED, b=AT_RISK))
    assert second_line(report(a=AT_RISK)) == "Memory pools are refused on none of the hosts that were judged."
    assert second_line(report(a=UNREACHABLE)).startswith("Of 1 host nothing is known")


def test_host_has_all_that_its_page_shows():
    page = page_data(FLEET)
    host = next(entry for entry in page["hosts"] if entry["name"] == "b")
    texts, finding = page["texts"], page["findings"][host["findings"][0]]
    assert (texts[finding[0]], page["severities"][finding[1]]) == ("address-space-limit", "blocker")
    assert finding[5] is True and finding[6] is True and texts[finding[7]].startswith("https://")
    assert page["pools"][host["pools"][0]][2:4] == (0, 3) and host["judged"] is True
    assert page["rules"]["address-space-limit"]["do"].startswith("the playbook remediate sets LimitAS=infinity")
    failed = next(entry for entry in page["hosts"] if entry["name"] == "e")
    assert failed["verdict"] == 0 and texts[failed["failure"]] == FAILED["failure"]["message"] and "judged" not in failed


def test_what_a_finding_means_is_told_of_each_that_can_be():
    for identifier in DEFAULTS:
        rule = rules_by_id().get(identifier)
        told = _html_data._rule(identifier, rule)
        assert "``" not in "".join(str(value) for value in told.values())
        assert rule is None or (told["title"] and told["do"]), identifier


def test_what_changed_is_counted():
    before = report("verify", a=BLOCKED, c=AT_RISK, gone=HEALTHY)
    page = page_data(with_drift(FLEET, before))
    assert page["drift"]["hosts_gone"] == ["gone"] and page["drift"]["hosts_new"] == 5
    counts = {row[0]: row[1:] for row in page["drift"]["findings"]}
    assert counts["address-space-limit"] == [1, 1, 0]
    host = next(entry for entry in page["hosts"] if entry["name"] == "a")
    assert page["verdicts"][host["drift"]["was"]] == "blocked" and host["drift"]["counts"] == [0, 1, 0]
    assert page_data(FLEET)["drift"] is None


def test_endless_texts_are_cut_and_say_so():
    long = judged(node_facts(), notes=["x" * 99999] * 2, changes=[f"change {number}" for number in range(500)])
    page = page_data(report(a=long))
    assert max(map(len, page["texts"])) < LONGEST + 60
    (host,) = page["hosts"]
    assert len(host["changes"]) == MOST + 1
    assert page["texts"][host["changes"][-1]] == f"... and {500 - MOST} more in report.json"


def fleet(count: int) -> dict:
    """Hosts each of which tells something that no other tells."""
    kinds = (HEALTHY, BLOCKED, AT_RISK, CAPPED, UNREACHABLE)
    hosts = {}
    for number in range(count):
        outcome = copy.deepcopy(kinds[number % len(kinds)])
        for item in outcome.get("assessment", {}).get("findings", []):
            item["evidence"] += [f"shm.used = {number * 4096}"]
        hosts[f"val-{number:05}.example.org"] = outcome
    return report("audit", **hosts)


def test_size_grows_with_the_hosts_and_stays_small():
    none, some, more = (len(report_html(fleet(count))) for count in (0, 500, 1000))
    each = (more - some) / 500
    assert (some - none) / 500 < 1.5 * each + 60, "the first hosts cost more than the later ones"
    assert each < 1000, "10,000 hosts would take more than 10 MB"
    assert none < 120_000, "the page itself"


def test_work_grows_with_the_hosts(monkeypatch):
    """Counted, not timed: how often a text is made safe, once for each that is new."""
    calls = []
    monkeypatch.setattr(_html_data, "plain", lambda text: calls.append(text) or str(text))
    counts = []
    for count in (200, 400, 800):
        calls.clear()
        page_data(fleet(count))
        counts.append(len(calls))
    assert counts[2] - counts[1] == pytest.approx(2 * (counts[1] - counts[0]), rel=0.02)
    assert counts[2] < 800 * 4


def test_merged_report_names_its_pieces_and_nodes_that_are_the_same():
    told = dict(FLEET, pieces=[{"file": "<a>/report.json", "generated_at": "2026-01-01T00:00:00Z", "hosts": 7}],
                duplicate_identities=[{"text": "a and <b> have one peer id"}])
    text, plain = report_html(told), report_html(FLEET)
    assert "<tr><td>a and &lt;b&gt; have one peer id</td></tr>" in text
    assert "<tr><td>&lt;a&gt;/report.json</td><td>7</td>" in text
    for name in ("twice", "pieces"):
        hidden = re.compile(rf'<section class="card[^"]*" id="{name}" [^>]*hidden>')
        assert hidden.search(plain) and not hidden.search(text)


def test_what_could_not_be_read_is_named():
    facts = dict(node_facts(), unread=[{"path": "journalctl", "reason": "<corrupted>"}])
    told = report("audit", a=judged(facts))
    assert "On 1 host something could not be read" in second_line(told)
    page = page_data(told)
    assert [page["texts"][number] for number in page["hosts"][0]["gaps"]] == ["journalctl (<corrupted>)"]
