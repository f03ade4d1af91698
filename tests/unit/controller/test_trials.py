# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts are told when their facts hold a trial start. The trials are as startup_trace returned them on real hosts."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._merge import merged
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import build_report, host_entry
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._terminal import terminal_lines
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import finding
from facts_factory import ENGINE_2023, GIB, limits, node_facts

UNIT = "polkadot.service"
POOL = "mmap(NULL, 414464344064, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)"
MLOCK = "mlock(0x7f0000000000, 1048576) = -1 ENOMEM (Cannot allocate memory)"
REFUSED = ('Error: Service(Application(Application(VersionInvalid("cannot create the wasmtime engine: failed to create memory '
           'pool mapping: mmap failed to reserve 0x6080000000 bytes: Cannot allocate memory (os error 12)"))))')
OK = {"ok": True, "exit_status": 0, "signal": None, "timed_out": False, "lines": []}
DOWN = {"active": False, "active_state": "activating", "sub_state": "auto-restart", "result": "exit-code", "main_pid": 0,
        "limits": {"live": None}}
STARTS = {"timed_out": True, "exit_status": None, "rpc": {"answered": True, "error": None}}


def trial(*printed: str, calls: tuple = (), space: int = -1, state: str = "active", **values: Any) -> dict:
    """The trial start of a node, which ended with exit status 1 unless told otherwise."""
    names = [line.partition("(")[0] for line in calls]
    return dict({
        "unit": UNIT, "command": ["/usr/bin/polkadot"], "traced": bool(calls), "version": OK, "help": OK,
        "calls": [{"call": name, "errno": "ENOMEM", "size": ENGINE_2023, "reserved": 0, "count": 1, "text": line}
                  for name, line in zip(names, calls)],
        "exit_status": 1, "signal": None, "timed_out": False, "stderr_lines": list(printed), "rpc": None, "page_size": 4096,
        "limits": {"as": {"soft": space, "hard": space}}, "service": {"active_state": state}}, **values)


def judged(trace: dict, **service: Any) -> dict:
    return assess_facts(node_facts(dict(service, trace=trace)), {})


def down(trace: dict, **service: Any) -> dict:
    return judged(dict(trace, service={"active_state": "activating"}), **dict(DOWN, **service))


def told(assessment: dict) -> list:
    return [(item["id"], item["severity"]) for item in assessment["findings"] if item["severity"] != "info"]


def test_node_that_starts():
    assessment = judged(trial(**STARTS))
    assert (assessment["verdict"], told(assessment)) == ("healthy", [])
    assert assessment["clean_starts"] == {UNIT: {
        "conclusion": "starts", "text": "polkadot.service starts with an empty base path"}}
    assert assess_facts(node_facts(), {})["clean_starts"] == {}


@pytest.mark.parametrize("trace", [trial(REFUSED, space=300 * GIB), trial(REFUSED, calls=(POOL,), space=300 * GIB)],
                         ids=["without strace", "with strace"])
def test_node_that_runs_and_would_not_come_back(trace):
    assessment = judged(trace)
    assert (assessment["verdict"], told(assessment)) == ("at-risk", [("address-space-limit", "risk")])
    assert "refused 386 GiB" in assessment["findings"][0]["summary"] and "300 GiB" in assessment["findings"][0]["summary"]
    assert assessment["remedies"] == [], "remediate makes no trial and would find nothing to do"


def test_limit_is_named_only_where_it_is_too_small():
    assert told(judged(trial(REFUSED, space=900 * GIB))) == [("address-space-too-small", "risk")]


def test_rule_and_trial_say_it_once():
    assessment = down(trial(REFUSED, calls=(POOL,), space=300 * GIB), log=[REFUSED], pool={"engine_bytes": ENGINE_2023},
                      limits={"configured": limits(**{"as": 300 * GIB}), "live": None})
    assert told(assessment) == [("address-space-limit", "blocker")]
    item = assessment["findings"][0]
    assert "0 of 3 engines of 386 GiB" in item["summary"], "the rule knows more of the host"
    assert item["evidence"].index(REFUSED) < item["evidence"].index(POOL)
    assert [(remedy["remedy"], remedy["options"]["address_space"]) for remedy in assessment["remedies"]] == [
        ("service-limits", "infinity")]


def test_what_a_node_can_do_without_is_advice():
    assert told(judged(trial(calls=(MLOCK,), **STARTS))) == [("memlock-limit", "advice")]


