#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give new containers of Docker more shared memory and higher limits by default."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_defaults
short_description: Set the defaults of new Docker containers
version_added: 1.0.0
description:
  - Sees to it that a container that Docker creates from now on has at least this much C(/dev/shm) and these limits, where it is
    not told otherwise. Every value is a floor, and nothing is ever lowered.
  - Changes only C(default-shm-size) and C(default-ulimits) in C(daemon.json). Every other key, their order and the layout of
    the file stay, and so do its owner, its mode and its labels. A link to it is followed. What was there before is kept in
    C(/var/lib/aarch64-validator/docker-defaults.json) for O(state=reverted).
  - The engine is never restarted. It is told to read its settings again, by C(SIGHUP), which no container notices. Then a
    throw-away container shows that it has what was asked for. If it has not, everything is put back.
  - Docker reads C(default-ulimits) only when it starts. They are written all the same, and RV(restart_required) says that
    they wait for its next start.
  - Fails before anything is written where C(daemon.json) is broken or has a key twice, naming line and column, and where the
    engine is started with a flag for the same, since it does not start with both.
options:
  config_file:
    description:
      - The settings of the engine.
      - Default is the file that the running engine reads, otherwise C(/etc/docker/daemon.json). With O(state=reverted) it is
        every file that this module has changed.
    type: path
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
        limits of the engine, and a throw-away container is given it before anything is written.
    type: dict
    default: {}
  state:
    description:
      - V(present) gives new containers at least this.
      - V(reverted) gives the file its text from before, or takes away just what is ours where somebody else has edited it
        since, and has the engine read it again.
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
  - The throw-away container is made from an image of one small program that this module brings along. It has no network and
    no files of the host, and both are removed at the end.
  - What else somebody has changed in C(daemon.json) since the engine has read it comes into force as well.
  - No setting of a container makes the address space of the host's kernel larger.
seealso:
  - module: aarch64.validator.podman_defaults
  - module: aarch64.validator.changes
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Give new containers shared memory that a node can use
  aarch64.validator.docker_defaults:
    shm_size: 2G
  become: true

- name: And the open files of a validator, from the next start of the engine on
  aarch64.validator.docker_defaults:
    shm_size: 2G
    ulimits:
      nofile: 65535
  become: true
  register: docker

- name: Take all of it back
  aarch64.validator.docker_defaults:
    state: reverted
  become: true
"""

RETURN = r"""
actions:
  description: What was changed, or in check mode would be, one sentence for each change.
  type: list
  elements: str
  returned: always
  sample: ["/etc/docker/daemon.json: default-shm-size 2G", "docker: settings read again"]
notes:
  description: What an operator should know besides, such as the running containers that keep what they had.
  type: list
  elements: str
  returned: always
  sample: ["running containers keep what they had until they are created anew; a restart does not do it: node"]
restart_required:
  description: Whether limits wait for the next start of the engine. This collection never restarts one.
  type: bool
  returned: always
  sample: false
engine:
  description: The engine, V(docker).
  type: str
  returned: if O(state=present)
  sample: docker
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
  sample: ["/etc/docker/daemon.json: default-shm-size 2G", "docker: settings read again"]
diff:
  description: The keys of the file that change, before and after. What else stands there may be secret and is not shown.
  type: list
  elements: dict
  returned: in diff mode
  sample: [{"before_header": "/etc/docker/daemon.json", "before": "",
    "after_header": "/etc/docker/daemon.json",
    "after": "{\n  \"default-shm-size\": \"2G\"\n}\n"}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._docker_apply import present, reverted
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import run_remedy


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(
        argument_spec={
            "config_file": {"type": "path"},
            "shm_size": {"type": "str"},
            "shm_size_is_default": {"type": "bool", "default": False},
            "ulimits": {"type": "dict", "default": {}},
            "state": {"type": "str", "choices": ["present", "reverted"], "default": "present"},
            "provisional": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ["shm_size", "ulimits"], True)],
        supports_check_mode=True,
    )
    run_remedy(module, "the defaults of Docker", present, reverted)


if __name__ == "__main__":
    main()
