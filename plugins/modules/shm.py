#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give /dev/shm a size, now and after the next boot, and take it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: shm
short_description: Give /dev/shm a size, now and after the next boot
version_added: 1.0.0
description:
  - Sees to it that C(/dev/shm) is at least as large as asked for, live and after the next boot.
  - The live mount is resized in place, without unmounting, and keeps all its options and all that is in it.
    In C(/etc/fstab) the size in the line of C(/dev/shm) is replaced and nothing else, or a line is added.
    The file is replaced atomically.
  - A host that has more, now and after the next boot, is left alone. Nothing is ever made smaller unless O(exact=true).
  - A read-only C(/dev/shm) becomes writable, one with another mode than 1777 gets that mode, and where nothing is
    mounted a tmpfs is.
  - What was there before is kept in C(/var/lib/aarch64-validator/shm.json) for O(state=reverted).
  - A small C(/dev/shm) is never the cause of C(failed to create memory pool mapping). A validator needs it for other
    reasons.
options:
  size:
    description:
      - The least size, a whole number of bytes above zero, with K, M, G or T for powers of 1024 if wanted,
        such as V(2G).
      - Rounded up to whole pages. More than RAM and swap together is refused. More than half of RAM is noted
        in RV(notes).
      - Required if O(state=present).
    type: str
  size_is_default:
    description:
      - Whether O(size) is a default that nobody chose for this host.
      - The default of V(2G) is then lowered to half of RAM on a host with less than 4 GiB, which RV(notes) says.
    type: bool
    default: false
  exact:
    description:
      - Whether O(size) is meant exactly, so that a larger C(/dev/shm) is made smaller, but never smaller than what
        is in use.
    type: bool
    default: false
  state:
    description:
      - V(present) gives C(/dev/shm) its size.
      - V(reverted) puts the old line and the old live size back and forgets them. Whatever somebody else has changed
        since is left as it is, and so is a live size that is needed by what is in use, or a mount that this module
        made. RV(notes) says so. The mode 1777 and a mount made writable stay.
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
    description: Returns C(/etc/fstab) and the live mount before and after.
    support: full
notes:
  - Needs root only where something has to change.
  - In a container the container's manager decides about C(/dev/shm) at the next start. Without a line in C(/etc/fstab)
    a container that is large enough now is left alone.
seealso:
  - module: aarch64.validator.memory_facts
  - module: aarch64.validator.changes
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Have at least 2 GiB of shared memory
  aarch64.validator.shm:
    size: 2G
  become: true

- name: Have exactly 512 MiB, even if that makes it smaller
  aarch64.validator.shm:
    size: 512M
    exact: true
  become: true

- name: Take it back
  aarch64.validator.shm:
    state: reverted
  become: true
"""

RETURN = r"""
actions:
  description: What was changed, or in check mode would be, one sentence for each change.
  type: list
  elements: str
  returned: always
  sample: ["/dev/shm: size 64 MiB -> 2 GiB (live)", "/etc/fstab: line for /dev/shm added, size=2G"]
notes:
  description: What an operator should know besides.
  type: list
  elements: str
  returned: always
  sample: ["the default size 2G is lowered to half of this host's RAM, 958.5 MiB; set a size to have another"]
restart_required:
  description: Whether a service must be restarted for this to take effect. Never, since the mount changes in place.
  type: bool
  returned: always
  sample: false
planned:
  description: What would have been changed, had this run been allowed to.
  type: list
  elements: str
  returned: when root is missing
  sample: ["/dev/shm: size 64 MiB -> 2 GiB (live)"]
shm:
  description:
    - C(/dev/shm) after the change, or in check mode as it would be.
    - Sizes are bytes, V(-1) is no limit, null is not known.
  type: dict
  returned: always
  contains:
    mounted:
      description: Whether something is mounted on exactly C(/dev/shm).
      type: bool
      sample: true
    fstype:
      description: Type of the file system.
      type: str
      sample: tmpfs
    options:
      description: Options of the mount and of the file system, each once.
      type: list
      elements: str
      sample: [rw, nosuid, nodev, size=2097152k]
    size:
      description: Its size in bytes.
      type: int
      sample: 2147483648
    used: {description: Bytes in use., type: int, sample: 0}
    inodes_free:
      description: How many more files it can hold.
      type: int
      sample: 505230
    mode:
      description: Permissions of its top directory, in octal digits.
      type: str
      sample: "1777"
    root: {description: "Directory of the file system that is mounted, V(/) but for bind mounts.", type: str, sample: /}
    link: {description: "Where C(/dev/shm) points, if it is a symbolic link.", type: str, sample: /run/shm}
    persistent:
      description: Its size in bytes after the next boot.
      type: int
      sample: 2147483648
    persistent_source:
      description: What decides that. V(fstab), V(default) which is half of RAM, or V(container) where nobody can know.
      type: str
      sample: fstab
    fstab_lines:
      description: Numbers of the lines in C(/etc/fstab) that are for C(/dev/shm).
      type: list
      elements: int
      sample: [7]
