# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Works in my shell, dies as a service: each difference is named, and nothing that is alike."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.plugin_utils._differences import differences
from facts_factory import GIB, limits, node_facts

ROOT = {"user": "root", "uid": 0, "capabilities": "000001ffffffffff", "seccomp": 0, "no_new_privs": False}
NODE = {"uid": 999, "capabilities": "0000000000000000", "seccomp": 2, "no_new_privs": True}


def rows(service: dict, **changes: dict) -> dict:
    facts = node_facts(service, **changes)
    found = differences(facts, facts["services"]["polkadot.service"])
    return {row["what"]: (row["session"], row["service"]) for row in found}


def test_every_difference_is_named():
    found = rows(
        {"credentials": NODE, "limits": {"live": limits(nofile=1024, **{"as": 300 * GIB})}, "cgroup": {"limit": 8 * GIB},
         "sandbox": {"MemoryDenyWriteExecute": "yes", "PrivateTmp": "no"}},
        host={"session": ROOT}, limits=limits(memlock=8 << 20), memory={"cgroup": {"limit": -1}})
    assert found == {
        "user": ("root", "polkadot"),
        "LimitNOFILE": ("65535", "1024"),
        "LimitMEMLOCK": ("8 MiB", "infinity"),
        "LimitAS": ("infinity", "300 GiB"),
        "capabilities": ("cap_ipc_lock cap_sys_ptrace cap_sys_admin cap_sys_nice cap_sys_resource", "none that bears on memory"),
        "seccomp": ("none", "filter"),
        "no_new_privs": ("no", "yes"),
        "memory limit": ("infinity", "8 GiB"),
        "MemoryDenyWriteExecute": ("-", "yes"),
    }


def test_what_is_alike_or_unknown_is_not_named():
    same = {"user": "root", "credentials": ROOT, "limits": {"live": limits()}}
    assert rows(same, host={"session": ROOT}, limits=limits()) == {}
    assert rows({"limits": {"live": None, "configured": {}}}, limits=limits()) == {}


def test_a_node_that_is_down_is_compared_by_what_its_next_start_gets():
    down = {"user": "root", "credentials": None, "limits": {"live": None, "configured": limits(nofile=512)}}
    found = rows(down, limits=limits())
    assert found == {"LimitNOFILE": ("65535", "512")}
