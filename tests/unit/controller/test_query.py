# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a report: what is answered, and that no slip of the pen looks like a healthy fleet."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from hypothesis import given
from hypothesis import strategies as st
from test_report import ADVICE, AT_RISK, BLOCKED, FAILED, HEALTHY, UNREACHABLE, judged, report

from ansible_collections.aarch64.validator.plugins.filter.query import query
from ansible_collections.aarch64.validator.plugins.plugin_utils._query import QueryError, answer_text, checked, plain_answer
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._drift import with_drift
from facts_factory import host_facts, limits, node_facts

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/audit.md").read_text()
QUERIES = re.findall(r"^```jmespath\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
RUN_PLAYBOOK = runpy.run_path(str(ROOT / "scripts/run_playbook.py"))

RECORDED = judged(json.loads((ROOT / "tests/unit/recorded/x86_64-va47-container.json").read_text()))
SMALL = judged(node_facts(kernel={"va_bits": 39}, host={"board": "Raspberry Pi 4 Model B"}))
LOW = limits(nofile=1024)
LIMITED = judged(node_facts({"limits": {"configured": LOW, "live": LOW}}), pending=["polkadot.service"])
FLEET = json.loads(json.dumps(with_drift(
    report(a=HEALTHY, b=BLOCKED, c=AT_RISK, d=UNREACHABLE, e=FAILED, f=SMALL, g=LIMITED, h=judged(host_facts()), i=ADVICE),
    report(a=HEALTHY, b=HEALTHY, c=AT_RISK))))


def message(expression: str, document: dict = FLEET) -> str:
    with pytest.raises(QueryError) as caught:
        plain_answer(document, expression)
    return str(caught.value)


def test_page_has_ten_queries():
    assert len(QUERIES) >= 10


@pytest.mark.parametrize("expression", QUERIES)
def test_queries_of_the_page_find_something(expression):
    assert plain_answer(FLEET, expression)


@pytest.mark.parametrize("expression", QUERIES)
def test_queries_of_the_page_hold_for_a_fleet_that_is_well(expression):
    outcomes = {"a": HEALTHY, "b": RECORDED}
    well = json.loads(json.dumps(with_drift(report(**outcomes), report(**outcomes))))
    assert isinstance(plain_answer(well, expression), list)


def test_examples_of_the_page_say_what_it_says():
    (shown,) = re.findall(r"^```text\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
    said = message("hosts[?facts.kernel.va_bit < `42`].name")
    assert said.splitlines()[1:] == shown.splitlines()[1:]
    assert said.startswith(shown.splitlines()[0].rstrip("?"))


@pytest.mark.parametrize(("expression", "found"), [
    ("hosts[?verdict=='blocked'].name", ["b"]),
    ("hosts[?facts.kernel.va_bits < `42`].name", ["f"]),
    ("summary.hosts", 9),
    ("length(hosts[?verdict=='healthy'])", 2),
    ("hosts[?name=='a'].facts.services.\"polkadot.service\".user | [0]", "polkadot"),
    ("hosts[?name=='a'].pools.*.engines_needed | []", [3]),
    ("hosts[?name=='nobody'].facts.kernel.release", []),
    ("max_by(hosts[?facts.kernel], &facts.kernel.va_bits).facts.kernel.va_bits", 48),
    ("hosts[0].failure.message", "size: '2X' is not valid; give 2G"),
    ("hosts[?name=='a'] | [0].failure.message", None),
    ("hosts[].notes[].whatever", []),
    ("hosts[?name=='c'].{n: name, s: settings[?!ok].setting | [0]}", [{"n": "c", "s": "/dev/shm size"}]),
    ("map(&name, hosts)[:2]", ["e", "d"]),
    ("keys(summary) | length(@)", 7),
    ("hosts[?contains(findings[].id, 'shm-too-small')].name", ["c"]),
    ("hosts[:1].name", ["e"]),
    ("(hosts[?name=='a'].facts.services.*.limits)[].live.nofile.soft", [65535]),
    ("to_array(summary)[0].hosts", 9),
    ("not_null(hosts[0].failure.message, hosts[0].verdict)", "size: '2X' is not valid; give 2G"),
    ("hosts[?!failure && verdict=='healthy'].name\n | [0]", "a"),
])
def test_answer(expression, found):
    assert plain_answer(FLEET, expression) == found


@pytest.mark.parametrize(("expression", "told"), [
    ("hosts[?facts.kernel.va_bit < `42`]", "column 21: no host has facts.kernel.va_bit; did you mean va_bits"),
    ("hosts[?kernel.va_bits < `42`]", "column 8: no host has kernel; did you mean facts.kernel?"),
    ("hosts[].facts.kernel.va_bit", "column 22: no host has facts.kernel.va_bit"),
    ("hosts[*].verdic", "no host has verdic; did you mean verdict"),
    ("host[].name", "column 1: the report has no host; did you mean hosts"),
    ("hosts[?verdict==\"blocked\"].name", "column 17: no host has blocked; a text is written in single quotes: 'blocked'"),
    ("hosts.name", "column 7: the report has no hosts.name: hosts is a list; take its elements first: hosts[]"),
    ("summary[].blocked", "column 1: summary is a mapping, not a list; write .* in place of []"),
    ("hosts.*.name", "hosts is a list, not a mapping; write [] in place of .*"),
    ("hosts[].verdict.text", "no host has verdict.text: hosts[].verdict is a text"),
    ("hosts[].findings[].severty", "no host has findings[].severty; did you mean severity"),
    ("hosts[].facts.services.*.limit", "no host has facts.services.*.limit; did you mean limits"),
    ("hosts[].facts.services.\"polkadot\"", "did you mean \"polkadot.service\""),
    ("hosts[].pools.nobody", "no host has pools.nobody; known there: host, \"polkadot.service\""),
    ("hosts[].{n: name} | [].m", "nothing here has m; known there: n"),
    ("hosts[].name | foo", "nothing here has foo: the list of hosts[].name is a list"),
    ("hosts[].facts.services.*.limits.live", "the list of hosts[].facts.services.*.limits is a list; take its elements first: "
                                             "(hosts[].facts.services.*.limits)[]"),
    ("hosts[?failure != null]", "no host has null; write `null`"),
    ("length(hosts[?verdct=='blocked'])", "no host has verdct; did you mean verdict"),
    ("sort_by(hosts, &nam)[0]", "column 17: no host has nam; did you mean name"),
    ("sort_by(hosts, &name)[0].nam", "no host has nam; did you mean name"),
    ("map(&nam, hosts)", "no host has nam"),
    ("hosts[?contains(findings[].ident, 'x')]", "no host has findings[].ident"),
    ("hosts[?!falure]", "no host has falure; did you mean failure"),
    ("hosts[?verdict=='blocked' && nam=='x']", "no host has nam"),
    ("[hosts[].nam, hosts[].name]", "no host has nam"),
    ("values(summary)[0].x", "summary.* is a number"),
    ("hosts[?facts.kernel.va_bits < '42']", "a text such as '42' is neither less nor more than anything, numbers alone are; "
                                            "write `42`"),
    ("hosts[?facts.kernel.va_bits == '39']", "hosts[].facts.kernel.va_bits is a number, which never equals a text; write `39`"),
    ("hosts[?'39' != facts.kernel.va_bits].name", "write `39`"),
    ("hosts[].findings[?explains=='true'][]", "hosts[].findings[].explains is true or false, which never equals a text; write "
                                              "`true`"),
    ("hosts[?findings[].id=='shm-full']", "column 19: the list of hosts[].findings[].id is a list, which never equals a text; "
                                          "ask whether it holds one: contains(LIST, 'shm-full')"),
    ("hosts[?findings==`1`].name", "hosts[].findings is a list, which never equals a number"),
])
def test_path_that_leads_nowhere(expression, told):
    assert told in message(expression)


@pytest.mark.parametrize(("expression", "told", "column"), [
    ("hosts[", "the expression is not complete", 7),
    ("hosts[?verdict='x']", "to compare, write ==", 15),
    ("hosts[?facts.kernel.va_bits < 42]", "a number is written between backticks: `42`", 31),
    ("hosts[] name", "'name' cannot stand here", 9),
    ("hosts\n[?name ==== 'x']", "cannot stand here", 10),
    ("hosts[].fooo(@)", "there is no function fooo; did you mean floor?", 9),
    ("hosts[?contain(name, 'x')]", "did you mean contains", 8),
    ("\thosts[\x1b", "Unknown token", 8),
])
def test_wrong_expression_is_marked_at_its_place(expression, told, column):
    first, line, mark = message(expression, {"hosts": []}).splitlines()
    assert first.startswith(f"column {column}: ") and told in first
    assert mark.index("^") == column - 1 + 2 and len(line) >= column + 1
    assert line.isprintable()


@pytest.mark.parametrize(("expression", "told"), [
    ("", "give one such as hosts[?verdict=='blocked'].name"),
    (None, "no text"),
    ("[" * 5000, "nested too deeply"),
    ("hosts[?contains(facts.host.board, 'x')]", "ask for it first: NAME && function(NAME, ...)"),
    ("abs(hosts)", "In function abs()"),
    ("abs('x', 'y')", "Expected 1 argument"),
    ("hosts[::0]", "slice step cannot be zero"),
    ("hosts[?name == 'x]", "Unclosed ' delimiter"),
])
def test_what_cannot_be_answered(expression, told):
    said = message(expression, report(h=judged(host_facts(host={"board": None}))))
    assert told in said and len(said) < 1000


def test_of_no_host_and_of_what_no_host_has_any_of_nothing_is_known():
    assert plain_answer(report(), "hosts[?facts.kernel.va_bit < `42`].name") == []
    assert plain_answer(report(d=UNREACHABLE), "hosts[?facts.kernel.va_bits < `42`].name") == []
    assert plain_answer(report(h=judged(host_facts())), "hosts[].facts.services.*.limits") == [[]]


def test_names_of_hosts_cannot_drive_the_terminal():
    evil = json.loads(json.dumps(report(h=judged(dict(host_facts(), services={})))))
    evil["hosts"][0]["pools"] = {"\x1b[31mred\n": {}}
    assert "\x1b" not in message("hosts[].pools.red", evil)
    shown = answer_text({"\x1b[2J": "\x7f\x9b\u202e"})
    assert shown.replace("\n", "").isprintable() and shown.isascii()
    assert json.loads(shown) == {"\x1b[2J": "\x7f\x9b\u202e"}


@given(st.data())
def test_what_has_an_answer_is_never_refused(data):
    """Along any path that is there, through lists, mappings, filters and pipes."""
    value, expression = FLEET, "@"
    for _step in range(data.draw(st.integers(1, 7))):
        if isinstance(value, dict) and value:
            name = data.draw(st.sampled_from(sorted(value)))
            expression += f".{json.dumps(name)}"
            value = value[name]
        elif isinstance(value, list) and value:
            number = data.draw(st.integers(0, len(value) - 1))
            expression += data.draw(st.sampled_from([f"[{number}]", f"[{number}:] | [0]", f" | [{number}]", "[?@] | [0]"]))
            value = value[number]
    checked(expression)
    plain_answer(FLEET, expression)


def test_filter():
    assert query(FLEET, "hosts[?verdict=='blocked'].name") == ["b"]
    with pytest.raises(AnsibleFilterError, match="query: column 9: no host has nam; did you mean name"):
        query(FLEET, "hosts[].nam")
    with pytest.raises(AnsibleFilterError, match="the input is of type list; give a report"):
        query([], "hosts")


@pytest.mark.parametrize("text", [
    "hosts[?a < `42`].{b: \"c\\\\d\"}",
    "contains(name, '{{ 7 * 7 }}') || '{% raw %}'",
    "'\n\t\x7f\u2028 \u00e9 \U0001f600 : # & * ! '",
    "'}, \"x\": \"'",
])
def test_question_arrives_as_it_was_given_and_is_no_template(text):
    option, variables = RUN_PLAYBOOK["question"](text)
    assert option == "-e" and variables.isascii() and "\n" not in variables
    assert DataLoader().load(variables) == {"memory_pool_query": text}
    assert ": !unsafe " in variables
    assert RUN_PLAYBOOK["question"]("") == []


@pytest.mark.parametrize("text", ["hosts[?a == `1`] | '$(shell id) $HOME `x` \"y\"'", "'; touch pwned; '"])
def test_make_hands_the_question_over_untouched(tmp_path, text):
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin/python"
    stand_in.write_text('#!/bin/sh\nprintenv QUERY\necho "$@"\n')
    stand_in.chmod(0o755)
    (tmp_path / ".installed").touch()
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "QUERY")}
    for arguments, more in (([f"QUERY={text.replace('$', '$$')}"], {}), ([], {"QUERY": text})):
        done = subprocess.run(["make", "-s", "audit", f"VENV={tmp_path}", *arguments], cwd=ROOT, env={**environment, **more},
                              capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "scripts/run_playbook.py audit"
        assert done.stdout.splitlines()[0].replace("$$", "$") == text


def test_wrong_question_ends_before_any_host_is_asked():
    done = subprocess.run([sys.executable, str(ROOT / "scripts/run_playbook.py"), "audit"], cwd=ROOT, capture_output=True,
                          text=True, check=False, env={**os.environ, "QUERY": "hosts[?verdict='x']", "INVENTORY": "none"})
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.startswith("QUERY: column 15: ") and done.stderr.rstrip().endswith("^")
