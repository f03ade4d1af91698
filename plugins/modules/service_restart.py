#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restart a node so that it comes up again even if the controller, or the connection to it, is lost."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_restart
short_description: Restart a systemd service safely, with a delay if wanted
version_added: 1.0.0
description:
  - Stops a service, waits until it has been down for O(delay) seconds, starts it, and waits until it stays up.
  - Before the stop it arms a transient systemd timer that starts the service again. If this module is killed, or the
    connection or the controller is lost at any moment, the node comes up by itself. The timer is disarmed when the
    service is up, or has failed by itself.
  - The delay is never shortened by that timer, which counts from the end of the stop, however long that takes. For the
    module itself, time that the service was down already counts.
  - A service that is stopped on purpose stays stopped. One that failed, or that is in a loop of crashes, is stopped
    first and then started.
  - Where another restart of the same service is under way on the host, such as that of a run whose controller has died since,
    this one waits for its end. If the service is up again then, it is not restarted once more.
  - Services that systemd stops together with this one, because they require it, are started again with it.
options:
  unit:
    description: Name of the service, with or without C(.service).
    type: str
    required: true
  delay:
    description:
      - For how many seconds the service must have been down before it is started again.
      - An authority needs this after a crash, so that it does not vote twice; C(systemctl restart) would ignore it.
    type: int
    default: 0
  margin:
    description:
      - How many seconds after the end of O(delay) the timer starts a service whose restart was interrupted.
      - If the stop took less than three seconds, the timer is late by what was missing to that.
    type: int
    default: 30
  timeout:
    description: For how many seconds to wait until the service is active.
    type: int
    default: 90
  settle:
    description: For how many seconds the new process must stay the same and running.
    type: int
    default: 5
  main_pid:
    description:
      - The main process that was seen to need the restart, V(0) for a service that was down.
      - If the service runs another one by now, somebody else has restarted it since, and that will do.
    type: int
  state:
    description: What is to be done. There is only V(restarted).
    type: str
    choices: [restarted]
    default: restarted
attributes:
  check_mode:
    description: Can run in check mode and return whether it would restart, without root.
    support: full
  diff_mode:
    description: Has nothing to show, since it changes no files.
    support: none
notes:
  - One execution of this module lasts as long as the stop, the delay and the start together. Raise the time limits of
    the connection if they are shorter, or run it with C(async).
  - A unit file that has changed takes effect only after C(systemctl daemon-reload), which this module leaves to
    others. RV(notes) says if it is missing.
seealso:
  - module: aarch64.validator.service_limits
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Restart a node
  aarch64.validator.service_restart:
    unit: polkadot
  become: true

- name: Restart an authority, which has to stay down for two minutes
  aarch64.validator.service_restart:
    unit: polkadot.service
    delay: 120
    timeout: 300
  become: true
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be, one sentence for each service.
  type: list
  elements: str
  returned: always
  sample: ["polkadot.service: restarted"]
notes:
  description: What an operator should know besides, such as why a service was left alone.
  type: list
  elements: str
  returned: always
  sample: ["polkadot.service: stopped on purpose (inactive), so that it was left stopped"]
planned:
  description: What would have been done, had this run been allowed to.
  type: list
  elements: str
  returned: when root is missing
  sample: ["polkadot.service: restarted"]
main_pid_before:
  description: The main process before, V(0) if there was none.
  type: int
  returned: always
  sample: 812
main_pid:
  description: The main process now, V(0) if there is none.
  type: int
  returned: always
  sample: 2077
down_seconds:
  description: For how many seconds the service had no process. V(0) if nothing was restarted.
  type: float
  returned: always
  sample: 121.5
active_state:
  description: The state of the service now, in the words of C(systemctl).
  type: str
  returned: always
  sample: active
sub_state:
  description: More exactly, in the words of C(systemctl).
  type: str
  returned: always
  sample: running
