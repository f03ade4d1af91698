# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other forms of a report: read by the programs they are for, whatever a host is called or logs."""

from __future__ import annotations

import contextlib
import csv
import functools
import hashlib
import importlib.metadata
import io
import json
import os
import pickletools
import sqlite3
import stat
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest
from junitparser import JUnitXml
from prometheus_client.parser import text_string_to_metric_families
from report_fleets import judged_as
from test_replay import audit
from test_report import ADVICE, AT_RISK, BLOCKED, CAPPED, FAILED, HEALTHY, UNREACHABLE, judged, report

from ansible_collections.aarch64.validator.plugins.action import report as action
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._csv import COLUMNS, hosts_csv
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._junit import junit_xml
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._metrics import metrics_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._sarif import FINGERPRINT, sarif, sarif_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import DEFAULTS
from facts_factory import ENGINE_NOW, GIB, node_facts

SARIF_TITLE = b"Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema"
SARIF_CHECKSUM = "7402cdfd5bfbff98071b3358e573041b86adb7e1c6ec8743303f93715937c371"
EVIL_UNIT = "=a\"b\\c\x1b[31m</testcase>\n{0}[x](https://example.org)\ud800.service"
EVIL_NAMES = ("=1+1", "-x\n,y", "@SUM(A1)", "+1", "\t=1", "\r=1", "\uff1d1", 'a"b\\', "a\\", "<&>\x00\x0b\u2028\ufffe",
              "\ud83d\udca9 \ud800", "{a}")


def evil_outcome() -> dict:
    facts = node_facts({"limits": {"configured": {}, "live": {"nofile": {"soft": 1024, "hard": 1024}}}},
                       kernel={"release": "=cmd|' /C calc'!A0"}, host={"board": "@board\x07"})
    facts, assessment = judged_as(EVIL_UNIT, facts)
    return {"facts": facts, "assessment": assessment, "pending": ["=x", "y"]}


FLEET = report("verify", a=HEALTHY, b=BLOCKED, c=AT_RISK, d=UNREACHABLE, e=FAILED, f=ADVICE, g=CAPPED)
EVIL = report("audit", **{name: evil_outcome() for name in EVIL_NAMES},
              **{"=failed": {"failure": {"task": None, "message": "=\x1b]0;\x07 ]]> {0} [x](y)\ud800", "unreachable": False}}})
NOBODY = report("audit")
REPORTS = pytest.mark.parametrize("told", [FLEET, EVIL, NOBODY], ids=["fleet", "evil", "nobody"])


def rows(told: dict) -> list:
    return list(csv.DictReader(io.StringIO(hosts_csv(told), newline="")))


@REPORTS
def test_every_form_is_printable_text_that_can_be_written(told):
    for build in action.FORMATS.values():
        written = build(told)
        assert written.replace("\n", "").isprintable(), build.__name__
        assert written.endswith("\n") and written.encode()


@REPORTS
def test_csv_has_one_row_for_each_host_and_no_formula(told):
    table = list(csv.reader(io.StringIO(hosts_csv(told), newline="")))
    assert table[0] == list(COLUMNS) and len(table) == 1 + len(told["hosts"])
    for row in table:
        assert len(row) == len(COLUMNS)
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d")) for cell in row)


def test_csv_says_what_decides():
    table = {row["name"]: row for row in rows(FLEET)}
    assert (table["b"]["verdict"], table["b"]["first_cause"], table["b"]["explains"]) == ("blocked", "address-space-limit", "yes")
    assert (table["c"]["first_cause"], table["c"]["explains"], table["c"]["changes"]) == ("shm-too-small", "no", "1")
    assert table["c"]["shm_live_bytes"] == str(64 << 20) and table["c"]["service"] == "" and table["c"]["nofile_live"] == "1024"
    assert table["d"]["failure"] == "unreachable: no route to host" and table["d"]["va_bits"] == ""
    assert (table["a"]["engine_bytes"], table["a"]["engines_needed"]) == (str(ENGINE_NOW), "3")
    assert (table["a"]["machine"], table["a"]["kernel_release"], table["a"]["va_bits"]) == ("aarch64", "6.1.0", "48")
    assert (table["g"]["nofile_live"], table["g"]["memlock_live"]) == ("65535", str(8 << 20))
    assert table["a"]["memlock_live"] == "infinity" and table["a"]["services"] == "polkadot.service"


