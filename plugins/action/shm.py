# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at what the module answered before it is believed. Documentation: plugins/modules/shm.py."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.plugin_utils._checked_action import ActionModule

__all__ = ["ActionModule"]
