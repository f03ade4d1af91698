# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a node's health that its host decides: the unit, its journal, its limits. Private to this collection."""

from __future__ import annotations

import re

from ansible_collections.aarch64.validator.plugins.module_utils._health_checks import check
from ansible_collections.aarch64.validator.plugins.module_utils._health_http import clean
from ansible_collections.aarch64.validator.plugins.module_utils._journal import parse_journal, relevant_lines
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import at_least, format_exact

PROPERTIES = [
    "Id", "LoadState", "ActiveState", "SubState", "Result", "Job", "MainPID", "NRestarts", "ExecMainStatus", "InvocationID",
    "User", "ExecStart", "FragmentPath", "DropInPaths", "WorkingDirectory",
]
JOURNAL_LINES = 2000
SHOWN_LINES = 40

# Of the lines that bear on memory, those after which a node does not work. What they come from is for the controller to say.
_FAILURE = re.compile(
    r"failed to create \w+ pool mapping|mmap failed to|cannot create the wasmtime engine|cannot create a runtime"
    r"|cannot create module|failed to instantiate|make memory executable|cannot create a memfd|free wasm instances"
    r"|unsupported system page size|too many open files|no space left on device|read-only file system|failed with result",
    re.IGNORECASE,
)


def runs(properties: dict) -> bool:
    """Whether a unit is up, as a service with a process is."""
    return properties.get("ActiveState") == "active" and properties.get("SubState") == "running"


def restarts_of(properties: dict) -> int | None:
    """How often systemd itself has started the service again; None of a systemd before 235, which does not count."""
    text = properties.get("NRestarts", "")
    return int(text) if text.isdigit() else None


def hopeless(properties: dict, restarts: int | None, invocation: str) -> str | None:
    """Why waiting for a unit is in vain, or None.

    restarts and invocation are those of the process that is to be proven, None and empty if they are not known yet.
    """
    unit, state, sub_state = (properties.get(name, "") for name in ("Id", "ActiveState", "SubState"))
    if state == "failed" or "auto-restart" in sub_state:
        return "{} has failed ({}, exit status {}){}".format(
            unit, properties.get("Result", "?"), properties.get("ExecMainStatus", "?"),
            ", and waits for its next try" if state != "failed" else "")
    if state == "inactive" and properties.get("Job", "") in ("", "0"):
        return f"{unit} is stopped"
    now = restarts_of(properties)
    if restarts is not None and now is not None and now != restarts:
        return f"systemd has restarted {unit} meanwhile: NRestarts is {now}, and was {restarts}"
    if invocation and properties.get("InvocationID", invocation) != invocation:
        return f"{unit} was started anew meanwhile"
    return None


def active(properties: dict, restarts: int | None, reason: str | None) -> dict:
    """Whether the service is up, and still the one that it was; reason: what hopeless() says."""
    state, sub_state = (properties.get(name, "?") for name in ("ActiveState", "SubState"))
    value = {
        "active_state": state,
        "sub_state": sub_state,
        "main_pid": int(properties.get("MainPID") or 0),
        "restarts": restarts_of(properties),
        "restarts_wanted": restarts,
        "invocation": properties.get("InvocationID", ""),
    }
    if reason is not None:
        return check("active", False, reason, value)
    count = "an unknown number of" if value["restarts"] is None else value["restarts"]
    return check("active", runs(properties), f"{state} ({sub_state}), {count} restarts by systemd", value)


def journal_command(unit: str, invocations: list, since: float | None) -> list:
    """The argument list that reads what a unit, and systemd about it, has said since a time or in these starts of it."""
    command = ["journalctl", "--quiet", "--no-pager", "--output=json", f"--lines={JOURNAL_LINES}"]
    if since is not None or not invocations:
        return command + [f"--unit={unit}"] + ([] if since is None else [f"--since=@{since:.6f}"])
    fields = [f"{name}={one}" for one in invocations for name in ("_SYSTEMD_INVOCATION_ID", "INVOCATION_ID")]
    return command + " + ".join(fields).split(" ")


def journal(text: str, root: bool) -> dict:
    """Whether the journal is free of lines after which a node does not work."""
    entries = parse_journal(text)
    if not entries:
        why = "the journal has nothing of this service" if root else "the journal of this service is not readable without root"
        return check("journal", None, why)
    failures = relevant_lines([entry for entry in entries if _FAILURE.search(entry["message"])])
    value = {"lines": relevant_lines(entries)[-SHOWN_LINES:], "failures": failures[:SHOWN_LINES], "entries": len(entries)}
    count = f"of its last {len(entries)} lines"
    if failures:
        return check("journal", False, f"{len(failures)} {count} tell of a failure: {clean(failures[0])}", value)
    return check("journal", True, f"none {count} tells of a failure", value)


def limits(pid: int, live: dict, wanted: dict) -> dict:
    """Whether the live process has at least these limits; it is the soft ones that count."""
    if not wanted:
        return check("limits", None, "no limits are wanted")
    if not pid:
        return check("limits", False, "there is no process to have limits")
    value = {name: dict(live.get(name, {"soft": None, "hard": None}), wanted=floor) for name, floor in wanted.items()}
    short = [f"{name} is {format_exact(one['soft'])}, wanted {format_exact(one['wanted'])}"
             for name, one in value.items() if one["soft"] is not None and not at_least(one["soft"], one["wanted"])]
    if short:
        return check("limits", False, "; ".join(short), value)
    if any(one["soft"] is None for one in value.values()):
        return check("limits", None, "its live limits cannot be read", value)
    return check("limits", True, "; ".join(f"{name} is {format_exact(one['soft'])}" for name, one in value.items()), value)
