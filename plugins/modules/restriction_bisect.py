#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the restrictions of a service that keep its program from starting."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restriction_bisect
short_description: Find the restrictions that keep a program from starting
version_added: 1.0.0
description:
  - For a program that fails inside the sandbox of its service, or with the options of its container, and runs outside of it.
    It is started several times, each time with other restrictions lifted, until it is known which of them have to go. Each
    of those was shown to be necessary, and all of them together were shown to be enough.
  - For O(unit), each start is that of M(aarch64.validator.startup_trace), a transient service with a new, empty base path,
    no keys, no peers and no network. The service itself, its files and its data are neither used nor changed.
  - For O(image), each start is a container of its own without network and without any file or volume of the host, which is
    removed at its end. Only options that restrict are taken, so that nothing of a live container can be given to it. The
    image must be there already. What is refused is not traced there.
  - For O(unit), a restriction is a directive that the files of the unit set, with all its lines. Among them are
    the sandbox as C(startup_trace) copies it, C(ProtectHome), limits, C(MemoryMax) and C(TasksMax). What gives something
    instead of taking it, such as C(AmbientCapabilities) and C(SystemCallErrorNumber), is never lifted.
  - C(ProtectSystem), C(PrivateTmp), C(PrivateNetwork) and lists of paths that may be written are not tried, because
    every trial protects files and network in its own way. A note names those that the unit has.
  - Where evidence shows what is refused, it leads the way, and n restrictions with k culprits take at most 2 log2(n) + 2k
    starts. Without evidence halves are tried, and each culprit after the first takes up to log2(n) + 1 starts. Two of all
    starts only repeat another one, to notice chance.
  - Before the first start of O(unit), the program is asked once for C(--help), with everything lifted.
options:
  unit:
    description:
      - Name of the service, with or without C(.service). Command, user, environment files and restrictions are taken from
        it as systemd has loaded it.
      - Needs systemd and root. Required without O(image), and not to be given with it.
    type: str
  engine:
    description: What runs the container of O(image).
    type: str
    choices: [docker, podman]
    default: docker
  image:
    description: The image of a container, in place of O(unit).
    type: str
  options:
    description:
      - Options of C(docker run) that restrict the container, each as one word, such as V(--cap-drop=ALL) and V(--read-only).
      - The engine's own filter of system calls is tried as if it were one of them.
      - An option that brings in files, volumes, devices, networks or names is refused.
    type: list
    elements: str
    default: []
  base_path:
    description: A directory inside the container that gets an empty file system in memory, in place of the volume of the node.
    type: path
  rpc_port:
    description: The port by which the program in the container is asked for its runtime, from inside its network. Needs root.
    type: int
    default: 9944
  command:
    description:
      - The program and its arguments, in place of those of O(unit). With O(image), the arguments after its name.
      - Nothing in it is expanded.
    type: list
    elements: str
  environment:
    description: Variables that are added to the environment.
    type: dict
    default: {}
  seconds:
    description:
      - For how long each start may take, from 1 to 600. A program that still runs then has started well.
      - A start ends sooner when the node answers by RPC, or when it answers that it cannot use its runtime.
    type: int
    default: 10
  max_starts:
    description: How many starts there may be, from 2 to 500. Without a result by then RV(conclusion) is V(gave-up).
    type: int
    default: 40
  trace:
    description:
      - Whether to run O(unit) under C(strace), which shows what is refused to the program. It saves starts, and it is what
        tells which call a filter has to allow.
      - Where C(strace) is missing or forbidden, the search goes on without it and says so.
    type: bool
    default: true
  base_path_option:
    description: The option by which the program takes its base path. C(-d) is known as its short form.
    type: str
    default: --base-path
  directory:
    description:
      - Where the directory for the base path is made, which is neither C(/tmp) nor C(/var/tmp). It must have 128 MiB free.
      - Default is C(/var/cache).
    type: path
attributes:
  check_mode:
    description: Says what would be tried, and starts nothing.
    support: full
  diff_mode:
    description: Has nothing to show, since it changes nothing.
    support: none
