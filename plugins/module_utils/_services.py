# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of services: what systemd is set to give them and what the live process has. Private to this collection."""

from __future__ import annotations

import os
import re

from ansible_collections.aarch64.validator.plugins.module_utils._address_space import pool_regions
from ansible_collections.aarch64.validator.plugins.module_utils._cgroup import memory_facts
from ansible_collections.aarch64.validator.plugins.module_utils._elf import read_pie
from ansible_collections.aarch64.validator.plugins.module_utils._journal import engine_bytes_of, relevant_lines
from ansible_collections.aarch64.validator.plugins.module_utils._node import (
    is_node_program,
    node_facts,
    redact_arguments,
    redact_text,
)
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import parse_limits, parse_maps
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import (
    LIMIT_PROPERTIES,
    configured_limits,
    limit_properties,
)

SANDBOX_PROPERTIES = (
    "MemoryDenyWriteExecute", "NoNewPrivileges", "PrivateDevices", "PrivateTmp", "PrivateUsers", "ProtectHome",
    "ProtectSystem", "RestrictNamespaces", "RestrictRealtime", "SystemCallErrorNumber",
)
PROPERTIES = [
    "Id", "LoadState", "ActiveState", "SubState", "Result", "MainPID", "NRestarts", "ExecMainStatus", "UnitFileState",
    "ControlGroup", "User", "ExecStart", "FragmentPath", "DropInPaths", "EnvironmentFiles", "NeedDaemonReload",
] + limit_properties(list(LIMIT_PROPERTIES)) + list(SANDBOX_PROPERTIES)

_POOL_SIGNATURE = re.compile(r"failed to create memory pool mapping")
_EXEC = re.compile(r"\{ path=(.*?) ; argv\[\]=(.*?) ; ignore_errors=")
_MIN_POOL_PAGES_BYTES = 64 << 30  # a process with less virtual memory than this maps no pool; its maps stay unread


def is_down_by_failure(properties: dict) -> bool:
    """Whether a unit is down although it should be up: failed, or waiting for its next try."""
    return properties.get("ActiveState") == "failed" or "auto-restart" in properties.get("SubState", "")


def exec_start(properties: dict) -> tuple:
    """``(program, command line)`` of the first ExecStart, as the manager prints it (quotes are lost there)."""
    match = _EXEC.search(properties.get("ExecStart", ""))
    return (match.group(1), match.group(2)) if match else ("", "")


def candidates(units: list) -> list:
    """Of all units of a host, those that may be nodes: a known program, a huge process, or down by failure."""
    return [
        unit for unit in units
        if unit.get("LoadState") == "loaded"
        and (is_node_program(exec_start(unit)[0]) or is_down_by_failure(unit) or _is_huge(unit.get("MainPID", "0")))
    ]


def is_node(properties: dict, facts: dict, messages: list) -> bool:
    """Whether a candidate is a node: a known program, a pool in its maps, or the failure in its journal."""
    return (
        is_node_program(exec_start(properties)[0])
        or bool(facts["pool"]["mapped"])
        or any(_POOL_SIGNATURE.search(message) for message in messages)
    )


def service_facts(properties: dict, entries: list, grantable: dict, mounts: list, unread: list) -> dict:
    """Everything about one unit but the probe of its address space, from its properties and its live process."""
    pid = int(properties.get("MainPID") or 0)
    program, command_line = exec_start(properties)
    process = process_facts(pid, mounts, unread) if pid else dict(NO_PROCESS)
    arguments = process.pop("arguments") or command_line.split()
    messages = [entry["message"] for entry in entries]
    log_bytes = engine_bytes_of(messages)
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
        "exec_start": redact_text(command_line),
        "command_line": redact_arguments(arguments) if pid else None,
        "fragment": properties.get("FragmentPath") or None,
        "drop_ins": properties.get("DropInPaths", "").split(),
        "environment_files": re.findall(r"(\S+) \(ignore_errors=", properties.get("EnvironmentFiles", "")),
        "need_daemon_reload": properties.get("NeedDaemonReload") == "yes",
        "limits": {"configured": configured_limits(properties), "live": process.pop("limits"), "grantable": grantable},
        "sandbox": {name: properties[name] for name in SANDBOX_PROPERTIES if properties.get(name)},
        "cgroup": process.pop("cgroup"),
        "container": None,
        "binary": process.pop("binary") or program or None,
        "node": node_facts(arguments) if arguments else None,
        "log": relevant_lines(entries),
        "pool": {"engine_bytes": log_bytes, "engine_bytes_source": "log" if log_bytes else None,
                 "mapped": process.pop("mapped"), "pie": process.pop("pie")},
    }


NO_PROCESS = {"limits": None, "cgroup": None, "binary": None, "arguments": None, "mapped": [], "pie": None}  # type: dict


def process_facts(pid: int, mounts: list, unread: list) -> dict:
    """What /proc tells about a live process. ``mapped`` is None where its maps may not be read (needs root)."""
    base = f"/proc/{pid}/"
    limits = read_text(base + "limits", unread)
    maps = read_text(base + "maps", unread, 64 << 20) if _is_huge(str(pid)) else ""
    command_line = read_text(base + "cmdline", unread) or ""
    return {
        "limits": parse_limits(limits) if limits else None,
        "cgroup": memory_facts(read_text(base + "cgroup", unread) or "", mounts),
        "binary": _link(base + "exe", unread),
        "arguments": command_line.rstrip("\0").split("\0") if command_line else None,
        "mapped": None if maps is None else pool_regions(parse_maps(maps)),
        "pie": read_pie(base + "exe", []),
    }


def _is_huge(pid: str) -> bool:
    """Whether a process has enough virtual memory to hold a pool; statm is readable by everyone."""
    pages = (read_text(f"/proc/{pid}/statm", []) or "0").split()[0] if pid not in ("", "0") else "0"
    return pages.isdigit() and int(pages) * os.sysconf("SC_PAGE_SIZE") >= _MIN_POOL_PAGES_BYTES


def _link(path: str, unread: list) -> str | None:
    try:
        return os.readlink(path)
    except OSError as error:
        unread.append({"path": path, "reason": os.strerror(error.errno) if error.errno else str(error)})
        return None


def _int(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
