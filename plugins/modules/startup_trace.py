#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a node for a moment, apart from everything, and see which memory calls the kernel refuses it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: startup_trace
short_description: Start a node apart from everything and see what is refused to it
version_added: 1.0.0
description:
  - Starts the command of a service, or a given one, for a bounded time under C(strace), as the user of the service and
    with its limits and its sandbox, and returns the memory calls that failed.
  - With O(trace=false) it is a clean start without C(strace). It tells a host that cannot run the program at all from a
    service whose own data are broken.
  - The program is asked for C(--version) and C(--help) first. Options are given to it only if its help names them.
  - The trial always has a new, empty base path, which is removed afterwards, on both sides of C( -- ). A node whose base
    path cannot be replaced is not started, nor is a script of a service that is no known node.
  - It is never an authority. C(--validator), C(--collator), every option for keys and keystores, well-known development
    keys, boot nodes, addresses and telemetry are taken out of its command line. C(--dev) becomes C(--chain dev).
  - It meets nobody. Its network has only loopback where root is available, it gets no peers (C(--in-peers 0),
    C(--out-peers 0), C(--reserved-only), C(--no-mdns)), and free ports of its own.
  - As a transient service of systemd it can write to no file outside of its own directory, C(/dev/shm) and a private
    C(/tmp), and is the first to be ended if memory runs out. At the end its whole control group is killed. If this module
    itself is killed, systemd does that when the time is over, and removes the directory.
  - A validator does more than its trial as a full node. What only an authority does, such as the checks for the secure
    validator mode, does not show.
options:
  unit:
    description:
      - Name of the service, with or without C(.service). Command, user, limits, environment files and sandbox are taken
        from it as systemd has loaded it. The service itself is neither stopped nor changed.
      - Needs systemd and root.
    type: str
  command:
    description:
      - The program and its arguments, in place of those of O(unit). Required without O(unit).
      - Nothing in it is expanded.
    type: list
    elements: str
  user:
    description: The user to run as. Default is the user of O(unit), otherwise the user who runs this task.
    type: str
  limits:
    description:
      - 'Resource limits as systemd writes them, in place of those of O(unit), such as V({LimitAS: 300G}).'
      - LimitAS, LimitDATA, LimitFSIZE, LimitMEMLOCK, LimitNOFILE, LimitNPROC and LimitSTACK are known.
    type: dict
    default: {}
  environment:
    description: Variables that are added to the environment.
    type: dict
    default: {}
  seconds:
    description:
      - For how long the program may run, from 1 to 600. One that still runs then has started well.
      - A clean start ends sooner when the node answers by RPC.
    type: int
    default: 20
  base_path_option:
    description: The option by which the program takes its base path. C(-d) is known as its short form.
    type: str
    default: --base-path
  sandbox:
    description:
      - Whether the trial has the sandbox of O(unit), such as C(MemoryDenyWriteExecute) and C(SystemCallFilter).
      - Default is V(true) with O(unit). The protection of files and of the network stays in any case.
    type: bool
  trace:
    description: Whether to run under C(strace).
    type: bool
    default: true
  directory:
    description:
      - Where the directory for the base path is made. It must have 128 MiB free.
      - Default is C(/var/cache) for root, otherwise the temporary directory. A service cannot use C(/tmp) or C(/var/tmp).
    type: path
attributes:
  check_mode:
    description: Says what would be run, and runs nothing.
    support: full
  diff_mode:
    description: Has nothing to show, since it changes nothing.
    support: none
notes:
  - RV(ignore:changed) is always false.
  - A second node needs memory and processor time beside the one that runs. Do not use this on a host that is short of them.
  - A failure carries RV(reason) beside the message.
seealso:
  - module: aarch64.validator.memory_facts
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: See what is refused to the node when it starts
  aarch64.validator.startup_trace:
    unit: polkadot
  become: true
  register: trace

- name: Would it start with less address space?
  aarch64.validator.startup_trace:
    unit: polkadot
    limits:
      LimitAS: 300G
  become: true

- name: Can this host run the program at all?
  aarch64.validator.startup_trace:
    unit: polkadot
    trace: false
  become: true

- name: Trace a program that is no service yet
  aarch64.validator.startup_trace:
    command: [/opt/polkadot/polkadot, --chain, westend]
    user: polkadot
    seconds: 10
  become: true
"""

RETURN = r"""
calls:
  description:
    - Memory calls that failed, each kind once, at most 100. Empty without C(strace).
    - A call that a filter punished with SIGSYS has that as C(errno).
  type: list
  elements: dict
  returned: after a trial
  contains:
    call:
      description: Name of the system call.
      type: str
      sample: mmap
    errno:
      description: The error, as a symbol.
      type: str
      sample: ENOMEM
    size:
      description: Bytes that were asked for. Null where the call has no size.
      type: int
      sample: 414464344064
    protection:
      description: Protection asked for, for calls that have one.
      type: str
      sample: PROT_NONE
    flags:
      description: Flags of the call, for calls that have them.
      type: str
      sample: MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE
    path:
      description: The file or name that the call was about.
      type: str
      sample: /dev/shm/x
    pid:
      description: The process or thread that made the call first.
      type: int
      sample: 4711
    reserved:
      description: Bytes of mappings of 1 GiB or more that the process held then.
      type: int
      sample: 0
    count:
      description: How often it failed in this way.
      type: int
      sample: 1
    text:
      description: The call as C(strace) prints it, at most 400 characters, secrets hidden.
      type: str
      sample: "mmap(NULL, 414464344064, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)"
calls_left_out:
  description: How many more kinds of failing calls there were.
  type: int
  returned: after a trial
  sample: 0
exit_status:
  description: Exit status of the program. Null if a signal ended it or it still ran.
  type: int
  returned: after a trial
  sample: 1
