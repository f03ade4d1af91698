# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts are told: verdicts, findings, remedies."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import DEFAULTS
from facts_factory import ENGINE_2023, ENGINE_NOW, GIB, host_facts, limits, node_facts, release_manifest

POOL_LINES = [
    '2026-11-21T03:12:00Z polkadot[99]: Error: Service(Application(Application(VersionInvalid("cannot create the wasmtime '
    "engine: failed to create memory pool mapping: mmap failed to reserve 0x6080000000 bytes: "
    'Cannot allocate memory (os error 12)"))))',
]
DOWN = {"active": False, "active_state": "activating", "sub_state": "auto-restart", "result": "exit-code", "main_pid": 0}


def limited(space: int, **service: object) -> dict:
    configured = limits(**{"as": space})
    return node_facts(dict({"limits": {"configured": configured, "live": configured}}, **service))


def program(service: dict, kernel: dict | None = None, **facts: object) -> dict:
    """A node with these facts of its program file."""
    return node_facts(service, kernel=kernel or {}, binaries={"/usr/bin/polkadot": facts})


# id -> facts that must raise it. test_every_rule_has_a_case keeps this table complete.
CASES = {
    "address-space-too-small": node_facts({"pool": {"engine_bytes": ENGINE_2023}}, kernel={"va_bits": 39}),
    "address-space-limit": node_facts(
        dict(DOWN, log=POOL_LINES, pool={"engine_bytes": ENGINE_2023},
             limits={"configured": limits(**{"as": 300 * GIB}), "live": None})),
    "emulated-or-sandboxed": node_facts({"pool": {"probed_fit": 0, "errno": 12}}),
    "runtime-upgrade-will-fail": node_facts({}, kernel={"va_bits": 39}),
    "shm-missing": host_facts(shm={"mounted": False, "size": None, "used": None, "fstype": None, "mode": None, "options": []}),
    "shm-too-small": host_facts(shm={"size": 64 << 20}),
    "shm-mode": host_facts(shm={"mode": "0755"}),
    "shm-read-only": host_facts(shm={"options": ["ro"]}), "shm-not-tmpfs": host_facts(shm={"fstype": "ext4"}),
    "shm-full": host_facts(shm={"used": 16 * GIB}),
    "shm-not-persistent": host_facts(shm={"persistent": 64 << 20, "persistent_source": "fstab", "fstab_lines": [3]}),
    "memlock-limit": node_facts({"limits": {"configured": limits(memlock=8 << 20), "live": limits(memlock=8 << 20)}}),
    "nofile-limit": node_facts({"limits": {"configured": limits(nofile=1024), "live": limits(nofile=1024)}}),
    "limits-not-live": node_facts({"limits": {"configured": limits(), "live": limits(nofile=1024)}}),
    "daemon-reload-needed": node_facts({"need_daemon_reload": True}),
    "not-evaluated": host_facts(host={"service_manager": "busybox"}),
    "foreign-architecture": program(DOWN, machine="x86_64"),
    "program-unusable": program(DOWN, error="truncated: 4096 bytes are missing after the first 8192"),
    "libc-mismatch": program(DOWN, libc="glibc", glibc_wanted="2.38"),
    "page-size-unsupported": program(DOWN, kernel={"page_size": 16384}, jemalloc_page_size=4096),
    "wx-denied": node_facts(dict(DOWN, sandbox={"MemoryDenyWriteExecute": "yes"})),
    "syscall-filtered": node_facts(dict(DOWN, log=["polkadot.service: Main process exited, code=killed, status=31/SYS"])),
    "userns-restricted": node_facts(dict(DOWN, log=[
        "Cannot unshare user namespace and change root, which are Linux-specific kernel security features: "
        "not available: unshare user and mount namespaces: Operation not permitted (os error 1)"])),
    "clean-start-fails": node_facts({"trace": {"exit_status": 1, "timed_out": False}}),
    "data-directory-broken": node_facts(dict(DOWN, trace={"timed_out": True, "service": {"active_state": "failed"}})),
    "data-limit": node_facts({"limits": {"configured": limits(data=GIB), "live": limits(data=GIB)}}),
    "overcommit-strict": host_facts(kernel={"overcommit_memory": 2}),
    "map-count-low": host_facts(kernel={"max_map_count": 1000}),
    "cgroup-memory-low": node_facts({"cgroup": {"limit": GIB, "limited_by": "/sys/fs/cgroup/x/memory.max"}}),
    "container-shm-default": host_facts(host={"container": "docker"}, shm={"size": 64 << 20}),
    "kernel-old": host_facts(kernel={"release": "5.4.0-1042-raspi"}),
    "kernel-vendor": host_facts(kernel={"release": "6.12.34+rpt-rpi-v8", "va_bits": 39}),
    "toolchain-stale": host_facts(host={"time": "2026-11-21T00:00:00Z"}, toolchain={"system": {"rustc": "1.63.0"}}),
    "toolchain-mismatch": host_facts(toolchain={"users": {"root": {"toolchains": [
        {"name": "stable-x86_64", "channel": "stable", "host": "x86_64-unknown-linux-gnu", "rustc": "1.90.0"}]}}}),
    "node-strategy-outdated": node_facts({"strategy_drop_in": "outdated"}),
    "release-not-live": node_facts(),
    "release-without-service": host_facts(),
    "wasmtime-miscompile": node_facts({"node": {"wasmtime_version": "35.0.0"}}),
    "secure-validator-mode-unavailable": node_facts(),
}

