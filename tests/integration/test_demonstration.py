# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration in README.md is what a real host says, whose node fails: DEMONSTRATION=write puts it there anew."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SUPPORT, HostHandle

pytestmark = pytest.mark.nspawn

ROOT = SUPPORT.parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- demonstration -->\n```console\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)
# What every machine that these hosts run on can grant, so that nothing is wrong but what the demonstration shows.
FLOORS = {"memory_pool_limit_nofile": 1024, "memory_pool_limit_memlock": "64K", "memory_pool_shm_size": "1G",
          "memory_pool_restart_delay": 1}


def make(playbook: str, inventory: Path, directory: Path) -> str:
    """What the program behind make shows of a run below its tasks: the summary up to the path of the report."""
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "COLUMNS": "100", "INVENTORY": str(inventory),
                   "ARGS": f"-e memory_pool_report_dir={directory}"}
    command = [sys.executable, str(ROOT / "scripts/run_playbook.py"), playbook]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    found = re.search(rf"^{playbook}: .*?(?=^report: )", done.stdout, re.MULTILINE | re.DOTALL)
    assert found, done.stdout[-4000:] + done.stderr
    return found.group().strip()


def test_demonstration_is_what_a_real_host_says(host: HostHandle, tmp_path: Path) -> None:
    inventory = json.loads(host.fleet.inventory.read_text())
    inventory["validators"]["hosts"] = {host.name: inventory["validators"]["hosts"][host.name]}
    inventory["validators"]["vars"].update(FLOORS)
    (tmp_path / "fleet.yml").write_text(json.dumps(inventory))
    host.shm("128M")
    host.drop_in("LimitAS=200G")
    host.wait_for({"Result": "exit-code"})
    said = next(line for line in reversed(host.journal().splitlines()) if line.startswith("Error: "))
    shown = [f"$ ssh {host.name} journalctl --unit=polkadot --output=cat --grep=Error --lines=1", said, ""]
    for playbook in ("diagnose", "remediate"):
        shown += [f"$ make {playbook} INVENTORY=inventory/fleet.yml", make(playbook, tmp_path / "fleet.yml", tmp_path), ""]
    text = "\n".join(shown[:-1]) + "\n"
    host.rpc("state_getRuntimeVersion")
    assert max(map(len, text.replace(said, "").splitlines())) <= 100
    page = README.read_text()
    if os.environ.get("DEMONSTRATION") == "write":
        README.write_text(BLOCK.sub(lambda found: found[1] + text + found[3], page))
    else:
        shown = [found[1] for found in BLOCK.findall(page)]
        assert shown == [text], "README.md shows something else; DEMONSTRATION=write puts this there"
