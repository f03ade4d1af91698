# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each fact comes from, the best source first."""

from __future__ import annotations

import os
import platform
import pwd
import struct
import time
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _address_space, _host, _services
from ansible_collections.aarch64.validator.plugins.module_utils._child import NoAnswer, ask
from ansible_collections.aarch64.validator.plugins.module_utils._engine_size import ENGINE_2022, ENGINE_2023, ENGINE_NOW
from ansible_collections.aarch64.validator.plugins.module_utils._gather import binaries_of, complete
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import credentials, parse_maps, parse_status
from ansible_collections.aarch64.validator.plugins.module_utils._toolchain_run import executed
from ansible_collections.aarch64.validator.plugins.module_utils._trial import Trials

NO_TRIALS = Trials(None, None, [])
STACK = [(0, 1 << 39, "rw-p", 0, "[stack]")]


def service(**pool: object) -> dict:
    return {"node": {"runtime_cache_size": [2]}, "limits": {"live": None, "configured": {}},
            "pool": dict({"engine_bytes": None, "engine_bytes_source": None, "mapped": [], "pie": None}, **pool)}


@pytest.mark.parametrize(("pool", "binary", "source", "size"), [
    ({"engine_bytes": ENGINE_2022, "mapped": [{"bytes": ENGINE_NOW}]}, {"wasmtime_version": "8.0.1"}, "log", ENGINE_2022),
    ({"mapped": [{"bytes": ENGINE_NOW}]}, {"wasmtime_version": "8.0.1"}, "process", ENGINE_NOW),
    ({"mapped": None}, {"wasmtime_version": "8.0.1"}, "binary", ENGINE_2023),
    ({}, {"wasmtime_version": "36.0.7"}, "binary", ENGINE_NOW),
    ({}, {}, "policy", 42),
])
def test_the_best_source_of_the_engine_size_wins(pool, binary, source, size):
    facts = service(**pool)
    complete(facts, binary, 42, NO_TRIALS)
    assert (facts["pool"]["engine_bytes_source"], facts["pool"]["engine_bytes"]) == (source, size)
    assert facts["node"]["wasmtime_version"] == binary.get("wasmtime_version")


@pytest.mark.parametrize(("live", "of_file", "expected"), [(False, True, False), (None, True, True), (None, None, None)])
def test_a_live_process_says_better_than_its_file_whether_it_is_a_pie(live, of_file, expected):
    facts = service(pie=live)
    complete(facts, {"pie": of_file}, 42, NO_TRIALS)
    assert facts["pool"]["pie"] is expected


def test_programs_are_described_once_and_only_by_absolute_paths(tmp_path):
    script = tmp_path / "node"
    script.write_text("#!/bin/sh\n")
    services = {name: {"binary": path, "own_root": False} for name, path in (
        ("a.service", str(script)), ("b.service", str(script)), ("c.service", "node"), ("d.service", None))}
    assert list(binaries_of([str(script)], services, [])) == [str(script)]


def test_a_path_below_another_root_directory_means_the_file_there():
    services = {"a.service": {"binary": "/no/such/file/here", "own_root": True, "main_pid": os.getpid()}}
    facts = binaries_of([], services, [])["/no/such/file/here"]
    assert facts["error"] is None and facts["machine"], "a node below RootDirectory= would be called unusable"


@pytest.mark.parametrize(("maps", "config", "hint", "expected"), [
    (STACK, 52, 47, {"va_bits": 39, "va_bits_source": "maps", "va_bits_config": 52}),
    ([], 52, 47, {"va_bits": 48, "va_bits_source": "config", "va_bits_config": 52}),
    ([], None, 47, {"va_bits": 47, "va_bits_source": "hint", "va_bits_config": None}),
    ([], None, None, {"va_bits": None, "va_bits_source": None, "va_bits_config": None}),
])
def test_order_of_the_sources_of_address_space(monkeypatch, maps, config, hint, expected):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(_host, "read_kernel_config", lambda *_: config and f"CONFIG_ARM64_VA_BITS={config}")
    monkeypatch.setattr(_host, "va_bits_of_hints", lambda: hint)
    assert _host.va_bits_facts("6.1", maps, []) == expected


