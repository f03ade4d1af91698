# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about limits of services. None of them can refuse a memory pool. Private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import at_least
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import BLOCKER, finding
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._state import (
    failure_lines,
    is_down,
    limits_remedy,
    state_text,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import reachable, value_text

REFERENCE = "https://www.freedesktop.org/software/systemd/man/systemd.exec.html#Process%20Properties"
RELOAD_REFERENCE = "https://www.freedesktop.org/software/systemd/man/systemctl.html#daemon-reload"
FINDING_OF_SETTING = {"LimitNOFILE": "nofile-limit", "LimitMEMLOCK": "memlock-limit"}


def limit_rules(name: str, service: dict, rows: list) -> list:
    """Limits that are set too low, that cannot be granted, or that the live process does not have yet."""
    found = []
    waiting = []
    for row in rows:
        identifier = FINDING_OF_SETTING.get(row["setting"])
        if row["ok"] or identifier is None:
            continue
        if not row["configured_ok"]:
            found.append(_too_low(identifier, name, row))
        elif row["live"] is None:
            continue  # no process, so nothing live to judge: not_running() has the word
        elif at_least(row["live"], reachable(row)):
            found.append(_capped(identifier, name, row))
        else:
            waiting.append(row)
    if waiting:
        found.append(_not_live(name, service, waiting))
    return found


def _too_low(identifier: str, name: str, row: dict) -> dict:
    summary = "{} of {} is {}, wanted {}".format(
        row["setting"], name, value_text(row, "configured"), value_text(row, "wanted"))
    return finding(identifier, summary, _evidence(row), REFERENCE, service=name, remedy="service-limits")


def _capped(identifier: str, name: str, row: dict) -> dict:
    summary = "{} of {} is set to {} but live is {}: {} (no CAP_SYS_RESOURCE there); raise it where this host is started".format(
        row["setting"], name, value_text(row, "configured"), value_text(row, "live"), row["note"])
    return finding(identifier, summary, _evidence(row), REFERENCE, service=name)


def _not_live(name: str, service: dict, rows: list) -> dict:
    parts = ["{} {}, live {}".format(row["setting"], value_text(row, "configured"), value_text(row, "live")) for row in rows]
    summary = "{} runs without its configured limits: {}".format(name, "; ".join(parts))
    evidence = [line for row in rows for line in _evidence(row)]
    return finding("limits-not-live", summary, evidence, REFERENCE, service=name, remedy=limits_remedy(service))


def _evidence(row: dict) -> list:
    return ["{}: wanted {}, configured {}, live {}, grantable {}".format(
        row["setting"], *(value_text(row, key) for key in ("wanted", "configured", "live", "grantable")))]


def daemon_reload_needed(name: str, service: dict) -> list:
    """The files of a unit changed after the manager read them."""
    if not service["need_daemon_reload"]:
        return []
    return [finding("daemon-reload-needed", f"unit files of {name} changed; systemd has not read them yet",
                    ["NeedDaemonReload=yes"], RELOAD_REFERENCE, service=name, remedy="service-limits")]


def not_running(name: str, service: dict, explained: bool) -> list:
    """A service that is down by failure: waiting for a start now that its cause is gone, or for a cause we do not know."""
    if not is_down(service) or explained:
        return []
    if failure_lines(service) or service.get("restart_required"):
        summary = f"{name} is down, {state_text(service)}; what it starts with has changed since, so it needs a start"
        return [finding("limits-not-live", summary, failure_lines(service)[-1:], REFERENCE, service=name,
                        remedy="service-restart", severity=BLOCKER)]
    summary = f"{name} is down, {state_text(service)}, for a reason not known here; see journalctl -u {name}"
    return [finding("not-evaluated", summary, (service.get("log") or [])[-3:], REFERENCE, service=name, severity=BLOCKER)]
