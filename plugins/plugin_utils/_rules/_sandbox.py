# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about sandboxes and what they take from a node. None of them can refuse a memory pool. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.plugin_utils._container_settings import seccomp_setting
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import RISK
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import SERVICE, Subject, rule
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._state import (
    container_of,
    is_authority,
    is_down,
    log_evidence,
)

WX = "https://github.com/paritytech/polkadot/issues/3512"
SECCOMP = "https://github.com/paritytech/polkadot/issues/7521"
USERNS = "https://github.com/paritytech/polkadot-sdk/issues/3018"
FILTERED = 2  # as /proc/<pid>/status says it
SECURE_MODE = "https://github.com/paritytech/polkadot-sdk/issues/1444"


def _said(subject: Subject, cause: str) -> list:
    return log_evidence({cause: subject.log[cause]}) if cause in subject.log else []


@rule("wx-denied", SERVICE, WX)
def wx_denied(subject: Subject) -> t.Iterator[tuple]:
    """Something forbids memory to become executable, which a just-in-time compiler needs.

    Shows: ``unable to make memory executable``, ``Permission denied (os error 13)`` when a module is loaded. The engine
    and its memory pool are created before that.
    Why: ``MemoryDenyWriteExecute=yes`` in the unit, or SELinux without execmem.
    Do: remove ``MemoryDenyWriteExecute=`` from the unit, by ``MemoryDenyWriteExecute=no`` in a drop-in.
    """
    service = subject.service or {}
    evidence = _said(subject, "wx-denied")
    denied = (service.get("sandbox") or {}).get("MemoryDenyWriteExecute") == "yes"
    if denied:
        severity = {} if is_down(service) or evidence else {"severity": RISK}
        summary = f"{subject.name} has MemoryDenyWriteExecute=yes, under which no WebAssembly can be compiled"
        yield summary, ["MemoryDenyWriteExecute=yes", *evidence], severity
    elif evidence:
        yield f"{subject.name} may not make memory executable", evidence


@rule("syscall-filtered", SERVICE, SECCOMP)
def syscall_filtered(subject: Subject) -> t.Iterator[tuple]:
    """A system call that the node needs is filtered.

    Shows: the node dies with ``status=31/SYS``, or ``cannot create a memfd`` when it loads a module.
    Why: ``SystemCallFilter=`` of the unit or the seccomp profile of the container.
    Do: allow the call: ``SystemCallFilter=@system-service`` and, for validators, ``@sandbox``. startup_trace names it. For a
    container, a seccomp profile with it: ``--security-opt seccomp=PROFILE.json`` (docker, podman).
    """
    evidence = _said(subject, "syscall-filtered")
    if evidence:
        container = container_of(subject.service)
        setting = f"; allow it by {seccomp_setting(container)}" if container else ""
        yield f"a system call of {subject.name} is filtered{setting}", evidence + _filters(subject.service or {})


def _filters(service: dict) -> list:
    credentials = service.get("credentials") or {}
    return ["seccomp = filter ({} of them)".format(credentials["seccomp_filters"])] if credentials.get("seccomp_filters") else []


@rule("userns-restricted", SERVICE, USERNS)
def userns_restricted(subject: Subject) -> t.Iterator[tuple]:
    """User namespaces are forbidden, which Secure Validator Mode wants.

    Shows: ``Cannot unshare user namespace and change root`` and ``could not enable Secure Validator Mode``.
    Why: ``kernel.apparmor_restrict_unprivileged_userns=1`` (Ubuntu 23.10 and newer), ``user.max_user_namespaces=0``,
    ``kernel.unprivileged_userns_clone=0``, or ``RestrictNamespaces=`` of the unit. Landlock makes it dispensable.
    The seccomp profile that container engines use by default forbids them as well, without CAP_SYS_ADMIN.
    Do: an AppArmor profile with ``userns,`` for the node, or a kernel with landlock (5.13 and newer). For a container, a
    seccomp profile that allows ``unshare`` and ``pivot_root``.
    """
    service = subject.service or {}
    kernel = subject.facts["kernel"]
    evidence = _said(subject, "userns-restricted")
    closed = [f"{name} = {value}" for name, value in (
        ("kernel.apparmor_restrict_unprivileged_userns", kernel.get("apparmor_restrict_userns") == 1),
        ("user.max_user_namespaces", kernel.get("max_user_namespaces") == 0),
        ("kernel.unprivileged_userns_clone", kernel.get("unprivileged_userns_clone") == 0),
    ) if value]
    if evidence:
        yield f"{subject.name} may not make user namespaces", evidence + closed
    elif closed and is_authority(service) and "landlock" not in (kernel.get("lsm") or []):
        summary = f"user namespaces are restricted and there is no landlock: {subject.name} has no Secure Validator Mode"
        yield summary, closed, {"severity": RISK}
    elif _closed_by_container(subject):
        summary = "the seccomp filter of {} forbids user namespaces and there is no landlock: no Secure Validator Mode; give {}"
        setting = seccomp_setting(container_of(service) or {})
        yield summary.format(subject.name, setting), [*_filters(service), "no cap_sys_admin"], {"severity": RISK}


def _closed_by_container(subject: Subject) -> bool:
    """Whether a container's filter keeps an authority from Secure Validator Mode, which only x86-64 has."""
    service = subject.service or {}
    credentials = service.get("credentials") or {}
    names = credentials.get("capability_names")
    return (container_of(service) is not None and credentials.get("seccomp") == FILTERED and names is not None
            and "cap_sys_admin" not in names and is_authority(service) and subject.facts["host"].get("machine") == "x86_64"
            and "landlock" not in (subject.facts["kernel"].get("lsm") or []))


@rule("secure-validator-mode-unavailable", SERVICE, SECURE_MODE)
def secure_validator_mode_unavailable(subject: Subject) -> t.Iterator[tuple]:
    """Secure Validator Mode does not exist for this processor.

    Shows: ``could not enable Secure Validator Mode``; the node asks for ``--insecure-validator-i-know-what-i-do``.
    Why: its seccomp part supports x86-64 only. Validating for Polkadot or Kusama on arm64 is outside upstream support.
    Do: know it. This collection never adds the flag.
    """
    machine = subject.facts["host"].get("machine")
    if machine != "x86_64" and ((subject.service or {}).get("node") or {}).get("role") == "validator":
        yield f"{subject.name} validates on {machine}, where upstream has no Secure Validator Mode", [f"host.machine = {machine}"]
