# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: verdicts, exit, and what a tired person reads."""

from __future__ import annotations

import pytest

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import build_report, complaint, host_entry
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._terminal import terminal_lines
from facts_factory import GIB, host_facts, limits, node_facts

UNREACHABLE = {"failure": {"task": "Gather", "message": "unreachable: no route to host", "unreachable": True}}
FAILED = {"failure": {"task": "Fix", "message": "size: '2X' is not valid; give 2G", "unreachable": False}}


def judged(facts: dict, **outcome: object) -> dict:
    return dict({"facts": facts, "assessment": assess_facts(facts, {})}, **outcome)


BLOCKED = judged(node_facts({"limits": {"configured": limits(**{"as": GIB}), "live": limits(**{"as": GIB})}}))
AT_RISK = judged(host_facts(shm={"size": 64 << 20}), changes=["/dev/shm: size 64 MiB -> 2 GiB (live)"])
ADVICE = judged(host_facts(host={"service_manager": "runit"}))
HEALTHY = judged(node_facts())
CAPPED = judged(node_facts({"limits": {"configured": limits(), "live": limits(memlock=8 << 20),
                                       "grantable": {"nofile": 65535, "memlock": 8 << 20}}}))


def report(mode: str = "diagnose", check: bool = False, **hosts: dict) -> dict:
    entries = [host_entry(name, outcome) for name, outcome in hosts.items()]
    return build_report(entries, {}, mode, check, "2026-01-01T00:00:00Z")


def text(*args: object, **hosts: dict) -> str:
    return "\n".join(line for line, _colour in terminal_lines(report(*args, **hosts), 100, False))


def test_worst_hosts_come_first_and_none_is_lost():
    built = report(a=HEALTHY, b=ADVICE, c=AT_RISK, d=BLOCKED, e=UNREACHABLE, f=FAILED, g={})
    assert [entry["name"] for entry in built["hosts"]] == ["f", "g", "e", "d", "c", "b", "a"]
    assert built["summary"] == {"hosts": 7, "failed": 2, "unreachable": 1, "blocked": 1, "at-risk": 1, "advice": 1, "healthy": 1}


@pytest.mark.parametrize(("mode", "check", "host", "fails"), [
    ("diagnose", False, BLOCKED, True),
    ("diagnose", False, AT_RISK, False),
    ("diagnose", False, UNREACHABLE, True),
    ("diagnose", False, FAILED, True),
    ("diagnose", False, HEALTHY, False),
    ("verify", False, AT_RISK, True),
    ("verify", False, CAPPED, True),
    ("verify", False, HEALTHY, False),
    ("remediate", False, CAPPED, True),
    ("remediate", True, CAPPED, False),
    ("remediate", True, AT_RISK, False),
    ("remediate", True, BLOCKED, True),
    ("revert", False, AT_RISK, False),
    ("revert", False, BLOCKED, False),
    ("revert", False, FAILED, True),
])
def test_how_a_run_ends(mode, check, host, fails):
    assert bool(complaint(report(mode, check, val=host), "blocked")) is fails


def test_fail_on():
    assert complaint(report(val=AT_RISK), "at-risk") == "at-risk: val"
    assert complaint(report("verify", val=UNREACHABLE), "never") is None


def test_complaint_names_hosts_but_not_thousands():
    many = {f"val-{number}": BLOCKED for number in range(9)}
    assert complaint(report(**many), "blocked") == "blocked: val-0, val-1, val-2, val-3, val-4 and 4 more"


def test_terminal_says_what_matters():
    shown = text("remediate", a=HEALTHY, b=AT_RISK, c=BLOCKED, d=UNREACHABLE)
    assert "remediate: 4 hosts: 1 unreachable, 1 blocked, 1 at-risk, 1 healthy" in shown
    assert "address-space-limit" in shown
    assert "changed: /dev/shm: size 64 MiB -> 2 GiB (live)" in shown
    assert "unreachable: no route to host" in shown
    assert "never the cause of a refused memory pool" in " ".join(shown.split()), "a placebo must be called one"
    assert all(len(line) <= 100 for line in shown.splitlines())


def test_each_host_has_one_line_of_its_own():
    lines = text("remediate", **{f"val-{number}": AT_RISK for number in range(3)}).splitlines()
    assert lines[2].split() == ["verdict", "host", "first", "cause", "changed", "left", "to", "you"]
    for number, line in enumerate(lines[3:6]):
        assert line.split()[:4] == ["at-risk", f"val-{number}", "shm-too-small", "1"]


def test_what_was_wrong_is_told_after_it_was_fixed():
    shown = text("remediate", a=dict(HEALTHY, diagnosis=AT_RISK["assessment"], changes=["/dev/shm: size"]))
    assert "healthy  a     was shm-too-small  1" in shown
    assert "was shm-too-small: /dev/shm is 64 MiB" in shown


def test_a_log_keeps_its_lines():
    message = "node.service did not start\n\nStarted it\nError: ends \x1b[31mat once\n"
    shown = text("remediate", a={"failure": {"task": "Fix", "message": message, "unreachable": False}})
    assert "\n  node.service did not start\n  | Started it\n  | Error: ends  [31mat once\n" in shown, shown


def test_nothing_is_said_twice_of_a_healthy_host():
    assert text("verify", a=HEALTHY).splitlines()[3:] == ["healthy  a     -            -        -"]


def test_table_shows_what_is_not_compliant():
    shown = text("verify", a=CAPPED)
    assert "wanted" in shown
    row = next(line for line in shown.splitlines() if "LimitMEMLOCK  " in line)
    assert row.split() == ["LimitMEMLOCK", "infinity", "infinity", "8", "MiB", "no"]
    assert "LimitNOFILE" not in shown
    everything = "\n".join(line for line, _colour in terminal_lines(report("verify", a=CAPPED), 100, True))
    assert "LimitNOFILE" in everything


def test_check_mode_says_that_nothing_was_changed():
    shown = text("remediate", True, a=AT_RISK)
    assert "nothing was changed" in shown and "would change: /dev/shm" in shown


def test_text_of_a_host_cannot_drive_the_terminal():
    evil = {"failure": {"task": "", "message": "x\x1b[2J\rhealthy\nval-9 healthy", "unreachable": False}}
    shown = text("diagnose", **{"a\x1b[31m": evil})
    assert "\x1b" not in shown and "\r" not in shown
    assert not any(line.startswith(("val-9", "healthy")) for line in shown.splitlines())


def test_works_in_my_shell_and_dies_as_a_service_is_answered_with_v():
    told = {"a": judged(node_facts(host={"session": {"user": "root"}}))}
    wanted = "polkadot.service is unlike this session: user polkadot (session root)"
    assert any(wanted in line for line, _colour in terminal_lines(report(**told), 100, True)), "the difference is not named"
    assert not any("unlike" in line for line, _colour in terminal_lines(report(**told), 100, False))
