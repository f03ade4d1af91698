# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts as they will be after a change, for check mode and for what follows a change. Pure; private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import smaller

# What facts keep of an answer of startup_trace; the rest is Ansible's own.
_TRIAL = (
    "unit", "command", "user", "sandboxed", "traced", "clean_base_path", "service", "version", "help", "calls", "calls_left_out",
    "exit_status", "signal", "timed_out", "seconds", "stderr_lines", "limits", "page_size", "rpc",
)


def facts_after(facts: dict, remedy: str, service: str, result: dict) -> dict:
    """The facts with what a remedy module answered laid over them, or with a trial start. The input stays as it is."""
    if remedy == "shm":
        return dict(facts, shm=result["shm"]) if result.get("shm") else facts
    if remedy == "container-defaults":
        settled = dict(result, actions=[], short=[], before=result.get("defaults"))
        return _with_engine(facts, result["engine"], engine_facts(settled))
    if remedy == "container-engine":
        return _with_engine(facts, service, engine_facts(result))
    if service not in facts["services"]:
        return facts
    # What is changed now starts in another way than it did in a trial before.
    before = {name: value for name, value in facts["services"][service].items() if name != "trace"}
    if remedy == "startup-trace":
        patch = _tried(result)
    elif remedy == "service-limits":
        patch = _limited(before, result)
    elif remedy == "node-strategy":
        patch = _given_strategy(before, result)
    elif remedy == "sandbox":
        patch = _relaxed(before, result)
    elif remedy == "node-release":
        patch = _given_release(before, result)
    elif result.get("changed"):
        patch = _restarted(before)
    else:
        patch = {"restart_required": False}  # left stopped on purpose
    return dict(facts, services=dict(facts["services"], **{service: dict(before, **patch)}))


def _with_engine(facts: dict, engine: str, told: dict) -> dict:
    """A host with what is known of one container engine. What runs in containers keeps what it had."""
    return dict(facts, container_defaults=dict(facts.get("container_defaults") or {}, **{engine: told}))


def engine_facts(answer: dict) -> dict:
    """What facts keep of what docker_defaults or podman_defaults answers in check mode, or of its failure."""
    if answer.get("failed"):
        return {"trouble": str(answer.get("msg") or "no answer")}
    told = {name: answer.get(name) for name in ("installed", "wanted", "short", "restart_required")}
    return dict(told, changed=bool(answer.get("actions")), defaults=answer.get("before"))


def _relaxed(service: dict, result: dict) -> dict:
    """A service with another sandbox: what its journal says was under the old one."""
    lifted = {name: value for name, _equals, value in (line.partition("=") for line in result.get("lines") or [])}
    if not lifted:
        return {}
    patch = {"sandbox": {name: lifted.get(name, value) for name, value in (service.get("sandbox") or {}).items()},
             "restart_required": bool(result.get("restart_required"))}
    return patch if service["main_pid"] else dict(patch, log=[])


def _tried(result: dict) -> dict:
    """The trial start of a service; nothing where there was none, as in check mode or without strace."""
    return {"trace": {name: result[name] for name in _TRIAL if name in result}} if "timed_out" in result else {}


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


def _given_strategy(service: dict, result: dict) -> dict:
    """A service whose next start has another strategy; one that is down has no other node than the next."""
    coming = dict(service.get("next_node") or service["node"], **(result.get("node") or {}))
    patch = {"next_node": coming, "strategy_drop_in": None, "restart_required": bool(result.get("restart_required"))}
    return patch if service["main_pid"] else dict(patch, node=coming)


def _given_release(service: dict, result: dict) -> dict:
    """A service whose next start runs another program; one that is down has no other program than the next."""
    if not result.get("program"):
        return {}
    patch = {"program_file": result["program"], "restart_required": bool(result.get("restart_required"))}
    return patch if service["main_pid"] else dict(patch, binary=result["program"])


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
        "restart_required": False, "interrupted": False, "limits": dict(service["limits"], live=live),
        "binary": service.get("program_file") or service.get("binary"), "binary_replaced": False,
        "node": service.get("next_node") or service.get("node"), "pool": dict(service["pool"], mapped=[]),
    }