def test_csv_tells_of_the_service_with_least_room():
    facts = node_facts({"limits": {"configured": {"as": {"soft": 300 * GIB, "hard": 300 * GIB}, "nofile": {"soft": 5, "hard": 5}},
                                   "live": {}}})
    facts["services"]["a.service"] = node_facts()["services"]["polkadot.service"]
    (row,) = rows(report(val=judged(facts)))
    assert (row["service"], row["engines_fit"], row["services"]) == ("polkadot.service", "1", "a.service polkadot.service")


@REPORTS
def test_junit_is_read_and_its_sums_are_right(told):
    suites = JUnitXml.fromstring(junit_xml(told).encode())
    assert len(suites) == len(told["hosts"])
    for key in ("tests", "failures", "errors"):
        assert getattr(suites, key) == sum(getattr(suite, key) for suite in suites)
    for suite in suites:
        cases = list(suite)
        assert suite.tests == len(cases) == len({case.name for case in cases}), "a server takes tests of one name for one"
        results = [type(result).__name__ for case in cases for result in case.result]
        assert (suite.failures, suite.errors) == (results.count("Failure"), results.count("Error"))


def test_junit_fails_what_is_serious_and_passes_what_is_fixed():
    tree = ET.fromstring(junit_xml(FLEET))
    kinds = {(suite.get("name"), case.get("name")): [child.tag for child in case] for suite in tree for case in suite}
    assert kinds["b", "address-space-limit polkadot.service"] == ["failure"]
    assert kinds["c", "shm-too-small"] == kinds["c", "setting /dev/shm size"] == ["failure"]
    assert kinds["f", "not-evaluated"] == ["system-out"]
    assert kinds["d", "unreachable"] == kinds["e", "failed"] == ["error"]
    assert [name for host, name in kinds if host in "de"] == ["failed", "unreachable"], "nothing is known of a host that failed"
    assert all(kinds["a", identifier] == [] for identifier in set(DEFAULTS) - {item["id"] for item in found("a")})
    assert kinds["a", "setting LimitNOFILE polkadot.service"] == []


def found(host: str) -> list:
    return next(entry["findings"] for entry in FLEET["hosts"] if entry["name"] == host)


@functools.lru_cache(maxsize=1)
def schema() -> dict:
    """The schema that OASIS published with the standard, out of the collection of schemas of json-schema.org's Python project.

    Its checksum tells that it is that one. The collection is a database of pickled answers, whose bytes are read without
    unpickling anything.
    """
    path = importlib.metadata.distribution("schemastore").locate_file("schemastore/cache.sqlite")
    with contextlib.closing(sqlite3.connect(f"{Path(str(path)).as_uri()}?mode=ro", uri=True)) as store:
        answers = [answer for (answer,) in store.execute("SELECT value FROM responses WHERE instr(value, ?)", (SARIF_TITLE,))]
    contents = (next(part for code, part, _place in pickletools.genops(answer) if code.name.startswith("BINBYTES"))
                for answer in answers)
    return json.loads(next(content for content in contents if hashlib.sha256(content).hexdigest() == SARIF_CHECKSUM))


@REPORTS
def test_sarif_is_valid(told):
    log = json.loads(sarif_text(told))
    assert log["$schema"].endswith("/sarif-schema-2.1.0.json")
    checker = jsonschema.Draft7Validator(schema(), format_checker=jsonschema.FormatChecker())
    assert not [f"{list(error.path)}: {error.message}" for error in checker.iter_errors(log)]


