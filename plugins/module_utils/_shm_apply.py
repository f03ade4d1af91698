# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a host for a plan of _shm_plan, find what stands in its way, and carry it out. Private to this collection."""

from __future__ import annotations

import errno
import os
import stat

from ansible_collections.aarch64.validator.plugins.module_utils import _fstab
from ansible_collections.aarch64.validator.plugins.module_utils._atomic import (
    Expected,
    check_way,
    remove_file,
    replace_file,
    unwritable,
)
from ansible_collections.aarch64.validator.plugins.module_utils._container import container
from ansible_collections.aarch64.validator.plugins.module_utils._mount import mount_tmpfs, remount_writable
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import (
    mount_on,
    parse_meminfo,
    parse_mountinfo,
    parse_status,
)
from ansible_collections.aarch64.validator.plugins.module_utils._read import decode, encode, read_link, read_text
from ansible_collections.aarch64.validator.plugins.module_utils._shm import PATH, describe_shm, read_root
from ansible_collections.aarch64.validator.plugins.module_utils._shm_plan import MODE, Host, Plan, PlanError
from ansible_collections.aarch64.validator.plugins.module_utils._state import DIRECTORY, save_state
from ansible_collections.aarch64.validator.plugins.module_utils._swap import ChangedMeanwhile

STATE_NAME = "shm"
STATE_PATH = os.path.join(DIRECTORY, STATE_NAME + ".json")
_CAP_SYS_ADMIN = 21  # include/uapi/linux/capability.h
_CONTAINER_REMEDY = "a container gets its size where it is started, as with docker run --shm-size=2g"


def read_host() -> Host:
    """What a plan is made from. Raises PlanError for a host that cannot be read or is not as the kernel made it."""
    unread: list = []
    mounts = parse_mountinfo(read_text("/proc/self/mountinfo", unread) or "")
    meminfo = parse_meminfo(read_text("/proc/meminfo", unread) or "")
    if not mounts or "MemTotal" not in meminfo:
        raise PlanError(f"/proc cannot be read: {unread}")
    mount = mount_on(mounts, PATH)
    root = read_root(PATH, unread) if mount else None
    fstab = read_fstab()
    page_size, contained = os.sysconf("SC_PAGE_SIZE"), container() is not None
    return Host(
        facts=describe_shm(mount, root, fstab or "", meminfo["MemTotal"], page_size, contained, read_link(PATH)),
        mount=mount,
        fstab=fstab,
        mem_total=meminfo["MemTotal"],
        swap_total=meminfo.get("SwapTotal", 0),
        page_size=page_size,
        container=contained,
        hidden_entries=0 if mount else _count_plain_entries(),
    )


def read_fstab() -> str | None:
    """fstab through decode(), or None if there is no such file. Raises PlanError."""
    try:
        check_way(_fstab.PATH)
        if not stat.S_ISREG(os.stat(_fstab.PATH).st_mode):
            raise PlanError(f"{_fstab.PATH} is not a regular file; make it one")
        with open(_fstab.PATH, "rb") as stream:
            return decode(stream.read())
    except FileNotFoundError:
        if os.path.islink(_fstab.PATH):
            raise PlanError(f"{_fstab.PATH} is a link to a file that is not there; make it a file") from None
        return None
    except OSError as error:
        raise PlanError(f"{_fstab.PATH} cannot be read: {error.strerror}") from error


def check_obstacles(plan: Plan, forgets_state: bool) -> None:
    """Raise PlanError if a plan cannot be carried out here, before anything is changed.

    forgets_state says that the saved state will be removed.
    """
    if plan.fstab is not None:
        _check_replaceable(_fstab.PATH, needs_space=not plan.remove_fstab)
    if plan.state is not None or forgets_state:
        _check_replaceable(STATE_PATH, needs_space=plan.state is not None)
    if plan.mount_size is not None and os.path.islink(PATH):
        message = "{0} is a symbolic link to {1}; remove the link, then this module mounts a tmpfs there"
        raise PlanError(message.format(PATH, os.readlink(PATH)))
    if plan.mount_size is not None and os.path.lexists(PATH) and not os.path.isdir(PATH):
        raise PlanError(f"{PATH} is not a directory; move it away, then this module mounts a tmpfs there")
    if plan.changes_mount and os.geteuid() == 0 and not _may_mount():
        message = "root may not change {0} here (no CAP_SYS_ADMIN); {1}"
        raise PlanError(message.format(PATH, _CONTAINER_REMEDY))


