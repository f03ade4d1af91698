# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: whether nodes may be restarted at this time."""

from __future__ import annotations

import datetime

from ansible.errors import AnsibleFilterError

from ansible_collections.aarch64.validator.plugins.plugin_utils import _window


def restart_window(window: str | None, now: str | None = None) -> dict:
    """See restart_window.yml."""
    try:
        at = datetime.datetime.fromisoformat(now) if now else datetime.datetime.now(datetime.timezone.utc)
        return _window.restart_window(window, at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict:
        return {"restart_window": restart_window}