def test_schema_of_sarif_is_asked_at_all():
    log = sarif(FLEET)
    log["runs"][0]["results"][0]["level"] = "blocker"
    assert not jsonschema.Draft7Validator(schema()).is_valid(log)


def test_sarif_has_each_rule_and_each_finding():
    (run,) = sarif(FLEET)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["version"] == FLEET["version"]
    assert {rule["id"] for rule in rules} == set(DEFAULTS)
    small = next(rule for rule in rules if rule["id"] == "shm-mode")
    assert small["shortDescription"] == {"text": "Not everyone may create shared memory."}
    assert small["help"]["text"].endswith("Do: the playbook remediate sets the mode.")
    assert small["helpUri"].startswith("https://") and small["defaultConfiguration"] == {"level": "warning"}
    assert len(run["results"]) == sum(len(entry["findings"]) for entry in FLEET["hosts"])
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    (blocker,) = [result for result in run["results"] if result["ruleId"] == "address-space-limit"]
    assert blocker["level"] == "error" and blocker["properties"]["explains"] is True
    places = blocker["locations"][0]["logicalLocations"]
    assert [place["fullyQualifiedName"] for place in places] == ["b/polkadot.service", "b"]
    assert [note["descriptor"]["id"] for note in run["invocations"][0]["toolExecutionNotifications"]] == ["failed", "unreachable"]
    assert run["invocations"][0]["executionSuccessful"] is False


def test_sarif_fingerprints_are_of_host_finding_and_service_alone():
    def prints(told: dict) -> set:
        return {result["fingerprints"][FINGERPRINT] for result in sarif(told)["runs"][0]["results"]}

    other = report(c=judged(node_facts(shm={"size": 1 << 20})))
    assert len(prints(FLEET)) == len(sarif(FLEET)["runs"][0]["results"])
    assert prints(report(c=AT_RISK)) & prints(other), "another size of /dev/shm is the same finding"
    assert not prints(report(c=AT_RISK)) & prints(report(d=AT_RISK))


