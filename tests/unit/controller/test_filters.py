# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What filters of the collection cost in the process of each host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FILTERS = Path(__file__).resolve().parents[3] / "plugins/filter"
LOADED = """
import sys
from ansible_collections.aarch64.validator.plugins.action import memory_facts
print(*(name.rpartition(".")[2] for name in sys.modules if ".plugins.filter." in name))
"""


def test_the_process_that_is_forked_for_each_host_has_all_filters() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run([sys.executable, "-c", LOADED], env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    wanted = {path.stem for path in FILTERS.glob("*.py")}
    assert wanted
    assert set(said.split()) == wanted, "each task of a host that judges loads all rules anew"
