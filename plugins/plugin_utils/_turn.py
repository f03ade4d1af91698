# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to ask of the nodes of a host around its turn in a rollout. Pure; private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._node import is_node_program
from ansible_collections.aarch64.validator.plugins.plugin_utils._rollout_host import is_authority
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import LIMITS, reachable

STAGES = ("identity", "trial", "turn", "gate")
_OPTIONS = {label: name for name, label in LIMITS.items()}
_OPTIONS["LimitAS"] = "as"
# What only a node that answers JSON-RPC can show.
_FIT = ["rpc", "syncing", "peers"]
_BACK = ["rpc", "runtime", "readiness", "syncing", "peers", "advancing"]
# A node that was down may have days of blocks to fetch, and is well although that is not done yet.
_UP_AGAIN = ["rpc", "runtime", "peers", "advancing"]


def node_checks(facts: dict, assessment: dict, stage: str, rpc: bool = True) -> list:
    """``[{unit, checks, limits, down, authority, unproven}]`` for module node_health. Raises ValueError.

    facts and assessment are those of the diagnosis, before anything was changed; a node that was down then is asked less.
    One that an interrupted run has started with what it changed is unproven: its gate is still to come.
    """
    if stage not in STAGES:
        raise ValueError("stage: {!r} is not valid; give {}".format(stage, " or ".join(STAGES)))
    services = {name: service for name, service in sorted(facts["services"].items()) if service["load_state"] == "loaded"}
    started = {trial["unit"] for trial in facts["host"].get("on_trial") or [] if trial["started"]}
    asked = []
    for name, service in services.items():
        down, unproven = not service["main_pid"], name in started and not service.get("need_daemon_reload")
        checks = _checks(stage, down, rpc and answers_rpc(service), unproven)
        if checks:
            limits = _limits(name, assessment) if stage == "gate" else {}
            asked.append({"unit": name, "checks": checks, "limits": limits, "down": down, "unproven": unproven,
                          "authority": is_authority({"services": {name: service}})})
    return asked


def answers_rpc(service: dict) -> bool:
    """Whether a service is a node, by its name or by what it is made of; other programs have other ways to say they are well."""
    node = service.get("node") or {}
    programs = [service.get("binary") or ""]
    programs += (service.get("exec_start") or "").split()[:1] + (service.get("command_line") or [])[:1]
    return bool(node) and bool(
        any(is_node_program(program.lstrip("-@+!:")) for program in programs)
        or node.get("wasmtime_version") or (service.get("pool") or {}).get("mapped"))


def _checks(stage: str, down: bool, rpc: bool, unproven: bool) -> list:
    if stage == "gate" or (stage == "trial" and unproven):
        return ["active"] + (_UP_AGAIN if down else _BACK) * rpc + ["journal", "limits"]
    if not rpc or stage == "trial":
        return []
    if down or unproven:  # it is fixed first, or passes its gate, whatever it says, but must not be another one's twin
        return ["identity"] if stage == "identity" else []
    return ["active"] + _FIT + ["disk"] + ["identity"] * (stage == "identity")


def _limits(unit: str, assessment: dict) -> dict:
    """What the live process has to have: what is wanted, as far as this host can grant it."""
    rows = [row for row in assessment["settings"] if row["service"] == unit and row["setting"] in _OPTIONS]
    return {_OPTIONS[row["setting"]]: reachable(row) for row in rows}
