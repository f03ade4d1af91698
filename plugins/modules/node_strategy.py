#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a node the option that keeps Wasmtime from reserving pools, by a drop-in, and take it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_strategy
short_description: Start a Polkadot-SDK node without Wasmtime's pools of memory
version_added: 1.0.0
description:
  - Sees to it that the next start of a node has C(--wasmtime-instantiation-strategy) with a strategy that reserves no pool.
    This is the remedy for C(failed to create memory pool mapping) on kernels whose address space is too small.
  - Writes C(/etc/systemd/system/UNIT.d/60-aarch64-validator-strategy.conf), which gives C(ExecStart=) again as it stands in
    the unit's own files, with the option directly behind the program and, for a collator, directly behind C(--).
    What was there before is kept in C(/var/lib/aarch64-validator/node-strategy.json) for O(state=reverted).
  - Only a program whose C(--help) knows the option gets it. The program is executed for that as the user of the service,
    if it is a known node or a binary in which the option occurs, also in check mode.
  - A node that is given a strategy already, in its unit or in its environment, gets no second one, which would keep it from
    starting. If somebody has given it one after this module, the drop-in is removed.
  - When a package has changed C(ExecStart=) since, the drop-in is made anew from it.
  - Never restarts anything. RV(restart_required) says whether a restart would help.
options:
  unit:
    description:
      - Name of the service, with or without C(.service).
      - Required if O(state=present). If it is omitted with O(state=reverted), every service that this module has
        changed is reverted.
    type: str
  strategy:
    description: The strategy to give to the node. V(recreate-instance) is very slow.
    type: str
    choices: [recreate-instance-copy-on-write, recreate-instance]
    default: recreate-instance-copy-on-write
  state:
    description:
      - V(present) gives the node the strategy.
      - V(reverted) removes what this module wrote and reloads systemd. A running node keeps its command line until
        its next start. A drop-in that somebody else has edited since is left as it is, which RV(notes) says.
    type: str
    choices: [present, reverted]
    default: present
  provisional:
    description: Whether what is changed is on trial, so that M(aarch64.validator.changes) can undo just this, until it is kept.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return what would change.
    support: full
  diff_mode:
    description: Returns the drop-in before and after, without the values of secret options.
    support: full
notes:
  - Needs root only where something has to change, or to read files that others may not read.
  - A node that does not know the option, or whose command line cannot be amended safely, is no failure. RV(applied) and
    RV(reason) say so.
  - Fails before anything is written where another drop-in, whose name sorts later, sets C(ExecStart=) as well.
seealso:
  - module: aarch64.validator.service_restart
  - module: aarch64.validator.changes
  - module: aarch64.validator.service_limits
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Start the node without pools from now on
  aarch64.validator.node_strategy:
    unit: polkadot
  become: true
  register: strategy

- name: Restart the node only if that is needed
  aarch64.validator.service_restart:
    unit: polkadot
    delay: 120
  become: true
  when: strategy.restart_required

- name: Give every node on this host its own command line back
  aarch64.validator.node_strategy:
    state: reverted
  become: true
"""

RETURN = r"""
actions:
  description: What was changed, or in check mode would be, one sentence for each change.
  type: list
  elements: str
  returned: always
  sample: ["/etc/systemd/system/polkadot.service.d/60-aarch64-validator-strategy.conf: ExecStart= with
    --wasmtime-instantiation-strategy recreate-instance-copy-on-write", "systemd: configuration reloaded"]
notes:
  description: What an operator should do or know besides.
  type: list
  elements: str
  returned: always
  sample: ["polkadot.service: node is given --wasmtime-instantiation-strategy pooling; change it to
    recreate-instance-copy-on-write in /etc/default/polkadot, line 1 (POLKADOT_CLI_ARGS)"]
restart_required:
  description: Whether a restart of the service would take a pool away from its process, or bring it up again.
  type: bool
  returned: always
  sample: true
planned:
  description: What would have been changed, had this run been allowed to.
  type: list
  elements: str
  returned: when root is missing
  sample: ["systemd: configuration reloaded"]
applied:
  description: Whether the drop-in of this module is in place after this run, or in check mode would be.
  type: bool
  returned: if O(state=present)
  sample: true
supported:
  description: Whether the program takes the option with this strategy. Null where it did not have to be asked, or could not.
  type: bool
  returned: if O(state=present)
  sample: true
reason:
  description: Why there is no drop-in, or why it was left as it is. Null otherwise.
  type: str
  returned: if O(state=present)
  sample: "polkadot.service: /usr/bin/polkadot does not know --wasmtime-instantiation-strategy"
source_changed:
  description: Whether C(ExecStart=) of the unit's own files is another than the one from which the drop-in was made before.
  type: bool
  returned: if O(state=present)
  sample: false
left:
  description: Executors of a node that keep a pool although this module ran, because only an operator can change that.
  type: list
  elements: dict
  returned: if O(state=present)
  contains:
    executor:
      description: V(node), or for a collator V(parachain) or V(relay chain).
      type: str
      sample: relay chain
    strategy:
      description: The strategy that it keeps.
      type: str
      sample: pooling-copy-on-write
    path:
      description: The file in which to change it.
      type: str
      sample: /etc/default/polkadot
    line:
      description: The line in that file, as far as it is known.
      type: int
      sample: 1
node:
  description: The node at its next start. Null if the service starts none, or that cannot be told.
  type: dict
  returned: if O(state=present)
  contains:
    strategy:
      description: The strategy of each executor.
      type: list
      elements: str
      sample: [recreate-instance-copy-on-write]
diff:
  description: Each drop-in before and after, as far as it changes.
  type: list
  elements: dict
  returned: in diff mode
  sample: [{"before_header": "/etc/systemd/system/polkadot.service.d/60-aarch64-validator-strategy.conf", "before": "",
    "after_header": "/etc/systemd/system/polkadot.service.d/60-aarch64-validator-strategy.conf",
    "after": "[Service]\nExecStart=\nExecStart=/usr/bin/polkadot --wasmtime-instantiation-strategy
      recreate-instance-copy-on-write $POLKADOT_CLI_ARGS\n"}]
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager, ManagerError
from ansible_collections.aarch64.validator.plugins.module_utils._strategy import STRATEGIES
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_apply import present, reverted
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import Refusal


def run(module: AnsibleModule) -> dict:
    """Do what the options ask for; see RETURN. Raises Refusal, ManagerError, ValueError or OSError."""
    work = present if module.params["state"] == "present" else reverted
    manager = Manager()
    if not module.check_mode and os.geteuid() != 0:
        # Without root nothing can be changed, so that the plan is all there is: empty, or what become would do.
        result = work(manager, module.params, dry=True)
        if result["actions"]:
            message = "changing the command line of a service needs root; run this task with become: true"
            return dict(result, failed=True, msg=message, changed=False, actions=[], planned=result["actions"])
        return result
    return work(manager, module.params, dry=module.check_mode)


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str"},
            "strategy": {"type": "str", "choices": list(STRATEGIES), "default": STRATEGIES[0]},
            "state": {"type": "str", "choices": ["present", "reverted"], "default": "present"},
            "provisional": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ["unit"])],
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except (Refusal, ManagerError, ValueError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="{}: {}".format(error.filename or "node_strategy", error.strerror or error))
    if not module._diff:
        result.pop("diff", None)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
