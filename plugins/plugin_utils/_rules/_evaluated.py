# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether services could be judged at all. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import HOST, Subject, rule

SD_BOOTED = "https://www.freedesktop.org/software/systemd/man/sd_booted.html"


@rule("not-evaluated", HOST, SD_BOOTED)
def not_evaluated(subject: Subject) -> t.Iterator[tuple]:
    """A service could not be judged, or is down for a reason that is not known here.

    Shows: systemd does not run this host or does not answer, a unit is masked, or a node is down and its journal has none of
    the known lines.
    Do: for a node that is down, ``journalctl -u UNIT`` and the module startup_trace; without systemd, look at the process.
    Where ``systemctl`` itself fails or hangs, PID 1 or D-Bus has to be looked at first.
    """
    manager = subject.facts["host"]["service_manager"]
    if manager != "systemd":
        others = "the host and the nodes that run were" if subject.facts["processes"] else "only the host itself was"
        summary = "services were not judged: PID 1 is {}, not systemd; {}".format(manager or "unknown", others)
        yield summary, [f"host.service_manager = {manager}"]
        return
    silent = [row["reason"] for row in subject.facts["unread"] if row["path"] == "systemctl"]
    if silent and not subject.facts["services"]:
        others = "only the host and nodes that run were" if subject.facts["processes"] else "only the host itself was"
        yield f"services were not judged, systemd did not tell of them; {others}: {silent[0]}", [f"unread systemctl: {silent[0]}"]
    for name, service in sorted(subject.facts["services"].items()):
        state = service["load_state"]
        if state != "loaded":
            yield f"{name} was not judged: systemd says it is {state}", [f"LoadState={state}"], {"service": name}
