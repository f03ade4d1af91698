# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about limits of services. None of them can refuse a memory pool. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, at_least, format_human, larger
from ansible_collections.aarch64.validator.plugins.plugin_utils._container_settings import ulimit_setting
from ansible_collections.aarch64.validator.plugins.plugin_utils._forecast import start_limits
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import LAST, SERVICE, Subject, rule
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._state import (
    container_of,
    failure_lines,
    is_down,
    limits_remedy,
    log_evidence,
    state_text,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import LIMITS, reachable, value_text

EXEC = "https://www.freedesktop.org/software/systemd/man/systemd.exec.html#Process%20Properties"
RELOAD = "https://www.freedesktop.org/software/systemd/man/systemctl.html#daemon-reload"
_NAMES = {label: name for name, label in LIMITS.items()}
DESCRIPTORS = "https://github.com/paritytech/polkadot-sdk/issues/6488"


@rule("nofile-limit", SERVICE, DESCRIPTORS, remedy="service-limits")
def nofile_limit(subject: Subject) -> t.Iterator[tuple]:
    """The node may open too few files.

    Shows: ``Too many open files``, ``Low open file descriptor limit configured for the process`` in its journal.
    Why: RocksDB keeps thousands of table files open (polkadot-sdk#6488: a limit of 10,000 was too low).
    Do: the playbook remediate writes a drop-in with ``LimitNOFILE=``. A cap of the host is raised where it is started.
    A container takes it from ``--ulimit nofile=65535:524288``; docs/containers.md has each runtime.
    """
    yield from _limit_findings(subject, "LimitNOFILE")


@rule("memlock-limit", SERVICE, EXEC, remedy="service-limits")
def memlock_limit(subject: Subject) -> t.Iterator[tuple]:
    """The node may lock too little memory.

    Shows: io_uring fails with ENOMEM on kernels before 5.12; ``mlock`` fails.
    Do: the playbook remediate writes a drop-in with ``LimitMEMLOCK=``. A cap of the host is raised where it is started.
    A container takes it from ``--ulimit memlock=-1``.
    """
    yield from _limit_findings(subject, "LimitMEMLOCK")


def _limit_findings(subject: Subject, setting: str) -> t.Iterator[tuple]:
    """A limit that is set too low, or that is set and that the host cannot grant."""
    for row in subject.rows:
        if row["setting"] != setting or row["ok"]:
            continue
        if subject.is_process:
            yield from _limit_of_process(subject, row)
            continue
        if not row["configured_ok"]:
            values = value_text(row, "configured"), value_text(row, "wanted")
            yield "{} of {} is {}, wanted {}".format(setting, subject.name, *values), [_row_evidence(row)]
        elif row["live"] is not None and at_least(row["live"], reachable(row)):
            container = subject.facts["host"].get("container")
            where = f" of this {container} container" if container else ""
            configured, live, granted = (value_text(row, key) for key in ("configured", "live", "grantable"))
            summary = ("{} of {} is set to {} but live is {}: PID 1{} can grant no more than {}; "
                       "raise it where this host is started")
            evidence = [_row_evidence(row), "PID 1 lacks CAP_SYS_RESOURCE, or fs.nr_open bounds it"]
            yield summary.format(setting, subject.name, configured, live, where, granted), evidence, {"remedy": None}


def _limit_of_process(subject: Subject, row: dict) -> t.Iterator[tuple]:
    """A limit of a node that is no service: what starts it has to give another."""
    service = subject.service or {}
    name = _NAMES[row["setting"]]
    hard = ((service["limits"].get("live") or {}).get(name) or {}).get("hard")
    if hard is None:
        return
    container, wanted = container_of(service), row["wanted"]
    evidence = [_row_evidence(row)]
    setting = "it more where it is started"
    if container:
        setting = ulimit_setting(container, name, wanted, larger(hard, wanted))
        source = (container.get("from") or {}).get(name)
        who = {"container": "is set for this container", "host": "is what the engine itself has"}.get(source or "")
        evidence += [f"{name} {who}"] if who else []
    values = value_text(row, "live"), value_text(row, "wanted")
    summary = "{} of {} is {}, wanted {}; give {}".format(row["setting"], subject.name, *values, setting)
    yield summary, evidence, {"remedy": None}


def _row_evidence(row: dict) -> str:
    values = (value_text(row, key) for key in ("wanted", "configured", "live", "grantable", "session"))
    return "{}: wanted {}, configured {}, live {}, grantable {}, in a shell {}".format(row["setting"], *values)


@rule("limits-not-live", SERVICE, EXEC)
def limits_not_live(subject: Subject) -> t.Iterator[tuple]:
    """The running process does not have the limits that its unit sets.

    Shows: ``systemctl show`` and ``/proc/PID/limits`` differ. A node that is down has none at all.
    Why: a drop-in counts from the next start on; one written after the start changes nothing for the process.
    Do: the playbook remediate raises the process where the kernel allows it, and restarts it where not.
    """
    waiting = [row for row in subject.rows if not subject.is_process and row["configured_ok"] and row["live"] is not None
               and row["setting"] in LIMITS.values() and not at_least(row["live"], reachable(row))]
    if waiting:
        parts = ["{} {}, live {}".format(row["setting"], *(value_text(row, key) for key in ("configured", "live")))
                 for row in waiting]
        summary = "{} runs without its configured limits: {}".format(subject.name, "; ".join(parts))
        yield summary, [_row_evidence(row) for row in waiting], {"remedy": limits_remedy(subject.service or {})}


@rule("limits-not-live", LAST, EXEC, remedy="service-restart")
def waiting_for_a_start(subject: Subject) -> t.Iterator[tuple]:
    """A service that is down, and that nothing stops any longer."""
    service = subject.service or {}
    interrupted = service.get("interrupted")
    known = failure_lines(service) or service.get("restart_required") or interrupted
    if is_down(service) and not subject.explained and known:
        why = ("its restart is under way, or was interrupted and a timer of this host will end it" if interrupted
               else "what it starts with has changed since, so it needs a start")
        summary = "{} is down, {}; " + why
        evidence = ["a timer of service_restart is armed"] if interrupted else failure_lines(service)[-1:] or ["restart_required"]
        yield summary.format(subject.name, state_text(service)), evidence, {"severity": "blocker"}


@rule("daemon-reload-needed", SERVICE, RELOAD, remedy="service-limits")
def daemon_reload_needed(subject: Subject) -> t.Iterator[tuple]:
    """Unit files changed after systemd read them.

    Shows: ``systemctl status`` warns; ``NeedDaemonReload=yes``. The node starts with the old settings.
    Do: the playbook remediate reloads.
    """
    if (subject.service or {}).get("need_daemon_reload"):
        yield f"unit files of {subject.name} changed; systemd has not read them yet", ["NeedDaemonReload=yes"]


@rule("data-limit", SERVICE, EXEC)
def data_limit(subject: Subject) -> t.Iterator[tuple]:
    """A limit on data memory stands.

    Shows: table or stack pools of Wasmtime fail (``failed to create table pool mapping``), or malloc aborts.
    Why: RLIMIT_DATA counts writable private mappings. A memory pool is reserved without access and does not count.
    Do: ``LimitDATA=infinity`` in a drop-in; cap memory with ``MemoryMax=``.
    """
    value = start_limits(subject.service or {"limits": {}}).get("data", {}).get("soft", UNLIMITED)
    if value != UNLIMITED:
        yield f"LimitDATA of {subject.name} is {format_human(value)}", [f"RLIMIT_DATA = {value}"]


@rule("not-evaluated", LAST, EXEC)
def down_for_an_unknown_reason(subject: Subject) -> t.Iterator[tuple]:
    """A service that is down, and nothing here says why."""
    service = subject.service or {}
    known = failure_lines(service) or service.get("restart_required") or service.get("interrupted") or subject.explained
    if is_down(service) and not known:
        summary = "{0} is down, {1}, for a reason not known here; see journalctl -u {0}"
        evidence = log_evidence(subject.log) or (service.get("log") or [])[-3:] or [state_text(service)]
        yield summary.format(subject.name, state_text(service)), evidence, {"severity": "blocker"}