diff:
  description: The line of C(/etc/fstab) and the live mount, before and after, as far as they change.
  type: list
  elements: dict
  returned: in diff mode
  sample: [{"before_header": "/dev/shm (live)", "after_header": "/dev/shm (live)",
    "before": "rw,nosuid,nodev,size=64M,mode=1777\n", "after": "rw,nosuid,nodev,size=2G,mode=1777\n"}]
"""

import contextlib
import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils import _fstab, _shm_apply, _shm_plan
from ansible_collections.aarch64.validator.plugins.module_utils._difference import difference, line_difference
from ansible_collections.aarch64.validator.plugins.module_utils._lock import changing_host
from ansible_collections.aarch64.validator.plugins.module_utils._provisional import SHM, forget, remember_shm
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_exact
from ansible_collections.aarch64.validator.plugins.module_utils._state import load_state, save_state
from ansible_collections.aarch64.validator.plugins.module_utils._swap import ChangedMeanwhile


def make_plan(params: dict, host: _shm_plan.Host, state: dict) -> _shm_plan.Plan:
    """The plan for these options. Raises ValueError with a message for the operator."""
    if params["state"] == "reverted":
        plan = _shm_plan.plan_reverted(host, state)
        if state and not plan.actions:
            return plan._replace(actions=(f"{_shm_apply.STATE_PATH}: removed",))
        return plan
    wanted, notes = _shm_plan.wanted_size(params["size"], params["size_is_default"], host)
    plan = _shm_plan.plan_present(host, wanted, params["exact"], state)
    return plan._replace(notes=tuple(notes) + plan.notes)


def read_state(reverting: bool) -> dict:
    """The saved state. Without root it cannot be read, and only an undo needs it to say what it would do."""
    try:
        return load_state(_shm_apply.STATE_NAME)
    except PermissionError:
        if reverting:
            message = f"{_shm_apply.STATE_PATH} is for root alone; run this task with become: true"
            raise _shm_plan.PlanError(message) from None
        return {}


def run(params: dict, check_mode: bool, with_diff: bool) -> dict:
    """Do what the options ask for. Returns the module's result, a failed one without the root it needs.

    A plan that somebody else's change of fstab has overtaken is made anew. Raises ValueError or OSError.
    """
    with changing_host(check_mode):
        for _attempt in range(4):  # somebody else may be writing fstab line by line
            with contextlib.suppress(ChangedMeanwhile):
                return run_once(params, check_mode, with_diff)
        return run_once(params, check_mode, with_diff)


def run_once(params: dict, check_mode: bool, with_diff: bool) -> dict:
    """Read, plan and change, with the lock held. Raises ChangedMeanwhile besides, with nothing changed."""
    reverting, before = params["state"] == "reverted", _shm_apply.read_host()
    state = read_state(reverting)
    try:
        plan = make_plan(params, before, state)
    except (KeyError, TypeError) as error:
        message = f"{_shm_apply.STATE_PATH} is damaged ({error!r}); move it away to go on without an undo"
        raise _shm_plan.PlanError(message) from error
    actions, notes = list(plan.actions), list(plan.notes)
    _shm_apply.check_obstacles(plan, forgets_state=reverting and bool(actions))
    result: dict = {"changed": bool(actions), "actions": actions, "notes": notes, "restart_required": False}
    facts = _shm_plan.predict(before, plan)
    if actions and not check_mode:
        if os.geteuid() != 0:
            message = "changing /dev/shm needs root; run this task with become: true"
            return dict(result, failed=True, msg=message, changed=False, actions=[], planned=actions, shm=before.facts)
        if params["provisional"]:
            remember_shm(lambda made: make_plan(params, before, made), state)
        _shm_apply.apply_plan(before, plan, state)
        after = _shm_apply.read_host()
        _shm_apply.check_result(before, after, facts)
        if reverting:
            forget(SHM)
            save_state(_shm_apply.STATE_NAME, {})  # last, so that a run that is interrupted before can be repeated
        facts = after.facts
    if with_diff:
        fstab = before.fstab if plan.fstab is None else plan.fstab
        result["diff"] = (line_difference(_fstab.PATH, before.fstab or "", fstab or "")
                          + difference("/dev/shm (live)", live_line(before.facts), live_line(facts)))
    return dict(result, shm=facts)


def live_line(facts: dict) -> str:
    """The live mount as one line for a diff."""
    if not facts["mounted"]:
        return "not mounted\n"
    options = ",".join(option for option in facts["options"] if not option.startswith("size="))
    return f"{options},size={format_exact(facts['size'] or 0)},mode={facts['mode']}\n"


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(
        argument_spec={
            "size": {"type": "str"},
            "size_is_default": {"type": "bool", "default": False},
            "exact": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["present", "reverted"], "default": "present"},
            "provisional": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ["size"])],
        supports_check_mode=True,
    )
    try:
        result = run(module.params, module.check_mode, module._diff)
    except ValueError as error:  # OptionError, FstabError, PlanError, damaged state
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="{}: {}".format(error.filename or "/dev/shm", error.strerror or error))
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
