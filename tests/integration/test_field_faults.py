# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are broken in the ways of the field: every run ends, says what is wrong, and leaves the node alone.

What was seen is written into docs/reliability.md with --record. Hosts whose /dev/shm cannot be entered and whose journal is
damaged are in test_broken_hosts.py; hosts that refuse single system calls are in the test_crash_ files.
"""

from __future__ import annotations

import shutil
import typing as t

import pytest
from faults_page import BEGIN, END, HEAD, Row, titles, with_rows
from field_faults import FAILED, FAULTS, HEALTHY, Fault
from field_runs import HANGS, PLAIN, PYTHON_37, Seen, observe, python_37
from service_host import REPOSITORY

PAGE = REPOSITORY / "docs/reliability.md"
MOST = 150  # characters of a sentence on the page
TITLES = [fault.title for fault in FAULTS]


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """What was seen of each host, over all runs."""
    faults = [fault for fault in FAULTS if not lacking(fault)]
    found = observe(faults, tmp_path_factory.mktemp("field"))
    if request.config.getoption("--record"):
        rows = [row(fault, found[fault.name]) for fault in faults]
        PAGE.write_text(with_rows(PAGE.read_text(encoding="utf-8"), rows, TITLES), encoding="utf-8")
    return found


def lacking(fault: Fault) -> str:
    """What this machine has not that a fault needs; empty if nothing."""
    needs = {PYTHON_37: ("Python 3.7", python_37), "busybox": ("busybox", lambda: shutil.which("busybox")),
             "clock": ("gcc", lambda: shutil.which("gcc"))}
    what, found = needs.get(fault.name, ("", lambda: True))
    return "" if found() else f"needs {what}"


def row(fault: Fault, host: Seen) -> Row:
    """What the page says of a fault."""
    remediate, after = host.entries["remediate"], host.entries["after"]
    done = f"{len(remediate['changes'])} changes" if remediate["changes"] else "nothing changed"
    told = host.said("remediate", fault.told) if fault.told else ""
    if told and told == host.said("audit", fault.named):
        told = "says the same"
    later = f"{len(after['changes'])} changes" if after["changes"] else "nothing more to change"
    with_core = ", with ansible-core 2.17" if fault.name == PYTHON_37 else ""
    return Row(
        fault.title,
        f"`{host.entries['audit']['verdict']}`, {short(host.said('audit', fault.named)) if fault.named else 'as without it'}",
        f"`{remediate['verdict']}`, {done}" + (f": {short(told)}" if told else ""),
        f"`{after['verdict']}`, {later}{with_core}",
    )


def short(text: str) -> str:
    """A sentence as the page has it."""
    text = text.split("batch 1 of 1: ")[-1]
    return text if len(text) <= MOST else text[:MOST].rpartition(" ")[0] + " ..."


@pytest.mark.nspawn
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
class TestFault:
    """One host each, whose runs have all ended."""

    def host(self, fault: Fault, seen: dict[str, Seen]) -> Seen:
        """What was seen of it."""
        if fault.name not in seen:
            pytest.skip(lacking(fault))
        return seen[fault.name]

    def test_audit_says_what_is_wrong(self, fault: Fault, seen: dict[str, Seen]) -> None:
        host = self.host(fault, seen)
        entry = host.entries["audit"]
        assert entry["verdict"] == fault.audit, entry["findings"]
        assert not fault.named or host.said("audit", fault.named), f"not named: {entry['failure']} {entry['findings']}"
        assert bool(entry["failure"]) == (fault.audit == FAILED), entry["failure"]

    def test_check_mode_changes_nothing_and_foresees(self, fault: Fault, seen: dict[str, Seen]) -> None:
        host = self.host(fault, seen)
        assert host.snapshots["checked"] == host.snapshots["before"], "a run that changes nothing has changed the host"
        if fault.name == HANGS:
            return  # has had its modules in check mode
        check, real = host.entries["check"], host.entries["remediate"]
        assert (check["verdict"], check["changes"]) == (real["verdict"], real["changes"]), "check mode has lied"

    def test_remediate_is_whole_or_refused(self, fault: Fault, seen: dict[str, Seen]) -> None:
        host = self.host(fault, seen)
        entry = host.entries["remediate"]
        assert entry["verdict"] == fault.remedied, f"{entry['failure']} {entry['findings']}"
        assert not fault.told or host.said("remediate", fault.told), f"not said: {entry['failure']} {entry['findings']}"
        assert host.kept, "something that is not ours was not left alone"
        if fault.refused:
            assert host.snapshots["remediated"] == host.snapshots["before"], "what was refused is half done"
            assert not entry["changes"] and entry["failure"], entry
        assert not host.left_over, "temporary files or locks are left"

    def test_node_is_restarted_only_where_it_must_be(self, fault: Fault, seen: dict[str, Seen]) -> None:
        host = self.host(fault, seen)
        assert host.node("before") != "node", "there was no node"
        assert (host.node("remediated") == host.node("before")) is not fault.restarts
        restarted = [change for change in host.entries["remediate"]["changes"] if change.endswith("restarted")]
        assert bool(restarted) is fault.restarts
        assert host.node("after") == host.node("remediated"), "the node was restarted without need when the fault was gone"

    def test_without_the_fault_a_run_converges(self, fault: Fault, seen: dict[str, Seen]) -> None:
        after = self.host(fault, seen).entries["after"]
        assert after["verdict"] == HEALTHY, f"{after['failure']} {after['findings']}"
        if fault.remedied == HEALTHY and not fault.lost:
            assert not after["changes"], "a second run had to change something again"


@pytest.mark.nspawn
def test_a_neighbour_is_not_disturbed(seen: dict[str, Seen]) -> None:
    host = seen[PLAIN]
    assert {run: entry["verdict"] for run, entry in host.entries.items()} == {
        "audit": "at-risk", "check": HEALTHY, "remediate": HEALTHY, "after": HEALTHY}
    assert host.node("after") == host.node("before")


@pytest.mark.nspawn
def test_modules_do_not_wait_for_a_systemd_that_hangs(seen: dict[str, Seen]) -> None:
    results: dict[str, dict[str, t.Any]] = seen[HANGS].modules
    for name, result in results.items():
        assert result["failed"] and not result.get("changed"), f"{name}: {result}"
        assert "polkadot.service gave no answer within 60 seconds" in result["msg"], f"{name}: {result['msg']}"


def test_the_page_lists_the_faults_that_are_tried() -> None:
    assert titles(PAGE.read_text(encoding="utf-8")) == TITLES, "run this file with --record"


def test_the_page_keeps_what_was_not_tried_and_drops_what_is_no_fault_any_more() -> None:
    page = f"text\n{BEGIN}\n{HEAD}| a | 1 | 1 | 1 |\n| b | 1 | 1 | 1 |\n| gone | 1 | 1 | 1 |\n{END}\nmore\n"
    changed = with_rows(page, [Row("b", "2|", "2", "2"), Row("c", "3", "3", "3")], ["c", "a", "b"])
    assert titles(changed) == ["c", "a", "b"]
    assert "| b | 2\\| | 2 | 2 |" in changed and "| a | 1 | 1 | 1 |" in changed
    assert changed.startswith("text\n") and changed.endswith("\nmore\n")
