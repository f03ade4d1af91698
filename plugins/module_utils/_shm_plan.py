# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change so that /dev/shm has a size, and what undoes it. Private to this collection.

Pure: facts in, a plan out, so that check mode and a real run cannot differ in what they say.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.aarch64.validator.plugins.module_utils import _fstab
from ansible_collections.aarch64.validator.plugins.module_utils._shm import DEFAULT_SIZE, PATH
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import (
    UNLIMITED,
    OptionError,
    at_least,
    format_exact,
    format_human,
    larger,
    parse_size,
)

MODE = "1777"

# What a new fstab line repeats from the live mount. The rest is either not for fstab (seclabel), the kernel's own
# default (relatime, inode64), or refused in a remount at boot (noswap, quotas).
_MOUNT_OPTIONS = ("nosuid", "nodev", "noexec", "nosymfollow", "noatime", "nodiratime")
_SUPERBLOCK_OPTIONS = ("sync", "dirsync", "mand", "lazytime", "nr_inodes", "uid", "gid", "huge", "mpol")
_OWNER_OPTIONS = ("uid", "gid")


class PlanError(ValueError):
    """A state of the host in which the wish cannot be met safely."""


class Host(NamedTuple):
    """What a plan is made from: facts of describe_shm(), the mount, the text of fstab (None: no such file), memory."""

    facts: dict
    mount: dict | None
    fstab: str | None
    mem_total: int
    swap_total: int
    page_size: int
    container: bool
    hidden_entries: int


class Plan(NamedTuple):
    """Changes to make; None or False is nothing to do. fstab is the new text ("" of a file we made removes it)."""

    mount_size: int | None = None
    remount_size: int | None = None
    writable: bool = False
    mode: bool = False
    fstab: str | None = None
    remove_fstab: bool = False
    state: dict | None = None
    actions: tuple = ()
    notes: tuple = ()

    @property
    def changes_mount(self) -> bool:
        """Whether mount(2) is needed."""
        return self.mount_size is not None or self.remount_size is not None or self.writable


def wanted_size(text: str, is_default: bool, host: Host) -> tuple:
    """The size in bytes (whole pages) that an option asks for on this host, and notes. Raises OptionError."""
    wanted = _fstab.round_to_pages(parse_size(text, "size"), host.page_size)
    half = _fstab.default_size(host.mem_total, host.page_size)
    if is_default and wanted > half and wanted == parse_size(DEFAULT_SIZE, "size"):
        note = "the default size {0} is lowered to half of this host's RAM, {1}; set a size to have another"
        return half, [note.format(DEFAULT_SIZE, format_human(half))]
    most = host.mem_total + host.swap_total
    if wanted > most:
        valid = f"at most RAM + swap of this host, {format_human(most)} ({most} bytes)"
        raise OptionError("size", text, valid)
    if wanted > half:
        note = "{0} for {1} is more than half of RAM ({2}); if it fills up, little is left for the node"
        return wanted, [note.format(format_human(wanted), PATH, format_human(half))]
    return wanted, []


def plan_present(host: Host, wanted: int, exact: bool, state: dict) -> Plan:
    """The changes that give /dev/shm this size now and at the next boot. Raises PlanError, FstabError."""
    text = host.fstab or ""
    entry = _fstab.only_entry(text, host.mem_total, host.page_size)
    plan = _plan_live(host, wanted, exact)
    notes = []
    if entry and "ro" in _fstab.split_options(entry.options):
        note = "{0}: line {1} makes {2} read-only at the next boot; take ro out"
        notes.append(note.format(_fstab.PATH, entry.number, PATH))
    if plan.mount_size is not None and host.hidden_entries:
        note = "{0} entries of the plain directory {1} are hidden below the new mount"
        notes.append(note.format(host.hidden_entries, PATH))
    resized = plan.mount_size is not None or plan.remount_size is not None
    if _needs_line(host.facts, wanted, exact, resized):
        boot_size = wanted if exact else _not_lowered(host.facts["persistent"], wanted)
        edit = _fstab.set_size(text, entry, format_exact(boot_size), new_line_options(host))
        if host.container:
            note = "this is a container: its manager may mount {0} anew and not read {1} at the next start"
            notes.append(note.format(PATH, _fstab.PATH))
        plan = plan._replace(fstab=edit.text, actions=plan.actions + (_edit_sentence(entry, boot_size),))
        record = _fstab_record(edit, host.fstab is not None, state.get("fstab"))
        plan = plan._replace(state=dict(state, fstab=record))
    if resized:
        live = {"old": state["live"]["old"] if "live" in state else host.facts["size"], "new": wanted}
        plan = plan._replace(state=dict(plan.state or state, live=live))
    return plan._replace(notes=tuple(notes))