POLICIES = {name: {"release": release_manifest()} for name in ("release-not-live", "release-without-service")}  # wishes


def ids(assessment: dict) -> list:
    """What asks for something; that arm64 validators have no secure mode is said of every one here."""
    return [item["id"] for item in assessment["findings"] if item["severity"] != "info"]


def test_every_rule_has_a_case():
    assert set(CASES) == set(DEFAULTS), "a finding without a test here, or a test for a finding that is gone"


@pytest.mark.parametrize("identifier", CASES)
def test_case_raises_its_finding(identifier):
    assessment = assess_facts(CASES[identifier], POLICIES.get(identifier, {}))
    found = {item["id"]: item for item in assessment["findings"]}
    assert identifier in found, f"operators would never see {identifier}"
    assert found[identifier]["explains"] is DEFAULTS[identifier][1]
    assert found[identifier]["severity"] == DEFAULTS[identifier][0]
    assert found[identifier]["evidence"], "a finding without evidence cannot be trusted"


@pytest.mark.parametrize("facts", [host_facts(), node_facts()], ids=["no service", "node"])
def test_healthy(facts):
    assessment = assess_facts(facts, {})
    assert ids(assessment) == []
    assert assessment["verdict"] == "healthy"
    assert assessment["remedies"] == []
    assert all(row["ok"] for row in assessment["settings"])


def test_placebos_never_explain():
    for identifier, facts in CASES.items():
        for item in assess_facts(facts, {})["findings"]:
            if item["id"].startswith(("shm-", "memlock", "nofile", "limits", "daemon", "not-evaluated", "clean", "data")):
                assert not item["explains"], f"{identifier}: {item['id']} was credited with a failure it cannot cause"


def test_facts_are_left_as_they_are():
    for facts in CASES.values():
        before = copy.deepcopy(facts)
        assess_facts(facts, {})
        assert facts == before


def test_node_stopped_by_its_address_space_limit():
    assessment = assess_facts(CASES["address-space-limit"], {})
    first = assessment["findings"][0]
    assert (assessment["verdict"], first["id"], first["remedy"]) == ("blocked", "address-space-limit", "service-limits")
    assert "300 GiB" in first["summary"] and "0 of 3 engines of 386 GiB" in first["summary"]
    limits_remedy = next(item for item in assessment["remedies"] if item["remedy"] == "service-limits")
    assert limits_remedy["options"]["address_space"] == "infinity"


def test_limit_that_holds_one_engine_is_a_risk_until_the_node_dies_of_it():
    running = assess_facts(limited(300 * GIB), {})
    assert (running["verdict"], ids(running)[0]) == ("at-risk", "runtime-upgrade-will-fail")
    assert running["findings"][0]["automatic"]
    dead = assess_facts(limited(300 * GIB, **dict(DOWN, log=POOL_LINES)), {})
    assert (dead["verdict"], ids(dead)[0]) == ("blocked", "address-space-limit")


def test_strategy_without_pool_needs_no_engine():
    facts = node_facts({"node": {"strategy": ["recreate-instance-copy-on-write"]}}, kernel={"va_bits": 39})
    assessment = assess_facts(facts, {})
    assert assessment["verdict"] == "healthy"
    assert assessment["pools"]["polkadot.service"]["engines_needed"] == 0


