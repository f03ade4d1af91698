#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give new containers of Podman more shared memory and higher limits by default."""

from __future__ import annotations

DOCUMENTATION = r"""
module: podman_defaults
short_description: Set the defaults of new Podman containers
version_added: 1.0.0
description:
  - Sees to it that a container that root creates with Podman from now on has at least this much C(/dev/shm) and these limits,
    where it is not told otherwise. Every value is a floor, and nothing is ever lowered.
  - Writes C(/etc/containers/containers.conf.d/60-aarch64-validator.conf) with C(shm_size) and C(default_ulimits), as far as they
    are needed. Limits that other files set stay. What was there before is kept in
    C(/var/lib/aarch64-validator/podman-defaults.json) for O(state=reverted).
  - Then a throw-away container shows that it has what was asked for. If it has not, everything is put back.
  - Fails before anything is written where another file, whose name sorts later, would overrule a value.
options:
  shm_size:
    description: The least size of C(/dev/shm) in a new container, with K, M, G or T if wanted.
    type: str
  shm_size_is_default:
    description: Whether O(shm_size) is only a default, which is lowered to half of RAM on a host with less.
    type: bool
    default: false
  ulimits:
    description:
      - The least soft limit of a new container, by V(nofile), V(memlock), V(nproc), V(stack), V(data) or V(fsize). Each is a
        number, for all but V(nofile) and V(nproc) with K, M, G or T if wanted, or V(infinity).
      - A limit that cannot be granted would keep every container from starting. So it is refused where it is beyond the
        limits of this session, and a throw-away container is given it before anything is written.
    type: dict
    default: {}
  state:
    description:
      - V(present) gives new containers at least this.
      - V(reverted) removes what this module wrote. A file that somebody else has edited since is left as it is, which
        RV(notes) says.
    type: str
    choices: [present, reverted]
    default: present
  provisional:
    description: Whether what is changed is on trial, so that M(aarch64.validator.changes) can undo just this, until it is kept.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without root. No container is made then.
    support: full
  diff_mode:
    description: Returns the file before and after.
    support: full
notes:
  - Needs root only where something has to change, and to name the running containers.
  - Containers that exist keep what they have, also over a restart. They have to be created anew.
  - Users without root have the same defaults, but no limit above their own hard limits.
  - No setting of a container makes the address space of the host's kernel larger.
seealso:
  - module: aarch64.validator.docker_defaults
  - module: aarch64.validator.changes
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Give new containers shared memory that a node can use, and the open files of a validator
  aarch64.validator.podman_defaults:
    shm_size: 2G
    ulimits:
      nofile: 65535
  become: true

- name: Take that back
  aarch64.validator.podman_defaults:
    state: reverted
  become: true
"""

RETURN = r"""
actions:
  description: What was changed, or in check mode would be, one sentence for each change.
  type: list
  elements: str
  returned: always
  sample: ["/etc/containers/containers.conf.d/60-aarch64-validator.conf: shm_size 2147483648"]
notes:
  description: What an operator should know besides, such as the running containers that keep what they had.
  type: list
  elements: str
  returned: always
  sample: ["running containers keep what they had until they are created anew; a restart does not do it: node"]
restart_required:
  description: Always false, since Podman reads its settings for each container.
  type: bool
  returned: always
  sample: false
engine:
  description: The engine, V(podman).
  type: str
  returned: if O(state=present)
  sample: podman
installed:
  description: Whether this host has the engine. Where it has not, nothing is to be done.
  type: bool
  returned: if O(state=present)
  sample: true
wanted:
  description: What was asked for, C(shm_size) in bytes and C(ulimits) as numbers, as far as it suits this host.
  type: dict
  returned: if O(state=present)
  sample: {shm_size: 2147483648, ulimits: {nofile: 65535}}
short:
  description: What of that was too little before, V(shm_size) or the name of a limit.
  type: list
  elements: str
  returned: if O(state=present)
  sample: [shm_size]
before:
  description: What the settings gave to a new container before, as RV(defaults).
  type: dict
  returned: if O(state=present)
  sample: {shm_size: 67108864, ulimits: {}}
defaults:
  description: What the settings give to a new container now, or in check mode would. Null without the engine.
  type: dict
  returned: if O(state=present)
  contains:
    shm_size:
      description: Bytes of C(/dev/shm).
      type: int
      sample: 2147483648
    ulimits:
      description: Limits, each as C(soft) and C(hard), as far as the settings name them. V(-1) is no limit.
      type: dict
      sample: {nofile: {soft: 65535, hard: 1048576}}
seen:
  description: What a throw-away container really had. Null where none was needed, and in check mode.
  type: dict
  returned: if O(state=present)
  contains:
    shm_size:
      description: Bytes of its C(/dev/shm).
      type: int
      sample: 2147483648
    limits:
      description: Its limits, each as C(soft) and C(hard).
      type: dict
      sample: {nofile: {soft: 1048576, hard: 1048576}}
planned:
  description: What would have been changed, had this run been allowed to.
  type: list
  elements: str
  returned: when root is missing
  sample: ["/etc/containers/containers.conf.d/60-aarch64-validator.conf: shm_size 2147483648"]
diff:
  description: The file before and after.
  type: list
  elements: dict
  returned: in diff mode
  sample: [{"before_header": "/etc/containers/containers.conf.d/60-aarch64-validator.conf", "before": "",
    "after_header": "/etc/containers/containers.conf.d/60-aarch64-validator.conf",
    "after": "[containers]\nshm_size = \"2147483648\"\n"}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._podman_apply import present, reverted
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import run_remedy


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(
        argument_spec={
            "shm_size": {"type": "str"},
            "shm_size_is_default": {"type": "bool", "default": False},
            "ulimits": {"type": "dict", "default": {}},
            "state": {"type": "str", "choices": ["present", "reverted"], "default": "present"},
            "provisional": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ["shm_size", "ulimits"], True)],
        supports_check_mode=True,
    )
    run_remedy(module, "the defaults of Podman", present, reverted)


if __name__ == "__main__":
    main()
