#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relax what keeps a systemd service from starting, by a drop-in, and take that back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_sandbox
short_description: Relax the sandbox of a systemd service by a drop-in
version_added: 1.0.0
description:
  - Applies the relaxation that M(aarch64.validator.restriction_bisect) has found, and nothing else.
  - Writes C(/etc/systemd/system/UNIT.d/60-aarch64-validator-sandbox.conf) and reloads systemd once. What was there before is
    kept in C(/var/lib/aarch64-validator/sandbox.json) for O(state=reverted).
  - A line can only relax. One that would restrict more, or that sets anything but a restriction, is refused.
  - Fails before anything is written where another drop-in, whose name sorts later, would overrule a line.
  - Never restarts anything.
options:
  unit:
    description:
      - Name of the service, with or without C(.service).
      - Required if O(state=present). If it is omitted with O(state=reverted), every service that this module has changed is
        reverted.
    type: str
  lines:
    description:
      - Lines such as V(MemoryDenyWriteExecute=no), which lifts a restriction, or V(SystemCallFilter=memfd_create), which
        allows one thing more. These are the lines below C([Service]) of the RV(ignore:relaxation) that the bisection returns.
      - Lines of an earlier run stay.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) relaxes.
      - V(reverted) removes what this module wrote and reloads systemd. A drop-in that somebody else has edited since is left
        as it is, which RV(notes) says.
    type: str
    choices: [present, reverted]
    default: present
  provisional:
    description: Whether what is changed is on trial, so that M(aarch64.validator.changes) can undo just this, until it is kept.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without root.
    support: full
  diff_mode:
    description: Returns the drop-in before and after.
    support: full
notes:
  - Needs root only where something has to change.
  - Each relaxation costs security. RV(notes) say what.
seealso:
  - module: aarch64.validator.restriction_bisect
  - module: aarch64.validator.service_restart
  - module: aarch64.validator.changes
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Find out which hardening directive keeps the node from starting
  aarch64.validator.restriction_bisect:
    unit: polkadot
  become: true
  register: blocked

- name: Relax just that
  aarch64.validator.service_sandbox:
    unit: polkadot
    lines: "{{ blocked.relaxation.splitlines()[1:] }}"
  become: true
  when: blocked.conclusion == 'culprits'

- name: Take back every relaxation on this host
  aarch64.validator.service_sandbox:
    state: reverted
  become: true
"""

RETURN = r"""
actions:
  description: What was changed, or in check mode would be, one sentence for each change.
  type: list
  elements: str
  returned: always
  sample: ["/etc/systemd/system/polkadot.service.d/60-aarch64-validator-sandbox.conf: MemoryDenyWriteExecute=no",
    "systemd: configuration reloaded"]
notes:
  description: What an operator should know besides, above all what security each new line costs.
  type: list
  elements: str
  returned: always
  sample: ["SystemCallFilter: The service may also call memfd_create, the rest of the filter stays."]
restart_required:
  description: Whether the service is down, should not be, and now starts with something new.
  type: bool
  returned: always
  sample: true
lines:
  description: The lines asked for, as they are written.
  type: list
  elements: str
  returned: if O(state=present)
  sample: [MemoryDenyWriteExecute=no]
planned:
  description: What would have been changed, had this run been allowed to.
  type: list
  elements: str
  returned: when root is missing
  sample: ["/etc/systemd/system/polkadot.service.d/60-aarch64-validator-sandbox.conf: MemoryDenyWriteExecute=no"]
diff:
  description: Each drop-in before and after, as far as it changes.
  type: list
  elements: dict
  returned: in diff mode
  sample: [{"before_header": "/etc/systemd/system/polkadot.service.d/60-aarch64-validator-sandbox.conf", "before": "",
    "after_header": "/etc/systemd/system/polkadot.service.d/60-aarch64-validator-sandbox.conf",
    "after": "[Service]\nMemoryDenyWriteExecute=no\n"}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._sandbox_apply import present, reverted
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import run_remedy


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str"},
            "lines": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "reverted"], "default": "present"},
            "provisional": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ["unit"])],
        supports_check_mode=True,
    )
    run_remedy(module, "the sandbox of a service", present, reverted)


if __name__ == "__main__":
    main()
