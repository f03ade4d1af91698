# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One gathering of all facts: what is read, asked and tried, each once. Private to this collection."""

from __future__ import annotations

import os
import pwd

from ansible_collections.aarch64.validator.plugins.module_utils._cgroup import cgroup_facts
from ansible_collections.aarch64.validator.plugins.module_utils._child import NoAnswer, ask
from ansible_collections.aarch64.validator.plugins.module_utils._container_facts import Here, look_around
from ansible_collections.aarch64.validator.plugins.module_utils._elf import binary_facts
from ansible_collections.aarch64.validator.plugins.module_utils._engine_size import of_process, of_wasmtime
from ansible_collections.aarch64.validator.plugins.module_utils._host import (
    host_facts,
    kernel_facts,
    libc_facts,
    memory_facts,
)
from ansible_collections.aarch64.validator.plugins.module_utils._in_root import in_root
from ansible_collections.aarch64.validator.plugins.module_utils._journal import journal_command, parse_journal
from ansible_collections.aarch64.validator.plugins.module_utils._left_over import GUARDS, interrupted, is_guard, on_trial
from ansible_collections.aarch64.validator.plugins.module_utils._manager import ENVIRONMENT
from ansible_collections.aarch64.validator.plugins.module_utils._processes import Ours, huge_processes, node_processes
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import (
    may_raise_limits,
    parse_limits,
    parse_maps,
    parse_meminfo,
    parse_mountinfo,
    parse_status,
)
from ansible_collections.aarch64.validator.plugins.module_utils._provisional import boot_id
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._root_libc import has_interpreter
from ansible_collections.aarch64.validator.plugins.module_utils._service_limits import grantable_limits
from ansible_collections.aarch64.validator.plugins.module_utils._services import (
    PROPERTIES,
    candidates,
    is_node,
    service_facts,
)
from ansible_collections.aarch64.validator.plugins.module_utils._shm import shm_facts
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import COMMAND_SECONDS, parse_show, show_command
from ansible_collections.aarch64.validator.plugins.module_utils._toolchain import toolchain_facts
from ansible_collections.aarch64.validator.plugins.module_utils._toolchain_run import executed
from ansible_collections.aarch64.validator.plugins.module_utils._trial import Trials
from ansible_collections.aarch64.validator.plugins.module_utils._wanted import AUTO, Wanted, checked

SCHEMA = 1


def answer(options: dict) -> dict:
    """What memory_facts answers to its options: ``{changed, ansible_facts}``, or ``{failed, msg}`` for bad ones."""
    try:
        return {"changed": False, "ansible_facts": {"aarch64_memory": gather(checked(options))}}
    except OptionError as error:
        return {"failed": True, "msg": str(error)}


def gather(wanted: Wanted) -> dict:
    """The whole of ansible_facts.aarch64_memory. Raises OptionError for services that do not exist."""
    unread = []  # type: list[dict]

    def read(path: str) -> str:
        return read_text(path, unread) or ""

    mounts = parse_mountinfo(read("/proc/self/mountinfo"))
    meminfo = parse_meminfo(read("/proc/meminfo"))
    host = host_facts(read("/proc/cpuinfo"), unread)
    kernel = kernel_facts(parse_maps(read("/proc/self/maps")), meminfo, unread)
    limits = parse_limits(read("/proc/self/limits"))
    # An emulator pays memory for what is reserved, and a 32-bit program can reserve nothing that counts.
    may_try = wanted.probe and not host["emulated"] and host["userland_bits"] == 64
    trials = Trials(kernel["va_bits"] if may_try else None, wanted.engines_needed, unread)
    cgroup = read("/proc/self/cgroup")
    here = look_around(mounts, cgroup, huge_processes())
    services = {}  # type: dict
    if host["service_manager"] == "systemd":
        services, host["on_trial"] = services_found(wanted, here, kernel["nr_open"], unread)
    else:
        reason = "no systemd here: {} is PID 1".format(host["service_manager"] or "another program")
        unread.append({"path": "services", "reason": reason})
    binaries = binaries_of(wanted.binaries, services, unread)
    for service in services.values():
        complete(service, live_program(service, binaries, unread), wanted.engine_bytes, trials)
    processes, programs = processes_found(wanted, services, here, unread)
    for process in processes.values():
        complete(process, programs[process["program"]], wanted.engine_bytes, trials)
    pool = {"engine_bytes": wanted.engine_bytes, "engine_bytes_source": "policy"}
    return {
        "schema": SCHEMA,
        "host": host,
        "kernel": kernel,
        "libc": libc_facts(),
        "toolchain": toolchains(host["session"]["user"], services, wanted.toolchain, unread),
        "shm": shm_facts(mounts, meminfo, container=host["container"] is not None, unread=unread),
        "memory": memory_facts(meminfo, cgroup_facts(cgroup, mounts, here.read_limit)),
        "limits": limits,
        "pool": dict(pool, **trials.outcome(wanted.engine_bytes, None, limits)),
        "services": services,
        "processes": processes,
        "binaries": dict(binaries, **programs),
        "unread": unread,
    }


