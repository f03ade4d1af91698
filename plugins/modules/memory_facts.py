#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather everything that decides whether a node can map its memory pools."""

from __future__ import annotations

DOCUMENTATION = r"""
module: memory_facts
short_description: Gather memory facts of a host and of the nodes it runs
version_added: 1.0.0
description:
  - Gathers what decides whether a Polkadot-SDK node, or any program built on Wasmtime's pooling allocator, can map its
    memory pools, and what a validator needs besides. Architecture, page size, address space, C(/dev/shm), memory,
    limits of the session
    and of services, as configured and as the live process has them.
  - Tries the reservation itself, in a child process, under the address-space limit of each service.
  - Changes nothing. Starts at most two child processes, one C(systemctl show) and one C(journalctl), however many services
    there are.
  - Works without root; what could not be read then is listed in RV(ansible_facts.aarch64_memory.unread).
options:
  services:
    description:
      - Names of systemd services to look at.
      - V(auto) finds the nodes itself. They are services whose program is a known node, whose process maps a memory pool,
        or which are down and have the failure in their journal.
    type: list
    elements: str
    default: [auto]
  engine_bytes:
    description:
      - Bytes that one Wasmtime engine reserves, where the journal of a service does not tell.
      - The default is what nodes on Wasmtime 28 or newer reserve, 64 slots of 4 GiB with guards of 32 MiB.
    type: int
    default: 277058945024
  engines_needed:
    description:
      - How many engines to reserve at once in the trial. By default the runtime cache size of the node plus one for each of
        its executors.
    type: int
  probe:
    description: Whether to try the reservation. Never tried under user-mode emulation, where it would cost memory.
    type: bool
    default: true
  log_lines:
    description: How many of the last journal lines of the services to search for signs of this failure. V(0) reads no journal.
    type: int
    default: 400
attributes:
  check_mode:
    description: Can run in check mode and return the facts without changing anything.
    support: full
  diff_mode:
    description: Has nothing to show, since it changes nothing.
    support: none
  facts:
    description: Returns C(ansible_facts).
    support: full
seealso:
  - plugin: aarch64.validator.assess
    plugin_type: filter
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Gather memory facts, finding the nodes
  aarch64.validator.memory_facts:

- name: Gather memory facts of one service
  aarch64.validator.memory_facts:
    services: polkadot.service

- name: Show how many bits of address space a process has
  ansible.builtin.debug:
    var: ansible_facts.aarch64_memory.kernel.va_bits
"""

