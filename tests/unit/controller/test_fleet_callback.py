# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback fleet in real runs: plain lines in a log, one line on a terminal that is gone before the summary.

The rollout is played: its plays and facts are those of remediate, and a module of the test answers as node_health does.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.callback.fleet import restart_text

ROOT = Path(__file__).resolve().parents[3]
WAIT = "polkadot.service: waiting for 30 seconds, until 12:41:07 UTC (30 more); peers: it has 0 peers"
PLAYBOOK = """
- hosts: a:b:c
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact:
        memory_pool_batches: [[a], [b, c]]
      run_once: true
      delegate_to: localhost
      delegate_facts: true
- hosts: a:b:c
  serial: [1, 2]
  gather_facts: false
  vars: {memory_pool_in_batches: true}
  tasks:
    - answer:
    - ansible.builtin.set_fact:
        memory_pool_lost_until: "12:45:00"
      when: inventory_hostname == 'c'
    - ansible.builtin.set_fact:
        memory_pool_turn_over: true
- hosts: a
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: the summary
"""
MODULE = f"""#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
AnsibleModule(argument_spec={{}}).exit_json(
    seconds_left=30, done=False, waiting_for=["peers"], ends_at="2026-03-02T12:41:07Z", progress={WAIT!r})
"""


@pytest.fixture
def run(tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """Command and environment of a run."""
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    (tmp_path / "library").mkdir()
    (tmp_path / "library/answer.py").write_text(MODULE)
    local = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    (tmp_path / "hosts").write_text("".join(f"{name} {local}\n" for name in "abc"))
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(tmp_path / "hosts"), str(tmp_path / "play.yml")]
    own = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_CALLBACKS_ENABLED": "aarch64.validator.fleet", "COLUMNS": "100",
           "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks/collections"), "ANSIBLE_NOCOLOR": "1",
           "ANSIBLE_DISPLAY_OK_HOSTS": "1"}
    return command, {**os.environ, **own}


def test_a_log_has_a_line_for_each_batch_and_each_wait(run):
    command, environment = run
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [line[len("fleet: "):] for line in done.stdout.splitlines() if line.startswith("fleet: ")]
    assert done.returncode == 0 and "\033" not in done.stdout, done.stdout + done.stderr
    assert lines[0] == "batch 1 of 2, 0 of 3 hosts done" and lines[1] == f"a: {WAIT}"
    assert lines[2].startswith("batch 2 of 2, 1 of 3 hosts done, ends at about ")
    assert set(lines[3:5]) == {f"b: {WAIT}", f"c: {WAIT}"}
    assert lines[5] == "c is lost; its timer has started its node by 12:45:00"
    assert lines[6].startswith("3 of 3 hosts done after batch 2 of 2, in ") and len(lines) == 7


def test_a_terminal_has_one_line_that_is_gone_before_the_summary(run):
    command, environment = run
    leader, follower = pty.openpty()
    process = subprocess.Popen(command, env=environment, stdout=follower, stderr=follower)
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # Linux says so of a terminal whose other side is closed
            break
        shown += part
    os.close(leader)
    assert process.wait() == 0
    drawn = [part.split("\r")[0].split("\n")[0] for part in shown.decode().split("\r\033[K")]
    live = [text for text in drawn if text.startswith("batch ")]
    assert shown.decode().count("fleet: ") == 1, "only the result stays"
    assert "batch 1 of 2, 0 of 3 hosts done; a waits until 12:41:07 UTC for peers" in live, live
    assert any("; c is lost; its timer has started its node by" in text for text in live), live
    assert max(map(len, live)) < 100, "it must not wrap"
    summary = shown.decode().rindex("the summary")
    assert shown.decode().rindex("batch 2 of 2") < summary


def test_a_restart_says_until_when_a_node_stays_down():
    now = time.mktime((2026, 3, 2, 12, 40, 0, 0, 0, -1))
    assert restart_text({"unit": "polkadot.service", "delay": 120}, now) == (
        "restarts, down until 12:42:00 at the least: polkadot.service")
    assert restart_text({"unit": "polkadot.service", "delay": 0}, now) == "restarts since 12:40:00: polkadot.service"
