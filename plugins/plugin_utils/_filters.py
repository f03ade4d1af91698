# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads the filters of this collection. Private to it."""

from __future__ import annotations

import importlib
import pkgutil

from ansible_collections.aarch64.validator.plugins import filter as filters


def load_filters() -> None:
    """Load them all, for the processes that ansible-core forks for each host of each task.

    For the first filter of a collection that is used in one of them, ansible-core loads them all there (Jinja2Loader), which
    took 50 ms of a processor each time.
    """
    for module in pkgutil.iter_modules(filters.__path__, f"{filters.__name__}."):
        importlib.import_module(module.name)