def test_sarif_message_of_a_host_has_no_link_and_no_placeholder():
    notes = sarif(EVIL)["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    (failed,) = [note for note in notes if note["level"] == "error"]
    assert failed["message"]["text"] == r"=\\x1b\]0;\\x07 \]\]> {{0}} \[x\](y)\\ud800"


def samples(told: dict) -> dict:
    families = list(text_string_to_metric_families(metrics_text(told)))
    assert all(family.documentation and family.type == "gauge" for family in families)
    found_samples = [sample for family in families for sample in family.samples]
    table = {(sample.name, *sorted(sample.labels.items())): sample.value for sample in found_samples}
    assert len(table) == len(found_samples), "Prometheus refuses a file with one sample twice"
    return table


@REPORTS
def test_metrics_are_read_and_name_each_host(told):
    verdicts = [value for (name, *_labels), value in samples(told).items() if name == "aarch64_validator_host_verdict"]
    assert set(verdicts) <= {1} and len(verdicts) == len(told["hosts"])


def test_metrics_say_what_decides():
    table = {(name[len("aarch64_validator_"):], *(value for _label, value in labels)): number
             for (name, *labels), number in samples(FLEET).items()}
    assert table["hosts", "failed"] == 1 and table["host_verdict", "b", "blocked"] == 1
    assert table["findings", "b", "blocker"] == 1 and table["findings", "a", "blocker"] == 0
    assert ("findings", "d", "blocker") not in table, "nothing is known of a host that failed"
    assert table["engines_fit", "b", "polkadot.service"] == 0 and table["engines_needed", "b", "polkadot.service"] == 3
    assert table["va_bits", "a"] == 48
    assert table["shm_bytes", "c", "live"] == 64 << 20 and table["shm_bytes", "c", "wanted"] == 2 * GIB
    assert table["limit", "g", "live", "memlock", "polkadot.service"] == 8 << 20
    assert table["limit", "a", "live", "memlock", "polkadot.service"] == float("inf")
    assert table[("report_timestamp_seconds",)] == 1767225600


def test_two_recorded_files_of_one_host_cost_no_metric():
    told = dict(FLEET, hosts=[entry for entry in FLEET["hosts"] for _time in range(2)])
    assert samples(told) == samples(FLEET)


def test_form_that_cannot_be_made_costs_none_of_the_others(tmp_path, monkeypatch):
    def broken(_report: dict) -> str:
        raise KeyError("x")

    monkeypatch.setitem(action.FORMATS, "junit.xml", broken)
    (tmp_path / "junit.xml").write_text("of an earlier run")
    (tmp_path / "report.sarif").mkdir()
    written = action.write_formats(FLEET, str(tmp_path))
    assert [os.path.basename(path) for path in written] == ["hosts.csv", "metrics.prom", "report.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hosts.csv", "metrics.prom", "report.html", "report.sarif"]
    assert stat.S_IMODE((tmp_path / "metrics.prom").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "hosts.csv").stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A directory of recorded facts of three hosts, one of them broken."""
    facts = tmp_path_factory.mktemp("recorded") / "facts"
    facts.mkdir()
    (facts / "val-1.json").write_text(json.dumps(node_facts()))
    (facts / "val-2.json").write_text(json.dumps(node_facts(kernel={"va_bits": 39})))
    (facts / "val-3.json").write_text("{")
    return str(facts)


def test_playbook_writes_every_form_and_answers_last(tmp_path, recorded):
    query = "hosts[?facts.kernel.va_bits < `42`].{name: name}"
    run = audit(tmp_path, memory_pool_facts_dir=recorded, memory_pool_fail_on="never", memory_pool_query=query)
    assert run.status == 0, run.output
    directory = tmp_path / "validator-report"
    assert {path.name for path in directory.iterdir()} == {"report.json", "query.json", *action.FORMATS}
    assert json.loads((directory / "query.json").read_text()) == [{"name": "val-2"}]
    after = run.output.split("report: ", 1)[1].splitlines()
    assert json.loads("".join(after[1:after.index("]") + 1])) == [{"name": "val-2"}]
    for name, build in action.FORMATS.items():
        assert (directory / name).read_text() == build(run.report), f"{name} is not made from report.json alone"


def test_wrong_query_ends_the_run_after_the_report_was_written(tmp_path, recorded):
    (tmp_path / "validator-report").mkdir()
    (tmp_path / "validator-report/query.json").write_text("of an earlier run")
    run = audit(tmp_path, memory_pool_facts_dir=recorded, memory_pool_query="hosts[].facts.kernel.va_bit")
    assert run.status == 2 and run.report["summary"]["hosts"] == 3
    assert "memory_pool_query: column 22: no host has facts.kernel.va_bit; did you mean va_bits" in run.output
    assert "failed: val-3" in run.output, "the reason that the verdicts give is lost"
    assert {path.name for path in (tmp_path / "validator-report").iterdir()} == {"report.json", *action.FORMATS}


def test_filter_takes_what_ansible_hands_it(tmp_path):
    """Containers and texts of ansible-core are not of the types that functions of JMESPath insist on."""
    play = [{"hosts": "localhost", "gather_facts": False, "vars": {
        "kernel": "{{ '6.1' }}", "told": {"hosts": [{"name": "a", "facts": {"kernel": {"release": "{{ kernel }}.0"}}}]},
    }, "tasks": [{"ansible.builtin.assert": {"that": [
        "told | aarch64.validator.query(q) == ['a']", "(told | to_json | from_json) | aarch64.validator.query(q) == ['a']"]},
        "vars": {"q": "hosts[?starts_with(facts.kernel.release, '6.1')].name"}}]}]
    (tmp_path / "play.json").write_text(json.dumps(play))
    run = audit(tmp_path, playbook="play.json")
    assert run.status == 0, run.output
