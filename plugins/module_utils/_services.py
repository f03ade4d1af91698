# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of services: what systemd is set to give them and what the live process has. Private to this collection."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._exec_start import next_command_line
from ansible_collections.aarch64.validator.plugins.module_utils._journal import engine_bytes_of, relevant_lines
from ansible_collections.aarch64.validator.plugins.module_utils._node import is_node_program, node_facts
from ansible_collections.aarch64.validator.plugins.module_utils._process import NO_PROCESS, process_facts
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_arguments, redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._root_libc import root_libc
from ansible_collections.aarch64.validator.plugins.module_utils._strategy import DROP_IN_FILE, made_from
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_source import read_source
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import (
    LIMIT_PROPERTIES,
    configured_limits,
    limit_properties,
)
from ansible_collections.aarch64.validator.plugins.module_utils._unit_files import read_files

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils._container_facts import Here

SANDBOX_PROPERTIES = (
    "MemoryDenyWriteExecute", "NoNewPrivileges", "PrivateDevices", "PrivateTmp", "PrivateUsers", "ProtectHome",
    "ProtectSystem", "RestrictNamespaces", "RestrictRealtime", "SystemCallErrorNumber",
)
PROPERTIES = [
    "Id", "LoadState", "ActiveState", "SubState", "Result", "MainPID", "NRestarts", "ExecMainStatus", "UnitFileState",
    "ControlGroup", "User", "ExecStart", "WorkingDirectory", "RootDirectory", "FragmentPath", "DropInPaths", "EnvironmentFiles",
    "NeedDaemonReload", "ExecMainStartTimestampMonotonic",
] + limit_properties(list(LIMIT_PROPERTIES)) + list(SANDBOX_PROPERTIES)

_POOL_SIGNATURE = re.compile(r"failed to create memory pool mapping|mmap failed to (reserve|allocate) 0x"
                             r"|cannot create the wasmtime engine")


def has_failed(properties: dict) -> bool:
    """Whether a unit is down although it should be up: failed, waiting for its next try, or in one after others."""
    return (properties.get("ActiveState") == "failed" or "auto-restart" in properties.get("SubState", "")
            or properties.get("NRestarts", "0") not in ("", "0"))


def exec_start(properties: dict) -> tuple:
    """``(program, command line)`` of the first ExecStart, as the manager prints it (quotes are lost there)."""
    for line in properties.get("ExecStart", "").split("\n"):
        # One way through the line: a pattern would look for the end anew at every beginning.
        _before, begins, rest = line.partition("{ path=")
        program, is_program, rest = rest.partition(" ; argv[]=")
        arguments, is_whole, _after = rest.partition(" ; ignore_errors=")
        if begins and is_program and is_whole:
            return program, arguments
    return "", ""


def environment_files(properties: dict) -> list:
    """Paths of the environment files of a unit, as the manager prints them."""
    pieces = properties.get("EnvironmentFiles", "").split(" (ignore_errors=")[:-1]
    return [piece.split()[-1] for piece in pieces if piece and not piece[-1].isspace()]


def candidates(units: list, huge: frozenset) -> list:
    """Of all units of a host, those that may be nodes: a known program, a huge process, or down by failure."""
    return [
        unit for unit in units
        if unit.get("LoadState") == "loaded"
        and (is_node_program(exec_start(unit)[0]) or has_failed(unit) or int(unit.get("MainPID") or 0) in huge)
    ]


def is_node(properties: dict, facts: dict, messages: list) -> bool:
    """Whether a candidate is a node: a known program, a pool in its maps, or the failure in its journal."""
    return (
        is_node_program(exec_start(properties)[0])
        or bool(facts["pool"]["mapped"])
        or any(_POOL_SIGNATURE.search(message) for message in messages)
    )


def service_facts(properties: dict, entries: list, grantable: dict, here: Here, unread: list) -> dict:
    """Everything about one unit but its program file and the probe of its address space."""
    pid = int(properties.get("MainPID") or 0)
    program, shown = exec_start(properties)
    process = process_facts(pid, here, unread) if pid else dict(NO_PROCESS)
    files = files_of(properties, unread)
    coming = arguments_of_next_start(files, properties.get("Id", ""), unread) or shown.split()
    arguments = process["arguments"] or coming
    root = properties.get("RootDirectory", "").lstrip("-+") or None
    log_bytes = engine_bytes_of([entry["message"] for entry in entries])
    return {
        "load_state": properties.get("LoadState"),
        "active": properties.get("ActiveState") == "active",
        "active_state": properties.get("ActiveState"),
        "sub_state": properties.get("SubState"),
        "result": properties.get("Result"),
        "exit_status": _int(properties.get("ExecMainStatus")),
        "restarts": _int(properties.get("NRestarts")),
        "main_pid": pid,
        "user": properties.get("User") or "root",
        "exec_start": redact_text(shown),
        "command_line": redact_arguments(arguments),
        "fragment": properties.get("FragmentPath") or None,
        "drop_ins": properties.get("DropInPaths", "").split(),
        "environment_files": environment_files(properties),
        "working_directory": properties.get("WorkingDirectory", "").lstrip("!-") or None,
        "need_daemon_reload": properties.get("NeedDaemonReload") == "yes",
        "limits": {"configured": configured_limits(properties), "live": process["limits"], "grantable": grantable},
        "sandbox": {name: properties[name] for name in SANDBOX_PROPERTIES if properties.get(name)},
        "credentials": process["credentials"],
        "cgroup": process["cgroup"],
        "control_group": properties.get("ControlGroup", "").rstrip("/") or None,
        "container": process["container"],
        "shm": process["shm"],
        "libc": process["libc"] or (root_libc(root) if root else None),
        "program": program or None,
        # What the next start runs, behind links. Below a root directory of its own the path means another file.
        "program_file": os.path.realpath(program) if program and not process["own_root"] else None,
        "binary": process["binary"] or program or None,
        "binary_replaced": process["binary_replaced"],
        "own_root": process["own_root"],
        "root_directory": root,
        "node": node_facts(arguments) if arguments else None,
        "next_node": node_facts(coming) if coming else None,
        "strategy_drop_in": strategy_drop_in(files, properties.get("Id", "")),
        "log": relevant_lines(entries),
        "pool": {"engine_bytes": log_bytes, "engine_bytes_source": "log" if log_bytes else None,
                 "mapped": process["mapped"], "pie": process["pie"]},
    }


def files_of(properties: dict, unread: list) -> list:
    """``(path, text)`` of the files that make up a unit, in load order."""
    return read_files([properties.get("FragmentPath", "")] + properties.get("DropInPaths", "").split(), unread)


def arguments_of_next_start(files: list, unit: str, unread: list) -> list:
    """The command line that a service gets at its next start, environment files included; empty if it cannot be told."""
    command = next_command_line(unit, files, unread)
    return command["arguments"] if command else []


def strategy_drop_in(files: list, unit: str) -> str | None:
    """``current`` or ``outdated``: whether our drop-in still repeats the command line that the unit has.

    None where there is none, or where somebody has edited it.
    """
    ours = [made_from(text) for path, text in files if os.path.basename(path) == DROP_IN_FILE]
    if not ours or ours[-1] is None:
        return None
    others = [(path, text) for path, text in files if os.path.basename(path) != DROP_IN_FILE]
    try:
        return "current" if read_source(others, [], unit, False).digest == ours[-1] else "outdated"
    except ValueError:
        return "outdated"


def _int(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() and text.isascii() else None
