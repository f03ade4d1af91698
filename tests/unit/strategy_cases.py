# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines of nodes and the programs behind them, for tests of node_strategy."""

from __future__ import annotations

import os

from ansible_collections.aarch64.validator.plugins.module_utils._exec_start import service_lists
from ansible_collections.aarch64.validator.plugins.module_utils._node import STRATEGY_FLAG as FLAG
from ansible_collections.aarch64.validator.plugins.module_utils._strategy import made_from
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_help import Help, HelpError
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_plan import Programs
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_source import Source, read_source

CHOSEN = "recreate-instance-copy-on-write"
POOLING = "pooling-copy-on-write"
OPTION = f"{FLAG} {CHOSEN}"
ESCAPED = "".join(f"\\x{ord(char):02x}" for char in FLAG)
UNIT = "/lib/systemd/system/node.service"
DEFAULTS = "/etc/default/node"
KNOWN = Help(True, [POOLING, CHOSEN, "pooling", "recreate-instance"], True)
OLD = Help(False, [], False)


def programs(answer: Help | None = KNOWN) -> Programs:
    """Every program called node or polkadot is a node; None: it cannot be asked."""
    def ask(program: str) -> Help:
        if answer is None:
            raise HelpError("it hangs")
        return OLD if program.startswith("/old/") else answer

    def may_be_node(program: str) -> bool:
        if program.startswith("/gone/"):
            raise HelpError("it is gone")
        return os.path.basename(program) in ("node", "polkadot")

    return Programs(may_be_node, ask)


def source_of(command: str, file: str = "", lines: tuple = (), name: str = "node.service") -> Source:
    text = "\n".join(["[Service]", *lines, "EnvironmentFile=-" + DEFAULTS, "ExecStart=" + command]) + "\n"
    return read_source([(UNIT, text)], [(DEFAULTS, file)] if file else [], name, False)


def exec_start(text: str | None) -> list:
    assert text is not None
    assert made_from(text) is not None
    return service_lists([("", text)])["ExecStart"]