def apply_plan(host: Host, plan: Plan, state: dict) -> None:
    """Carry out a plan: undo state, fstab, then the mount. Puts the files back when the mount fails.

    state is what was saved before the plan was made. Raises PlanError, and ChangedMeanwhile with nothing changed when
    somebody else has written fstab since the plan was made.
    """
    try:
        if plan.state is not None:
            save_state(STATE_NAME, plan.state)
        if plan.fstab is not None:
            _write_fstab(host.fstab, None if plan.remove_fstab else plan.fstab)
        _change_mount(host, plan)
    except ChangedMeanwhile:
        _put_back(host, plan, state)
        raise
    except OSError as error:
        message = f"{error.filename or PATH}: {error.strerror or error}{_hint(error, plan)}"
        raise PlanError(message + _put_back(host, plan, state)) from error
    if plan.mode:
        try:
            os.chmod(PATH, int(MODE, 8))
        except OSError as error:
            raise PlanError(f"{PATH}: its mode cannot be set: {error.strerror}; all else is in place") from error


def check_result(before: Host, after: Host, predicted: dict) -> None:
    """Raise PlanError unless the live mount and fstab are what the plan promised, with no option lost."""
    facts = after.facts
    lost = [option for option in before.facts["options"] if option not in facts["options"] and not _may_go(option)]
    wrong = [
        f"{key} is {facts[key]} instead of {predicted[key]}"
        for key in ("mounted", "fstype", "size", "mode", "persistent", "fstab_lines")
        if facts[key] != predicted[key]
    ]
    if lost:
        wrong.append("options lost: " + ",".join(lost))
    if "ro" in facts["options"] and "ro" not in predicted["options"]:
        wrong.append("still read-only")
    if wrong:
        message = "{0} is not as it was asked for: {1}; state: reverted takes back what was changed"
        raise PlanError(message.format(PATH, "; ".join(wrong)))


def _may_go(option: str) -> bool:
    return option == "ro" or option.startswith("size=")


def _check_replaceable(path: str, needs_space: bool) -> None:
    """Raise PlanError if replace_file() could not write a path. Without root only a read-only file system shows."""
    target = os.path.realpath(path)
    mounts = parse_mountinfo(read_text("/proc/self/mountinfo", []) or "")
    if mount_on(mounts, target):
        message = "{0} is a mount of its own and cannot be replaced as a whole; change it where it comes from"
        raise PlanError(message.format(path))
    directory = os.path.dirname(target)
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    reason = unwritable(directory, needs_space)
    if reason:
        raise PlanError(f"{path} cannot be written: {reason}")
    for protected in (directory, target):
        if os.geteuid() == 0 and os.path.exists(protected) and not os.access(protected, os.W_OK):
            raise PlanError(f"{path} cannot be written: {protected} is protected, see lsattr -d {protected}")


def _may_mount() -> bool:
    status = parse_status(read_text("/proc/self/status", []) or "")
    return bool(int(status.get("CapEff", "0"), 16) >> _CAP_SYS_ADMIN & 1)


def _write_fstab(old: str | None, text: str | None) -> None:
    """Put a new fstab in place of the old one. Raises ChangedMeanwhile if that is not there any more."""
    if text is not None:
        replace_file(_fstab.PATH, encode(text), expected=Expected(None if old is None else encode(old)))
    elif read_fstab() == old:
        remove_file(_fstab.PATH)
    else:
        raise ChangedMeanwhile(_fstab.PATH)


def _change_mount(host: Host, plan: Plan) -> None:
    if plan.mount_size is not None:
        made = not os.path.isdir(PATH)
        if made:
            os.mkdir(PATH, 0o755)
        try:
            mount_tmpfs(PATH, plan.mount_size)
        except OSError:
            if made:
                os.rmdir(PATH)
            raise
    elif plan.changes_mount and host.mount:
        remount_writable(PATH, host.mount["options"], host.mount["super_options"], plan.remount_size)


def _hint(error: OSError, plan: Plan) -> str:
    if error.filename != PATH:
        return ""
    if error.errno == errno.EPERM:
        return f" ({_CONTAINER_REMEDY})"
    if error.errno == errno.EINVAL and plan.remount_size is not None:
        return f" (the kernel refuses size={plan.remount_size}, as it does when more than that is in use)"
    return ""


def _put_back(host: Host, plan: Plan, state: dict) -> str:
    """Restore fstab and saved state after a failure; what to tell about it."""
    try:
        if plan.fstab is not None and read_fstab() == (None if plan.remove_fstab else plan.fstab) != host.fstab:
            _write_fstab(None if plan.remove_fstab else plan.fstab, host.fstab)
        if plan.state is not None:
            save_state(STATE_NAME, state)
    except (OSError, PlanError) as error:
        return f"; putting the files back failed as well: {error}"
    return "; nothing is changed"


def _count_plain_entries() -> int:
    try:
        return len(os.listdir(PATH))
    except OSError:  # not there, not a directory, or not for us: then there is nothing to warn of
        return 0