notes:
  - RV(ignore:changed) is always false. To apply RV(relaxation) is left to the operator.
  - A second node needs memory and processor time beside the one that runs. Do not use this on a host that is short of them.
  - A restriction that makes the program fail later than O(seconds), or only with its own data, is not found.
  - A failure carries RV(reason) beside the message.
seealso:
  - module: aarch64.validator.startup_trace
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Find out which hardening directive keeps the node from starting
  aarch64.validator.restriction_bisect:
    unit: polkadot
  become: true
  register: blocked

- name: Show the drop-in that would let it start
  ansible.builtin.debug:
    var: blocked.relaxation

- name: Find out which option keeps a container from starting
  aarch64.validator.restriction_bisect:
    image: local/polkadot:stable
    command: [--chain, westend, --base-path, /data]
    base_path: /data
    options: [--cap-drop=ALL, --security-opt=no-new-privileges, --read-only, --memory=64m, --pids-limit=100]
  become: true

- name: A node that needs a while before it compiles its runtime
  aarch64.validator.restriction_bisect:
    unit: polkadot
    seconds: 60
  become: true
"""

RETURN = r"""
conclusion:
  description:
    - V(culprits), where RV(directives) have to be relaxed.
    - V(not-the-sandbox), where it fails also without any of them.
    - V(starts), where it starts with all of them.
    - V(flaky), where the same start did not always end in the same way. No directive is named then.
    - V(gave-up), where O(max_starts) was not enough, or relaxing more made it fail. RV(notes) say what is known.
    - Null in check mode.
  type: str
  returned: success
  sample: culprits
directives:
  description: The directives that have to be relaxed, all of them.
  type: list
  elements: dict
  returned: after a trial
  contains:
    name:
      description: Name of the directive or option.
      type: str
      sample: SystemCallFilter
    value:
      description: The value as it is written, of the line that forbids what was refused, as far as that is known.
      type: str
      sample: "~memfd_create"
    path:
      description: The file of that line. Null for an option.
      type: str
      sample: /etc/systemd/system/polkadot.service.d/hardening.conf
    line:
      description: Its number. Null for an option.
      type: int
      sample: 4
    assignments:
      description: All lines that make up the directive, each with C(path), C(line) and C(value).
      type: list
      elements: dict
      sample: [{path: /etc/systemd/system/polkadot.service, line: 12, value: "@system-service"}]
    evidence:
      description: What was seen of it in the start that failed with the fewest other restrictions.
      type: dict
      contains:
        call:
          description: The call that was refused. Null if none was seen.
          type: str
          sample: memfd_create
        errno:
          description: The error, or V(SIGSYS) where a filter punished the call.
          type: str
          sample: SIGSYS
        text:
          description: The call as C(strace) prints it, or how the program ended, secrets hidden.
          type: str
          sample: memfd_create("wasm-memory-image", MFD_CLOEXEC|MFD_ALLOW_SEALING)
    cost:
      description: What security it costs to relax it, in one sentence.
      type: str
      sample: The service may also call memfd_create, the rest of the filter stays.
    relaxation:
      description:
        - Its part of the drop-in. Of C(SystemCallFilter), C(RestrictAddressFamilies) and C(RestrictNamespaces) only what was
          refused is allowed, if a start has proved that to be enough.
      type: str
      sample: SystemCallFilter=memfd_create
    alone:
      description: Whether it blocks also when nothing else is in force. Null if that was not tried.
      type: bool
      sample: true
    together_with:
      description:
        - For a directive that does not block alone, the others without which it does not block. To relax one of
          them in its place would do as well.
      type: list
      elements: str
      sample: []
relaxation:
  description:
    - The text of a drop-in that relaxes all of RV(directives). Null without any.
    - For a container, the options that can stay, one a line.
  type: str
  returned: after a trial
  sample: |
    [Service]
    MemoryDenyWriteExecute=no
    SystemCallFilter=memfd_create
starts:
  description: How many starts there were.
  type: int
  returned: after a trial
  sample: 8
