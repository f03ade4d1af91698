# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a node works in a shell and dies as a service: what the one has and the other has not. Pure; private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, format_human
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import LIMIT_PROPERTIES

COUNTS = ("nofile", "nproc")
SECCOMP = {0: "none", 1: "strict", 2: "filter"}
# Those that bear on memory, limits and namespaces, by bit (include/uapi/linux/capability.h). The others make no difference here.
CAPABILITIES = {14: "cap_ipc_lock", 19: "cap_sys_ptrace", 21: "cap_sys_admin", 23: "cap_sys_nice", 24: "cap_sys_resource"}
OFF = ("no", "")


def differences(facts: dict, service: dict) -> list:
    """``{what, session, service}`` as texts, for all that this service has otherwise than the session that gathered the facts.

    Limits are those of the live process, or of the next start. What is not known on either side is left out.
    """
    session = facts["host"].get("session") or {}
    rows = [("user", session.get("user"), service.get("user"))]
    rows += _limits(facts.get("limits") or {}, service["limits"].get("live") or service["limits"].get("configured") or {})
    rows += _credentials(session, service.get("credentials") or {})
    rows += [("memory limit", _size((facts.get("memory") or {}).get("cgroup")), _size(service.get("cgroup")))]
    rows += [(name, "-", value) for name, value in sorted((service.get("sandbox") or {}).items()) if value not in OFF]
    return [{"what": what, "session": here, "service": there} for what, here, there in rows
            if here is not None and there is not None and here != there]


def _limits(session: dict, service: dict) -> list:
    return [(label, _limit(name, session.get(name)), _limit(name, service.get(name))) for name, label in LIMIT_PROPERTIES.items()]


def _limit(name: str, limit: dict | None) -> str | None:
    if limit is None:
        return None
    return str(limit["soft"]) if name in COUNTS and limit["soft"] != UNLIMITED else format_human(limit["soft"])


def _credentials(session: dict, service: dict) -> list:
    return [
        ("capabilities", _capabilities(session.get("capabilities")), _capabilities(service.get("capabilities"))),
        ("seccomp", SECCOMP.get(session.get("seccomp", -1)), SECCOMP.get(service.get("seccomp", -1))),
        ("security label", session.get("label"), service.get("label")),
        ("no_new_privs", _yes(session.get("no_new_privs")), _yes(service.get("no_new_privs"))),
    ]


def _capabilities(mask: str | None) -> str | None:
    """The telling ones of a mask in hex."""
    if mask is None:
        return None
    value = int(mask, 16)
    return " ".join(name for bit, name in CAPABILITIES.items() if value >> bit & 1) or "none that bears on memory"


def _yes(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _size(cgroup: dict | None) -> str | None:
    limit = (cgroup or {}).get("limit")
    return None if limit is None else format_human(limit)
