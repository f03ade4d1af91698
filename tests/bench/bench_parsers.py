# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes to read much text of a host, and twice as much. The last column is about 2 where the work is linear.

Each row has a limit, and the exit status is 1 where one does not hold: 2 seconds for 10 MB of the journal and for the 65,530
mappings that a process may have, and about four times what was seen for the others, which are read in Python letter by letter.
"""

from __future__ import annotations

import json
import sys
import time
import typing as t
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "playbooks/collections"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/unit"))

from ansible_collections.aarch64.validator.plugins.module_utils import (
    _address_space,
    _environment_file,
    _exec_start,
    _fstab,
    _journal,
    _procfs,
    _redact,
    _strace,
    _systemd,
    _toml,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._signatures import explain_log
from host_texts import FSTAB, JOURNAL, MAPS, SHOWN, STRACE, TOML

MEGABYTE = 1_000_000
STEEPEST = 3.0  # times the seconds for twice the text
COUNTS = 0.1  # less than so many seconds say nothing of growth


def repeated(text: str) -> t.Callable[[int], str]:
    """So many bytes of this text."""
    return lambda size: text * (size // len(text))


def one_message(size: int) -> str:
    return json.dumps({"MESSAGE": "os error 12 " + "a-" * (size // 2)})


def journal(text: str) -> object:
    return _journal.relevant_lines(_journal.parse_journal(text))


def maps(text: str) -> object:
    return _address_space.pool_regions(_procfs.parse_maps(text))


def command(text: str) -> object:
    return _exec_start.command_line_of([("/a", "[Service]\nExecStart=/a " + text)], [])


def strace(text: str) -> None:
    trace = _strace.Trace()
    for line in text.split("\n"):
        trace.feed(line)


CASES: dict[str, tuple[t.Callable[[str], object], t.Callable[[int], str], int, float]] = {
    "journal, 10 MB": (journal, repeated(JOURNAL + "\n"), 10 * MEGABYTE, 2.0),
    "journal, one message": (journal, one_message, 10 * MEGABYTE, 2.0),
    "maps, 65,530 lines": (maps, repeated(MAPS), 65530 * len(MAPS) // 5, 2.0),
    "explain, 10 MB": (explain_log, repeated(JOURNAL + "\n"), 10 * MEGABYTE, 8.0),
    "secrets: dashes": (_redact.redact_text, repeated("--password"), MEGABYTE, 0.5),
    "secrets: addresses": (_redact.redact_text, lambda size: repeated("a://b:")(size) + " a@b", MEGABYTE, 0.8),
    "strace": (strace, repeated(STRACE), MEGABYTE, 0.5),
    "properties": (_systemd.parse_show, repeated(SHOWN), MEGABYTE, 0.2),
    "one property": (_systemd.parse_show, repeated("a=b\n"), MEGABYTE, 0.2),
    "fstab": (_fstab.find_entries, repeated(FSTAB + "\n"), MEGABYTE, 0.2),
    "mountinfo": (_procfs.parse_mountinfo, repeated("24 1 8:1 / / rw - ext4 /dev/sda1 rw\n"), MEGABYTE, 0.3),
    "environment file": (_environment_file.parse_environment_file, repeated("A=b c\n"), MEGABYTE, 1.2),
    "ExecStart=": (command, repeated('"a" '), MEGABYTE, 1.5),
    "TOML": (_toml.parse_toml, repeated(TOML), MEGABYTE, 1.2),
}


def seconds(function: t.Callable[[str], object], text: str) -> float:
    """Processor time, so that other programs count as little as may be."""
    started = time.process_time()
    function(text)
    return time.process_time() - started


def main() -> int:
    """Print the table; 1 if a limit does not hold."""
    print(f"{'':<22}{'MB':>7}{'seconds':>9}{'ratio':>7}")
    missed = []
    for name, (function, text, size, limit) in CASES.items():
        once, twice = seconds(function, text(size)), seconds(function, text(2 * size))
        print(f"{name:<22}{size / MEGABYTE:>7.1f}{once:>9.2f}{twice / max(once, 1e-6):>6.1f}x")
        if once > limit:
            missed.append(f"{name}: {once:.2f} seconds, limit {limit:g}")
        if twice > COUNTS and twice > STEEPEST * once:
            missed.append(f"{name}: {twice / once:.1f} times the seconds for twice the text")
    for miss in missed:
        print(f"missed: {miss}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