"""

import os
import sys

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils import _restart
from ansible_collections.aarch64.validator.plugins.module_utils._manager import (
    Manager,
    ManagerError,
    missing_systemd,
    unusable_unit,
)
from ansible_collections.aarch64.validator.plugins.module_utils._restart_apply import (
    Order,
    Restart,
    RestartFailed,
    lock,
    state_facts,
)
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import unit_name

MAX_SECONDS = 86400


def seconds(parameters: dict) -> Order:
    """The times of the options. Raises OptionError."""
    for option in Order._fields:
        if not 0 <= parameters[option] <= MAX_SECONDS:
            raise OptionError(option, parameters[option], f"a number of seconds from 0 to {MAX_SECONDS}")
    return Order(**{option: parameters[option] for option in Order._fields})


def run(module: AnsibleModule) -> dict:
    """Do what the options ask for; see RETURN. Raises RestartFailed, ManagerError, OptionError or OSError."""
    name = unit_name(module.params["unit"], "unit")
    order = seconds(module.params)
    programs = {program: module.get_bin_path(program) or "" for program in ("systemctl", "systemd-run")}
    programs["python"] = os.path.realpath(sys.executable)
    obstacle = missing_systemd()
    if obstacle is None and "" in programs.values():
        obstacle = "{} is missing on this host".format(" and ".join(key for key, path in programs.items() if not path))
    manager = Manager()
    before = {} if obstacle else manager.show(name, _restart.PROPERTIES)
    obstacle = obstacle or unusable_unit(name, before)
    if obstacle:
        raise RestartFailed(obstacle)
    restart = Restart(manager, before["Id"], order, programs)
    left_over = restart.left_over_guards()
    nothing = dict(state_facts(before), changed=False, actions=[], notes=[], down_seconds=0.0,
                   main_pid_before=int(before.get("MainPID") or 0))
    reason = _restart.reason_to_leave(restart.unit, before, bool(left_over))
    if reason:
        return dict(nothing, notes=[reason])
    done_already = [f"{restart.unit}: restarted by a run that was under way already"]
    seen = module.params["main_pid"]
    if seen is not None and _restart.runs_on(before) and seen != nothing["main_pid_before"]:
        return dict(nothing, changed=True, actions=done_already, main_pid_before=seen)
    others = restart.active_dependents(before)
    actions = [f"{restart.unit}: restarted"]
    actions += [f"{other}: started again, since it stops together with {restart.unit}" for other in others]
    if before.get("NeedDaemonReload") == "yes":
        restart.notes.append(f"{restart.unit}: its files have changed since systemd read them; it starts with the old "
                             "ones until systemctl daemon-reload")
    if module.check_mode:
        return dict(nothing, changed=True, actions=actions, notes=restart.notes)
    if os.geteuid() != 0:
        raise RestartFailed(f"restarting {restart.unit} needs root; run this task with become: true",
                            planned=actions, **nothing)
    try:
        with lock(restart.unit, restart.longest(before)) as waited:
            outcome = restart.done_meanwhile(before) if waited or left_over else None
            if outcome is not None:
                actions = done_already
            else:
                outcome = restart.run(before, restart.left_over_guards() if waited else left_over, others)
    except RestartFailed as error:
        done = {"changed": True, "actions": actions, "notes": restart.notes}
        error.facts = dict(dict(nothing, **done), **error.facts)
        raise
    return dict(outcome, changed=True, actions=actions, notes=restart.notes)


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str", "required": True},
            "delay": {"type": "int", "default": 0},
            "margin": {"type": "int", "default": 30},
            "timeout": {"type": "int", "default": 90},
            "settle": {"type": "int", "default": 5},
            "main_pid": {"type": "int"},
            "state": {"type": "str", "choices": ["restarted"], "default": "restarted"},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except RestartFailed as error:
        module.fail_json(msg=str(error), **error.facts)
    except (ManagerError, OptionError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="{}: {}".format(error.filename or "service_restart", error.strerror or error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