RETURN = r"""
ansible_facts:
  description: Facts to add. Sizes are bytes, V(-1) means no limit, and null means that it could not be read.
  returned: always
  type: dict
  contains:
    aarch64_memory:
      description: The memory facts.
      returned: always
      type: dict
      contains:
        schema:
          description: Version of the shape of these facts.
          type: int
          returned: always
          sample: 1
        host:
          description: Machine, userland bits, distribution, service manager, container, emulation, whether gathered as root.
          type: dict
          returned: always
        kernel:
          description: >-
            Release, page size, bits of address space and where they were read, overcommit, map count, security modules.
          type: dict
          returned: always
        libc:
          description: Name and version of the C library.
          type: dict
          returned: always
        toolchain:
          description: Rust toolchain of the host; not gathered yet.
          type: dict
          returned: always
        shm:
          description: The mount on C(/dev/shm), its size and use, and what the next boot will give it.
          type: dict
          returned: always
        memory:
          description: RAM, swap, huge pages, and memory limits of the control group of this session.
          type: dict
          returned: always
        limits:
          description: Resource limits of this session, each as soft and hard.
          type: dict
          returned: always
        pool:
          description: >-
            What this host grants under the limits of this session. The largest single reservation, how many engines
            fitted, and the errno that ended the trial.
          type: dict
          returned: always
        services:
          description: >-
            By unit name, its state, limits as configured, as live and as this host can grant them, sandbox, node options,
            log lines and pool.
          type: dict
          returned: always
        binaries:
          description: By path, facts of program files; not gathered yet.
          type: dict
          returned: always
        unread:
          description: What could not be read, as a list of C(path) and C(reason).
          type: list
          elements: dict
          returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._address_space import probe
from ansible_collections.aarch64.validator.plugins.module_utils._cgroup import memory_facts as cgroup_facts
from ansible_collections.aarch64.validator.plugins.module_utils._engine_size import ENGINE_NOW, of_process
from ansible_collections.aarch64.validator.plugins.module_utils._host import (
    host_facts,
    kernel_facts,
    libc_facts,
    memory_facts,
)
from ansible_collections.aarch64.validator.plugins.module_utils._journal import journal_command, parse_journal
from ansible_collections.aarch64.validator.plugins.module_utils._manager import ENVIRONMENT
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import (
    may_raise_limits,
    parse_limits,
    parse_maps,
    parse_meminfo,
    parse_mountinfo,
    parse_status,
)
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._service_limits import grantable_limits
from ansible_collections.aarch64.validator.plugins.module_utils._services import (
    PROPERTIES,
    candidates,
    is_node,
    service_facts,
)
from ansible_collections.aarch64.validator.plugins.module_utils._shm import shm_facts
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, OptionError
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import parse_show, show_command, unit_name

SCHEMA = 1
AUTO = "auto"
MAX_PROBED_ENGINES = 16  # enough for a collator with a large runtime cache; the model answers for more
DEFAULT_ENGINES = 3  # runtime cache size 2, and the new engine exists before an old one is dropped


class Gatherer:
    """One gathering of facts: holds what several parts of it need, so that no file is read twice."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.unread = []  # type: list[dict]
        self.mounts = parse_mountinfo(self.read("/proc/self/mountinfo"))
        self.meminfo = parse_meminfo(self.read("/proc/meminfo"))
        self.probed = {}  # type: dict

    def read(self, path: str) -> str:
        return read_text(path, self.unread) or ""

    def facts(self) -> dict:
        """The whole of ansible_facts.aarch64_memory."""
        host = host_facts(self.read("/proc/cpuinfo"), self.unread)
        kernel = kernel_facts(parse_maps(self.read("/proc/self/maps")), self.meminfo, self.unread)
        self.may_probe = self.module.params["probe"] and not host["emulated"] and bool(kernel["va_bits"])
        self.va_bits = kernel["va_bits"]
        limits = parse_limits(self.read("/proc/self/limits"))
        pool = {"engine_bytes": self.module.params["engine_bytes"], "engine_bytes_source": "policy"}
        pool.update(self.trial(pool["engine_bytes"], self.engines(None), soft_as(limits)))
        return {
            "schema": SCHEMA,
            "host": host,
            "kernel": kernel,
            "libc": libc_facts(),
            "toolchain": {},
            "shm": shm_facts(self.mounts, self.meminfo, self.unread),
            "memory": memory_facts(self.meminfo, cgroup_facts(self.read("/proc/self/cgroup"), self.mounts)),
            "limits": limits,
            "pool": pool,
            "services": self.services(host, kernel),
            "binaries": {},
            "unread": self.unread,
        }

    def services(self, host: dict, kernel: dict) -> dict:
        """Facts of the services asked for, or found."""
        wanted = self.module.params["services"]
        if host["service_manager"] != "systemd":
            reason = "no systemd here: {} is PID 1".format(host["service_manager"] or "another program")
            self.unread.append({"path": "services", "reason": reason})
            return {}
        units = self.units(wanted)
        entries = self.journal([unit["Id"] for unit in units])
        grantable = self.grantable(kernel["nr_open"])
        found = {}
        for properties in units:
            own = [entry for entry in entries if entry["unit"] == properties["Id"]]
            facts = service_facts(properties, own, grantable, self.mounts, self.unread)
            if wanted == [AUTO] and not is_node(properties, facts, [entry["message"] for entry in own]):
                continue
            self.add_trial(facts)
            found[properties["Id"]] = facts
        return found

    def units(self, wanted: list) -> list:
        """Properties of the wanted units, by one call of systemctl. Units that do not exist end the module."""
        names = ["*.service"] if wanted == [AUTO] else wanted
        units = parse_show(self.command(show_command(names, PROPERTIES)))
        if wanted == [AUTO]:
            return candidates(units)
        for name, properties in zip(wanted, units):
            if properties.get("LoadState") in ("not-found", "bad-setting", "error"):
                self.module.fail_json(
                    msg="services: {!r} cannot be used, systemd says {} on this host; give services that exist here, "
                        "or auto to have them found".format(name, properties["LoadState"]))
        return units

    def journal(self, units: list) -> list:
        lines = self.module.params["log_lines"]
        if not units or lines < 1:
            return []
        return parse_journal(self.command(journal_command(units, lines)))

    def grantable(self, nr_open: int | None) -> dict:
        """Limits that PID 1 can give to services."""
        may_raise = may_raise_limits(parse_status(self.read("/proc/1/status")), self.read("/proc/1/uid_map"))
        return grantable_limits(parse_limits(self.read("/proc/1/limits")), may_raise, nr_open)

    def add_trial(self, facts: dict) -> None:
        """Try the reservation as this service would make it."""
        pool = facts["pool"]
        mapped = of_process(pool["mapped"] or [])
        if pool["engine_bytes"] is None and mapped is not None:
            pool.update(engine_bytes=mapped, engine_bytes_source="process")
        if pool["engine_bytes"] is None:
            pool.update(engine_bytes=self.module.params["engine_bytes"], engine_bytes_source="policy")
        limits = facts["limits"]["live"] or facts["limits"]["configured"]
        pool.update(self.trial(pool["engine_bytes"], self.engines(facts["node"]), soft_as(limits)))

    def engines(self, node: dict | None) -> int:
        """How many engines to try."""
        needed = self.module.params["engines_needed"]
        if needed is None:
            needed = sum(size + 1 for size in node["runtime_cache_size"]) if node else DEFAULT_ENGINES
        return min(needed, MAX_PROBED_ENGINES)

    def trial(self, engine_bytes: int, engines: int, limit_as: int) -> dict:
        """The outcome of one trial; the same trial is made once."""
        nothing = {"largest_reservation": None, "errno": None, "probed_fit": None}
        if not self.may_probe:
            return nothing
        key = (engine_bytes, engines, limit_as)
        if key not in self.probed:
            try:
                self.probed[key] = probe(engine_bytes, engines, limit_as, self.va_bits)
            except (OSError, ValueError) as error:
                self.unread.append({"path": "pool", "reason": f"the trial reservation gave no answer: {error}"})
                self.probed[key] = nothing
        return self.probed[key]

    def command(self, arguments: list) -> str:
        """Output of a command; one that is missing or fails is noted and gives what it printed."""
        status, output, errors = self.module.run_command(arguments, environ_update=ENVIRONMENT, handle_exceptions=False)
        if status != 0 or errors.strip():
            reason = (errors.strip() or f"exit status {status}").splitlines()[0]
            self.unread.append({"path": arguments[0], "reason": reason})
        return output


