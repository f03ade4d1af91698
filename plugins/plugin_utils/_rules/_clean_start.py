# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about a trial start with an empty base path. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import BLOCKER
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import TRIAL, Subject, changed, rule
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._state import failure_lines, is_down, log_evidence
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._trace import clean_start, printed, trace_findings
from ansible_collections.aarch64.validator.plugins.plugin_utils._signatures import explain_log

EXIT_CODES = "https://www.freedesktop.org/software/systemd/man/systemd.exec.html#Process%20Exit%20Codes"
PURGE_CHAIN = "https://docs.rs/sc-cli/latest/sc_cli/struct.PurgeChainCmd.html"
_LONGEST = 200
FAILS = ("program-unusable", "start-fails", "runtime-fails")
# The settings that the remedy of a trial's finding would change.
_SETTINGS = {"address-space-limit": "LimitAS", "nofile-limit": "LimitNOFILE", "memlock-limit": "LimitMEMLOCK"}


@rule("clean-start-fails", TRIAL, EXIT_CODES)
def clean_start_fails(subject: Subject) -> t.Iterator[tuple]:
    """The program of a node does not start with an empty base path either, for a reason not known here.

    Shows: ``verify`` with ``memory_pool_clean_start``. A node that runs all the same was started from another program file
    or under other settings than those that are there now, and will not come back from a restart or a reboot.
    Do: restart nothing before it starts. Read what it printed; ``memory_pool_clean_start=trace`` also names the memory calls
    that were refused. After an upgrade, put the earlier package back.
    """
    trace = (subject.service or {}).get("trace")
    said = clean_start(trace) if trace else {}
    if said and said["conclusion"] in FAILS and not subject.explained:
        changes = {"severity": BLOCKER} if is_down(subject.service or {}) else {}
        lines = printed(trace or {})
        summary = said["text"] + ("; it printed: " + lines[-1][:_LONGEST] if lines else "")
        yield summary, [f"clean start: {said['conclusion']}", *_printed_evidence(lines)], changes


@rule("data-directory-broken", TRIAL, PURGE_CHAIN)
def data_directory_broken(subject: Subject) -> t.Iterator[tuple]:
    """A node that is down starts with an empty base path, so that this host can run it.

    Shows: ``verify`` with ``memory_pool_clean_start``. The node is down, its trial start beside it lives.
    Why: what differs is the data directory, the keys and the options that the trial leaves out.
    Do: ``journalctl -u UNIT`` names the file. Look at its owner, its mode and at free space first. A broken database is
    moved aside (``chains/*/db``, never ``keystore`` and ``network``) and synchronised again. Never have the keys of an
    authority in two running nodes.
    """
    service = subject.service or {}
    if service.get("trace") and not subject.explained and not _waits_for_a_start(service):
        said = clean_start(service["trace"])
        if said["conclusion"] == "data-directory-broken":
            journal = log_evidence(subject.log) or (service.get("log") or [])[-3:]
            yield said["text"], [f"clean start: {said['conclusion']}", *journal]


def _waits_for_a_start(service: dict) -> bool:
    """Whether a node went down under other settings than those that its trial had."""
    return bool(failure_lines(service) or service.get("restart_required"))


def _printed_evidence(lines: list) -> list:
    causes = sorted({result["cause"] for result in explain_log(lines)})
    return [f"explained as {cause}" for cause in causes] + ["printed: " + line for line in lines[-3:]]


def trial_findings(subject: Subject) -> list:
    """What the trial start of a service shows by itself.

    A remedy stays only where the settings call for it without the trial too, which remediate does not make.
    """
    wanting = {row["setting"] for row in subject.rows if not row["configured_ok"]}
    found = trace_findings((subject.service or {}).get("trace") or {}, subject.name)
    return [item if _SETTINGS.get(item["id"]) in wanting else changed(item, remedy=None) for item in found]
