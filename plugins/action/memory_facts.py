# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends one program, and looks at what it answered before it is believed. Documentation: plugins/modules/memory_facts.py."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.plugin_utils import _checked_action
from ansible_collections.aarch64.validator.plugins.plugin_utils._filters import load_filters
from ansible_collections.aarch64.validator.plugins.plugin_utils._gather_action import GatherAction

# What was gathered is judged by filters, and ansible-core loads an action before it forks a process for each host.
load_filters()


class ActionModule(GatherAction, _checked_action.ActionModule):
    """The action of every module, for the one that gathers."""
