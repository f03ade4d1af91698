# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remedies that are applied only where the operator has asked for them. Pure; private to this collection.

container-defaults rests on ``facts["container_defaults"]``, what the modules docker_defaults and podman_defaults answer in
check mode, by engine; those of a host that was not asked are missing. sandbox rests on findings.
"""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._service_limits import limit_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_exact
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import setting_row

CONTAINERS, SANDBOX = "container-defaults", "sandbox"
# In which remedies are applied.
ORDER = ("shm", CONTAINERS, SANDBOX, "service-limits", "node-release", "node-strategy", "service-restart")
# What a unit can have forbidden to its node.
SANDBOXED = ("wx-denied", "syscall-filtered", "userns-restricted")
WAY_OUT = "memory_pool_relax_sandbox: true has remediate find the directive by restriction_bisect, and relax just that"


def with_sandbox_remedy(item: dict, services: dict, policy: dict) -> dict:
    """A finding about a sandbox with the remedy, or with how to have it."""
    service = services.get(item["service"]) or {}
    closed = (service.get("sandbox") or {}).get("RestrictNamespaces") not in (None, "", "no")
    if item["id"] not in SANDBOXED or not service or service.get("container"):
        return item
    if item["id"] == "userns-restricted" and not closed:  # by the kernel, which no unit can change
        return item
    if policy["relax_sandbox"]:
        return dict(item, remedy=SANDBOX, automatic=True)
    return dict(item, summary="{}; {}".format(item["summary"], WAY_OUT))


def engine_rows(facts: dict, policy: dict) -> list:
    """Settings of the container engines of a host, as settings_of() gives those of the host itself."""
    if not policy["container_defaults"]:
        return []
    return [row for engine, answer in sorted((facts.get("container_defaults") or {}).items()) for row in _rows(engine, answer)]


def _rows(engine: str, answer: dict) -> list:
    if answer.get("trouble"):
        return [setting_row(None, f"{engine} defaults", "as asked for", None, None, None, None, False, False, answer["trouble"])]
    if not answer.get("installed"):
        return []
    given, wanted, short = answer["defaults"], answer["wanted"], answer["short"]
    changes, waits = bool(answer.get("changed")), bool(answer.get("restart_required"))
    rows = []
    if wanted["shm_size"] is not None:
        size = given["shm_size"]
        rows.append(setting_row(None, f"{engine} /dev/shm", wanted["shm_size"], size, None if changes else size, None, None,
                                "shm_size" not in short, not changes, None))
    for name, floor in sorted(wanted["ulimits"].items()):
        soft = str(given["ulimits"][name]["soft"]) if name in given["ulimits"] else "inherited"
        pending = name in short or waits
        note = f"{engine} reads its default limits when it starts" if waits else None
        rows.append(setting_row(None, f"{engine} {name}", str(floor), soft, None if pending else soft, None, None,
                                name not in short, not pending, note))
    return rows


def opt_in_remedies(facts: dict, policy: dict) -> list:
    """``{remedy, service, findings, options}`` for what rests on no finding."""
    asked = sorted((facts.get("container_defaults") or {}).items())
    engines = [engine for engine, answer in asked if answer.get("changed") or answer.get("trouble")]
    if not policy["container_defaults"] or not engines:
        return []
    ulimits = {name: limit_text(value) for name, value in policy["container_ulimits"].items()}
    options = {"engines": engines, "shm_size": format_exact(policy["container_shm"]),
               "shm_size_is_default": policy["container_shm_is_default"], "ulimits": ulimits}
    return [{"remedy": CONTAINERS, "service": None, "findings": [], "options": options}]
