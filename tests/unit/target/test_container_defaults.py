# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings files of container engines: one key changes, everything else stays, and nothing broken is made worse."""

from __future__ import annotations

import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils import (
    _container_defaults,
    _docker_engine,
    _docker_plan,
    _podman_conf,
    _trial_container,
)
from ansible_collections.aarch64.validator.plugins.module_utils._json_edit import (
    BrokenJson,
    parse_object,
    with_member,
    without_member,
)
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError

GIB = 1 << 30
KEYS = st.sampled_from(["labels", "log-opts", "default-shm-size", "a b", 'q"uote', "\u00e4", "{", "default-ulimits"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=8)
LAYOUTS = [{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}, {"indent": 4, "separators": (" ,", " : ")},
           {"ensure_ascii": False}]


@given(st.dictionaries(KEYS, VALUES), KEYS, VALUES, st.sampled_from(LAYOUTS), st.sampled_from(["\n", "\r\n"]))
def test_one_key_changes_and_the_rest_stays(content: dict, key: str, value: Any, layout: dict, newline: str) -> None:
    text = json.dumps(content, **layout).replace("\n", newline) + newline
    changed = with_member(text, key, value)
    assert list(parse_object(changed).items()) == list(dict(content, **{key: value}).items())
    if key not in content and content:
        assert without_member(changed, key) == text, "adding a key and removing it does not give the text from before"
    kept = {name: one for name, one in content.items() if name != key}
    assert parse_object(without_member(changed, key)) == kept


@pytest.mark.parametrize("text", ["", " \n", "{}", "{ }\n", "{\n}\n"])
def test_empty_settings(text: str) -> None:
    assert parse_object(text) == {}
    assert parse_object(with_member(text, "default-shm-size", "2G")) == {"default-shm-size": "2G"}


@pytest.mark.parametrize(("text", "said"), [
    ('{"a": 1,}', "line 1, column "), ('{\n "a": 1\n "b": 2}', "line 3, column 2"), ("[]", "not an object"),
    ("{} {}", "line 1, column 4"), ('{"a": 1,\n "a": 2}', 'line 2, column 2: the key "a" is there twice'),
    ('{"a": {"b": 1, "b": 1}}', '"b" is there twice'),
    ('{"x": {"a": 1}, "y": {"a": 1, "a": 2}}', 'the key "a" is there twice in one object'), ('{"a": NaN}', "NaN"),
    ("\ufeff{}", "line 1, column 1"), ('{"a":' * 5000, ""), ('{"a": "\t"}', "line 1, column 8"),
])
def test_broken_settings_are_named_by_line_and_column(text: str, said: str) -> None:
    with pytest.raises(BrokenJson) as error:
        parse_object(text)
    assert said in str(error.value)


@pytest.mark.parametrize(("text", "thousand", "size"), [
    ("2G", 1024, 2 * GIB), ("2g", 1000, 2 * 10**9), ("65536k", 1000, 65536000), ("64MiB", 1024, 64 << 20),
    ("1.5g", 1024, GIB * 3 // 2), ("100", 1000, 100), ("2 gb", 1024, 2 * GIB), ("", 1024, None), ("-1", 1024, None),
    (64, 1024, None), ("2x", 1024, None),
])
def test_sizes_as_each_engine_reads_them(text: Any, thousand: int, size: int | None) -> None:
    assert _container_defaults.parse_units(text, thousand) == size


def test_small_board_gets_half_of_its_memory_by_default_alone() -> None:
    board = {"MemTotal": GIB, "SwapTotal": 0}
    assert _container_defaults.wanted_shm("2G", True, board, 4096)[0] == GIB // 2
    with pytest.raises(OptionError, match="shm_size"):
        _container_defaults.wanted_shm("2G", False, board, 4096)
    assert _container_defaults.wanted_shm(None, False, board, 4096) == (None, [])


def test_limits_are_floors_and_never_beyond_the_grant() -> None:
    wanted = _container_defaults.wanted_ulimits({"nofile": "infinity", "memlock": "2M"}, 1000)
    assert wanted == {"nofile": 1000, "memlock": 2 << 20}
    inherited = {"nofile": {"soft": 10, "hard": 500}, "memlock": {"soft": 1, "hard": -1}}
    needed = _container_defaults.needed_ulimits(wanted, {}, inherited)
    assert needed == {"nofile": {"soft": 1000, "hard": 1000}, "memlock": {"soft": 2 << 20, "hard": -1}}
    assert _container_defaults.needed_ulimits({"nofile": 100}, {"nofile": {"soft": 200, "hard": 200}}, inherited) == {}
    assert _container_defaults.needed_ulimits({"nofile": 100}, {}, inherited) == {"nofile": {"soft": 500, "hard": 500}}
    most = _container_defaults.granted(inherited, False, 1000)
    assert "at most 500" in str(_container_defaults.ungranted(wanted, most, "the engine"))
    assert _container_defaults.ungranted(wanted, _container_defaults.granted(inherited, True, 1000), "the engine") is None
    for bad in ({"files": 1}, {"nofile": 0}, {"nofile": "many"}):
        with pytest.raises(OptionError, match="ulimits"):
            _container_defaults.wanted_ulimits(bad, None)


def test_docker_flags() -> None:
    words = ["dockerd", "-H", "unix:///a", "--default-shm-size=1g", "--default-ulimit", "nofile=10:20", "--host=tcp://b"]
    assert _docker_engine.flag_values(words, "--host") == ["unix:///a", "tcp://b"]
    given_flags = {key: _docker_engine.flag_values(words, flag) for key, flag in _docker_plan.FLAGS.items()}
    assert _docker_plan.flags_suffice(GIB, {"nofile": 10}, given_flags) == (["default-shm-size", "default-ulimits"], None)
    assert _docker_plan.flags_suffice(2 * GIB, {}, given_flags)[1] == "--default-shm-size=1g"
    assert _docker_plan.flags_suffice(None, {"memlock": 1}, given_flags)[1] == "--default-ulimit=nofile=10:20"


def test_edited_settings_lose_only_what_is_ours() -> None:
    before = '{"default-shm-size": "100m", "debug": true}'
    ours = _docker_plan.new_text(before, 2 * GIB, {"nofile": {"soft": 1, "hard": 2}})
    edited = with_member(ours, "labels", ["new"])
    left = _docker_plan.ours_removed(edited, before, _docker_plan.values_of(ours))
    assert parse_object(left) == {"default-shm-size": "100m", "debug": True, "labels": ["new"]}
    others = with_member(edited, "default-shm-size", "3G")
    assert parse_object(_docker_plan.ours_removed(others, before, _docker_plan.values_of(ours)))["default-shm-size"] == "3G"


def test_podman_file_counts_with_those_around_it() -> None:
    text = '[containers]\nshm_size = "100m" # small\ndefault_ulimits = ["nproc=1:2", "nofile=3:4"]\n'
    early = ("/etc/containers/containers.conf", text)
    values, _sources = _podman_conf.effective([early])
    assert _podman_conf.shm_of(values) == 100 * 10**6
    new = _podman_conf.new_values({}, values, 2 * GIB, {"nofile": {"soft": 5, "hard": 6}})
    text = _podman_conf.render(new)
    assert _podman_conf.is_ours(text) and not _podman_conf.is_ours(text + "x = 1\n")
    values, sources = _podman_conf.effective([early, (_podman_conf.FILE, text)])
    assert (_podman_conf.shm_of(values), set(sources.values())) == (2 * GIB, {_podman_conf.FILE})
    assert _podman_conf.ulimits_of(values) == {"nproc": {"soft": 1, "hard": 2}, "nofile": {"soft": 5, "hard": 6}}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_trial_program_waits(machine: str, tmp_path: Path) -> None:
    runner = [] if machine == platform.machine() else [f"/usr/bin/qemu-{machine}-static"]
    if runner and not Path(runner[0]).exists():
        pytest.skip(f"not installed: {runner[0]}")
    with tarfile.open(fileobj=io.BytesIO(_trial_container.image_tar(machine))) as archive:
        archive.extractall(tmp_path)
    with subprocess.Popen([*runner, str(tmp_path / _trial_container.PROGRAM[1:])]) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        process.kill()
    with pytest.raises(_trial_container.TrialError, match="riscv64"):
        _trial_container.image_tar("riscv64")
