# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts as they will be after a change, for check mode and for what follows a change. Pure; private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import smaller


def facts_after(facts: dict, remedy: str, service: str | None, result: dict) -> dict:
    """The facts with what a remedy module answered laid over them. The input stays as it is."""
    if remedy == "shm":
        return dict(facts, shm=result["shm"]) if result.get("shm") else facts
    if service not in facts["services"]:
        return facts
    if remedy == "service-limits":
        needs_restart = bool(result.get("restart_required"))
        patch = {"limits": result["limits"], "restart_required": needs_restart, "need_daemon_reload": False}
    else:
        patch = _restarted(facts["services"][service])
    return dict(facts, services=dict(facts["services"], **{service: dict(facts["services"][service], **patch)}))


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
