#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; the host itself is asked by the module memory_facts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit
short_description: Gather, judge and keep what a host tells, in one task
version_added: 1.0.0
description:
  - Runs M(aarch64.validator.memory_facts) on the host, judges its answer on the controller while other hosts are still asked,
    and leaves the outcome for M(aarch64.validator.report) with C(mode=audit) or C(mode=diagnose) in the same run.
  - The outcome lies on the disk of the controller, in the temporary directory of the run. Nothing but the verdict is
    returned unless O(facts=true), so that the memory of the controller does not grow with the facts of a fleet. Where a
    fact cache other than C(memory) is configured, the facts are also returned as facts, for the cache.
  - Its name does not end in C(_facts), because a verdict is what it is for; where facts are wanted and no verdict,
    use M(aarch64.validator.memory_facts).
  - Changes nothing. A host that does not answer or cannot be judged does not fail the task; the report has the reason.
options:
  services:
    description: Passed on to M(aarch64.validator.memory_facts).
    type: list
    elements: str
  engines_needed:
    description: Passed on to M(aarch64.validator.memory_facts).
    type: int
  policy:
    description: What is wanted, see P(aarch64.validator.assess#filter).
    type: dict
    default: {}
  engines:
    description:
      - What M(aarch64.validator.docker_defaults) and M(aarch64.validator.podman_defaults) are asked in check mode, as their
        options. Without it no engine is asked.
    type: dict
  facts:
    description: Whether the facts are returned as well.
    type: bool
    default: false
attributes:
  check_mode:
    description: Changes nothing in any mode.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  facts:
    description: Returns C(ansible_facts).
    details: With O(facts=true), or a fact cache other than C(memory).
    support: partial
  action:
    description: Runs on the controller and asks the host by a module.
    support: full
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Audit one host
  aarch64.validator.audit:
    services: [auto]

- name: Write the report on all of them
  aarch64.validator.report:
    mode: audit
    dir: validator-report
    hosts: "{{ ansible_play_hosts_all }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
verdict:
  description: What the host is, or that it did not answer or could not be judged.
  type: str
  returned: always
  sample: at-risk
reason:
  description: Why it could not be judged.
  type: str
  returned: when the host was not judged
  sample: "unreachable: Connection timed out"
ansible_facts:
  description: Facts of the host, which become variables and go into the fact cache.
  type: dict
  returned: when there are any
  contains:
    aarch64_memory:
      description: What M(aarch64.validator.memory_facts) gathered, see its return values.
      type: dict
      returned: when the host was judged, and O(facts=true) or a fact cache other than C(memory) is configured
    discovered_interpreter_python:
      description: Where ansible-core found the Python of the host.
      type: str
      returned: when ansible-core had to look for it
      sample: /usr/bin/python3.11
"""
