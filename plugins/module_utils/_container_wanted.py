# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of docker_defaults and podman_defaults ask for on this host. Private to this collection."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._container_defaults import wanted_shm, wanted_ulimits
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import parse_meminfo
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_int, read_text


class Wanted(t.NamedTuple):
    """Floors for a new container."""

    shm: int | None  # bytes; None where no size is asked for
    ulimits: dict
    notes: list  # what an operator should know of the size
    nr_open: int | None  # the most files that a process of this host may have open


def wanted_here(parameters: dict) -> Wanted:
    """Read the options against this host's memory and kernel. Raises OptionError."""
    nr_open = read_int("/proc/sys/fs/nr_open", [])
    meminfo = parse_meminfo(read_text("/proc/meminfo", []) or "")
    shm, notes = wanted_shm(parameters["shm_size"], parameters["shm_size_is_default"], meminfo, os.sysconf("SC_PAGE_SIZE"))
    return Wanted(shm, wanted_ulimits(parameters["ulimits"], nr_open), notes, nr_open)
