# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit has found, kept on disk host by host while others are still asked. Private to this collection.

Ansible keeps what tasks return of every host until the run ends. So an audit returns next to nothing; its outcomes lie in the
temporary directory of this run on the controller, which ansible-core removes at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from ansible import constants

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._kept_facts import pretty
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._recorded import file_name


def directory() -> str:
    """Where the outcomes of this run lie: the same for all its processes, and for no other run."""
    return os.path.join(constants.DEFAULT_LOCAL_TMP, "aarch64-validator-audit")


def forget(name: str) -> None:
    """Nothing is known of this host any more."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(directory(), file_name(name)))


def keep(name: str, outcome: dict) -> None:
    """Keep the outcome of one host: a line with all but the facts, then the facts as a report has them."""
    os.makedirs(directory(), mode=0o700, exist_ok=True)
    rest = {key: value for key, value in outcome.items() if key != "facts"}
    with open(os.path.join(directory(), file_name(name)), "w", encoding="utf-8") as stream:
        stream.write(json.dumps(rest, default=str) + "\n" + (pretty(outcome["facts"]) if outcome.get("facts") else ""))


def kept(name: str) -> tuple[dict[str, t.Any], str] | None:
    """Outcome and text of the facts of one host, None where this run has kept nothing of it."""
    try:
        with open(os.path.join(directory(), file_name(name)), encoding="utf-8") as stream:
            first, text = stream.readline(), stream.read()
    except FileNotFoundError:
        return None
    return dict(json.loads(first), facts=json.loads(text) if text else {}), text
