# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine must have to run guests, and to build what they boot from."""

from __future__ import annotations

import os
import shutil

from . import kernels

_RUN_TOOLS = ("qemu-system-aarch64", "ssh", "ssh-keygen")
_IMAGE_TOOLS = ("mmdebstrap", "arch-test", "qemu-aarch64-static", "mke2fs", "aarch64-linux-gnu-gcc")
_DEBIAN_TOOLS = ("apt-get", "dpkg-deb", "depmod", "cpio")
_BUILD_TOOLS = ("aarch64-linux-gnu-gcc", "gcc", "make", "flex", "bison", "bc", "xz")


def _tools(kernel: kernels.Kernel) -> tuple[str, ...]:
    """The programs that a kernel needs which is not in the cache yet."""
    if kernels.cached(kernel) is not None:
        return ()
    return _BUILD_TOOLS if kernel.built else _DEBIAN_TOOLS


def missing(*names: str) -> str | None:
    """Say in one line what this machine lacks for guests with these kernels (all), or nothing."""
    if os.geteuid() != 0:
        return "guests need root"
    wanted = [kernels.KERNELS[name] for name in names or kernels.KERNELS]
    tools = [*_RUN_TOOLS, *_IMAGE_TOOLS, *(tool for kernel in wanted for tool in _tools(kernel))]
    lacking = [tool for tool in dict.fromkeys(tools) if shutil.which(tool) is None]
    if any(kernel.built and kernels.cached(kernel) is None for kernel in wanted) and not kernels.SOURCE.exists():
        lacking.append("linux-source-6.1")
    return f"not installed: {', '.join(lacking)}" if lacking else None
