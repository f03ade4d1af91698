# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Examples of plugins that need root or a node are run in check mode on a host that has both.

The others are run by tests/unit/controller/test_examples.py. A new plugin is found with no edit here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import doc_examples
import pytest
import yaml
from conftest import HostHandle

pytestmark = pytest.mark.nspawn

EXAMPLES = {name: items for name, items in doc_examples.examples().items()
            if doc_examples.can_be_tried(name) and doc_examples.needs_a_node(items)}
# What these hosts cannot have, by the words with which the example then fails: each is a clear refusal before anything is done.
REFUSED = {"modules/node_build": "source: /home/builder/polkadot-sdk is no directory"}


def test_examples_run_in_check_mode_and_change_nothing(host: HostHandle, tmp_path: Path) -> None:
    inventory = json.loads(host.fleet.inventory.read_text())
    variables = inventory["validators"]["hosts"][host.name]
    inventory["validators"]["hosts"] = dict.fromkeys(("rpc1", "rpc2", "validator1"), variables)
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    doc_examples.place(tmp_path)
    files = [doc_examples.write(tmp_path, name, doc_examples.trial(name, items, "rpc1", tmp_path / "told"))
             for name, items in EXAMPLES.items()]
    # Other tests have had this node die; an example looks for that in its journal.
    host.inside("sh", "-c", "journalctl --quiet --rotate && journalctl --quiet --vacuum-time=1s")
    before = host.checksums(), host.show("MainPID")
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.yml", "--check", *files]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(doc_examples.ROOT / "ansible.cfg"),
                   "ANSIBLE_COLLECTIONS_PATH": str(doc_examples.ROOT / "playbooks/collections")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    failed = {path.name.replace("-", "/", 1): path.read_text() for path in (tmp_path / "told").iterdir()}
    wrong = [text for name, text in sorted(failed.items()) if REFUSED.get(name, "\0") not in text]
    assert wrong == [], "\n".join(wrong)
    assert set(failed) == set(REFUSED), "what is refused here otherwise works by now"
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert (host.checksums(), host.show("MainPID")) == before, "an example changed the host in check mode"
