#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a node until it is healthy, or the time is over."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_health
short_description: Wait until a node is healthy, and say what is missing
version_added: 1.0.0
description:
  - Looks at a node until everything that was asked for holds, until it never will, or until O(timeout) is over, and
    returns the outcome of each check. A node that is not healthy is a result, not a failure of this module.
  - One execution lasts at most O(slice) seconds, and a few more if the node is slow to answer. Whoever calls it again
    with RV(next) as O(continue), until RV(done), sees progress, while the end of the whole wait stays the same.
  - Changes nothing. Asks by JSON-RPC in one batch, or by single calls if the node refuses that. The megabytes of
    C(state_getMetadata) are asked for until they came once.
options:
  unit:
    description: Name of the service, with or without C(.service).
    type: str
    required: true
  rpc_url:
    description:
      - Where the node answers JSON-RPC, seen from its host. It should be an address of that host, best on loopback.
      - C(ws://) is taken as C(http://). C(https://) is refused, since nodes speak plain HTTP. Proxies are not used and
        redirects are not followed.
    type: str
    default: http://127.0.0.1:9944
  readiness_path:
    description: Path below O(rpc_url) that says 200 when the node is ready.
    type: str
    default: /health/readiness
  checks:
    description:
      - What has to hold. The default is what a node should show after a restart.
      - V(active), the service is running, and systemd has not restarted it meanwhile.
      - V(rpc), the node answers at all.
      - V(runtime), it answers C(state_getRuntimeVersion) and C(state_getMetadata), for which it needs an instance of its
        runtime. This proves that it could map what an instance needs.
      - V(readiness), O(readiness_path) says 200. A node that does not serve this is judged by C(system_health).
      - V(syncing), it has caught up with the chain.
      - V(peers), it has at least O(min_peers) peers, or needs none.
      - V(advancing), its best block has grown since the first look. One look alone, with O(timeout=0), cannot tell.
      - V(journal), none of the lines of its journal since this start is a known sign of failure.
      - V(limits), the limits of its live process are at least O(limits).
      - V(disk), at least O(min_free) is free below its base path.
      - V(identity) only reports its peer id, roles, version and the names of the files in its keystore, which are public
        keys. No file of a keystore is ever opened. To be complete it needs root.
    type: list
    elements: str
    choices: [active, rpc, runtime, readiness, syncing, peers, advancing, journal, limits, disk, identity]
    default: [active, rpc, runtime, readiness, syncing, peers, advancing, journal, limits]
  timeout:
    description: For how many seconds to look, all executions together. V(0) looks once.
    type: int
    default: 0
  slice:
    description: How many seconds this execution may take, 1 to 30.
    type: int
    default: 30
  continue:
    description: RV(next) of the execution before, or empty for the first. It holds the end of the wait, too.
    type: dict
  restarts:
    description: How often systemd may have restarted the service (its C(NRestarts)). By default as often as at the first look.
    type: int
  since:
    description: From when on to read the journal, in seconds since 1970. By default since the current start of the service.
    type: float
  min_peers:
    description: How many peers the node has to have, unless it says that it needs none.
    type: int
    default: 1
  min_free:
    description: How much has to be free below the base path of the node, such as V(50G).
    type: str
    default: 1G
  limits:
    description:
      - Limits that the live process has to have, by the names C(nofile), C(memlock), C(as), C(data), C(fsize), C(stack)
        and C(nproc), each a number or V(infinity). V(-1) means the same.
      - Give what this host can grant. A limit that it cannot is waited for in vain.
    type: dict
attributes:
  check_mode:
    description: Can run in check mode, where it does the same, since it only looks.
    support: full
  diff_mode:
    description: Has nothing to show, since it changes nothing.
    support: none
notes:
  - A task with C(until) is given its options only once, so that it cannot hand RV(next) over. Include a file of tasks
    that includes itself instead, as in the examples.
  - Begin each wait with an empty O(continue). What is left in the variable from an earlier one has the earlier end.
  - Without root, V(journal), V(disk) and V(identity) may remain unknown.
seealso:
  - module: aarch64.validator.service_restart
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Look once whether a node may be restarted
  aarch64.validator.node_health:
    unit: polkadot
    checks: [active, rpc, syncing, peers, disk, identity]
    min_free: 20G
  become: true
  register: before

- name: Stop here if it may not
  ansible.builtin.assert:
    that: before.healthy
    fail_msg: "{{ before.progress }}"

- name: Look whether the running node has the limits of a validator
  aarch64.validator.node_health:
    unit: polkadot
    checks: [limits]
    limits: {nofile: 65535, memlock: infinity}
  become: true

# This is wait.yml. It is included once, and then by itself until the wait is over.
- name: Wait for the node, for ten minutes at most
  aarch64.validator.node_health:
    unit: polkadot
    timeout: 600
    continue: "{{ health.next | default({}) }}"
  become: true
  register: health

- name: "{{ health.progress }}"
  ansible.builtin.include_tasks: wait.yml
  when: not health.done
"""

RETURN = r"""
done:
  description: Whether there is nothing more to wait for. The node is healthy, or never will be, or the time is over.
  type: bool
  returned: success
  sample: true
healthy:
  description: Whether no check is false, and at least one is true.
  type: bool
  returned: success
  sample: true
hopeless:
  description: Whether waiting is in vain, since the service has failed, was stopped or started anew, or its journal says so.
  type: bool
  returned: success
  sample: false
reason:
  description: Why RV(hopeless), otherwise null.
  type: str
  returned: success
  sample: polkadot.service has failed (exit-code, exit status 1), and waits for its next try
checks:
  description: The outcome of each check, in the order asked.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Which check.
      type: str
      returned: success
      sample: peers
    ok:
      description: Whether it holds. Null if it does not apply, or cannot be told at all.
      type: bool
      returned: success
      sample: true
    text:
      description: What was seen, for an operator.
      type: str
      returned: success
      sample: it has 8 peers, at least 1 wanted
    value:
      description:
        - What was seen, for a program, or null.
        - V(active) has C(active_state), C(sub_state), C(main_pid), C(restarts), C(restarts_wanted) and C(invocation).
          V(rpc) has the address, V(readiness) the HTTP status, V(syncing) a boolean and V(peers) a number.
        - V(runtime) has C(spec_name), C(spec_version) and C(metadata_bytes). V(advancing) has C(first), C(best) and
          C(seconds).
        - V(journal) has C(entries), how many lines were read, C(lines), those that bear on memory, and C(failures), those
          that made it false, as the journal has them.
        - V(limits) has by name C(soft), C(hard) and C(wanted), V(-1) for no limit. V(disk) has C(path), C(free) and
          C(wanted) in bytes.
        - V(identity) has C(peer_id), C(roles), C(version) and C(keystore), a sorted list of file names. Each is null if it
          is not known.
      type: raw
      returned: success
      sample: 8
waiting_for:
  description: Names of the checks that do not hold yet.
  type: list
  elements: str
  returned: success
  sample: [peers, advancing]
seconds_left:
  description: How many seconds remain until the end of the whole wait.
  type: int
  returned: success
  sample: 412
ends_at:
  description: When the whole wait ends, by the clock of the host, in UTC.
  type: str
  returned: success
  sample: "2026-03-02T12:41:07Z"
progress:
  description: The outcome in one sentence, or what is waited for and until when.
  type: str
  returned: success
  sample: "polkadot.service: waiting for 60 seconds, until 12:41:07 UTC (540 more); peers: it has 0 peers, at least 1 wanted"
looks:
  description: How often this execution has looked.
  type: int
  returned: success
  sample: 15
notes:
  description: What an operator should know besides, such as that the node answers on another port.
  type: list
  elements: str
  returned: success
  sample: []
next:
  description: What the next execution needs as O(continue).
  type: dict
  returned: success
  sample: {"unit": "polkadot.service", "boot": "d0a5c7f6", "began": 5120.2, "deadline": 5720.2}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._health import Health, NoSuchUnit
from ansible_collections.aarch64.validator.plugins.module_utils._health_checks import CHECKS, GATE
from ansible_collections.aarch64.validator.plugins.module_utils._health_options import checked
from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager, missing_systemd
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str", "required": True},
            "rpc_url": {"type": "str", "default": "http://127.0.0.1:9944"},
            "readiness_path": {"type": "str", "default": "/health/readiness"},
            "checks": {"type": "list", "elements": "str", "choices": CHECKS, "default": GATE},
            "timeout": {"type": "int", "default": 0},
            "slice": {"type": "int", "default": 30},
            "continue": {"type": "dict"},
            "restarts": {"type": "int"},
            "since": {"type": "float"},
            "min_peers": {"type": "int", "default": 1},
            "min_free": {"type": "str", "default": "1G"},
            "limits": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    boot = (read_text("/proc/sys/kernel/random/boot_id", []) or "").strip()
    try:
        options = checked(module.params)
        obstacle = missing_systemd()
        if obstacle:
            raise NoSuchUnit(obstacle)
        result = Health(options, Manager(), boot).run()
    except (NoSuchUnit, OptionError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
