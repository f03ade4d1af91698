# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask systemd by child processes that cannot hang. Private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._child import NoAnswer, ask, spoken
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import (
    COMMAND_SECONDS,
    is_running_here,
    parse_show,
    show_command,
)

ENVIRONMENT = {"LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "cat"}


class ManagerError(Exception):
    """systemd could not do, or would not answer, what it was asked."""


class Manager:
    """The service manager of this host."""

    def call(self, arguments: list, seconds: int = COMMAND_SECONDS) -> str:
        """Output of a command. Raises ManagerError with what it complained about."""
        try:
            answer = ask(arguments, seconds, ENVIRONMENT)
        except NoAnswer as error:
            raise ManagerError(str(error)) from error
        if answer.status != 0:
            reason = redact_text(answer.errors).strip() or f"exit status {answer.status}"
            raise ManagerError(f"{spoken(arguments)}: {reason}")
        return answer.output

    def show(self, unit: str, properties: list) -> dict:
        """Properties of one unit; ``Id`` is the name behind an alias."""
        units = self.show_all([unit], properties)
        return units[0] if units else {}

    def show_all(self, units: list, properties: list) -> list:
        """Properties of several units, in the order asked."""
        return parse_show(self.call(show_command(units, properties)))

    def show_manager(self, properties: list) -> dict:
        """Properties of the manager itself."""
        command = ["systemctl", "show", "--no-pager", "--all", "--property=" + ",".join(properties)]
        answers = parse_show(self.call(command))
        return answers[0] if answers else {}

    def reload(self) -> None:
        """Make the manager read all unit files again."""
        self.call(["systemctl", "daemon-reload"])


def missing_systemd() -> str | None:
    """Why services cannot be managed on this host at all."""
    if is_running_here():
        return None
    return ("systemd does not run on this host (it is not PID 1), so that there is no service to change here; "
            "give this host an empty list of services (memory_pool_services: [])")


def unusable_unit(unit: str, properties: dict) -> str | None:
    """Why a unit cannot be worked with, or None."""
    state = properties.get("LoadState", "not-found")
    if state == "loaded":
        return None
    if state == "not-found":
        why = f"{unit} does not exist on this host"
    elif state == "masked":
        why = f"{unit} is masked on this host"
    else:
        why = f"{unit} cannot be loaded on this host, systemd says {state}"
    return f"unit: {why}; set memory_pool_services to services that this host has"
