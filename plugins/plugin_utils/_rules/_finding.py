# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a finding is, and how bad each one is by default. Private to this collection."""

from __future__ import annotations

BLOCKER, RISK, ADVICE, INFO = "blocker", "risk", "advice", "info"
SEVERITIES = (BLOCKER, RISK, ADVICE, INFO)  # worst first
VERDICTS = {BLOCKER: "blocked", RISK: "at-risk", ADVICE: "advice", INFO: "healthy"}
HEALTHY = "healthy"
# In the order in which they are applied: a strategy depends on the program that is to take it.
AUTOMATIC_REMEDIES = ("shm", "service-limits", "node-release", "node-strategy", "service-restart")

# The one table of default severities, with whether the finding can itself produce the message
# "failed to create memory pool mapping". Ids never change their meaning.
DEFAULTS = {
    # Can themselves stop the node.
    "address-space-too-small": (BLOCKER, True),
    "address-space-limit": (BLOCKER, True),
    "emulated-or-sandboxed": (BLOCKER, True),
    "runtime-upgrade-will-fail": (RISK, True),
    "foreign-architecture": (BLOCKER, False),
    "program-unusable": (BLOCKER, False),
    "libc-mismatch": (BLOCKER, False),
    "page-size-unsupported": (BLOCKER, False),
    "wx-denied": (BLOCKER, False),
    "syscall-filtered": (BLOCKER, False),
    "userns-restricted": (BLOCKER, False),
    "clean-start-fails": (RISK, False),
    "data-directory-broken": (BLOCKER, False),
    # Needed for a healthy validator, never the cause of the message.
    "shm-missing": (RISK, False),
    "shm-too-small": (RISK, False),
    "shm-mode": (RISK, False),
    "shm-read-only": (RISK, False),
    "shm-full": (RISK, False),
    "shm-not-tmpfs": (ADVICE, False),
    "shm-not-persistent": (ADVICE, False),
    "memlock-limit": (RISK, False),
    "nofile-limit": (RISK, False),
    "data-limit": (RISK, False),
    "limits-not-live": (RISK, False),
    "daemon-reload-needed": (RISK, False),
    "overcommit-strict": (ADVICE, False),
    "map-count-low": (ADVICE, False),
    "cgroup-memory-low": (ADVICE, False),
    "container-shm-default": (ADVICE, False),
    "kernel-old": (ADVICE, False),
    "kernel-vendor": (ADVICE, False),
    "toolchain-stale": (ADVICE, False),
    "toolchain-mismatch": (ADVICE, False),
    "wasmtime-miscompile": (RISK, False),
    "secure-validator-mode-unavailable": (INFO, False),
    "not-evaluated": (ADVICE, False),
}


def finding(identifier: str, summary: str, evidence: list, reference: str, service: str | None = None,
            remedy: str | None = None, severity: str | None = None) -> dict:
    """One finding. ``automatic`` is true where this collection has a remedy that it applies by itself."""
    default_severity, explains = DEFAULTS[identifier]
    return {
        "id": identifier,
        "severity": severity or default_severity,
        "summary": summary,
        "evidence": evidence,
        "explains": explains,
        "service": service,
        "remedy": remedy,
        "automatic": remedy in AUTOMATIC_REMEDIES,
        "reference": reference,
    }