@pytest.mark.parametrize(("lines", "cause"), [
    (["/usr/bin/polkadot: 1: \x7fELF\x02\x01\x01: not found"], "foreign-architecture"),
    (["polkadot: /lib/aarch64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by polkadot)"], "libc-mismatch"),
    (["<jemalloc>: Unsupported system page size", "memory allocation of 10 bytes failed"], "page-size-unsupported"),
    (["Error: cannot create a memfd: Operation not permitted (os error 1)"], "syscall-filtered"),
])
def test_what_a_trial_printed_names_the_cause(lines, cause):
    assert told(judged(trial(*lines))) == [(cause, "risk")]
    unusable = dict(OK, ok=False, exit_status=127, lines=lines)
    assert told(down(trial(version=unusable))) == [(cause, "blocker")]


class TestStartThatFailsForAnUnknownReason:
    def test_node_that_runs(self):
        assessment = judged(trial("Low open file descriptor limit configured for the process.", "Error: Input(\"x\")"))
        assert told(assessment) == [("clean-start-fails", "risk")], "a warning is no cause"
        item = assessment["findings"][0]
        assert item["summary"].endswith('it printed: Error: Input("x")')
        assert item["evidence"][0] == "clean start: start-fails"

    def test_node_that_is_down(self):
        assert told(down(trial("Error: x"))) == [("clean-start-fails", "blocker")], "it must not be said twice"

    def test_node_that_is_down_is_not_started_in_vain(self):
        assessment = down(trial("Error: x"), log=[REFUSED])
        assert told(assessment) == [("clean-start-fails", "blocker")]
        assert assessment["remedies"] == []

    def test_runtime(self):
        broken = trial(**{**STARTS, "rpc": {"answered": False, "error": "no runtime"}})
        assert told(judged(broken)) == [("clean-start-fails", "risk")]

    def test_cause_without_a_rule_is_evidence(self):
        item = judged(trial("Error: IO error: No space left on device (os error 28)"))["findings"][0]
        assert (item["id"], item["evidence"][1]) == ("clean-start-fails", "explained as disk-full")

    def test_fault_of_the_program_file_is_reason_enough(self):
        facts = node_facts({"trace": trial(version=dict(OK, ok=False))}, binaries={"/usr/bin/polkadot": {"machine": "riscv64"}})
        assert told(assess_facts(facts, {})) == [("foreign-architecture", "risk")]


class TestNodeThatIsDownAndStartsBesideItsData:
    def test_its_own_data(self):
        line = "2026-11-21T03:12:00Z polkadot[9]: Error: Permission denied (os error 13)"
        assessment = down(trial(**STARTS), log=[line])
        assert told(assessment) == [("data-directory-broken", "blocker")], "it is no longer unknown why"
        assert assessment["findings"][0]["evidence"] == ["clean start: data-directory-broken", line]
        assert assessment["remedies"] == []

    def test_that_went_down_before_its_limits_were_lifted(self):
        assessment = down(trial(**STARTS), log=[REFUSED])
        assert told(assessment) == [("limits-not-live", "blocker")]
        assert [item["remedy"] for item in assessment["remedies"]] == ["service-restart"]

    def test_that_has_another_blocker(self):
        assessment = down(trial(**STARTS), log=["polkadot.service: Main process exited, code=killed, status=31/SYS"])
        assert told(assessment) == [("syscall-filtered", "blocker")]


def test_merged():
    host = finding("shm-full", "a", ["1"], "https://a", remedy="shm")
    rule = finding("memlock-limit", "b", ["2"], "https://b", service=UNIT)
    shown = [finding("shm-full", "c", ["1", "3"], "https://c", service=UNIT, severity="blocker"),
             finding("memlock-limit", "d", ["4"], "https://d", service=UNIT, severity="advice", remedy="service-limits"),
             finding("memlock-limit", "e", ["5"], "https://e", service="other.service")]
    first, second, third = merged([host, rule], shown)
    assert (first["summary"], first["severity"], first["service"], first["evidence"], first["remedy"]) == (
        "c", "blocker", None, ["1", "3"], "shm")
    assert (second["summary"], second["severity"], second["evidence"], second["automatic"]) == ("b", "risk", ["2", "4"], True)
    assert third == shown[2]
    assert (host["evidence"], rule["evidence"]) == (["1"], ["2"])


def shown_of(assessment: dict) -> str:
    entry = host_entry("val", {"assessment": assessment})
    assert entry["clean_starts"] == assessment["clean_starts"]
    report = build_report([entry], {}, "verify", False, "2026-01-01T00:00:00Z")
    return " ".join(" ".join(line for line, _colour in terminal_lines(report, 100, False)).split())


def test_report_tells_the_conclusion_once():
    assert "clean start: polkadot.service starts with an empty base path" in shown_of(judged(trial(**STARTS)))
    refused = shown_of(judged(trial(REFUSED, space=300 * GIB)))
    assert "clean start: polkadot.service does not start with an empty base path either (exit status 1)" in refused
    assert shown_of(judged(trial("Error: x"))).count("does not start with an empty base path") == 1
    assert "clean start" not in shown_of(assess_facts(node_facts(), {}))
