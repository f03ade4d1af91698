#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep or undo what remedies have changed on trial."""

from __future__ import annotations

DOCUMENTATION = r"""
module: changes
short_description: Keep or undo what remedies have changed on trial
version_added: 1.0.0
description:
  - Ends a trial that M(aarch64.validator.shm), M(aarch64.validator.service_limits), M(aarch64.validator.node_strategy),
    M(aarch64.validator.service_sandbox), M(aarch64.validator.docker_defaults), M(aarch64.validator.podman_defaults) and
    M(aarch64.validator.node_release) began with O(ignore:provisional=true). Either all of it is kept, or all of it is undone.
  - Undoing is not reverting. It gives back what was there before the trial, which may well be the work of an earlier run of
    this collection, while O(ignore:state=reverted) of these modules gives back what was there before this collection came.
  - Starts and stops nothing. A process that was raised to higher limits keeps them until its next start.
options:
  state:
    description:
      - V(kept) makes all changes permanent, that is, forgets how to undo them.
      - V(undone) gives each file its text from before the trial, C(/dev/shm) its size and each link its target, and reloads
        systemd. What somebody else has edited since is left as it is, which RV(notes) says. A running Docker reads its settings
        again.
    type: str
    choices: [kept, undone]
    required: true
attributes:
  check_mode:
    description: Can run in check mode and return what would be undone.
    support: full
  diff_mode:
    description: Shows no differences.
    support: none
notes:
  - Needs root where something is on trial.
seealso:
  - module: aarch64.validator.shm
  - module: aarch64.validator.service_limits
  - module: aarch64.validator.node_strategy
  - module: aarch64.validator.service_sandbox
  - module: aarch64.validator.docker_defaults
  - module: aarch64.validator.podman_defaults
  - module: aarch64.validator.node_release
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Try higher limits
  become: true
  block:
    - name: Raise them
      aarch64.validator.service_limits:
        unit: polkadot
        nofile: "65535"
        provisional: true

    - name: Restart the node
      aarch64.validator.service_restart:
        unit: polkadot
        delay: 120

    - name: Keep them
      aarch64.validator.changes:
        state: kept
  rescue:
    - name: Take them back
      aarch64.validator.changes:
        state: undone
"""

RETURN = r"""
actions:
  description: What was undone, or in check mode would be, one sentence for each change.
  type: list
  elements: str
  returned: success
  sample: ["/etc/systemd/system/polkadot.service.d/60-aarch64-validator.conf: removed", "systemd: configuration reloaded"]
notes:
  description: What an operator should know besides.
  type: list
  elements: str
  returned: success
  sample: ["/etc/systemd/system/polkadot.service.d/60-aarch64-validator.conf: edited by somebody else since, left as it is"]
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._lock import changing_host
from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager, ManagerError
from ansible_collections.aarch64.validator.plugins.module_utils._undo import keep, undo
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import Refusal


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(
        argument_spec={"state": {"type": "str", "choices": ["kept", "undone"], "required": True}},
        supports_check_mode=True,
    )
    try:
        with changing_host(module.check_mode):
            result = keep(module.check_mode) if module.params["state"] == "kept" else undo(Manager(), module.check_mode)
    except (ManagerError, Refusal, ValueError) as error:  # FstabError, PlanError, damaged state
        module.fail_json(msg=str(error))
    except OSError as error:
        if isinstance(error, PermissionError) and os.geteuid() != 0:
            module.fail_json(msg="what is on trial is recorded for root alone; run this task with become: true")
        module.fail_json(msg="{}: {}".format(error.filename or "changes", error.strerror or error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
