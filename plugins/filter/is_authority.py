# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: whether a host has an authority."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.plugin_utils._rollout_host import is_authority


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict:
        return {"is_authority": is_authority}