def processes_found(wanted: Wanted, services: dict, here: Here, unread: list) -> tuple:
    """What node_processes() says of nodes that are no services. With services named, of those in their control groups alone.

    A service that only holds a container is told the container of the node that is in there.
    """
    ours = Ours(
        pids={service["main_pid"] for service in services.values() if service["main_pid"]},
        groups=[service["control_group"] for service in services.values() if service["control_group"]],
        only=wanted.services != [AUTO])
    processes, programs = node_processes(ours, here, unread)
    for process in processes.values():
        holder = services.get((process["container"] or {}).get("unit"))
        if holder is not None and holder["container"] is None:
            holder["container"] = process["container"]
    return processes, programs


def services_found(wanted: Wanted, here: Here, nr_open: int | None, unread: list) -> tuple:
    """Facts of the services asked for, or of those that are nodes, and what is on trial of them. Raises OptionError."""
    shown = existing_units(wanted.services, unread)
    guards = [unit for unit in shown if is_guard(unit)]
    units = [unit for unit in shown if not is_guard(unit)]
    trials = on_trial({unit["Id"]: unit for unit in units}, boot_id(), unread)
    # A node by a name of its own is known by its process, and may have none since we restarted it.
    ours = {trial["unit"] for trial in trials or []} | {unit["Id"] for unit in units if guards and interrupted(unit, guards)}
    if wanted.services == [AUTO]:
        chosen = {unit["Id"] for unit in candidates(units, here.huge)} | ours
        units = [unit for unit in units if unit["Id"] in chosen]
    else:
        ours = {unit["Id"] for unit in units}
    names = [unit["Id"] for unit in units]
    entries = []  # type: list[dict]
    if names and wanted.log_lines:
        entries = parse_journal(command_output(journal_command(names, wanted.log_lines), unread))
        note_silence(units, entries, unread)
    grantable = limits_of_manager(nr_open, unread)
    found = {}
    for properties in units:
        own = [entry for entry in entries if entry["unit"] == properties["Id"]]
        facts = service_facts(properties, own, grantable, here, unread)
        facts["interrupted"] = interrupted(properties, guards)
        if properties["Id"] in ours or is_node(properties, facts, [entry["message"] for entry in own]):
            found[properties["Id"]] = facts
    return found, trials


def note_silence(units: list, entries: list, unread: list) -> None:
    """Note a journal in which nothing stands of services that were started: systemd itself logs that it started them.

    So answers journalctl, and with success, of files that are damaged inside, and to users who may not read them.
    """
    started = [unit["Id"] for unit in units if unit.get("ActiveState") not in (None, "inactive")]
    if started and not entries and not any(row["path"] == "journalctl" for row in unread):
        reason = f"nothing of {started[0]}, which was started: damaged, not kept, or not for this user"
        unread.append({"path": "journal", "reason": reason})


def existing_units(services: list, unread: list) -> list:
    """Properties of the wanted units and of guards of restarts, by one call of systemctl. Raises OptionError."""
    if services == [AUTO]:
        return parse_show(command_output(show_command(["*.service"], PROPERTIES), unread))
    units = parse_show(command_output(show_command([*services, GUARDS], PROPERTIES), unread)) if services else []
    for name, properties in zip(services, units):
        state = properties.get("LoadState")
        if state in ("not-found", "bad-setting", "error"):
            raise OptionError("services", name, f"services that exist on this host (systemd says {state}), or auto to find them")
    return units


