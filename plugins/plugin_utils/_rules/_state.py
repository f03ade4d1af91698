# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What state a service is in, as several rules ask it. Pure; private to this collection."""

from __future__ import annotations

import re

_POOL_FAILURE = re.compile(r"failed to create memory pool mapping|mmap failed to (?:reserve|allocate) 0x")
AUTHORITY_ROLES = ("validator", "collator")


def is_down(service: dict) -> bool:
    """Whether a service is down although it should be up: failed, waiting for its next try, or in the midst of a restart."""
    waits = "auto-restart" in (service["sub_state"] or "") or bool(service.get("interrupted"))
    return waits or service["active_state"] == "failed"


def failure_lines(service: dict) -> list:
    """Journal lines that carry the message of a refused memory pool."""
    return [line for line in service.get("log") or [] if _POOL_FAILURE.search(line)]


def log_evidence(log: dict) -> list:
    """What the journal of a service that is down says of other causes."""
    return [f"journal: {cause} ({results[-1]['signature']})" for cause, results in sorted(log.items())]


def state_text(service: dict) -> str:
    """The state of a service as systemd names it: ``activating (auto-restart), Result=exit-code``."""
    return "{} ({}), Result={}".format(service["active_state"], service["sub_state"], service["result"])


def limits_remedy(service: dict) -> str:
    """What brings limits to the live process: writing them, or, once they are written, a restart.

    ``restart_required`` is what the module service_limits answered for this service in this run.
    """
    return "service-restart" if service.get("restart_required") else "service-limits"


def program_of(facts: dict, service: dict | None) -> dict:
    """Facts of the program file of a service, as its next start will find it; empty where there are none."""
    held = service or {}
    return (facts.get("binaries") or {}).get(held.get("program") or held.get("binary")) or {}


def container_of(service: dict | None) -> dict | None:
    """The container that a service or process is in, on this host."""
    return (service or {}).get("container")


def is_authority(service: dict) -> bool:
    """Whether a node votes or makes blocks."""
    return ((service.get("node") or {}).get("role")) in AUTHORITY_ROLES
