# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trial reservations for several services of one host, each different one made once. Private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.module_utils._address_space import probe
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED

MAX_ENGINES = 16  # enough for a collator with a large runtime cache; the model answers for more
DEFAULT_ENGINES = 3  # runtime cache size 2, and the new engine exists before an old one is dropped
_NOT_MADE = {"largest_reservation": None, "errno": None, "probed_fit": None}


class Trials:
    """Makes trials, or none at all where va_bits is None: then every answer is unknown."""

    def __init__(self, va_bits: int | None, engines_needed: int | None, unread: list) -> None:
        self._va_bits = va_bits
        self._engines_needed = engines_needed
        self._unread = unread
        self._made = {}  # type: dict[tuple, dict]

    def outcome(self, engine_bytes: int, node: dict | None, limits: dict) -> dict:
        """``{largest_reservation, errno, probed_fit}`` for the engines of a node under these limits."""
        if self._va_bits is None:
            return _NOT_MADE
        soft = limits["as"]["soft"] if "as" in limits else UNLIMITED
        key = (engine_bytes, self._engines(node), soft)
        if key not in self._made:
            try:
                self._made[key] = probe(*key, va_bits=self._va_bits)
            except (OSError, ValueError) as error:
                self._unread.append({"path": "pool", "reason": f"the trial reservation gave no answer: {error}"})
                self._made[key] = _NOT_MADE
        return self._made[key]

    def _engines(self, node: dict | None) -> int:
        needed = self._engines_needed
        if needed is None:
            needed = sum(size + 1 for size in node["runtime_cache_size"]) if node else DEFAULT_ENGINES
        return min(needed, MAX_ENGINES)