def plan_reverted(host: Host, state: dict) -> Plan:
    """The changes that take back what plan_present() recorded in state."""
    plan = Plan()
    if "fstab" in state:
        plan = _revert_fstab(host, state["fstab"])
    if "live" in state:
        plan = _revert_live(host, state["live"]["old"], state["live"]["new"], plan)
    return plan


def predict(host: Host, plan: Plan) -> dict:
    """The facts as they will be after a plan."""
    facts = dict(host.facts)
    size = plan.mount_size if plan.mount_size is not None else plan.remount_size
    if plan.mount_size is not None:
        facts.update(mounted=True, fstype="tmpfs", options=["rw", "nosuid", "nodev"], used=0, mode=MODE, root="/", link=None)
        facts["inodes_free"] = host.mem_total // host.page_size // 2 - 1  # shmem_default_max_inodes() less the top
    if plan.writable:
        facts["options"] = ["rw"] + [option for option in facts["options"] if option not in ("rw", "ro")]
    if plan.mode:
        facts["mode"] = MODE
    if size is not None:
        shown = size != _fstab.default_size(host.mem_total, host.page_size)  # shmem_show_options() leaves that out
        facts.update(size=size, options=_replace_size(facts["options"], size if shown else None))
    if plan.fstab is not None:
        entries = _fstab.find_entries(plan.fstab)
        facts["fstab_lines"] = [entry.number for entry in entries]
        if entries:
            boot = _fstab.boot_size(entries[0].options, host.mem_total, host.page_size)
            facts.update(persistent=boot, persistent_source="fstab")
        elif host.container:
            facts.update(persistent=None, persistent_source="container")
        else:
            boot = _fstab.default_size(host.mem_total, host.page_size)
            facts.update(persistent=boot, persistent_source="default")
    return facts


def new_line_options(host: Host) -> list:
    """Options of a new fstab line that keep the mount as it is over a reboot; without the size."""
    if host.mount is None:
        return ["rw", "nosuid", "nodev"]
    kept = [option for option in host.mount["options"] if option in _MOUNT_OPTIONS]
    for option in host.mount["super_options"]:
        name = option.partition("=")[0]
        if option[:1].isdigit() and kept and kept[-1].startswith("mpol="):
            kept[-1] += "," + option  # the one value that holds commas itself: a list of NUMA nodes
        elif name == "mode":
            kept.append("mode=" + MODE)  # another mode is a fault that is put right, not kept
        elif name in _SUPERBLOCK_OPTIONS and not (host.container and name in _OWNER_OPTIONS):
            # a container's user namespace shows the outer uid and refuses to take it back
            kept.append(option)
    return ["rw"] + kept


def _replace_size(options: list, size: int | None) -> list:
    """Options as the kernel will show them with another size; None shows none."""
    shown = [] if size is None else [f"size={size // 1024}k"]
    for at, option in enumerate(options):
        if option.startswith("size="):
            return options[:at] + shown + options[at + 1:]
    return options + shown


def _plan_live(host: Host, wanted: int, exact: bool) -> Plan:
    facts, mount = host.facts, host.mount
    if mount is None:
        sentence = f"{PATH}: mounted as tmpfs, size {format_human(wanted)} (live)"
        return Plan(mount_size=wanted, actions=(sentence,))
    if mount["fstype"] != "tmpfs":
        message = "{0} is a mount of type {1}, which this module does not touch; unmount it or make it a tmpfs"
        raise PlanError(message.format(PATH, mount["fstype"]))
    if facts["size"] is None:
        raise PlanError(f"the size of {PATH} cannot be read; look at what stat -f {PATH} says")
    plan, actions = Plan(), []
    if facts["size"] != wanted if exact else not at_least(facts["size"], wanted):
        _check_resize(host, wanted)
        actions.append(_resize_sentence(facts["size"], wanted))
        plan = plan._replace(remount_size=wanted)
    if "ro" in mount["options"] or "ro" in mount["super_options"]:
        actions.append(f"{PATH}: read-only -> writable (live)")
        plan = plan._replace(writable=True)
    if facts["mode"] != MODE:
        actions.append("{}: mode {} -> {} (live)".format(PATH, facts["mode"], MODE))
        plan = plan._replace(mode=True)
    if plan.changes_mount and mount["root"] != "/":
        message = "{0} is a bind mount of {1} of another tmpfs, whose size is shared; mount a tmpfs of its own"
        raise PlanError(message.format(PATH, mount["root"]))
    return plan._replace(actions=tuple(actions))