@pytest.mark.parametrize(("node", "policy", "needed"), [
    ({}, {}, 3),
    ({"runtime_cache_size": [4]}, {}, 5),
    ({"executors": 2, "strategy": ["pooling"] * 2, "runtime_cache_size": [2, 2]}, {}, 6),
    ({"executors": 2, "strategy": ["recreate-instance", "pooling"], "runtime_cache_size": [2, 2]}, {}, 3),
    ({}, {"engines_needed": 7}, 7),
    ({}, {"memory_pool_engines_needed": "7"}, 7),
])
def test_engines_needed(node, policy, needed):
    assert assess_facts(node_facts({"node": node}), policy)["pools"]["polkadot.service"]["engines_needed"] == needed


CAPPED = {"nofile": 20000, "memlock": 8 << 20, "as": -1, "data": -1}


class TestLimitsThatCannotBeGranted:
    def test_wanted_set_and_live_as_far_as_possible(self):
        facts = node_facts({"limits": {"configured": limits(), "live": limits(memlock=8 << 20), "grantable": CAPPED}})
        assessment = assess_facts(facts, {"limit_nofile": 16384})
        assert ids(assessment) == ["memlock-limit"]
        item = assessment["findings"][0]
        assert not item["automatic"] and "8 MiB" in item["summary"] and "PID 1" in item["summary"]
        assert assessment["remedies"] == [], "a limit that cannot be granted must not keep a remedy running for ever"

    def test_not_set_yet(self):
        facts = node_facts({"limits": {"configured": limits(nofile=1024), "live": limits(nofile=1024), "grantable": CAPPED}})
        assert [item["remedy"] for item in assess_facts(facts, {})["remedies"]] == ["service-limits"]

    def test_live_below_what_can_be_granted(self):
        facts = node_facts({"limits": {"configured": limits(), "live": limits(nofile=1024), "grantable": CAPPED}})
        assert ids(assess_facts(facts, {"limit_memlock": "8M"})) == ["limits-not-live"]


class TestServiceThatIsDown:
    def test_for_a_reason_we_do_not_know(self):
        assessment = assess_facts(node_facts(dict(DOWN, limits={"live": None})), {})
        assert (assessment["verdict"], ids(assessment)) == ("blocked", ["not-evaluated"])
        assert assessment["remedies"] == []

    def test_after_its_cause_is_gone(self):
        assessment = assess_facts(node_facts(dict(DOWN, log=POOL_LINES, limits={"live": None})), {})
        assert [item["remedy"] for item in assessment["remedies"]] == ["service-restart"]

    def test_with_a_cause_that_is_still_there_is_not_restarted(self):
        facts = node_facts(dict(DOWN, log=POOL_LINES, limits={"live": None}), kernel={"va_bits": 39})
        assessment = assess_facts(facts, {})
        assert ids(assessment) == ["address-space-too-small"]
        assert [item["remedy"] for item in assessment["remedies"]] == ["node-strategy"]
        assert assess_facts(facts, {"node_strategy": "keep"})["remedies"] == []


def test_restart_follows_once_the_module_says_so():
    facts = node_facts({"limits": {"configured": limits(), "live": limits(nofile=1024)}, "restart_required": True})
    assert assess_facts(facts, {})["remedies"] == [
        {"remedy": "service-restart", "service": "polkadot.service", "findings": ["limits-not-live"],
         "options": {"unit": "polkadot.service", "delay": 120}}]
    facts["services"]["polkadot.service"]["node"]["role"] = "full"
    assert assess_facts(facts, {})["remedies"][0]["options"]["delay"] == 0


class TestSizeOfShm:
    def test_more_is_left_alone(self):
        facts = host_facts(shm={"size": 24 * GIB, "persistent": 24 * GIB})
        assert assess_facts(facts, {})["verdict"] == "healthy"

    def test_exact_may_shrink(self):
        facts = host_facts(shm={"size": 24 * GIB, "persistent": 24 * GIB})
        assert "shm-too-small" not in ids(assess_facts(facts, {})), "more than the floor is never too small"
        assert assess_facts(facts, {"shm_exact": True})["remedies"][0]["remedy"] == "shm"

    def test_default_is_lowered_on_a_small_board(self):
        facts = host_facts(memory={"total": 2 * GIB}, shm={"size": GIB, "persistent": GIB})
        assessment = assess_facts(facts, {})
        assert assessment["verdict"] == "healthy"
        assert "lowered to half" in assessment["settings"][0]["note"]

    def test_size_of_the_operator_is_not_lowered(self):
        facts = host_facts(memory={"total": 2 * GIB}, shm={"size": GIB, "persistent": GIB})
        assert "shm-too-small" in ids(assess_facts(facts, {"shm_size": "1500M"}))

    def test_unknown_next_boot_is_not_held_against_a_host(self):
        facts = host_facts(shm={"persistent": None, "persistent_source": "container"})
        assert assess_facts(facts, {})["verdict"] == "healthy"


