# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""verify with a clean start on a real host: what it tells, and that it leaves node and host as they were."""

from __future__ import annotations

import contextlib
import json
import subprocess
import typing as t
from pathlib import Path

import pytest
from conftest import HostHandle
from service_host import ServiceHost
from test_startup_trace import UNIT, footprint

pytestmark = pytest.mark.nspawn

NODE = "/usr/bin/polkadot"
# What these hosts can grant, see tests/support/fleet/supervisor.py.
GRANTABLE = {"memory_pool_limit_nofile": 16384, "memory_pool_limit_memlock": 8388608}
# An ELF header of a RISC-V program.
FOREIGN = f"import os, sys; open({NODE!r}, 'wb').write(b'\\x7fELF\\x02\\x01\\x01' + bytes(11) + b'\\xf3' + bytes(99))"


class Verified(t.NamedTuple):
    """How a run of verify ended, and what it said of the host."""

    status: int
    output: str
    entry: dict

    @property
    def ids(self) -> list[str]:
        return [finding["id"] for finding in self.entry.get("findings", [])]

    @property
    def conclusion(self) -> str:
        return str(self.entry["clean_starts"][UNIT]["conclusion"])


@pytest.fixture
def verify(host: HostHandle, playbook: t.Callable[..., subprocess.CompletedProcess[str]],
           tmp_path: Path) -> t.Callable[..., Verified]:
    """Run verify on the host; a run must leave node and host as they were."""

    def run(*arguments: str, **variables: object) -> Verified:
        before = footprint(ServiceHost(host))
        done = playbook("verify", "--limit", host.name, "-e", json.dumps({**GRANTABLE, **variables}), *arguments)
        assert footprint(ServiceHost(host)) == before
        path = tmp_path / "report" / "report.json"
        entries = json.loads(path.read_text())["hosts"] if path.exists() else [{}]
        path.unlink(missing_ok=True)
        print(done.stdout[done.stdout.find("verify: "):])
        return Verified(done.returncode, done.stdout + done.stderr, entries[0])

    return run


Verify = t.Callable[..., Verified]


@pytest.fixture
def well(host: HostHandle) -> HostHandle:
    """A host of which nothing is wrong."""
    host.drop_in("LimitNOFILE=16384")
    host.wait_for_node()
    return host


@contextlib.contextmanager
def away(host: HostHandle, path: str) -> t.Iterator[None]:
    """A file of the host is gone for a while."""
    host.inside("mv", path, path + ".away")
    try:
        yield
    finally:
        host.inside("mv", path + ".away", path)


def test_healthy_node(well: HostHandle, verify: Verify) -> None:
    run = verify(memory_pool_clean_start="start")
    assert (run.status, run.entry["verdict"], run.conclusion) == (0, "healthy", "starts"), run.output
    assert f"clean start: {UNIT} starts with an empty base path" in run.output
    assert run.entry["notes"] == []
    checked = verify("--check", memory_pool_clean_start="start")
    assert (checked.status, checked.entry["clean_starts"]) == (0, {})
    with away(well, "/usr/bin/strace"):
        run = verify(memory_pool_clean_start="trace")
    assert (run.status, run.entry["verdict"], run.entry["clean_starts"]) == (0, "healthy", {})
    assert "clean start of polkadot.service was not possible: strace is not installed" in " ".join(run.output.split())


def test_node_whose_own_data_are_broken(well: HostHandle, verify: Verify) -> None:
    well.drop_in("ExecStart=", f"ExecStart={NODE} --validator --base-path /proc/none", file="20-broken")
    well.wait_for({"SubState": "auto-restart"})
    run = verify(memory_pool_clean_start="start")
    assert (run.status, run.entry["verdict"]) == (2, "blocked")
    assert (run.ids, run.conclusion) == (["data-directory-broken"], "data-directory-broken")
    assert not run.entry["remedies"], "broken data are for a person"


def test_node_that_would_not_come_back_from_a_restart(well: HostHandle, verify: Verify) -> None:
    limit = ("LimitAS=300G", "Environment=WASMTIME_NODE_ENGINE_GUARD=2GiB")
    well.drop_in(*limit, file="20-limit", restart=False)
    plain = verify().entry["findings"][0]
    assert plain["id"] == "address-space-limit" and "258.03 GiB" in plain["summary"], "told only when it is too late"
    for how in ("start", "trace"):
        run = verify(memory_pool_clean_start=how, memory_pool_fail_on="at-risk")
        assert (run.status, run.entry["verdict"], run.conclusion) == (2, "at-risk", "start-fails")
        finding = run.entry["findings"][0]
        assert (finding["id"], finding["severity"], finding["explains"]) == ("address-space-limit", "risk", True)
        assert "300 GiB" in finding["summary"]
        assert any("386 GiB" in line for line in finding["evidence"]), "the trial knows the size that the facts only suppose"
        assert [item["remedy"] for item in run.entry["remedies"]] == ["service-limits"]
    assert any(line.startswith("mmap(NULL, 414464344064, PROT_NONE") for line in finding["evidence"])


def test_program_that_cannot_run_any_more(well: HostHandle, verify: Verify) -> None:
    with away(well, NODE):
        well.inside("python3", "-c", FOREIGN)
        well.inside("chmod", "755", NODE)
        run = verify(memory_pool_clean_start="start")
        traced = verify(memory_pool_clean_start="trace")
    for one in (run, traced):
        assert (one.entry["verdict"], one.conclusion) == ("at-risk", "program-unusable"), one.output
        assert "foreign-architecture" in one.ids and "clean-start-fails" not in one.ids
        assert {finding["severity"] for finding in one.entry["findings"]} == {"risk"}, "the node still runs"


@pytest.mark.parametrize(("variables", "named"), [
    ({"memory_pool_clean_start": "sometimes"}, "memory_pool_clean_start must be one of: never, start, trace"),
    ({"memory_pool_clean_start_seconds": 0}, "memory_pool_clean_start_seconds: 0 is not valid"),
])
def test_bad_input(verify: Verify, variables: dict[str, object], named: str) -> None:
    run = verify(**variables)
    assert run.status == 2 and named in run.output
