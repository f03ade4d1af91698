# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that run as no service of this host: in containers, or started by hand. Private to this collection."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._cgroup import parse_cgroup
from ansible_collections.aarch64.validator.plugins.module_utils._container_id import place_of_cgroup
from ansible_collections.aarch64.validator.plugins.module_utils._elf import binary_facts
from ansible_collections.aarch64.validator.plugins.module_utils._host import user_name
from ansible_collections.aarch64.validator.plugins.module_utils._in_root import in_root
from ansible_collections.aarch64.validator.plugins.module_utils._node import is_node_program, node_facts
from ansible_collections.aarch64.validator.plugins.module_utils._process import process_facts
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import parse_status
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_arguments
from ansible_collections.aarch64.validator.plugins.module_utils._root_libc import has_interpreter

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils._container_facts import Here

_MOST = 64  # nodes told of; a host with more of them has other troubles
_GENERATIONS = 64
_MIN_POOL_BYTES = 64 << 30  # a process with less virtual memory than this maps no pool; its maps stay unread
_SHORT = 12  # digits of an identifier, as engines print it
_INTERPRETER_ARGUMENTS = 4  # where the name of a script stands at the latest: python3 -sE /usr/bin/polkadot


class Ours(t.NamedTuple):
    """What the services that are told of already have."""

    pids: set
    groups: list  # their control groups
    only: bool  # whether nothing outside of these control groups is asked for


def node_processes(ours: Ours, here: Here, unread: list) -> tuple:
    """``(processes, binaries)``: facts by name of each node that is no main process of a service, and of their programs.

    Of a node that started others (its workers) the first one counts. A name is that of the container, or the number.
    """
    found = {}  # type: dict[int, tuple]
    for pid in _numbers():
        if pid in ours.pids or len(found) == _MOST or not may_be_node(pid, here.huge):
            continue
        texts = {name: read_text(f"/proc/{pid}/{name}", []) for name in ("status", "cgroup")}
        if _asked_for(texts["cgroup"] or "", ours):
            noted = []  # type: list[dict]
            process = process_facts(pid, here, noted, texts)
            program = _program(pid, process, noted)
            if _is_node(process, program):
                found[pid] = (process, program, noted)
    processes = {}  # type: dict[str, dict]
    binaries = {}
    for pid, (process, program, noted) in sorted(found.items()):
        # What holds a container is no node, even where it is the main process of a service.
        if _has_ancestor(process["parent"], set(found) | (set() if process["container"] else ours.pids)):
            continue
        unread += noted
        facts = _facts(pid, process)
        name = entry_name(facts, processes)
        facts["program"] = "{}:{}".format(name, facts["binary"])
        processes[name] = facts
        binaries[facts["program"]] = program
    return processes, binaries


def huge_processes() -> frozenset:
    """Numbers of all processes but this one with enough virtual memory to hold a pool; statm is readable by everyone."""
    page = os.sysconf("SC_PAGE_SIZE")
    return frozenset(pid for pid in _numbers() if _pages(pid) * page >= _MIN_POOL_BYTES)


def _pages(pid: int) -> int:
    first = (read_text(f"/proc/{pid}/statm", []) or "0").split()[0]
    return int(first) if first.isdigit() else 0


def may_be_node(pid: int, huge: frozenset) -> bool:
    """Whether a process is worth a look: huge, or of a known name. Costs one small read at most."""
    if pid in huge:
        return True
    try:
        return is_node_program(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return is_node_program((read_text(f"/proc/{pid}/comm", []) or "").strip())


def entry_name(facts: dict, known: t.Container) -> str:
    """What a node is called that has no unit: ``docker container 3f2a1b4c5d6e``, or ``process 4711 (polkadot)``."""
    container = facts["container"]
    pid = facts["main_pid"]
    alone = "process {} ({})".format(pid, os.path.basename(facts["binary"] or "") or "unknown")
    if container is None:
        return alone
    called = container["name"] or (container["id"] or "")
    called = called[:_SHORT] if called == container["id"] and len(called) == 64 else called
    if not called and container["pod"]:
        called = "of pod " + container["pod"]
    name = "{} container {}".format(container["runtime"], called) if called else "{} container, {}".format(
        container["runtime"], alone)
    return name if name not in known else f"{name}, {alone}"


def _facts(pid: int, process: dict) -> dict:
    """In the shape of a service, as far as a process without a unit has one."""
    arguments = process["arguments"]
    uid = (process["credentials"] or {}).get("uid")
    return {
        "main_pid": pid,
        # Names of users are those of the container, which has its own.
        "user": user_name(uid) if uid is not None and process["container"] is None else None,
        "command_line": redact_arguments(arguments or []),
        "limits": {"configured": {}, "live": process["limits"], "grantable": {}},
        "credentials": process["credentials"],
        "cgroup": process["cgroup"],
        "container": process["container"],
        "shm": process["shm"],
        "libc": process["libc"],
        "binary": process["binary"],
        "binary_replaced": process["binary_replaced"],
        "own_root": process["own_root"],
        "node": node_facts(script_arguments(arguments)) if arguments else None,
        "pool": {"engine_bytes": None, "engine_bytes_source": None, "mapped": process["mapped"], "pie": process["pie"]},
    }


def script_arguments(arguments: list) -> list:
    """The command line from the node on: a script has its interpreter before it."""
    for index, argument in enumerate(arguments[:_INTERPRETER_ARGUMENTS]):
        if is_node_program(argument):
            return arguments[index:]
    return arguments


def _is_node(process: dict, program: dict) -> bool:
    """A known name, or pools of Wasmtime; other programs reserve much address space as well."""
    names = [process["binary"] or "", *(process["arguments"] or [])[:_INTERPRETER_ARGUMENTS]]
    if any(map(is_node_program, names)):
        return True
    return bool(process["mapped"]) and bool(program.get("wasmtime") or process["wasmtime_mapped"])


def _program(pid: int, process: dict, unread: list) -> dict:
    """Facts of the program that runs, and whether its root directory has the loader that it asks for."""
    base = f"/proc/{pid}/"
    root = base + "root" if process["own_root"] else "/"
    replaced = process["binary_replaced"] or in_root(root, process["binary"] or "") is None
    program = binary_facts(base + "exe", unread)
    found = None if replaced else has_interpreter(root, program["interpreter"])
    return dict(program, path=process["binary"], interpreter_found=found)


def _asked_for(cgroup: str, ours: Ours) -> bool:
    """Whether a process is none of a service's own, or is in a container that a service holds."""
    paths = set(parse_cgroup(cgroup).values())
    inside = [path for path in paths for group in ours.groups if path == group or path.startswith(group + "/")]
    if not inside:
        return not ours.only
    return any(place_of_cgroup(path) for path in inside)


def _has_ancestor(parent: int, others: set) -> bool:
    for _generation in range(_GENERATIONS):
        if parent in others:
            return True
        if not parent:
            return False
        above = parse_status(read_text(f"/proc/{parent}/status", []) or "").get("PPid", "")
        parent = int(above) if above.isdigit() else 0
    return False


def _numbers() -> list:
    own = os.getpid()
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != own]
