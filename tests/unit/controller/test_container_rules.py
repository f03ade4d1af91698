# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a node in a container: the truth about it, and what to change in the words of its runtime."""

from __future__ import annotations

import json

import pytest
from test_report import report

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._container_settings import (
    NOTHING_HELPS,
    memory_setting,
    seccomp_setting,
    shm_setting,
    ulimit_setting,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._html_data import page_data
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._metrics import metrics_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._terminal import terminal_lines
from facts_factory import ENGINE_2023, GIB, container_facts, host_facts, limits, node_facts

NAME = "docker container 3f2a1b4c5d6e"
POD = {"runtime": "containerd", "pod": "8f3c1a52-6b0d-4e0a-9d52-0c7b1f2e9a11"}
SMALL_SHM = {"mounted": True, "size": 64 << 20, "used": 0, "from": "container"}
RUNTIMES = {
    "docker": {"runtime": "docker"}, "podman": {"runtime": "podman"}, "containerd": {"runtime": "containerd"}, "pod": POD,
    "crio": dict(POD, runtime="cri-o"), "lxc": {"runtime": "lxc"}, "nspawn": {"runtime": "systemd-nspawn"},
    "unknown": {"runtime": "unknown"},
}


def found(facts: dict, identifier: str) -> dict | None:
    return next((item for item in assess_facts(facts, {})["findings"] if item["id"] == identifier), None)


def low(**soft: int) -> dict:
    return {"limits": {"live": limits(**soft)}}


def test_a_healthy_node_in_a_container_is_healthy():
    assessment = assess_facts(container_facts(), {})
    assert assessment["verdict"] == "healthy", assessment["findings"]
    assert list(assessment["pools"]) == [NAME], "the node is judged, and the session not in its place"
    assert all(row["ok"] for row in assessment["settings"])


@pytest.mark.parametrize(("pool", "identifier"), [
    ({}, "runtime-upgrade-will-fail"), ({"engine_bytes": ENGINE_2023}, "address-space-too-small")])
def test_no_container_option_is_offered_against_a_small_address_space(pool, identifier):
    item = found(container_facts(process={"pool": pool}, kernel={"va_bits": 39}), identifier)
    assert item["service"] == NAME and item["explains"]
    assert NOTHING_HELPS in item["summary"]
    assert not item["automatic"], "nothing here can start a container with another option"
    assert any("recreate-instance-copy-on-write" in line for line in item["evidence"])


def test_the_truth_is_told_where_the_host_itself_is_a_container():
    facts = node_facts(host={"container": "lxc"}, kernel={"va_bits": 39})
    assert NOTHING_HELPS in found(facts, "runtime-upgrade-will-fail")["summary"]
    assert NOTHING_HELPS not in found(node_facts(kernel={"va_bits": 39}), "runtime-upgrade-will-fail")["summary"]


def test_what_a_container_lacks_is_never_the_cause_of_a_refused_pool():
    facts = container_facts(process=dict(low(nofile=1024, memlock=65536), shm=SMALL_SHM, cgroup={"limit": GIB, "version": 2}))
    findings = [item for item in assess_facts(facts, {})["findings"] if item["severity"] != "info"]
    assert {item["id"] for item in findings} == {"nofile-limit", "memlock-limit", "container-shm-default", "cgroup-memory-low"}
    assert not any(item["explains"] or item["automatic"] or item["remedy"] for item in findings)
    assert all(item["service"] == NAME for item in findings)
    assert assess_facts(facts, {})["remedies"] == []


@pytest.mark.parametrize("size", [64 << 20, 65536000])
def test_the_default_of_each_engine_is_known(size):
    item = found(container_facts(process={"shm": dict(SMALL_SHM, size=size)}), "container-shm-default")
    assert "--shm-size=2g (docker run)" in item["summary"]
    assert found(container_facts(process={"shm": dict(SMALL_SHM, size=size)}), "shm-too-small") is None, "told twice"


def test_a_small_shm_that_is_no_default_is_told_as_such():
    facts = container_facts(process={"shm": dict(SMALL_SHM, size=GIB)})
    assert "--shm-size=2g" in found(facts, "shm-too-small")["summary"]
    assert not found(facts, "shm-too-small")["automatic"], "the host's /dev/shm would be remounted for it"


def test_the_hosts_own_shm_is_told_once():
    facts = container_facts(process={"shm": dict(SMALL_SHM, **{"from": "host"})}, shm={"size": 64 << 20})
    told = [item for item in assess_facts(facts, {})["findings"] if item["id"].endswith(("shm-default", "shm-too-small"))]
    assert [(item["id"], item["service"]) for item in told] == [("shm-too-small", None)]


def test_a_full_shm_of_a_container():
    shm = {"mounted": True, "size": 4 * GIB, "used": 4 * GIB, "from": "container"}
    item = found(container_facts(process={"shm": shm}), "shm-full")
    assert item["service"] == NAME and NAME in item["summary"]


def test_hard_limits_are_never_lowered():
    facts = container_facts(process={"limits": {"live": dict(limits(), nofile={"soft": 1024, "hard": 524288})}})
    assert "--ulimit nofile=65535:524288" in found(facts, "nofile-limit")["summary"]


@pytest.mark.parametrize(("source", "who"), [("container", "set for this container"), ("host", "what the engine itself has")])
def test_who_set_a_limit_is_told(source, who):
    item = found(container_facts({"from": {"nofile": source}}, low(nofile=1024)), "nofile-limit")
    assert any(who in line for line in item["evidence"])


def test_a_cap_above_the_container_is_named_by_its_file():
    cgroup = {"limit": GIB, "limited_by": "/sys/fs/cgroup/system.slice/memory.max", "version": 2}
    item = found(container_facts({"from": {"memory": "host"}}, {"cgroup": cgroup}), "cgroup-memory-low")
    assert "--memory" not in item["summary"] and "/sys/fs/cgroup/system.slice/memory.max" in item["evidence"][0]


@pytest.mark.parametrize(("changes", "restricted"), [
    ({}, True), ({"capability_names": ["cap_sys_admin"]}, False), ({"seccomp": 0}, False), ({"capability_names": None}, False)])
def test_a_default_filter_keeps_an_authority_from_secure_mode_only_without_landlock(changes, restricted):
    credentials = dict({"seccomp": 2, "seccomp_filters": 1, "capability_names": []}, **changes)
    facts = container_facts(process={"credentials": credentials}, host={"machine": "x86_64"})
    item = found(facts, "userns-restricted")
    assert bool(item) is restricted
    if item:
        assert "--security-opt seccomp=" in item["summary"] and item["severity"] == "risk"
    facts["kernel"]["lsm"] = ["landlock"]
    assert found(facts, "userns-restricted") is None


def test_a_filter_that_the_journal_names_is_opened_where_the_container_of_the_unit_is_started():
    down = {"active": False, "active_state": "failed", "sub_state": "failed", "main_pid": 0,
            "log": ["polkadot.service: Main process exited, code=killed, status=31/SYS"], "container": {"runtime": "podman"}}
    assert "SeccompProfile=PROFILE.json (Quadlet)" in found(node_facts(down), "syscall-filtered")["summary"]


@pytest.mark.parametrize(("libc", "program", "mismatch"), [
    # A program of musl in an Alpine container of a glibc host, and of glibc in one.
    ("musl", {"libc": "musl", "interpreter": "/lib/ld-musl-aarch64.so.1", "interpreter_found": True}, False),
    ("musl", {"libc": "glibc", "interpreter": "/lib/ld-linux-aarch64.so.1", "interpreter_found": False}, True),
    ("musl", {"libc": "glibc", "interpreter": "/lib/ld-linux-aarch64.so.1", "interpreter_found": True}, False),  # gcompat
    ("glibc", {"libc": "musl", "interpreter": "/lib/ld-musl-aarch64.so.1", "interpreter_found": False}, True),
    ("glibc", {"libc": "glibc", "glibc_wanted": "2.38", "interpreter_found": True}, True),
    (None, {"libc": "glibc", "interpreter": "/lib/ld-linux-aarch64.so.1", "interpreter_found": False}, True),
    ("musl", {"libc": "static", "interpreter": None, "interpreter_found": None}, False),
    # That of another machine is another finding.
    ("glibc", {"libc": "glibc", "machine": "x86_64", "interpreter": "/lib64/ld.so.2", "interpreter_found": False}, False),
    ("musl", {"libc": "glibc"}, True),  # facts of before somebody looked for the loader
])
def test_the_c_library_is_that_of_the_containers_own_root(libc, program, mismatch):
    facts = container_facts(process={"libc": {"name": libc, "version": "2.36" if libc == "glibc" else None, "loaders": []}})
    facts["binaries"] = {NAME + ":/usr/bin/polkadot": program}
    item = found(facts, "libc-mismatch")
    assert bool(item) is mismatch
    if item:
        assert "its container has" in item["summary"] and item["severity"] == "risk", "it runs, so that its next start is at risk"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_runtime_has_words_for_every_setting(runtime):
    container = RUNTIMES[runtime]
    told = [ulimit_setting(container, "nofile", 65535, 524288), ulimit_setting(container, "memlock", -1, -1),
            shm_setting(container, 2 << 30), memory_setting(container, 8 << 30), seccomp_setting(container)]
    assert all(told) and not any("{" in text for text in told[:4])


def test_words_of_each_runtime():
    assert ulimit_setting(RUNTIMES["lxc"], "memlock", -1, -1) == "lxc.prlimit.memlock = unlimited"
    assert "LimitNOFILE=65535:524288 in a drop-in" in ulimit_setting(POD, "nofile", 65535, 524288)
    assert "containerd.service" in ulimit_setting(POD, "nofile", 1, 2) and "sizeLimit: 2Gi" in shm_setting(POD, 2 << 30)
    assert "memory.limit_in_bytes" in memory_setting(RUNTIMES["lxc"], 1, 1)
    assert "size=2147483648" in shm_setting(RUNTIMES["lxc"], 2 << 30)
    assert "type: Localhost" in seccomp_setting(POD)


def test_reports_know_nodes_in_containers():
    facts = container_facts(process=dict(low(nofile=1024), shm=SMALL_SHM), kernel={"va_bits": 39})
    outcome = {"assessment": assess_facts(facts, {}), "facts": facts}
    told = report("diagnose", val=outcome)
    json.dumps(told)
    text = "\n".join(line for line, _colour in terminal_lines(told, 160, False))
    assert "no container option helps" in " ".join(text.split()) and "--ulimit nofile=65535" in text
    assert "no remedy of this collection applies to" in text and "run the playbook remediate" not in text
    page = page_data(told)
    assert NAME in page["texts"] and len(page["hosts"][0]["pools"]) == 1
    metrics = metrics_text(told).splitlines()
    shm = [line for line in metrics if line.startswith("aarch64_validator_shm_bytes{") and '"live"' in line]
    assert len(shm) == 2 and any(NAME in line for line in shm), "the container's /dev/shm would pass for the host's"


def test_facts_of_before_have_no_processes():
    facts = host_facts()
    assert "processes" not in facts and list(assess_facts(facts, {})["pools"]) == ["host"]
