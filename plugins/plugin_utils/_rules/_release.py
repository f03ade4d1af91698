# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about a release that is to be delivered, and whether a host can run it. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._node import RELEASES
from ansible_collections.aarch64.validator.plugins.plugin_utils._release import is_of_release, program_name, shown_release
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._binary import (
    foreign_architecture,
    libc_mismatch,
    page_size_unsupported,
    program_unusable,
    wasmtime_miscompile,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import RISK
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import HOST, SERVICE, Subject, rule

REBUILD = "https://github.com/aarch64-validator/aarch64.validator/blob/main/docs/rebuild.md"
UNFIT = (foreign_architecture, program_unusable, libc_mismatch, page_size_unsupported)


def misfits(facts: dict, release: dict, advice: bool = False) -> list:
    """Why a host cannot run a release, one sentence each; with advice also why it should not.

    The same rules as of a program that is there already. What is not known of a host is not held against it.
    """
    found = []
    for binary in release["binaries"]:
        path = "{}/{}".format(release["release"], binary["name"])
        service = {"binary": path, "active": False, "node": {"wasmtime_version": binary["facts"].get("wasmtime_version")}}
        facts_there = dict(facts, binaries={path: dict(binary["facts"], path=path)}, unread=[])
        subject = Subject(facts_there, {}, path, service, {}, {}, [], {})
        for check in UNFIT + ((wasmtime_miscompile,) if advice else ()):
            found += [item["summary"] for item in check(subject)]
    return found


@rule("release-not-live", SERVICE, REBUILD, severity=RISK)
def release_not_live(subject: Subject) -> t.Iterator[tuple]:
    """The node runs another program than the release that was asked for.

    Shows: the row ``release`` of the settings; only where ``memory_pool_release`` is given.
    Why: it was not delivered there yet, or the node still runs the program from before, or this host cannot run it.
    Do: the playbook deliver copies it, switches, restarts and waits until the node is well; the playbook revert goes back.
    """
    release, service = subject.policy["release"], subject.service or {}
    row = next((row for row in subject.rows if row["setting"] == "release"), None)
    if row is None or row["ok"]:
        return
    wanted = release["release"]
    evidence = [f"program_file = {service.get('program_file')}", f"binary = {service['binary']}"]
    if row["configured_ok"]:
        # A node that is down is started only if it went down of the program that it had before.
        if service["main_pid"] or service.get("restart_required"):
            state = f"still runs {row['live']}" if service["main_pid"] else "is down"
            yield f"{subject.name} {state}, its next start runs {wanted}", evidence, {"remedy": "service-restart"}
        return
    reasons = misfits(subject.facts, release)
    if reasons:
        yield f"{wanted} is not delivered, this host cannot run it: {'; '.join(reasons)}", evidence + reasons
        return
    now = shown_release(service.get("program_file")) or service["binary"]
    yield f"{subject.name} starts {now}, wanted is {wanted}", evidence, {"remedy": "node-release"}


@rule("release-without-service", HOST, REBUILD, severity=RISK)
def release_without_service(subject: Subject) -> t.Iterator[tuple]:
    """No service of this host starts a program of the name that the wanted release has.

    Shows: only where ``memory_pool_release`` is given. Nothing is delivered to such a host.
    Do: name its service in ``memory_pool_services``, or have its unit start a program of that name.
    """
    release, services = subject.policy["release"], subject.facts["services"]
    if release and not any(is_of_release(service, release) for service in services.values()):
        evidence = [f"{name}: {service.get('program') or service.get('binary')}" for name, service in sorted(services.items())]
        wanted, name = release["release"], program_name(release)
        summary = f"{wanted} is not delivered: no service of this host starts a program called {name}"
        yield summary, evidence or [f"no service; releases would lie in {RELEASES}"]