def _check_resize(host: Host, wanted: int) -> None:
    if host.facts["size"] == UNLIMITED:
        message = "{0} has no size limit, and the kernel sets none while it is mounted; set size={1} in {2} and reboot"
        raise PlanError(message.format(PATH, format_exact(wanted), _fstab.PATH))
    used = host.facts["used"]
    if wanted < used:
        message = "size: {0} is less than the {1} in use in {2}; remove files there, or give at least {3}"
        raise PlanError(message.format(format_exact(wanted), format_human(used), PATH, format_exact(used)))


def _needs_line(facts: dict, wanted: int, exact: bool, resized: bool) -> bool:
    boot = facts["persistent"]
    if facts["persistent_source"] != "fstab" and resized:
        return True  # whatever made it small would make it small again
    if boot is None:
        return False  # a container that is large enough: nobody knows about its next start, and nothing is wrong
    return boot != wanted if exact else not at_least(boot, wanted)


def _not_lowered(boot: int | None, wanted: int) -> int:
    """The size for fstab: what is wanted, or the more that the next boot would have given without a line."""
    return wanted if boot is None else larger(boot, wanted)


def _edit_sentence(entry: _fstab.Entry | None, wanted: int) -> str:
    size = "size=" + format_exact(wanted)
    if entry is None:
        return f"{_fstab.PATH}: line for {PATH} added, {size}"
    old = _fstab.size_option(entry.options)
    change = f"{old} -> {size}" if old else f"{size} added"
    return f"{_fstab.PATH}: line {entry.number} for {PATH}, {change}"


def _resize_sentence(old: int, new: int) -> str:
    texts = format_human(old), format_human(new)
    if texts[0] == texts[1]:
        texts = f"{old} bytes", f"{new} bytes"
    return "{}: size {} -> {} (live)".format(PATH, *texts)


def _fstab_record(edit: _fstab.Edit, existed: bool, previous: dict | None) -> dict:
    """What undo() needs. The first original stays, as long as nobody else has written the line in between."""
    record = {"old": edit.old, "new": edit.new, "newline_added": edit.newline_added, "existed": existed}
    if previous and edit.old is not None and edit.old == previous["new"]:
        return dict(previous, new=edit.new)
    return record


def _revert_fstab(host: Host, record: dict) -> Plan:
    text = _fstab.undo(host.fstab or "", record["old"], record["new"], record["newline_added"])
    if text is None:
        note = "{0}: the line for {1} was changed or removed since it was written; left as it is"
        return Plan(notes=(note.format(_fstab.PATH, PATH),))
    what = "added line for {0} removed" if record["old"] is None else "line for {0} put back"
    sentence = f"{_fstab.PATH}: {what.format(PATH)}"
    return Plan(fstab=text, remove_fstab=not text and not record["existed"], actions=(sentence,))


def _revert_live(host: Host, old: int | None, new: int, plan: Plan) -> Plan:
    facts, mount = host.facts, host.mount
    note = None
    if old is None:
        return _with_note(plan, "stays mounted, because unmounting would lose what is in it")
    if mount is None or mount["fstype"] != "tmpfs" or facts["size"] != new:
        note = "was changed since it was resized; left as it is"
    elif old == new:
        return plan
    elif facts["used"] is None or 0 < old < facts["used"]:
        note = "stays at {}, because {} of it are in use".format(format_human(new), format_human(facts["used"]))
    elif "ro" in facts["options"]:
        note = "is read-only now; its size is left as it is"
    if note:
        return _with_note(plan, note)
    return plan._replace(remount_size=old, actions=(_resize_sentence(old=new, new=old),) + plan.actions)


def _with_note(plan: Plan, note: str) -> Plan:
    return plan._replace(notes=plan.notes + (f"{PATH} {note}",))
