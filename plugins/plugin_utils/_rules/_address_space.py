# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about address space: the only causes of a refused memory pool. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, format_human
from ansible_collections.aarch64.validator.plugins.plugin_utils._boards import page_size_trap, way_out
from ansible_collections.aarch64.validator.plugins.plugin_utils._container_settings import NOTHING_HELPS
from ansible_collections.aarch64.validator.plugins.plugin_utils._forecast import (
    comes_with_next_start,
    is_pooling,
    start_limits,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._pool_layout import decode, layout_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import RISK
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import POOL, Subject, rule
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._state import (
    container_of,
    failure_lines,
    is_down,
    limits_remedy,
    program_of,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import next_node

ISSUE = "https://github.com/paritytech/substrate/issues/12538"
SETRLIMIT = "https://man7.org/linux/man-pages/man2/setrlimit.2.html"
GVISOR = "https://github.com/google/gvisor/issues/2534"


@rule("address-space-too-small", POOL, ISSUE)
def address_space_too_small(subject: Subject) -> t.Iterator[tuple]:
    """The kernel gives processes too little address space for a single engine of the node.

    Shows: the node dies at its start with ``failed to create memory pool mapping``, or died of it at a runtime upgrade
    and cannot come back. ``kernel.va_bits`` is 39 or less.
    Why: each engine reserves one contiguous piece of address space (194, 386 or 258 GiB, by the age of the node). A
    position-independent program cuts the space in two, two thirds below it and one third above, and each reservation must
    fit into one of them. RAM, swap, /dev/shm and ulimits have no part in it.
    Do: the playbook remediate starts the node with ``--wasmtime-instantiation-strategy recreate-instance-copy-on-write``,
    which maps no pool, where the node knows this option. Or boot a kernel with 48 bits (on a Raspberry Pi 5 also one with
    16K pages and 47 bits). No option of a container helps: it has the address space of its host's kernel.
    """
    if _lacks_room(subject) and _stops_now(subject) and not _limited(subject):
        evidence = [*_evidence(subject), *_way_out(subject)]
        yield _room_text(subject) + _nothing_helps(subject), evidence, {"remedy": _strategy_remedy(subject)}


@rule("address-space-limit", POOL, SETRLIMIT)
def address_space_limit(subject: Subject) -> t.Iterator[tuple]:
    """A limit on address space is too small for the engines of the node.

    Shows: ``LimitAS=`` of the service, or ``ulimit -v`` of the shell, is finite; the node dies with
    ``failed to create memory pool mapping``.
    Why: the reservation counts in full against RLIMIT_AS, although it takes no memory.
    Do: the playbook remediate sets ``LimitAS=infinity`` and restarts the node. To cap memory, use ``MemoryMax=``.
    """
    if not _lacks_room(subject) or not _limited(subject):
        return
    if _still_runs(subject):
        summary = f"{_room_text(subject)}; {subject.name} runs without this limit and will not survive its next start"
        yield summary, _evidence(subject), dict(_limit_remedy(subject), severity=RISK)
    elif _stops_now(subject):
        yield _room_text(subject), _evidence(subject), _limit_remedy(subject)


@rule("runtime-upgrade-will-fail", POOL, ISSUE)
def runtime_upgrade_will_fail(subject: Subject) -> t.Iterator[tuple]:
    """The node runs, but has no room for the engines of the next runtime upgrade.

    Shows: nothing, until the upgrade. Then the node dies with ``failed to create memory pool mapping``.
    Why: the engine of a new runtime is made before an old one is dropped. With the default runtime cache of 2 a node
    has up to 3 engines at once, a collator twice as many. "Does it start?" is no test for this.
    Do: as for address-space-too-small or address-space-limit; the evidence says which of them bounds it. No option of a
    container helps against the first of them.
    """
    if not _lacks_room(subject) or _stops_now(subject) or (_limited(subject) and _still_runs(subject)):
        return
    summary = "{}; {} will die at the next runtime upgrade{}".format(
        _room_text(subject), subject.name or "a node", _nothing_helps(subject))
    if _limited(subject):
        yield summary, _evidence(subject), _limit_remedy(subject)
    else:
        yield summary, [*_evidence(subject), *_way_out(subject)], {"remedy": _strategy_remedy(subject)}


@rule("emulated-or-sandboxed", POOL, GVISOR)
def emulated_or_sandboxed(subject: Subject) -> t.Iterator[tuple]:
    """An emulator or a sandbox stands between the node and the kernel, and refuses large reservations.

    Shows: the processor is described in another machine's words, or a trial reservation is refused although the kernel
    and the limits allow it. ``MADV_DONTNEED does not work`` in the log is another sign of emulation.
    Why: qemu-user keeps data for each reserved page, gVisor and SGX have address spaces of their own.
    Do: run the node natively: a binary or an image for this machine, outside the sandbox.
    """
    host = subject.facts["host"]
    if host.get("emulated"):
        machine = host.get("machine")
        summary = f"this {machine} is emulated: large reservations fail or exhaust memory; run the node natively"
        yield summary, ["host.emulated = true"]
        return
    wanted = min(subject.forecast["engines_fit"] or 0, 1)
    fitted = subject.pool.get("probed_fit")
    if fitted is None or fitted >= wanted:
        return
    summary = "a trial reservation of {} was refused (errno {}) although the kernel and the limits allow it".format(
        format_human(subject.forecast["engine_bytes"]), subject.pool.get("errno"))
    largest = format_human(subject.pool.get("largest_reservation"))
    yield summary, ["pool.probed_fit = 0", f"pool.largest_reservation = {largest}"]


def _nothing_helps(subject: Subject) -> str:
    """The truth about containers, for a node in one."""
    contained = container_of(subject.service) or subject.facts["host"].get("container")
    return f"; {NOTHING_HELPS}" if contained and not _limited(subject) else ""


def _way_out(subject: Subject) -> list:
    contained = container_of(subject.service) is not None
    return [way_out(subject.facts, contained), *page_size_trap(program_of(subject.facts, subject.service))]


def _lacks_room(subject: Subject) -> bool:
    fit, needed = subject.forecast["engines_fit"], subject.forecast["engines_needed"]
    return fit is not None and fit < needed


def _stops_now(subject: Subject) -> bool:
    """Whether the node cannot run now: no engine fits, or it is down with the message in its journal."""
    down = subject.service is not None and is_down(subject.service) and bool(failure_lines(subject.service))
    return down or subject.forecast["engines_fit"] == 0


def _still_runs(subject: Subject) -> bool:
    """Whether the process runs free of a limit on address space that its next start will have."""
    return subject.service is not None and comes_with_next_start(subject.service, "as")


def _limited(subject: Subject) -> bool:
    """Whether a limit alone is in the way: without it, all engines fit."""
    return subject.forecast["bound"] == "limit" and subject.forecast["has_room"] is not False


def _strategy_remedy(subject: Subject) -> str | None:
    """How a node comes to map no pools: by another strategy, or by a start with the one that is set already."""
    service = subject.service
    if service is None or service["node"] is None or subject.policy["node_strategy"] != "auto":
        return None
    if is_pooling(next_node(service)):
        return "node-strategy"
    return "service-restart" if is_pooling(service["node"]) else None


def _limit_remedy(subject: Subject) -> dict:
    remedy = None if subject.service is None else limits_remedy(subject.service)
    return {"remedy": remedy, "reference": SETRLIMIT}


def _room_text(subject: Subject) -> str:
    bits = subject.facts["kernel"]["va_bits"]
    bound = f"{bits}-bit address space" if bits else "address space of this host"
    if _limited(subject):
        limits = subject.facts["limits"] if subject.service is None else start_limits(subject.service)
        bound = "LimitAS=" + format_human(limits.get("as", {}).get("soft", UNLIMITED))
    forecast = subject.forecast
    size = format_human(forecast["engine_bytes"])
    return "{}: {} of {} engines of {} fit".format(bound, forecast["engines_fit"], forecast["engines_needed"], size)


def _evidence(subject: Subject) -> list:
    kernel, forecast, pool = subject.facts["kernel"], subject.forecast, subject.pool
    layout = decode(forecast["engine_bytes"])
    evidence = [
        forecast["why"],
        "kernel.va_bits = {} (from {})".format(kernel["va_bits"], kernel["va_bits_source"]),
        "one engine is {} bytes = {} (from {})".format(
            forecast["engine_bytes"],
            layout_text(layout) if layout else format_human(forecast["engine_bytes"]),
            pool.get("engine_bytes_source")),
    ]
    if pool.get("probed_fit") is not None:
        largest = format_human(pool.get("largest_reservation"))
        evidence.append("a trial on this host held {} at once; largest single reservation {}".format(pool["probed_fit"], largest))
    return evidence + (failure_lines(subject.service)[-3:] if subject.service is not None else [])
