# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hosts.csv: one row for each host, for a spreadsheet. Pure; private to this collection."""

from __future__ import annotations

import csv
import io

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._values import (
    SESSION,
    at,
    plain,
    telling,
    unlimited,
    worst_pool,
)

# A spreadsheet takes a cell that begins so for a formula and runs it; the last four are the full-width forms.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
LONGEST = 32000  # a cell of Excel holds 32,767 characters
COLUMNS = (
    "name", "verdict", "first_cause", "explains", "findings", "machine", "board", "kernel_release", "page_size", "va_bits",
    "service", "engine_bytes", "engines_fit", "engines_needed", "shm_live_bytes", "nofile_live", "memlock_live", "services",
    "changes", "undone", "pending", "pending_until", "left_out", "failure",
)


def hosts_csv(report: dict) -> str:
    """The table, worst hosts first. ``service`` is the one with least room, and the columns about engines and limits are its."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([[cell(value) for value in _row(entry)] for entry in report["hosts"]])
    return stream.getvalue()


def cell(value: object) -> object:
    """A value that a spreadsheet shows and does not run."""
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return value
    text = str(value)
    marked = text.startswith(FORMULA)  # before it is made printable: a tab would hide behind its own name
    return ("'" if marked else "") + plain(text[:LONGEST])


def _row(entry: dict) -> tuple:
    facts, pools, causes = entry["facts"], entry["pools"], telling(entry["findings"])
    worst = worst_pool(pools)
    pool = pools.get(worst, {})
    return (
        entry["name"],
        entry["verdict"],
        causes[0]["id"] if causes else None,
        ("yes" if causes[0]["explains"] else "no") if causes else None,
        " ".join(item["id"] for item in entry["findings"]),
        at(facts, "host", "machine"),
        at(facts, "host", "board"),
        at(facts, "kernel", "release"),
        at(facts, "kernel", "page_size"),
        at(facts, "kernel", "va_bits"),
        None if worst == SESSION else worst,
        pool.get("engine_bytes"),
        pool.get("engines_fit"),
        pool.get("engines_needed"),
        _live(entry, None, "/dev/shm size"),
        _limit(entry, worst, "LimitNOFILE", "nofile"),
        _limit(entry, worst, "LimitMEMLOCK", "memlock"),
        " ".join(name for name in pools if name != SESSION),
        len(entry["changes"]),
        len(entry["undone"]),
        " ".join(str(unit) for unit in entry["pending"]),
        entry["pending_until"],
        entry["skipped"],
        at(entry["failure"], "message"),
    )


def _live(entry: dict, service: str | None, setting: str) -> object:
    rows = (row for row in entry["settings"] if row["service"] == service and row["setting"] == setting)
    value = next((row["live"] for row in rows), None)
    return "infinity" if unlimited(value) else value


def _limit(entry: dict, worst: str | None, setting: str, name: str) -> object:
    """The live limit of the service, or of the session where there is none."""
    if worst != SESSION:
        return _live(entry, worst, setting)
    value = at(entry["facts"], "limits", name, "soft")
    return "infinity" if unlimited(value) else value
