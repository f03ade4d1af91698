# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this host is a container. Private to this collection."""

from __future__ import annotations

import os
import re

from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text

CONTAINER_MARKS = {"/.dockerenv": "docker", "/run/.containerenv": "podman"}


def container() -> str | None:
    """The container this host is, as its manager calls itself, or None."""
    own = []  # type: list[dict]
    if os.path.exists("/run/systemd/container"):
        return (read_text("/run/systemd/container", own) or "unknown").strip()
    for mark, name in CONTAINER_MARKS.items():
        if os.path.exists(mark):
            return name
    match = re.search(r"(?:\A|\0)container=([^\0]+)", read_text("/proc/1/environ", own) or "")
    return match.group(1) if match else None