def test_a_32_bit_python_does_not_measure_its_own_small_space(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(struct, "calcsize", lambda _format: 4)
    monkeypatch.setattr(_host, "read_kernel_config", lambda _release, _unread: "CONFIG_ARM64_VA_BITS=39")
    assert _host.va_bits_facts("6.1", STACK, [])["va_bits_source"] == "config"


def test_asking_the_kernel_agrees_with_its_maps():
    from_maps = _host.va_bits_facts("", parse_maps(Path("/proc/self/maps").read_text()), [])
    assert from_maps["va_bits_source"] == "maps"
    assert _address_space.va_bits_of_hints() == from_maps["va_bits"]


def test_credentials_of_a_process():
    status = "Name:\tx\nUid:\t1000\t1001\t1000\t1000\nCapEff:\t0000000001000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"
    assert credentials(parse_status(status), "unconfined\n\0") == {
        "uid": 1001, "capabilities": "0000000001000000", "seccomp": 2, "no_new_privs": True, "label": "unconfined"}
    assert set(credentials({}, None).values()) == {None}


def test_release_of_musl_is_read_from_the_package_database():
    assert _host.musl_version("C:x\nP:busybox\nV:1.36\n\nC:y\nP:musl\nV:1.2.4-r2\nA:aarch64\n") == "1.2.4"
    assert _host.musl_version("") is None


@pytest.mark.parametrize(("properties", "expected"), [
    ({"ActiveState": "failed"}, True),
    ({"ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "3"}, True),
    ({"ActiveState": "active", "SubState": "running", "NRestarts": "3"}, True),
    ({"ActiveState": "active", "SubState": "running", "NRestarts": "0"}, False),
    ({"ActiveState": "inactive"}, False),
])
def test_a_unit_that_fails_between_two_tries_is_a_candidate_too(properties, expected):
    assert _services.has_failed(properties) is expected


def test_command_line_of_a_node_that_is_down_includes_its_environment_file(tmp_path):
    environment = tmp_path / "polkadot"
    environment.write_text("POLKADOT_CLI_ARGS='--validator --runtime-cache-size 4 --node-key 0xabc'\n")
    unit = tmp_path / "polkadot.service"
    unit.write_text(f"[Service]\nEnvironmentFile=-{environment}\nExecStart=/usr/bin/polkadot $POLKADOT_CLI_ARGS\n")
    properties = {"Id": "polkadot.service", "LoadState": "loaded", "ActiveState": "failed", "FragmentPath": str(unit),
                  "ExecStart": "{ path=/usr/bin/polkadot ; argv[]=/usr/bin/polkadot $POLKADOT_CLI_ARGS ; ignore_errors=no }"}
    facts = _services.service_facts(properties, [], {}, [], [])
    assert facts["node"]["role"] == "validator" and facts["node"]["runtime_cache_size"] == [4]
    assert facts["command_line"][-2:] == ["--node-key", "********"], "a secret left the host"


def fake_toolchain(home: Path) -> dict:
    """A toolchain whose programs are scripts that say what real ones say."""
    programs = home / ".rustup/toolchains/stable-x/bin"
    programs.mkdir(parents=True)
    for name, text in (("rustc", "rustc 1.95.0 (59807616e 2026-04-14)\nhost: riscv64gc-unknown-linux-gnu"),
                       ("cargo", "cargo 1.95.0 (f2d3ce0bd 2026-03-24)")):
        (programs / name).write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
        (programs / name).chmod(0o755)
    held = {"rustup": {"home": str(home / ".rustup")}, "toolchains": [
        {"name": "stable-x", "channel": "stable", "host": None, "rustc": None, "cargo": None}]}
    return {"users": {"me": held}, "system": {"rustc": None}, "files": []}


def test_toolchains_answer_for_themselves_when_they_are_asked(tmp_path):
    unread = []  # type: list[dict]
    facts = executed(fake_toolchain(tmp_path), {"me": pwd.getpwuid(os.geteuid())}, unread)
    assert facts["users"]["me"]["toolchains"] == [
        {"name": "stable-x", "channel": "stable", "host": "riscv64gc-unknown-linux-gnu", "rustc": "1.95.0", "cargo": "1.95.0"}]
    assert not unread


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_programs_in_a_home_run_as_its_user():
    nobody = pwd.getpwnam("nobody")
    answer = ask(["/bin/sh", "-c", "id -u; id -G; echo $HOME $SECRET; pwd"], 10, {"LC_ALL": "C"}, nobody)
    assert answer.output.split() == [str(nobody.pw_uid), str(nobody.pw_gid), nobody.pw_dir, "/"]


def test_a_program_that_never_ends_is_ended_with_all_that_it_started():
    begin = time.monotonic()
    with pytest.raises(NoAnswer, match=r"sleep 60.* gave no answer within 0\.2 seconds"):
        ask(["/bin/sh", "-c", "sleep 60 & sleep 60"], 0.2, {})
    assert time.monotonic() - begin < 5, "a child that keeps the pipe open kept us waiting"


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(NoAnswer, match="/no/such/program: No such file"):
        ask(["/no/such/program"], 1, {})
