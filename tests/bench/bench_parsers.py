# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes to read much text of a host, and twice as much. The last column is about 2 where the work is linear.

The limit is 2 seconds for 10 MB of the journal and for the 65,530 mappings that a process may have.
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
LIMIT = 2.0
LIMITED = ("journal, 10 MB", "maps, 65,530 lines")


def repeated(text: str) -> t.Callable[[int], str]:
    """So many bytes of this text."""
    return lambda size: text * (size // len(text))


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


CASES: dict[str, tuple[t.Callable[[str], object], t.Callable[[int], str], int]] = {
    "journal, 10 MB": (journal, repeated(JOURNAL + "\n"), 10 * MEGABYTE),
    "journal, one message": (journal, lambda size: json.dumps({"MESSAGE": "os error 12 " + "a-" * (size // 2)}), 10 * MEGABYTE),
    "maps, 65,530 lines": (maps, repeated(MAPS), 65530 * len(MAPS) // 5),
    "explain, 10 MB": (explain_log, repeated(JOURNAL + "\n"), 10 * MEGABYTE),
    "secrets: dashes": (_redact.redact_text, repeated("--password"), MEGABYTE),
    "secrets: addresses": (_redact.redact_text, repeated("a://b:"), MEGABYTE),
    "strace": (strace, repeated(STRACE), MEGABYTE),
    "properties": (_systemd.parse_show, repeated(SHOWN), MEGABYTE),
    "one property": (_systemd.parse_show, repeated("a=b\n"), MEGABYTE),
    "fstab": (_fstab.find_entries, repeated(FSTAB + "\n"), MEGABYTE),
    "mountinfo": (_procfs.parse_mountinfo, repeated("24 1 8:1 / / rw - ext4 /dev/sda1 rw\n"), MEGABYTE),
    "environment file": (_environment_file.parse_environment_file, repeated("A=b c\n"), MEGABYTE),
    "ExecStart=": (command, repeated('"a" '), MEGABYTE),
    "TOML": (_toml.parse_toml, repeated(TOML), MEGABYTE),
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
    for name, (function, text, size) in CASES.items():
        once, twice = seconds(function, text(size)), seconds(function, text(2 * size))
        print(f"{name:<22}{size / MEGABYTE:>7.1f}{once:>9.2f}{twice / max(once, 1e-6):>6.1f}x")
        if name in LIMITED and once > LIMIT:
            missed.append(name)
    if missed:
        print(f"more than {LIMIT:g} seconds: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