signal:
  description: The signal that ended the program, if one did before the time was over.
  type: str
  returned: after a trial
  sample: SIGSYS
timed_out:
  description: Whether the program still ran at the end, which is a good start.
  type: bool
  returned: after a trial
  sample: false
seconds:
  description: For how long it ran.
  type: float
  returned: after a trial
  sample: 1.4
stderr_lines:
  description: The last lines that the program printed, at most 40, secrets hidden.
  type: list
  elements: str
  returned: after a trial
  sample: ["Error: cannot create the wasmtime engine: failed to create memory pool mapping"]
rpc:
  description:
    - Whether the node answered to C(state_getRuntimeVersion), which makes it use its runtime. Null if it has no RPC.
  type: dict
  returned: after a trial
  contains:
    port:
      description: The port that was asked, in the network of the trial.
      type: int
      sample: 40123
    answered:
      description: Whether there was a result.
      type: bool
      sample: true
    error:
      description: The message of a node that answered without a result.
      type: str
      sample: null
version:
  description: How the program answered to C(--version). C(help) is the same for C(--help).
  type: dict
  returned: after a trial of a node
  contains:
    ok:
      description: Whether it answered and ended well.
      type: bool
      sample: true
    exit_status:
      description: Its exit status.
      type: int
      sample: 0
    signal:
      description: The signal that ended it.
      type: str
      sample: null
    timed_out:
      description: Whether it gave no answer in time.
      type: bool
      sample: false
    lines:
      description: At most five lines of its answer.
      type: list
      elements: str
      sample: ["polkadot 1.20.0-0000000000"]
help:
  description: How the program answered to C(--help), like RV(version).
  type: dict
  returned: after a trial of a node
limits:
  description: Limits in force, each as C(soft) and C(hard). Sizes are bytes, V(-1) is no limit.
  type: dict
  returned: after a trial
  sample: {as: {soft: 322122547200, hard: 322122547200}}
page_size:
  description: Bytes of a page of this kernel.
  type: int
  returned: after a trial
  sample: 4096
command:
  description: The command line of the trial, secrets hidden. In check mode as it was given.
  type: list
  elements: str
  returned: success
  sample: [/usr/bin/polkadot, --base-path, /var/cache/aarch64-validator-trace-x1/node/base]
removed:
  description: Words of the command line that were taken out, secrets hidden.
  type: list
  elements: str
  returned: success
  sample: [--validator]
added:
  description: Words that were put in.
  type: list
  elements: str
  returned: success
  sample: [--base-path, /var/cache/aarch64-validator-trace-x1/node/base]
clean_base_path:
  description: Whether the program was given an empty base path. Null in check mode.
  type: bool
  returned: success
  sample: true
unit:
  description: The service, or null.
  type: str
  returned: success
  sample: polkadot.service
user:
  description: The user of the trial, or null for the one who ran this task.
  type: str
  returned: success
  sample: polkadot
sandboxed:
  description: Whether the trial had the sandbox of the unit.
  type: bool
  returned: success
  sample: true
traced:
  description: Whether C(strace) was used.
  type: bool
  returned: success
  sample: true
service:
  description: The service itself at that time, or null.
  type: dict
  returned: success
  sample: {active_state: active, sub_state: running, result: success, main_pid: 812}
notes:
  description: What an operator should know besides, such as settings in which the trial was not like the service.
  type: list
  elements: str
  returned: success
  sample: []
reason:
  description:
    - Why no trial was made, as one word for programs. C(strace-missing), C(strace-failed), C(ptrace-forbidden),
      C(command-not-found), C(command-failed), C(user-missing), C(base-path), C(no-room), C(directory), C(not-root),
      C(no-systemd), C(unit), C(sandbox) or C(systemd-run).
  type: str
  returned: failure
  sample: ptrace-forbidden
"""

import signal
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._manager import ManagerError
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.module_utils._startup import Startup
from ansible_collections.aarch64.validator.plugins.module_utils._startup_process import StartupError

LONGEST_SECONDS = 600


def check_options(parameters: dict) -> None:
    """Refuse what the types of the options let through. Raises OptionError."""
    if not 1 <= parameters["seconds"] <= LONGEST_SECONDS:
        raise OptionError("seconds", parameters["seconds"], f"1 to {LONGEST_SECONDS}")
    if parameters["command"] is not None and not parameters["command"]:
        raise OptionError("command", [], "a program and its arguments")
    if parameters["sandbox"] and parameters["unit"] is None:
        raise OptionError("sandbox", True, "unit as well, whose sandbox it is")
    parameters["environment"] = {name: str(value) for name, value in parameters["environment"].items()}


def stop(_signal: int, _frame: t.Any) -> None:
    """End in order, so that nothing is left behind."""
    raise SystemExit(1)


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str"},
            "command": {"type": "list", "elements": "str"},
            "user": {"type": "str"},
            "limits": {"type": "dict", "default": {}},
            "environment": {"type": "dict", "default": {}},
            "seconds": {"type": "int", "default": 20},
            "base_path_option": {"type": "str", "default": "--base-path"},
            "sandbox": {"type": "bool"},
            "trace": {"type": "bool", "default": True},
            "directory": {"type": "path"},
        },
        required_one_of=[("unit", "command")],
        supports_check_mode=True,
    )
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)
    try:
        check_options(module.params)
        result = Startup(module).run()
    except StartupError as error:
        module.fail_json(msg=str(error), reason=error.reason, changed=False)
    except (ManagerError, ValueError) as error:
        module.fail_json(msg=str(error), changed=False)
    except OSError as error:
        module.fail_json(msg="{}: {}".format(error.filename or "startup_trace", error.strerror or error), changed=False)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
