# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that its own sandbox keeps from starting, on a real host: found, relaxed only on request, and taken back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import HostHandle, MakeFleet
from service_host import REPOSITORY, STATE, ServiceHost, install

pytestmark = pytest.mark.nspawn

UNIT = "polkadot.service"
OURS = f"/etc/systemd/system/{UNIT}.d/60-aarch64-validator-sandbox.conf"
LINES = ["MemoryDenyWriteExecute=no", "SystemCallFilter=memfd_create"]


@pytest.fixture(scope="module")
def handle(make_fleet: MakeFleet) -> HostHandle:
    """A host whose node is well."""
    started = HostHandle(make_fleet("sandbox-1"), "sandbox-1")
    started.shm("2560M")
    install(started)
    started.wait_for_node()
    return started


def play(handle: HostHandle, tmp_path: Path, name: str, *arguments: str, **extra: Any) -> dict[str, Any]:
    """Run a playbook; what its report says of the host, with the output under ``output``."""
    variables = dict(extra, memory_pool_report_dir=str(tmp_path), memory_pool_restart_delay=0, memory_pool_fail_on="never")
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(handle.fleet.inventory), f"playbooks/{name}.yml",
               "-e", json.dumps(variables), *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, env={**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg")},
                          capture_output=True, text=True, check=False)
    host = json.loads((tmp_path / "report.json").read_text())["hosts"][0]
    assert not host["failure"], done.stdout + done.stderr
    return dict(host, output=done.stdout + done.stderr)


def test_only_what_blocks_is_relaxed_and_only_on_request(handle: HostHandle, tmp_path: Path) -> None:
    handle.run("rm", "-rf", f"/etc/systemd/system/{UNIT}.d")
    handle.drop_in("MemoryDenyWriteExecute=yes", "SystemCallFilter=~memfd_create", "LockPersonality=yes", restart=False)
    before = handle.checksums()
    handle.inside("systemctl", "stop", UNIT)
    handle.inside("systemctl", "start", UNIT)
    handle.wait_for({"ActiveState": "activating", "SubState": "auto-restart"})

    host = play(handle, tmp_path, "diagnose")
    found = {item["id"]: item for item in host["findings"]}
    assert host["verdict"] == "blocked" and not found["wx-denied"]["automatic"]
    assert "memory_pool_relax_sandbox" in found["wx-denied"]["summary"], "an operator would not learn what can be done"
    assert "restriction_bisect -a unit=polkadot.service" in " ".join(host["output"].split())

    predicted = play(handle, tmp_path, "remediate", "--check", memory_pool_relax_sandbox=True)
    assert handle.checksums() == before, "check mode has changed something"
    host = play(handle, tmp_path, "remediate", memory_pool_relax_sandbox=True)
    assert host["changes"] == predicted["changes"], host["output"]
    assert [change for change in host["changes"] if change.startswith(OURS)] == [f"{OURS}: {line}" for line in LINES]
    assert any("rest of the filter stays" in note for note in host["notes"]), "nobody says what security it costs"
    handle.wait_for_node()
    assert host["verdict"] in ("healthy", "advice", "at-risk"), host["findings"]
    assert handle.show("LockPersonality")["LockPersonality"] == "yes", "more was relaxed than had to be"
    assert handle.inside("cat", OURS).splitlines()[-2:] == LINES

    again = play(handle, tmp_path, "remediate", memory_pool_relax_sandbox=True)
    assert again["changes"] == [], again["output"]
    assert play(handle, tmp_path, "revert")["changes"]
    assert handle.checksums() == before


def test_module_refuses_what_does_not_relax(handle: HostHandle) -> None:
    host = ServiceHost(handle)
    unit = host.unit("box", "ExecStart=/bin/sleep infinity", "MemoryDenyWriteExecute=yes", "SystemCallFilter=~mlock", start=False)
    try:
        for line in ("MemoryDenyWriteExecute=yes", "SystemCallFilter=~read", "ExecStart=/bin/sh", "LimitNOFILE=64",
                     "SystemCallFilter=read\nExecStart=/bin/sh", "PrivateTmp"):
            assert "lines:" in host.module("service_sandbox", unit=unit, lines=[line])["msg"], line
        assert not handle.inside("find", "/etc/systemd/system", "-name", "60-aarch64-validator*")
        later = host.drop_in(unit, "90-site", "MemoryDenyWriteExecute=yes")
        refused = host.module("service_sandbox", unit=unit, lines=["MemoryDenyWriteExecute=no"])
        assert refused["failed"] and f"{later}, line 2" in refused["msg"]
        host.run("rm", later)
        predicted = host.module("service_sandbox", check=True, unit=unit, lines=LINES)
        nobody = host.module("service_sandbox", nobody=True, unit=unit, lines=LINES)
        done = host.module("service_sandbox", unit=unit, lines=LINES)
        assert done["actions"] == predicted["actions"] == nobody["planned"] and done["diff"] == predicted["diff"]
        assert host.show(unit, "MemoryDenyWriteExecute")["MemoryDenyWriteExecute"] == "no"
        for lines in (LINES, LINES[:1], []):
            assert host.module("service_sandbox", unit=unit, lines=lines)["changed"] is False
        assert host.module("service_sandbox", unit=unit, lines=["SystemCallFilter=mlock"], provisional=True)["changed"]
        assert "SystemCallFilter=memfd_create mlock" in host.run("cat", OURS.replace(UNIT, unit))
        assert host.module("changes", state="undone")["changed"]
        assert host.module("service_sandbox", state="reverted")["actions"][0].endswith("removed")
        assert host.run("sh", "-c", f"ls -d {STATE} {OURS.replace(UNIT, unit)} 2>/dev/null || true") == ""
    finally:
        host.clean_up()