def test_two_lines_in_fstab_are_named():
    item = assess_facts(host_facts(shm={"fstab_lines": [3, 7]}), {})["findings"][0]
    assert item["id"] == "shm-not-persistent" and "lines 3 and 7" in item["summary"]


@pytest.mark.parametrize(("policy", "named"), [
    ({"shm_size": "2X"}, "memory_pool_shm_size: '2X'"),
    ({"shm_size": "-1G"}, "memory_pool_shm_size: '-1G'"),
    ({"shm_size": "0"}, "memory_pool_shm_size: '0'"),
    ({"shm_size": ""}, "memory_pool_shm_size: ''"),
    ({"memory_pool_limit_nofile": "many"}, "memory_pool_limit_nofile: 'many'"),
    ({"limit_memlock": "-5"}, "memory_pool_limit_memlock: '-5'"),
    ({"engines_needed": 0}, "memory_pool_engines_needed: 0"),
    ({"restart_delay": "soon"}, "memory_pool_restart_delay: 'soon'"),
    ({"shm": "2G"}, "policy: 'shm'"),
    ("2G", "policy: '2G'"),
])
def test_bad_policy_is_named(policy, named):
    with pytest.raises(ValueError, match="is not valid; give") as caught:
        assess_facts(host_facts(), policy)
    assert named in str(caught.value)


@pytest.mark.parametrize("facts", [{}, {"schema": 99}, "text", None])
def test_what_is_not_facts_is_refused(facts):
    with pytest.raises(ValueError, match="not memory facts"):
        assess_facts(facts, {})


def test_engine_size_is_the_one_of_todays_nodes():
    assert host_facts()["pool"]["engine_bytes"] == ENGINE_NOW == 64 * ((4 << 30) + (32 << 20)) + (32 << 20)


def test_a_program_that_only_root_may_read_is_not_called_unusable():
    facts = program({}, error="Permission denied")
    facts["unread"] = [{"path": "/usr/bin/polkadot", "reason": "Permission denied"}]
    assert "program-unusable" not in ids(assess_facts(facts, {}))
    gone = program({}, error="No such file or directory")
    gone["unread"] = [{"path": "/usr/bin/polkadot", "reason": "No such file or directory"}]
    assert assess_facts(gone, {})["verdict"] == "at-risk", "the next start would fail and nobody is told"


@pytest.mark.parametrize(("jemalloc", "warned"), [(4096, True), (65536, False), (None, False)])
def test_the_way_out_by_larger_pages_is_checked_against_the_jemalloc_of_this_program(jemalloc, warned):
    facts = program({}, kernel={"va_bits": 39, "release": "6.12.34+rpt-rpi-v8"}, jemalloc_page_size=jemalloc)
    facts["host"]["board"] = "Raspberry Pi 5 Model B Rev 1.0"
    found = next(item for item in assess_facts(facts, {})["findings"] if item["id"] == "runtime-upgrade-will-fail")
    assert any("kernel_2712.img" in line for line in found["evidence"])
    assert any("would abort it" in line for line in found["evidence"]) is warned


def test_the_stock_kernel_is_the_way_out_where_the_distribution_has_one():
    found = assess_facts(node_facts(kernel={"va_bits": 39, "release": "6.1.99-custom"}), {})["findings"][0]
    assert any("stock kernel of Debian" in line for line in found["evidence"])


@pytest.mark.parametrize("space", [GIB, 300 * GIB])
def test_a_limit_that_comes_with_the_next_start_is_a_risk_today(space):
    coming = {"configured": limits(**{"as": space}), "live": limits()}
    facts = node_facts({"limits": coming, "pool": {"engine_bytes": ENGINE_2023}})
    assessment = assess_facts(facts, {})
    assert (assessment["verdict"], ids(assessment)) == ("at-risk", ["address-space-limit"])
    assert "will not survive its next start" in assessment["findings"][0]["summary"]
    assert [item["remedy"] for item in assessment["remedies"]] == ["service-limits"]
    assert assessment["remedies"][0]["options"]["address_space"] == "infinity"
