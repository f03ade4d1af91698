# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of the journal that bear on memory, by unit. Private to this collection.

What the lines mean is decided on the controller; here they are only picked out, so that a host sends
a few lines and not its whole log.
"""

from __future__ import annotations

import datetime
import json
import re

from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text

MAX_LINE = 2000
_LOOKED_AT = 5 * MAX_LINE  # of a line, before what is secret is left out
_LONGEST_SECRET = 1100  # of those that are known by what follows them, such as the password in a URL (_redact_shapes)

# Wide on purpose: the controller's signatures decide.
_RELEVANT = re.compile(
    r"pool mapping|mmap failed|os error \d+|Caused by:|cannot create the wasmtime engine|Cannot create a runtime"
    r"|cannot create module|make memory executable|cannot create a memfd|failed to instantiate|<jemalloc>"
    r"|MADV_DONTNEED|Too many open files|file descriptor limit|io_uring|status=\d+/|Failed with result|oom"
    r"|Secure Validator Mode|Allocator ran out of space|free WASM instances|No space left on device"
    r"|Read-only file system|Unsupported system page size|memory allocation of \d+ bytes",
    re.IGNORECASE,
)
_POOL = re.compile(r"failed to create (\w+) pool mapping")
_BYTES = re.compile(r"mmap failed to (?:reserve|allocate) (0x[0-9a-fA-F]+) bytes")
_BYTES_FOLLOW_WITHIN = 3  # lines of a "Caused by:" block after the message


def journal_command(units: list, lines: int) -> list:
    """The argument list that reads the last lines of these units, oldest first."""
    command = ["journalctl", "--quiet", "--no-pager", "--output=json", f"--lines={lines}"]
    return command + ["--unit=" + unit for unit in units]


def parse_journal(text: str) -> list:
    """``{unit, time, identifier, pid, message}`` of each entry of ``journalctl --output=json``; damaged lines are skipped."""
    entries = []
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        message = _text(record.get("MESSAGE")) if isinstance(record, dict) else None
        if message is None:
            continue
        entries.append({
            "unit": _text(record.get("UNIT")) or _text(record.get("_SYSTEMD_UNIT")) or "",
            "time": _time(record.get("__REALTIME_TIMESTAMP")),
            "identifier": _text(record.get("SYSLOG_IDENTIFIER")) or "",
            "pid": _text(record.get("_PID")) or "",
            "message": message,
        })
    return entries


def relevant_lines(entries: list) -> list:
    """The lines worth sending, as text with time and origin, secrets hidden."""
    return [
        _shown("{time} {identifier}[{pid}]: {message}".format(**entry))
        for entry in entries
        if _RELEVANT.search(entry["message"])
    ]


def _shown(line: str) -> str:
    looked_at = line[:_LOOKED_AT]
    shown = redact_text(looked_at)
    # A secret that is cut in two is not known for one.
    return shown[:MAX_LINE] if looked_at == line else shown[:-_LONGEST_SECRET][:MAX_LINE]


def engine_bytes_of(messages: list) -> int | None:
    """Bytes of the memory pool that could not be mapped, from the newest message that names them."""
    found = None
    wait = 0
    for message in messages:
        pool = _POOL.search(message)
        if pool:
            wait = _BYTES_FOLLOW_WITHIN + 1 if pool.group(1) == "memory" else 0
        size = _BYTES.search(message)
        if size and wait:
            found = int(size.group(1), 16)
        wait = max(0, wait - 1)
    return found


def _text(value: object) -> str | None:
    """A journal field as text. Binary fields come as lists of byte values, oversized ones as null."""
    if isinstance(value, list):
        if all(isinstance(item, int) and 0 <= item < 256 for item in value):
            return bytes(value).decode("utf-8", "replace")
        return _text(value[-1]) if value else None  # a repeated field; the last one counts
    return value if isinstance(value, str) else None


def _time(value: object) -> str:
    try:
        stamp = datetime.datetime.fromtimestamp(int(str(value)) / 1e6, datetime.timezone.utc)
    except (ValueError, OverflowError, OSError):
        return "?"
    return stamp.strftime("%Y-%m-%dT%H:%M:%SZ")
