# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts as they will be after a change, for check mode and for what follows a change. Pure; private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import smaller


def facts_after(facts: dict, remedy: str, service: str, result: dict) -> dict:
    """The facts with what a remedy module answered laid over them. The input stays as it is."""
    if remedy == "shm":
        return dict(facts, shm=result["shm"]) if result.get("shm") else facts
    if service not in facts["services"]:
        return facts
    before = facts["services"][service]
    if remedy == "service-limits":
        patch = _limited(before, result)
    elif result.get("changed"):
        patch = _restarted(before)
    else:
        patch = {"restart_required": False}  # left stopped on purpose
    return dict(facts, services=dict(facts["services"], **{service: dict(before, **patch)}))


def _limited(service: dict, result: dict) -> dict:
    """A service with other limits: a trial under the old address-space limit says nothing of the new one."""
    patch = {
        "limits": result["limits"],
        "restart_required": bool(result.get("restart_required")),
        "need_daemon_reload": False,
    }
    if _address_space(service["limits"]) != _address_space(result["limits"]):
        patch["pool"] = dict(service["pool"], largest_reservation=None, errno=None, probed_fit=None)
    return patch


def _address_space(limits: dict) -> tuple:
    return tuple((limits.get(when) or {}).get("as") for when in ("configured", "live"))


def _restarted(service: dict) -> dict:
    """A service after a restart: it has its configured limits as far as PID 1 can grant them."""
    grantable = service["limits"].get("grantable") or {}
    live = {
        name: {kind: smaller(value, grantable.get(name, value)) for kind, value in limit.items()}
        for name, limit in (service["limits"].get("configured") or {}).items()
    }
    return {
        "active": True, "active_state": "active", "sub_state": "running", "result": "success",
        "restart_required": False, "limits": dict(service["limits"], live=live),
    }
