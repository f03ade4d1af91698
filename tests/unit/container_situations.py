# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of hosts for which containers are generated."""

from __future__ import annotations

from facts_factory import GIB, container_facts, host_facts, node_facts

CAPPED = {"cgroup": {"limit": GIB, "limited_by": "/x/memory.max", "version": 2}}
SITUATIONS = {
    "plain": container_facts(),
    "capped": container_facts(process=CAPPED),
    "39 bits": container_facts(kernel={"va_bits": 39}),
    "39 bits, capped": container_facts(process=CAPPED, kernel={"va_bits": 39}),
    "small board": container_facts(memory={"total": GIB + 8192}),
    "service": node_facts(),
    "no node": host_facts(),
}
