# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernels of boards and distributions that have small address spaces, and the way out of each. Private to this collection.

A flavour is told by the release of the kernel, and by the model that the device tree names.
"""

from __future__ import annotations

import re

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_human

LARGE_PAGE = 16384

# (flavour, pattern of the kernel release, pattern of the board's model, what helps there). Each was reported with
# 39 bits: raspberrypi/linux#6261, rockchip-linux/kernel#280, orangepi-build#207, wasmtime#8607, wasmtime#7637.
FLAVOURS = (
    ("Raspberry Pi 5 (16K pages)", r"rpi-2712|v8-16k", r"", "this kernel has 47 bits and needs no other"),
    ("Raspberry Pi 5 with the 4K kernel", r"rpi-v8|-v8\+?$", r"Raspberry Pi (5|Compute Module 5|500)",
     "boot kernel_2712.img (remove kernel=kernel8.img from config.txt): 16K pages, 47 bits; first make sure that the node's "
     "jemalloc was built for 16K pages (page-size-unsupported)"),
    ("Raspberry Pi OS", r"rpi-v8|-v8\+?$", r"", "Ubuntu for Raspberry Pi has a kernel with 48 bits"),
    ("NVIDIA Tegra", r"tegra|l4t", r"Jetson|Tegra", "no kernel with more bits is known for it"),
    ("Rockchip vendor kernel", r"rockchip|rk3\d{3}", r"", "Armbian's current rockchip64 kernel has 48 bits"),
    ("Amlogic vendor kernel", r"meson|amlogic", r"", "a mainline kernel (Armbian, Debian) has 48 bits"),
    ("ChromeOS", r"chromeos|cros", r"", "the kernel cannot be changed there"),
    ("Android", r"android|gki", r"", "the kernel cannot be changed there"),
    ("Qualcomm vendor kernel", r"qcom|qualcomm", r"", "a mainline or distribution kernel has 48 bits"),
)
STRATEGY = ("run the node with --wasmtime-instantiation-strategy recreate-instance-copy-on-write, "
            "on both sides of -- for a collator")
# Distributions, by the ID of os-release, whose own arm64 kernels have 48 bits or more (domain knowledge of 2026: Debian since
# 4.x, Ubuntu including raspi, Fedora since 26, RHEL, Amazon Linux). Other kernels on them were put there by somebody.
STOCK_KERNELS_HAVE_ROOM = ("debian", "ubuntu", "fedora", "rhel", "centos", "rocky", "almalinux", "amzn")


def flavour(facts: dict) -> tuple:
    """``(name, what helps there)`` of the vendor kernel of a host; ``(None, None)`` for any other."""
    release = (facts["kernel"].get("release") or "").lower()
    model = facts["host"].get("board") or ""
    for name, in_release, in_model, help_text in FLAVOURS:
        if re.search(in_release, release) and (not in_model or re.search(in_model, model)):
            return name, help_text
    return None, None


def way_out(facts: dict, contained: bool = False) -> str:
    """The way out of a small address space on this very host, for a node in a container of it or not."""
    name, help_text = flavour(facts)
    distribution = facts["host"].get("distribution") or {}
    if name:
        return f"way out: {STRATEGY}; or the kernel: on {name}, {help_text}"
    if facts["host"].get("container") or contained:
        return f"way out: {STRATEGY}; or another kernel on the host of the container, one with 48 bits"
    if distribution.get("id") in STOCK_KERNELS_HAVE_ROOM:
        stock = distribution.get("name") or distribution["id"]
        return f"way out: {STRATEGY}; or boot the stock kernel of {stock}, which has 48 bits"
    return f"way out: {STRATEGY}; or boot a kernel with CONFIG_ARM64_VA_BITS_48=y, which distributions ship today"


def page_size_trap(program: dict) -> list:
    """What a program says against kernels with larger pages, which are one way to more address space."""
    built_for = program.get("jemalloc_page_size")
    if not built_for or built_for >= LARGE_PAGE:
        return []
    return [f"its jemalloc was built for pages of {format_human(built_for)}: a kernel with 16K or 64K pages would abort it; "
            "rebuild with JEMALLOC_SYS_WITH_LG_PAGE=16 before booting one"]