def soft_as(limits: dict) -> int:
    """The soft address-space limit."""
    return limits["as"]["soft"] if "as" in limits else UNLIMITED


def checked_parameters(module: AnsibleModule) -> None:
    """End the module with a clear message when a parameter cannot be used."""
    services = module.params["services"]
    try:
        if services != [AUTO]:
            module.params["services"] = [unit_name(name, "services") for name in services]
            if not services or AUTO in services:
                raise OptionError("services", services, "auto alone, or a list of service names")
        for option, lowest in (("engine_bytes", 1), ("engines_needed", 1), ("log_lines", 0)):
            if module.params[option] is not None and module.params[option] < lowest:
                raise OptionError(option, module.params[option], f"a whole number, {lowest} or more")
    except OptionError as error:
        module.fail_json(msg=str(error))


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "services": {"type": "list", "elements": "str", "default": [AUTO]},
            "engine_bytes": {"type": "int", "default": ENGINE_NOW},
            "engines_needed": {"type": "int"},
            "probe": {"type": "bool", "default": True},
            "log_lines": {"type": "int", "default": 400},
        },
        supports_check_mode=True,
    )
    checked_parameters(module)
    module.exit_json(changed=False, ansible_facts={"aarch64_memory": Gatherer(module).facts()})


if __name__ == "__main__":
    main()
