#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a systemd service the resource limits it needs, now and at its next start, and take them back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_limits
short_description: Raise the resource limits of a systemd service
version_added: 1.0.0
description:
  - Sees to it that a service has at least the limits asked for, as configured and in its running processes.
  - Every limit is a floor on the soft limit. A service that has more is left alone, and nothing is ever lowered.
    The hard limit stays where it is higher.
  - Writes C(/etc/systemd/system/UNIT.d/60-aarch64-validator.conf) with only the lines that are needed, and reloads
    systemd once. What was there before is kept in C(/var/lib/aarch64-validator/service-limits.json)
    for O(state=reverted).
  - Fails before anything is written where another drop-in, whose name sorts later, would overrule the new line.
  - Never restarts anything. RV(restart_required) says whether a restart would help.
options:
  unit:
    description:
      - Name of the service, with or without C(.service).
      - Required if O(state=present). If it is omitted with O(state=reverted), every service that this module has
        changed is reverted.
    type: str
  nofile:
    description:
      - The least number of open files, or V(infinity), which is the highest number the kernel allows (C(fs.nr_open)).
    type: str
  memlock:
    description: The least number of bytes of locked memory, with K, M, G or T if wanted, or V(infinity).
    type: str
  address_space:
    description:
      - The least number of bytes of address space, with K, M, G or T if wanted, or V(infinity).
      - This is the limit that makes a node die with C(failed to create memory pool mapping). Nothing is written
        where the service has none.
    type: str
  apply_live:
    description:
      - Whether to raise the limits of the running processes of the service at once, by C(prlimit), as far as that is
        permitted. They need no restart then.
    type: bool
    default: true
  state:
    description:
      - V(present) raises the limits.
      - V(reverted) removes what this module wrote and reloads systemd. Running processes keep their limits until
        their next start. A drop-in that somebody else has edited since is left as it is, which RV(notes) says.
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
  - A limit that PID 1 of this host cannot grant, as in a container, is written all the same, but asks for no restart.
    RV(notes) says so.
seealso:
  - module: aarch64.validator.service_restart
  - module: aarch64.validator.changes
  - module: aarch64.validator.memory_facts
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Give the node the limits of a validator
  aarch64.validator.service_limits:
    unit: polkadot
    nofile: 65535
    memlock: infinity
  become: true
  register: limits

- name: Lift a limit on the address space
  aarch64.validator.service_limits:
    unit: polkadot.service
    address_space: infinity
  become: true

- name: Restart the node only if that is needed
  aarch64.validator.service_restart:
    unit: polkadot
    delay: 120
  become: true
  when: limits.restart_required

- name: Take back every limit on this host
  aarch64.validator.service_limits:
    state: reverted
  become: true
"""

RETURN = r"""
actions:
  description: What was changed, or in check mode would be, one sentence for each change.
  type: list
  elements: str
  returned: always
  sample: ["/etc/systemd/system/polkadot.service.d/60-aarch64-validator.conf: LimitNOFILE=65535:524288",
    "systemd: configuration reloaded", "polkadot.service: nofile of the running process 1024 -> 65535 (prlimit)"]
notes:
  description: What an operator should know besides.
  type: list
  elements: str
  returned: always
  sample: ["memlock: wanted infinity, this host's PID 1 can grant at most 8388608"]
restart_required:
  description: Whether a restart of the service would bring it closer to the limits asked for.
  type: bool
  returned: always
  sample: false
planned:
  description: What would have been changed, had this run been allowed to.
  type: list
  elements: str
  returned: when root is missing
  sample: ["/etc/systemd/system/polkadot.service.d/60-aarch64-validator.conf: LimitNOFILE=65535:524288"]
limits:
  description:
    - Limits after the change, or in check mode as they would be, by C(nofile), C(memlock), C(as) and C(data).
    - Sizes are bytes, V(-1) is no limit.
  type: dict
  returned: if O(state=present)
  contains:
    configured:
      description: What systemd is set to give at the next start, each as C(soft) and C(hard).
      type: dict
      sample: {nofile: {soft: 65535, hard: 524288}}
    live:
      description: What the running process has, each as C(soft) and C(hard). Null if none is running.
      type: dict
      sample: {nofile: {soft: 65535, hard: 524288}}
    grantable:
      description: The most that PID 1 of this host can give, each as one number.
      type: dict
      sample: {nofile: 1048576, memlock: -1}
diff:
  description: Each drop-in before and after, as far as it changes.
  type: list
  elements: dict
  returned: in diff mode
  sample: [{"before_header": "/etc/systemd/system/polkadot.service.d/60-aarch64-validator.conf", "before": "",
    "after_header": "/etc/systemd/system/polkadot.service.d/60-aarch64-validator.conf",
    "after": "[Service]\nLimitNOFILE=65535:524288\n"}]
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._limits_apply import present, reverted
from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager, ManagerError
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import Refusal


def run(module: AnsibleModule) -> dict:
    """Do what the options ask for; see RETURN. Raises Refusal, ManagerError, ValueError or OSError."""
    work = present if module.params["state"] == "present" else reverted
    manager = Manager()
    if not module.check_mode and os.geteuid() != 0:
        # Without root nothing can be changed, so that the plan is all there is: empty, or what become would do.
        result = work(manager, module.params, dry=True)
        if result["actions"]:
            message = "changing the limits of a service needs root; run this task with become: true"
            return dict(result, failed=True, msg=message, changed=False, actions=[], planned=result["actions"])
        return result
    return work(manager, module.params, dry=module.check_mode)


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str"},
            "nofile": {"type": "str"},
            "memlock": {"type": "str"},
            "address_space": {"type": "str"},
            "apply_live": {"type": "bool", "default": True},
            "state": {"type": "str", "choices": ["present", "reverted"], "default": "present"},
            "provisional": {"type": "bool", "default": False},
        },
        required_if=[
            ("state", "present", ["unit"]),
            ("state", "present", ["nofile", "memlock", "address_space"], True),
        ],
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except (Refusal, ManagerError, ValueError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="{}: {}".format(error.filename or "service_limits", error.strerror or error))
    if not module._diff:
        result.pop("diff", None)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
