# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a node's health that its answers decide. Pure functions; private to this collection.

Each check is ``{name, ok, text, value}``. ok is None for what does not apply or cannot be known; what may still come, such as
an answer of a node that has just been started, is False.

Source of what readiness means: substrate/client/rpc-servers/src/middleware/node_health.rs of polkadot-sdk.
"""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._health_http import clean
from ansible_collections.aarch64.validator.plugins.module_utils._rpc import Answer

# In this order they are shown, unless the operator names them in another.
GATE = ["active", "rpc", "runtime", "readiness", "syncing", "peers", "advancing", "journal", "limits"]
CHECKS = GATE + ["disk", "identity"]
HEALTH, HEADER = "system_health", "chain_getHeader"
RUNTIME, METADATA = "state_getRuntimeVersion", "state_getMetadata"
IDENTITY = {"peer_id": "system_localPeerId", "roles": "system_nodeRoles", "version": "system_version"}

_NOT_SERVED = (404, 405)  # of nodes before polkadot-sdk#4802 (2024), which take a GET of another path for a wrong POST


def check(name: str, ok: bool | None, text: str, value: object = None) -> dict:
    """One check as the module returns it."""
    return {"name": name, "ok": ok, "text": text, "value": value}


def methods(checks: list) -> list:
    """The methods that answer these checks at once; those that call the runtime are asked by themselves."""
    wanted = [HEALTH] if {"rpc", "readiness", "syncing", "peers"} & set(checks) else []
    wanted += [HEADER] if "advancing" in checks else []
    return wanted + (list(IDENTITY.values()) if "identity" in checks else [])


def _of_answer(name: str, method: str, answer: Answer, judge: t.Callable) -> dict:
    """The check that an answer decides; judge gets its result, and may raise over what no node answers."""
    if answer.denied:
        return check(name, None, f"the node does not allow {method} here: {answer.error}")
    if answer.error is not None:
        return check(name, False, f"{method} failed: {answer.error}")
    try:
        ok, text, value = judge(answer.result)
    except (KeyError, TypeError, ValueError):
        return check(name, False, f"{method} was answered with something unexpected: {clean(answer.result)[:100]}")
    return check(name, ok, text, value)


def rpc(answers: dict, where: str) -> dict:
    """Whether the node answers at all; an error is an answer."""
    failed = [f"{method}: {answer.error}" for method, answer in answers.items() if answer.error and not answer.denied]
    return check("rpc", True, f"the node answers on {where}" + (f", with errors ({failed[0]})" if failed else ""), where)


def syncing(answer: Answer) -> dict:
    """Whether the node has caught up."""
    def judge(health: t.Any) -> tuple:
        value = _truth(health["isSyncing"])
        return not value, "it is still syncing" if value else "it is not syncing", value
    return _of_answer("syncing", HEALTH, answer, judge)


def peers(answer: Answer, wanted: int) -> dict:
    """Whether the node has enough peers, or needs none."""
    def judge(health: t.Any) -> tuple:
        count = _number(health["peers"])
        if count < wanted and not _truth(health.get("shouldHavePeers", True)):
            return True, f"it has {count} peers, and needs none on this chain", count
        return count >= wanted, f"it has {count} peers, at least {wanted} wanted", count
    return _of_answer("peers", HEALTH, answer, judge)


def readiness(status: int, path: str, answer: Answer) -> dict:
    """Whether the node calls itself ready; an older one, which does not serve that, is judged by the same rule."""
    def judge(health: t.Any) -> tuple:
        ready = not _truth(health["isSyncing"]) and _number(health["peers"]) > 0
        return ready, f"it does not serve {path}; by {HEALTH} it is {'ready' if ready else 'not ready'}", status

    if status == 200:
        return check("readiness", True, f"{path} says 200", status)
    if status in _NOT_SERVED:
        found = _of_answer("readiness", HEALTH, answer, judge)
        return dict(found, value=status)
    health = answer.result if isinstance(answer.result, dict) else {}
    if health.get("shouldHavePeers") is False and health.get("isSyncing") is False and health.get("peers") == 0:
        return check("readiness", None, f"{path} says {status}, as it always does of a node without peers; it needs none", status)
    return check("readiness", False, f"{path} says {status}, 200 wanted", status)


def block_number(answer: Answer) -> int | None:
    """The best block of a header."""
    try:
        text = answer.result["number"]
        number = int(text, 16) if text.startswith("0x") and len(text) < 20 else None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return number


def advancing(answer: Answer, first: int | None, seconds: float, once: bool) -> dict:
    """Whether the best block has grown beyond the first one, which was seen some seconds ago; once: it is seen only now."""
    def judge(_header: t.Any) -> tuple:
        best = block_number(answer)
        if best is None:
            raise ValueError
        value = {"first": best if first is None else first, "best": best, "seconds": round(seconds, 1)}
        if first is not None and best > first:
            return True, f"its best block has advanced from {first} to {best} in {seconds:.0f} seconds", value
        if once:
            return None, f"its best block is {best}; one look cannot tell whether it advances", value
        return False, f"its best block is still {best} after {seconds:.0f} seconds", value
    return _of_answer("advancing", HEADER, answer, judge)


def runtime(version: Answer, metadata: Answer) -> dict:
    """Whether the node can call its runtime, for which it needs an instance of it."""
    answers = {RUNTIME: version, METADATA: metadata}
    failed = {method: answer for method, answer in answers.items() if answer.error is not None}
    denied = [method for method, answer in failed.items() if answer.denied]
    for method, answer in failed.items():
        if not answer.denied:
            return check("runtime", False, f"{method} failed: {answer.error}")
    if len(denied) == len(answers):
        return check("runtime", None, f"the node does not allow {' and '.join(denied)} here")
    found = version.result if isinstance(version.result, dict) else {}
    if RUNTIME not in denied and not isinstance(found.get("specVersion"), int):
        return check("runtime", False, f"{RUNTIME} was answered with something unexpected: {clean(version.result)[:100]}")
    name, spec = clean(found.get("specName", "?"))[:40], found.get("specVersion")
    texts = {RUNTIME: f"runtime {name} {spec}", METADATA: f"{metadata.result} bytes of metadata"}
    text = "it calls its runtime: " + ", ".join(texts[method] for method in answers if method not in denied)
    value = {"spec_name": name, "spec_version": spec, "metadata_bytes": metadata.result}
    return check("runtime", True, text, value)


def identity(answers: dict, keys: list | None, notes: list) -> dict:
    """Who the node is: nothing that could be right or wrong on one host alone."""
    peer, roles, version = (answers.get(method, Answer()).result for method in IDENTITY.values())
    value = {
        "peer_id": clean(peer) if isinstance(peer, str) and peer else None,
        "roles": [clean(role) for role in roles] if isinstance(roles, list) else None,
        "version": clean(version) if isinstance(version, str) else None,
        "keystore": keys,
    }
    parts = ["peer {}".format(value["peer_id"] or "unknown"), "roles {}".format(", ".join(value["roles"] or ["unknown"])),
             "keystore unknown" if keys is None else f"{len(keys)} keys in its keystore"]
    return check("identity", None, "; ".join(parts + notes), value)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError
    return value
