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
    there are, unless O(toolchain=true). The trial reservation is made in a copy of this module's own process.
  - Nodes in containers, and nodes that somebody started by hand, are found by C(/proc) alone, without the tools of an engine.
  - Works without root; what could not be read then is listed in RV(ansible_facts.aarch64_memory.unread).
options:
  services:
    description:
      - Names of systemd services to look at.
      - V(auto) finds the nodes itself. They are services whose program is a known node, whose process maps a memory pool,
        or which are down and have the failure in their journal.
      - V(auto) also looks for nodes that are no services. With services named, only containers in their control groups are
        looked at.
    type: list
    elements: str
    default: [auto]
  binaries:
    description:
      - Absolute paths of further programs to describe from their files, which are never executed. Those of the services are
        described in any case.
    type: list
    elements: str
    default: []
  engine_bytes:
    description:
      - Bytes that one Wasmtime engine reserves, where neither the journal of a service, nor the reservations of its live
        process, nor the Wasmtime release in its program file tell.
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
  toolchain:
    description:
      - Whether Rust compilers are executed to ask for their releases, each as the user it belongs to.
      - Otherwise their files tell, which is exact for toolchains of rustup and of packages.
    type: bool
    default: false
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

- name: Describe a program before it is installed
  aarch64.validator.memory_facts:
    services: polkadot.service
    binaries: /opt/polkadot/polkadot-v1.20.0

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
          description:
            - Who this host is. C(name), C(time), C(machine) as C(uname -m) says it, C(board), C(userland_bits) of this Python,
              C(distribution), C(service_manager), C(container), whether it is C(emulated), C(emulators) registered for
              programs of other machines, C(root), C(session), C(python) and C(on_trial).
            - C(session) has C(user), C(uid), C(capabilities) in hex, C(seccomp) mode, C(no_new_privs) and the security
              C(label) of who gathered.
            - C(on_trial) lists what an interrupted run has changed and neither kept nor undone, each with C(remedy), C(unit), and
              whether that was C(started) since. It is null where that needs root.
          type: dict
          returned: always
        kernel:
          description:
            - C(release), C(bits), C(page_size), C(lsm), C(overcommit_memory), C(overcommit_ratio), C(commit_limit),
              C(committed), C(max_map_count), C(nr_open), and, where the kernel has them, C(max_user_namespaces),
              C(unprivileged_userns_clone), C(apparmor_restrict_userns), C(selinux_enforcing) and C(memfd_noexec).
            - C(va_bits) of address space that a process gets, C(va_bits_source), which is V(maps), V(config) or V(hint), and
              C(va_bits_config), what an arm64 kernel was configured for.
          type: dict
          returned: always
        libc:
          description: C(name), V(glibc) or V(musl), and C(version) of the C library.
          type: dict
          returned: always
        toolchain:
          description:
            - Rust toolchains. C(users) has by user C(rustup), C(default) and C(toolchains), each with C(name), C(channel),
              C(host), C(rustc) and C(cargo). The users are root, the one of this session, and those of the services.
            - C(system) has C(rustc), C(cargo), C(rustup), C(host), C(source), C(default) and C(toolchains) for all users.
            - C(files) are toolchain files at or above the programs and working directories of the services, with C(path),
              C(channel), C(targets), C(components) and C(profile).
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
          description:
            - By unit name, its state, limits as configured, as live and as this host can grant them, sandbox, credentials of
              the live process, log lines, C(binary), C(binary_replaced), C(program), C(program_file), C(command_line), C(node)
              and C(pool).
            - C(interrupted) tells of a service that is down between the stop and the start of a restart, so that a timer will
              start it.
            - C(program) is the path that the unit starts, C(program_file) what that leads to at the next start.
            - C(command_line) is that of the live process, or the one that the next start will have, with secrets hidden.
            - C(node) has C(role), C(executors), C(wasmtime_version), and by executor C(strategy) and C(runtime_cache_size).
            - C(pool) has C(engine_bytes) with C(engine_bytes_source) V(log), V(process), V(binary) or V(policy), C(mapped) and
              C(pie), and the outcome of the trial under the limits of the service.
            - C(cgroup) has the tightest C(limit), C(high), C(swap) and C(pids) on the way up, what is in use, and in
              C(limited_by) and C(pids_limited_by) the file that sets them.
            - C(credentials) of the live process has C(uid), C(capabilities) in hex, C(capability_names), C(bounding_names),
              C(seccomp), C(seccomp_filters), C(no_new_privs), C(label), and C(userns) with C(own), C(root_uid), C(users) and
              C(groups).
            - C(shm) is the C(/dev/shm) of a mount namespace of its own, as RV(ansible_facts.aarch64_memory.shm), and C(from) says
              whether it is that of the V(host), the V(unit) or a V(container). Null for the host's.
            - C(container) is null, or has C(runtime), C(id), C(name), C(pod), the uid of a Kubernetes pod, C(unit), C(rootless),
              and C(from), which says by limit who set it, V(container), V(pod), V(unit) or V(host). A container that this host
              itself is stands in C(host.container).
            - C(libc) is that of a root directory of its own, with C(name), C(version) and C(loaders).
          type: dict
          returned: always
        processes:
          description:
            - Nodes that are no services, in containers or started by hand. By name, such as V(docker container 3f2a1b4c5d6e),
              what is told of a service, as far as there is no unit to ask.
            - C(program) is their key in RV(ansible_facts.aarch64_memory.binaries).
          type: dict
          returned: always
        binaries:
          description:
            - By path, facts of program files. C(machine), C(class) 64 or 32, C(pie), C(static), C(interpreter), C(libc),
              C(needed), C(glibc_wanted), C(page_alignment), C(build_id), C(truncated), C(wasmtime), C(wasmtime_version),
              C(jemalloc), C(jemalloc_page_size) of a program for aarch64, C(rust), C(script), C(interpreter_found), and
              C(error) for what cannot be started.
          type: dict
          returned: always
        unread:
          description: What could not be read, as a list of C(path) and C(reason).
          type: list
          elements: dict
          returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._gather import answer
from ansible_collections.aarch64.validator.plugins.module_utils._wanted import ARGUMENT_SPEC


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    said = answer(module.params)
    if said.get("failed"):
        module.fail_json(**said)
    module.exit_json(**said)


if __name__ == "__main__":
    main()
