# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about address space: the only causes of a refused memory pool. Private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, format_human
from ansible_collections.aarch64.validator.plugins.plugin_utils._forecast import start_limits
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import BLOCKER, RISK, finding
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._state import (
    failure_lines,
    is_down,
    limits_remedy,
)

REFERENCE = "https://github.com/paritytech/substrate/issues/12538"
LIMIT_REFERENCE = "https://man7.org/linux/man-pages/man2/setrlimit.2.html"


def pool_does_not_fit(facts: dict, name: str, pool: dict, service: dict | None, forecast: dict) -> list:
    """Too little address space for the engines of a node.

    None fits: it cannot start. Some fit, but fewer than needed: it runs until the next runtime upgrade.
    A node that is down with the message in its journal is stopped by it now, however many fit.
    """
    fit, needed = forecast["engines_fit"], forecast["engines_needed"]
    if fit is None or not needed or fit >= needed:
        return []
    stopped = service is not None and is_down(service) and bool(failure_lines(service))
    blocked = fit == 0 or stopped
    limited = forecast["bound"] == "limit"
    identifier = "runtime-upgrade-will-fail"
    if blocked:
        identifier = "address-space-limit" if limited else "address-space-too-small"
    who = "the node" if service is None else name
    summary = "{}: {} of {} engines of {} fit".format(
        _bound_text(facts, service, limited), fit, needed, format_human(forecast["engine_bytes"]))
    if not blocked:
        summary += f"; {who} will die at the next runtime upgrade"
    return [finding(
        identifier, summary, _evidence(facts, pool, service, forecast),
        LIMIT_REFERENCE if limited else REFERENCE,
        service=_service(name, service),
        remedy=limits_remedy(service) if limited and service is not None else None,
        severity=BLOCKER if blocked else RISK,
    )]


def emulated_or_sandboxed(facts: dict, name: str, pool: dict, service: dict | None, forecast: dict) -> list:
    """The kernel should grant a reservation that the trial did not get: an emulator or a sandbox stands between."""
    host = facts["host"]
    if host.get("emulated"):
        summary = "user-mode emulation of {}: large reservations fail or exhaust memory; run the node natively".format(
            host.get("machine"))
        return [finding("emulated-or-sandboxed", summary, ["host.emulated = true"], REFERENCE, service=_service(name, service))]
    wanted = min(forecast["engines_fit"] or 0, 1)
    if pool.get("probed_fit") is None or pool["probed_fit"] >= wanted:
        return []
    summary = "a trial reservation of {} was refused (errno {}) although the kernel and the limits allow it".format(
        format_human(forecast["engine_bytes"]), pool.get("errno"))
    evidence = ["pool.probed_fit = 0", "pool.largest_reservation = {}".format(format_human(pool.get("largest_reservation")))]
    return [finding("emulated-or-sandboxed", summary, evidence, REFERENCE, service=_service(name, service))]


def _service(name: str, service: dict | None) -> str | None:
    return None if service is None else name


def _bound_text(facts: dict, service: dict | None, limited: bool) -> str:
    if not limited:
        return "{}-bit address space".format(facts["kernel"]["va_bits"])
    limits = facts["limits"] if service is None else start_limits(service)
    return "LimitAS={}".format(format_human(limits.get("as", {}).get("soft", UNLIMITED)))


def _evidence(facts: dict, pool: dict, service: dict | None, forecast: dict) -> list:
    evidence = [
        forecast["why"],
        "kernel.va_bits = {} (from {})".format(facts["kernel"]["va_bits"], facts["kernel"]["va_bits_source"]),
        "one engine is {} bytes = {} (from {})".format(
            forecast["engine_bytes"], format_human(forecast["engine_bytes"]), pool.get("engine_bytes_source")),
    ]
    if pool.get("probed_fit") is not None:
        evidence.append("a trial on this host held {} at once; largest single reservation {}".format(
            pool["probed_fit"], format_human(pool.get("largest_reservation"))))
    return evidence + (failure_lines(service)[-3:] if service is not None else [])