tried:
  description: The starts in their order.
  type: list
  elements: dict
  returned: after a trial
  contains:
    relaxed:
      description: Directives that were lifted as a whole.
      type: list
      elements: str
      sample: [MemoryDenyWriteExecute]
    instead:
      description: Lines that were added to those of the unit.
      type: list
      elements: str
      sample: [SystemCallFilter=memfd_create]
    started:
      description: Whether it started well.
      type: bool
      sample: true
    outcome:
      description: How it ended.
      type: str
      sample: answered by RPC
    seconds:
      description: For how long it ran.
      type: float
      sample: 1.4
restrictions:
  description: What can be lifted, each with C(name), and C(value), C(path) and C(line) of its last line.
  type: list
  elements: dict
  returned: success
  sample: [{name: MemoryDenyWriteExecute, value: "yes", path: /etc/systemd/system/polkadot.service, line: 17}]
command:
  description: The command line of the service, or O(command), secrets hidden.
  type: list
  elements: str
  returned: success
  sample: [/usr/bin/polkadot, --validator]
unit:
  description: The service, or null.
  type: str
  returned: success
  sample: polkadot.service
notes:
  description: What an operator should know besides.
  type: list
  elements: str
  returned: success
  sample: []
reason:
  description:
    - Why no start was made, as one word for programs, as that of M(aarch64.validator.startup_trace).
    - For a container C(engine-missing) or C(engine).
  type: str
  returned: failure
  sample: base-path
"""

import re
import signal
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._bisect_container import ContainerBisection
from ansible_collections.aarch64.validator.plugins.module_utils._bisect_run import Bisection
from ansible_collections.aarch64.validator.plugins.module_utils._manager import ManagerError
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.module_utils._startup_process import StartupError

RANGES = {"seconds": (1, 600), "max_starts": (2, 500), "rpc_port": (1, 65535)}
_IMAGE = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._/:@-]*\Z")
_PATH = re.compile(r"\A/[^,\n\0]+\Z")
_VARIABLE = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*\Z")


def check_options(parameters: dict) -> None:
    """Refuse what the types of the options let through. Raises OptionError."""
    for name, (lowest, highest) in RANGES.items():
        if not lowest <= parameters[name] <= highest:
            raise OptionError(name, parameters[name], f"{lowest} to {highest}")
    if parameters["command"] is not None and not parameters["command"]:
        raise OptionError("command", [], "a program and its arguments")
    for name, pattern, valid in (("image", _IMAGE, "the name of an image"), ("base_path", _PATH, "an absolute path")):
        if parameters[name] is not None and not pattern.match(parameters[name]):
            raise OptionError(name, parameters[name], valid)
    parameters["environment"] = {name: str(value) for name, value in parameters["environment"].items()}
    for name, value in parameters["environment"].items():
        if not _VARIABLE.match(name) or "\n" in value or "\0" in value:
            raise OptionError("environment", name, "a name of letters, digits and _, with a value of one line")


def stop(_signal: int, _frame: t.Any) -> None:
    """End in order, so that nothing is left behind."""
    raise SystemExit(1)


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str"},
            "engine": {"type": "str", "choices": ["docker", "podman"], "default": "docker"},
            "image": {"type": "str"},
            "options": {"type": "list", "elements": "str", "default": []},
            "base_path": {"type": "path"},
            "rpc_port": {"type": "int", "default": 9944},
            "command": {"type": "list", "elements": "str"},
            "environment": {"type": "dict", "default": {}},
            "seconds": {"type": "int", "default": 10},
            "max_starts": {"type": "int", "default": 40},
            "trace": {"type": "bool", "default": True},
            "base_path_option": {"type": "str", "default": "--base-path"},
            "directory": {"type": "path"},
        },
        required_one_of=[("unit", "image")],
        mutually_exclusive=[("unit", "image")],
        supports_check_mode=True,
    )
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)
    try:
        check_options(module.params)
        result = (Bisection(module) if module.params["unit"] else ContainerBisection(module)).run()
    except StartupError as error:
        module.fail_json(msg=str(error), reason=error.reason, changed=False)
    except (ManagerError, ValueError) as error:
        module.fail_json(msg=str(error), changed=False)
    except OSError as error:
        module.fail_json(msg="{}: {}".format(error.filename or "restriction_bisect", error.strerror or error), changed=False)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