def limits_of_manager(nr_open: int | None, unread: list) -> dict:
    """Limits that PID 1 can give to services."""
    status, uid_map, limits = (read_text("/proc/1/" + name, unread) or "" for name in ("status", "uid_map", "limits"))
    return grantable_limits(parse_limits(limits), may_raise_limits(parse_status(status), uid_map), nr_open)


def binaries_of(asked: list, services: dict, unread: list) -> dict:
    """Facts of program files by path: those asked for, and those of the services as their next start will find them.

    ``interpreter_found``: whether the loader that a program asks for is there, below the root directory it is started in.
    """
    files = {path: (path, "/") for path in asked}
    for service in services.values():
        path = service["binary"]
        if path and os.path.isabs(path):
            files.setdefault(path, file_and_root(service))
    found = {}
    for path, (file, root) in files.items():
        facts = binary_facts(file, unread)
        found[path] = dict(facts, path=path, interpreter_found=has_interpreter(root, facts["interpreter"]))
    return found


def file_and_root(service: dict) -> tuple:
    """Where the program of a service is, seen from here, and its root directory: the path means another file below that."""
    path, root = service["binary"], service.get("root_directory")
    if service["own_root"]:
        return process_file(service), "/proc/{}/root".format(service["main_pid"])
    if root:
        return in_root(root, path) or root + path, root
    return path, "/"


def process_file(service: dict) -> str:
    """The program of a live process, whatever has become of its file."""
    return "/proc/{}/exe".format(service["main_pid"])


def live_program(service: dict, binaries: dict, unread: list) -> dict:
    """Facts of the program that runs, or else would be started next."""
    if service["binary_replaced"]:
        return binary_facts(process_file(service), unread)
    return binaries.get(service["binary"]) or {}


def complete(service: dict, binary: dict, policy_bytes: int, trials: Trials) -> None:
    """Add what the program file tells, and a trial reservation as this service would make it."""
    pool = service["pool"]
    if service["node"] is not None:
        service["node"]["wasmtime_version"] = binary.get("wasmtime_version")
    if pool["pie"] is None:
        pool["pie"] = binary.get("pie")
    sources = (
        ("log", pool["engine_bytes"]),
        ("process", of_process(pool["mapped"] or [])),
        ("binary", of_wasmtime(binary.get("wasmtime_version"))),
        ("policy", policy_bytes),
    )
    pool["engine_bytes_source"], pool["engine_bytes"] = next((name, size) for name, size in sources if size is not None)
    limits = service["limits"]["live"] or service["limits"]["configured"]
    pool.update(trials.outcome(pool["engine_bytes"], service["node"], limits))


def toolchains(session_user: str, services: dict, execute: bool, unread: list) -> dict:
    """Rust toolchains of root, of this session's user and of those who run the services."""
    accounts = {}
    for name in sorted({"root", session_user, *(service["user"] for service in services.values())}):
        try:
            accounts[name] = pwd.getpwnam(name)
        except KeyError:  # a user that exists only while the service runs (DynamicUser=)
            continue
    homes = {name: account.pw_dir for name, account in accounts.items()}
    directories = [os.path.dirname(service["binary"] or "") for service in services.values()]
    directories += [service["working_directory"] or "" for service in services.values()]
    sources = list(dict.fromkeys(path for path in directories if os.path.isabs(path)))
    facts = toolchain_facts(homes, sources, unread)
    return executed(facts, accounts, unread) if execute else facts


def command_output(arguments: list, unread: list) -> str:
    """Output of a command; one that is missing, fails or complains is noted and gives what it printed."""
    try:
        answer = ask(arguments, COMMAND_SECONDS, ENVIRONMENT)
    except NoAnswer as error:
        unread.append({"path": arguments[0], "reason": str(error)})
        return ""
    if answer.status != 0 or answer.errors.strip():
        reason = (answer.errors.strip() or f"exit status {answer.status}").splitlines()[0]
        unread.append({"path": arguments[0], "reason": reason})
    return answer.output
