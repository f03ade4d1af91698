# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of /proc text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils._cgroup import parse_cgroup
from ansible_collections.aarch64.validator.plugins.module_utils._host import distribution, is_emulated
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import (
    may_raise_limits,
    mount_on,
    parse_limits,
    parse_maps,
    parse_meminfo,
    parse_mountinfo,
    parse_status,
)

MOUNTINFO = r"""
24 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
25 24 0:22 / /dev/shm rw,nosuid,nodev shared:2 - tmpfs tmpfs rw,size=65536k,inode64
26 24 0:23 / /mnt/a\040b rw - tmpfs none rw
27 25 0:24 /x /dev/shm ro,noexec - tmpfs top ro,size=1k
broken line
""".strip()


def test_mountinfo_topmost_mount_counts():
    mounts = parse_mountinfo(MOUNTINFO)
    assert [mount["mountpoint"] for mount in mounts] == ["/", "/dev/shm", "/mnt/a b", "/dev/shm"]
    assert mount_on(mounts, "/dev/shm")["source"] == "top"
    assert mount_on(mounts, "/dev/shm")["options"] == ["ro", "noexec"]
    assert mount_on(mounts, "/nowhere") is None


def test_limits():
    text = """Limit                     Soft Limit           Hard Limit           Units
Max file size             unlimited            unlimited            bytes
Max open files            1024                 524288               files
Max locked memory         8388608              8388608              bytes
Max address space         322122547200         unlimited            bytes
"""
    limits = parse_limits(text)
    assert limits["nofile"] == {"soft": 1024, "hard": 524288}
    assert limits["as"] == {"soft": 300 << 30, "hard": -1}
    assert "stack" not in limits


def test_meminfo_is_bytes_and_counts_stay_counts():
    assert parse_meminfo("MemTotal:       2048 kB\nHugePages_Total:       4\njunk\n") == {
        "MemTotal": 2 << 20, "HugePages_Total": 4}


@pytest.mark.parametrize(("cap", "uid_map", "may"), [
    ("000001ffffffffff", "         0          0 4294967295\n", True),
    ("000001fffeffffff", "0 0 4294967295", False),  # a container without CAP_SYS_RESOURCE
    ("000001ffffffffff", "0 100000 65536", False),  # root of a user namespace only
    ("", "0 0 4294967295", False),
])
def test_who_may_raise_hard_limits(cap, uid_map, may):
    assert may_raise_limits({"CapEff": cap}, uid_map) is may


def test_cgroup_paths():
    assert parse_cgroup("9:memory:/a\n1:name=systemd:/b\n0::/c\n") == {"memory": "/a", "name=systemd": "/b", "": "/c"}


def test_distribution():
    assert distribution('NAME="Debian"\nID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n') == {
        "id": "debian", "version": "12", "name": "Debian 12"}


@pytest.mark.parametrize(("machine", "cpuinfo", "emulated"), [
    ("aarch64", "CPU implementer\t: 0x41\n", False),
    ("aarch64", "vendor_id\t: GenuineIntel\n", True),
    ("x86_64", "vendor_id\t: AuthenticAMD\n", False),
    ("x86_64", "CPU implementer\t: 0x61\n", True),
    ("riscv64", "", False),
])
def test_emulation(machine, cpuinfo, emulated):
    assert is_emulated(machine, cpuinfo) is emulated


@given(st.text(max_size=400))
def test_no_text_breaks_a_parser(text):
    for parser in (parse_mountinfo, parse_limits, parse_meminfo, parse_status, parse_maps, parse_cgroup, distribution):
        parser(text)
