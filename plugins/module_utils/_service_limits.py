# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of a service: what to write, what a start will give, and whether a restart is needed.

Pure functions; private to this collection. Limits are ``{nofile: {soft, hard}, memlock: ..., as: ..., data: ...}``
with -1 for no limit; what is wanted is a floor on the soft limit, ``{nofile: 65535, memlock: -1}``.
Sources: kernel/sys.c (do_prlimit) of the Linux kernel, ``setrlimit_closest`` of systemd.
"""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import (
    UNLIMITED,
    at_least,
    larger,
    parse_limit,
    smaller,
)
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import LIMIT_PROPERTIES
from ansible_collections.aarch64.validator.plugins.module_utils._unit_files import deciding_assignments

GRANTED = ("nofile", "memlock", "as", "data")
OPTIONS = {"nofile": "nofile", "memlock": "memlock", "as": "address_space"}  # limit by the option that asks for it
DEFAULT_NR_OPEN = 1 << 20  # fs.nr_open of a kernel that nobody changed (fs/file.c)
HEADER = "# Written by aarch64.validator (service_limits). Its revert playbook removes this file.\n"
_SECTION = "[Service]\n"


def grantable_limits(pid1_limits: dict, pid1_may_raise: bool, nr_open: int | None) -> dict:
    """The highest limit that PID 1 can give to a service, as ``{nofile: int, memlock: int, as: int, data: int}``.

    pid1_limits are those of /proc/1/limits. No process at all may have more open files than fs.nr_open.
    """
    ceiling = DEFAULT_NR_OPEN if nr_open is None else nr_open
    grantable = {}
    for name in GRANTED:
        if pid1_may_raise:
            grantable[name] = UNLIMITED
        elif name in pid1_limits:
            grantable[name] = pid1_limits[name]["hard"]
        else:
            continue
        if name == "nofile":
            grantable[name] = smaller(grantable[name], ceiling)
    return grantable


def wanted_limits(parameters: dict, nr_open: int | None) -> tuple:
    """``(wanted, notes)`` from the module's options. Raises OptionError.

    More open files than fs.nr_open are never asked for: systemd would then give less than it could.
    """
    wanted, notes = {}, []
    ceiling = DEFAULT_NR_OPEN if nr_open is None else nr_open
    for name, option in OPTIONS.items():
        if parameters.get(option) is None:
            continue
        wanted[name] = parse_limit(parameters[option], option)
        if name == "nofile" and not at_least(ceiling, wanted[name]):
            if wanted[name] != UNLIMITED:
                notes.append(f"nofile: wanted {wanted[name]}, the kernel allows at most {ceiling} (fs.nr_open)")
            wanted[name] = ceiling
    return wanted, notes


def limit_text(value: int) -> str:
    """A limit as unit files and systemctl write it."""
    return "infinity" if value == UNLIMITED else str(value)


def needed_lines(configured: dict, wanted: dict) -> dict:
    """``{LimitNOFILE: "65535:524288"}`` for each limit whose soft value is below the floor; nothing is ever lowered."""
    lines = {}
    for name, floor in wanted.items():
        if name not in configured or at_least(configured[name]["soft"], floor):
            continue
        hard = larger(configured[name]["hard"], floor)
        value = limit_text(floor) if hard == floor else f"{limit_text(floor)}:{limit_text(hard)}"
        lines[LIMIT_PROPERTIES[name]] = value
    return lines


def render_drop_in(lines: dict) -> str:
    """The text of our drop-in."""
    return HEADER + _SECTION + "".join(f"{key}={value}\n" for key, value in lines.items())


def generated_lines(text: str) -> dict | None:
    """The lines of a drop-in exactly as render_drop_in() writes it, or None for any other text."""
    if not text.startswith(HEADER + _SECTION):
        return None
    pairs = [line.partition("=") for line in text[len(HEADER + _SECTION):].splitlines()]
    lines = {key: value for key, _equals, value in pairs}
    if not set(lines) <= set(LIMIT_PROPERTIES.values()) or render_drop_in(lines) != text:
        return None
    return lines


def merge_drop_in(old: str | None, lines: dict) -> str:
    """The new text of our drop-in: lines of ours replaced or added, everything else in it kept."""
    if old is None:
        return render_drop_in(lines)
    own = generated_lines(old)
    if own is not None:
        return render_drop_in(dict(own, **lines))
    # Somebody wrote into our file. The last assignment of a file counts, so adding at its end is enough.
    added = _SECTION + "".join(f"{key}={value}\n" for key, value in lines.items())
    return old + ("" if old.endswith("\n") or not old else "\n") + added


def overruling(files: list, own_path: str, lines: dict, wanted: dict) -> dict | None:
    """The first assignment outside our drop-in that would overrule a line of it with less than wanted, or None.

    files are those of the unit after the change, ``(path, text)`` in load order.
    """
    deciding = deciding_assignments(files)
    for name, floor in wanted.items():
        assignment = deciding.get(name)
        if LIMIT_PROPERTIES[name] not in lines or assignment is None or assignment["path"] == own_path:
            continue
        if not at_least(assignment["value"]["soft"], floor):
            return assignment
    return None


def short_limits(configured: dict, wanted: dict) -> list:
    """Sentences about limits that a unit is still not set to have."""
    return [f"{LIMIT_PROPERTIES[name]} is {_soft_text(configured, name)}, wanted {limit_text(floor)}"
            for name, floor in wanted.items()
            if name not in configured or not at_least(configured[name]["soft"], floor)]


def _soft_text(configured: dict, name: str) -> str:
    return limit_text(configured[name]["soft"]) if name in configured else "unknown"


def raised(limit: dict, floor: int, may_raise_hard: bool) -> dict:
    """What prlimit can make of one limit: its soft value raised towards the floor, the hard one only as needed."""
    hard = larger(limit["hard"], floor) if may_raise_hard else limit["hard"]
    return {"soft": larger(limit["soft"], smaller(floor, hard)), "hard": hard}


def may_change(caller: dict, status: dict) -> bool:
    """Whether the kernel lets a caller ``{uid, gid, privileged}`` change limits of the process with this status."""
    if caller["privileged"]:
        return True
    uids, gids = status.get("Uid", "").split()[:3], status.get("Gid", "").split()[:3]
    return uids == [str(caller["uid"])] * 3 and gids == [str(caller["gid"])] * 3


def limits_at_start(configured: dict, pid1_limits: dict, pid1_may_raise: bool, nr_open: int | None) -> dict:
    """Limits that the next start will really give: what is configured, or the closest that systemd may set."""
    ceiling = DEFAULT_NR_OPEN if nr_open is None else nr_open
    limits = {}
    for name, limit in configured.items():
        allowed = pid1_may_raise and (name != "nofile" or at_least(ceiling, limit["hard"]))
        cap = UNLIMITED if allowed or name not in pid1_limits else pid1_limits[name]["hard"]
        limits[name] = {"soft": smaller(limit["soft"], cap), "hard": smaller(limit["hard"], cap)}
    return limits


def needs_restart(wanted: dict, live: dict, grantable: dict, at_start: dict) -> bool:
    """Whether a restart would bring a running process closer to what is wanted and can be granted."""
    for name, floor in wanted.items():
        if name not in live:
            continue
        target = smaller(floor, grantable.get(name, UNLIMITED))
        soft = live[name]["soft"]
        # The second test keeps a limit that the next start would not raise from asking for a restart for ever.
        if not at_least(soft, target) and name in at_start and not at_least(soft, at_start[name]["soft"]):
            return True
    return False


def down_needs_restart(properties: dict, start_changed: bool) -> bool:
    """Whether a unit without a process must be started: only if it should run, and now starts with something new."""
    stopped_by_hand = properties.get("ActiveState") == "inactive" and properties.get("SubState", "dead") == "dead"
    return start_changed and not stopped_by_hand


def ungrantable_notes(wanted: dict, grantable: dict) -> list:
    """Sentences about limits that this host cannot give."""
    notes = []
    for name, floor in wanted.items():
        if name in grantable and not at_least(grantable[name], floor):
            most = limit_text(grantable[name])
            notes.append(f"{OPTIONS[name]}: wanted {limit_text(floor)}, this host's PID 1 can grant at most {most}")
    return notes
