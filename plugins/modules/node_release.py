#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have a service start a delivered release of its node, and undo that."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_release
short_description: Have a service start a delivered release of its node
version_added: 1.0.0
description:
  - Makes the path that a service starts a symbolic link to the program of a release, in one step. What was there before, a
    file or another link, is kept for O(state=reverted).
  - A release is a directory below C(/usr/local/lib/aarch64-validator) with everything that belongs to one build, such as a
    node and its workers, which must be of the same version. Copy it there first.
  - Nothing is switched unless each file is the one that its manifest names, and the program, run as the user of the service,
    answers C(--version).
  - Restarts nothing.
options:
  unit:
    description: Name of the service, with or without C(.service). Needed for O(state=present).
    type: str
  release:
    description: Name of the release. Needed for O(state=present).
    type: str
  files:
    description: The files of the release, that of the node first. Needed for O(state=present).
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the file.
        type: str
        required: true
      sha256:
        description: Its SHA-256, in hexadecimal.
        type: str
        required: true
  state:
    description:
      - V(present) has the service start the release.
      - V(reverted) gives every path back what was there before this module came, and removes all releases that no process runs
        from.
    type: str
    choices: [present, reverted]
    default: present
  provisional:
    description: Whether the change is on trial, until M(aarch64.validator.changes) keeps or undoes it.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return what would be switched. The files of the release need not be there then.
    support: full
  diff_mode:
    description: Shows where the path leads before and after.
    support: full
notes:
  - Needs root.
seealso:
  - module: aarch64.validator.node_build
  - module: aarch64.validator.changes
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Have the node start another release
  aarch64.validator.node_release:
    unit: polkadot
    release: polkadot-1a2b3c4d5e6f-0123abcd
    files:
      - name: polkadot
        sha256: 9a641ca63ce5d3ef2c5ae82599966922afb88cce02c56c4fcf020b9ce695dd8e
  become: true

- name: Go back to what was there before
  aarch64.validator.node_release:
    state: reverted
  become: true
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be, one sentence for each.
  type: list
  elements: str
  returned: always
  sample: ["/usr/bin/polkadot: now a link to /usr/local/lib/aarch64-validator/polkadot-1a2b3c4d5e6f-0123abcd/polkadot"]
notes:
  description: What an operator should know besides.
  type: list
  elements: str
  returned: always
  sample: ["/usr/bin/polkadot: replaced by somebody else since, left as it is"]
planned:
  description: What would have been done, had this run been allowed to.
  type: list
  elements: str
  returned: when root is missing
  sample: ["/usr/bin/polkadot: put back as it was before"]
reason:
  description: Why this service cannot start the release. Null otherwise.
  type: str
  returned: if O(state=present)
  sample: "node.service: starts /opt/node/run.sh, which is not called polkadot"
link:
  description: The path that the service starts.
  type: str
  returned: if O(state=present)
  sample: /usr/bin/polkadot
program:
  description: The program of the release. Null where the service cannot start it.
  type: str
  returned: if O(state=present)
  sample: /usr/local/lib/aarch64-validator/polkadot-1a2b3c4d5e6f-0123abcd/polkadot
restart_required:
  description: Whether the service does not run the release yet and a restart would have it do so.
  type: bool
  returned: always
  sample: true
diff:
  description: Where the path leads before and after.
  type: list
  elements: dict
  returned: in diff mode
  sample: [{"before_header": "/usr/bin/polkadot", "before": "a file\n", "after": "link to /usr/local/lib/...\n"}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._release_apply import present, reverted
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import run_remedy


def main() -> None:
    """Run as Ansible runs it."""
    file = {"name": {"type": "str", "required": True}, "sha256": {"type": "str", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str"},
            "release": {"type": "str"},
            "files": {"type": "list", "elements": "dict", "options": file},
            "state": {"type": "str", "choices": ["present", "reverted"], "default": "present"},
            "provisional": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ["unit", "release", "files"])],
        supports_check_mode=True,
    )
    run_remedy(module, "the program of a service", present, reverted)


if __name__ == "__main__":
    main()
