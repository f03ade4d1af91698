# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about what a container's engine gives it by default. None can refuse a memory pool. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_human
from ansible_collections.aarch64.validator.plugins.plugin_utils._container_settings import shm_setting
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import HOST, SERVICE, Subject, rule
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._state import container_of
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import wanted_shm_size

CONTAINER = "https://github.com/docker-library/postgres/issues/416"
# Docker and containerd's CRI (containerd#8568) give 64 MiB, Podman with runc 64000 KiB of it.
CONTAINER_DEFAULTS = (64 << 20, 65536 * 1000)


@rule("container-shm-default", HOST, CONTAINER)
def container_shm_default(subject: Subject) -> t.Iterator[tuple]:
    """A container has the default /dev/shm of its engine.

    Shows: ``df /dev/shm`` says 64M inside.
    Why: the engine mounts it anew at each start, so that a remount inside does not last. The memory pool of a node does not
    use it, so this is never its cause.
    Do: ``--shm-size=2g`` (docker, podman), ``shm_size: 2g`` (Compose), ``ShmSize=2g`` (Quadlet), or an emptyDir with
    ``medium: Memory`` and a ``sizeLimit`` on /dev/shm (Kubernetes). docs/containers.md has each runtime.
    """
    container = subject.facts["host"].get("container")
    size = subject.facts["shm"].get("size")
    if container and size in CONTAINER_DEFAULTS:
        setting = shm_setting({"runtime": container}, wanted_shm_size(subject.facts, subject.policy)[0])
        summary = f"this {container} container has the default /dev/shm of 64 MiB; give {setting}, where it is started"
        yield summary, [f"host.container = {container}", f"shm.size = {size}"]


@rule("container-shm-default", SERVICE, CONTAINER)
def container_shm_default_of_a_node(subject: Subject) -> t.Iterator[tuple]:
    """The container of a node has the default /dev/shm of its engine.

    Shows: ``df /dev/shm`` says 64M inside.
    Do: as above, where that container is started.
    """
    container, shm = container_of(subject.service), (subject.service or {}).get("shm") or {}
    size = shm.get("size")
    if container and shm.get("from") == "container" and size in CONTAINER_DEFAULTS:
        setting = shm_setting(container, wanted_shm_size(subject.facts, subject.policy)[0])
        summary = "{} has the default /dev/shm of {}; give {}, and start it anew"
        yield summary.format(subject.name, format_human(size), setting), [f"shm.size = {size} (set by the container's engine)"]
