# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new container should have at least, in numbers. Pure; private to this collection.

Limits are ``{nofile: {soft, hard}}`` with -1 for no limit; what is wanted is a floor on the soft limit, ``{nofile: 65535}``.
Source of units: github.com/docker/go-units (size.go), by which Docker counts in powers of 1024 and Podman in powers of 1000.
"""

from __future__ import annotations

import re

from ansible_collections.aarch64.validator.plugins.module_utils._fstab import default_size
from ansible_collections.aarch64.validator.plugins.module_utils._service_limits import DEFAULT_NR_OPEN, limit_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import (
    UNLIMITED,
    OptionError,
    at_least,
    format_human,
    larger,
    parse_limit,
    parse_size,
    smaller,
)

DEFAULT_SHM = 64 << 20  # Docker: DefaultShmSize of daemon/config/config.go; Podman gives no more
ULIMITS = ("nofile", "memlock", "nproc", "stack", "data", "fsize")
_MOST = 1 << 63  # an engine counts in 64 bits
_SIZE = re.compile(r"\A([0-9]+(?:\.[0-9]+)?) ?([kmgtp]?)i?b?\Z", re.IGNORECASE)


def parse_units(text: object, thousand: int) -> int | None:
    """Bytes of a size as an engine reads it; None for what it would refuse. thousand: what its k stands for."""
    match = _SIZE.match(text) if isinstance(text, str) else None
    size = float(match.group(1)) * thousand ** " kmgtp".index(match.group(2).lower() or " ") if match else _MOST
    return int(size) if size < _MOST else None


def wanted_shm(text: object, is_default: bool, meminfo: dict, page_size: int) -> tuple:
    """``(bytes, notes)`` of the size asked for; (None, []) where none is. Raises OptionError."""
    if text is None:
        return None, []
    wanted = parse_size(text, "shm_size")
    total = meminfo.get("MemTotal", 0)
    half, most = default_size(total, page_size), total + meminfo.get("SwapTotal", 0)
    if not total or wanted <= half:
        return wanted, []
    if is_default:
        return half, [f"the default size {text} is lowered to half of this host's RAM, {format_human(half)}"]
    if wanted > most:
        raise OptionError("shm_size", text, f"at most RAM + swap of this host, {format_human(most)} ({most} bytes)")
    return wanted, [f"{format_human(wanted)} for a container is more than half of RAM ({format_human(half)})"]


def wanted_ulimits(given: dict, nr_open: int | None) -> dict:
    """The floors asked for. Raises OptionError. Nobody can have more files open than fs.nr_open."""
    wanted = {}
    for name, value in given.items():
        if name not in ULIMITS:
            raise OptionError("ulimits", name, "any of " + ", ".join(ULIMITS))
        wanted[name] = parse_limit(value, f"ulimits: {name}")
        if name == "nofile":
            wanted[name] = smaller(wanted[name], DEFAULT_NR_OPEN if nr_open is None else nr_open)
    return wanted


def granted(limits: dict, may_raise: bool, nr_open: int | None) -> dict:
    """The highest limits that a process with these can give to a container."""
    most = {name: UNLIMITED if may_raise else limits[name]["hard"] for name in ULIMITS if name in limits}
    if "nofile" in most:
        most["nofile"] = smaller(most["nofile"], DEFAULT_NR_OPEN if nr_open is None else nr_open)
    return most


def ungranted(wanted: dict, most: dict, who: str) -> str | None:
    """Why limits cannot be had from an engine, naming who caps them."""
    for name, floor in wanted.items():
        if name in most and not at_least(most[name], floor):
            return (f"ulimits: {name}: wanted {limit_text(floor)}, {who} can grant at most {limit_text(most[name])}; with more "
                    "no container would start any more; raise the limit of what starts it, or ask for less. Nothing was changed.")
    return None


def needed_ulimits(wanted: dict, configured: dict, inherited: dict) -> dict:
    """``{nofile: {soft, hard}}`` to be set: only what neither the settings nor what is inherited gives. Nothing is lowered.

    A program in Go raises its own soft limit of open files, and not that of its children, so that nobody can tell what these
    inherit. They are given the hard limit then, which is no less.
    """
    needed = {}
    for name, floor in wanted.items():
        now = configured.get(name) or inherited.get(name)
        if name == "nofile" and name not in configured and now:
            needed[name] = dict.fromkeys(("soft", "hard"), larger(floor, now["hard"]))
        elif now is None or not at_least(now["soft"], floor):
            needed[name] = {"soft": floor, "hard": larger(floor, now["hard"]) if now else floor}
    return needed


def missing(wanted_shm_size: int | None, wanted: dict, seen: dict) -> str | None:
    """What a new container has too little of, or None."""
    short = []
    if wanted_shm_size is not None and seen["shm_size"] < wanted_shm_size:
        short.append("{} of /dev/shm, wanted {}".format(format_human(seen["shm_size"]), format_human(wanted_shm_size)))
    for name, floor in wanted.items():
        limit = seen["limits"].get(name)
        if limit is None or not at_least(limit["soft"], floor):
            short.append("{} {}, wanted {}".format(name, limit_text(limit["soft"]) if limit else "unknown", limit_text(floor)))
    return "; ".join(short) or None


def keep_note(names: list) -> list:
    """A sentence about containers that run already."""
    if not names:
        return []
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return [f"running containers keep what they had until they are created anew; a restart does not do it: {shown}"]


def absent(engine: str) -> dict:
    """The result of a module on a host that has not its engine."""
    return {
        "changed": False, "actions": [], "notes": [f"{engine}: not installed on this host"], "restart_required": False,
        "engine": engine, "installed": False, "wanted": None, "short": [], "before": None, "defaults": None, "seen": None,
        "diff": [],
    }
