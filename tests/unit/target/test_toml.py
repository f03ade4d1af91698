# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of TOML as rustup's files need, and the toolchain file in all its forms."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils._toml import parse_toml
from ansible_collections.aarch64.validator.plugins.module_utils._toolchain import (
    dpkg_versions,
    parse_toolchain_file,
    toolchain_files,
)


@pytest.mark.parametrize(("text", "toml", "facts"), [
    ("1.84.1\n", False, ("1.84.1", [], [], None)),
    ('[toolchain]\nchannel = "1.84.1"\ntargets = ["wasm32v1-none"] # for runtimes\ncomponents = [\n "rust-src", # x\n'
     ' \'clippy\',\n]\nprofile = "minimal"', True, ("1.84.1", ["wasm32v1-none"], ["rust-src", "clippy"], "minimal")),
    ("[toolchain]\nchannel='nightly'\n", False, ("nightly", [], [], None)),
    ('toolchain = { channel = "beta", targets = ["a", "b"], profile = "x" }', True, ("beta", ["a", "b"], [], "x")),
    ('toolchain.channel = "1.80"\r\n', True, ("1.80", [], [], None)),
    ('[toolchain]\npath = "/opt/rust"\nprofile = ["x"]\ntargets = "y"\n', True, (None, [], [], None)),
    ("1.84.1", True, (None, [], [], None)), ("", False, (None, [], [], None)), ("\x00\xff[[[", True, (None, [], [], None)),
])
def test_toolchain_file(text, toml, facts):
    assert tuple(parse_toolchain_file(text, toml)[key] for key in ("channel", "targets", "components", "profile")) == facts


def test_nearest_file_counts(tmp_path):
    for name in ("sdk/polkadot/node", "sdk/old"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "sdk/rust-toolchain.toml").write_text('[toolchain]\nchannel = "1.84"')
    (tmp_path / "sdk/old/rust-toolchain").write_text("1.70\n")
    (tmp_path / "sdk/old/rust-toolchain.toml").write_text('[toolchain]\nchannel = "1.71"')
    unread = []
    found = toolchain_files([str(tmp_path / name) for name in ("sdk/polkadot/node", "sdk", "sdk/old", "none")], unread)
    assert [(facts["path"], facts["channel"]) for facts in found] == [
        (str(tmp_path / "sdk/rust-toolchain.toml"), "1.84"), (str(tmp_path / "sdk/old/rust-toolchain"), "1.70")]
    assert unread == []


@given(st.text(st.sampled_from(list("a\"'\\[]{}=,.#\n \tu0\0é")) | st.characters()))
def test_toml_never_fails(text):
    for key, value in parse_toml(text).items():
        assert all(isinstance(part, str) for part in key) and isinstance(value, (str, list))
    json.dumps(sorted(parse_toolchain_file(text, False)))
    dpkg_versions("Package: rustc\n" + text)


@pytest.mark.parametrize("unit", ["{a = ", "[", '"\\', "'", "=", "a = {b = 1,", "\\"])
def test_toml_takes_no_time(unit):
    started = time.monotonic()
    parse_toml("a = " + unit * ((1 << 18) // len(unit)))
    assert time.monotonic() - started < 5


@given(st.dictionaries(st.text(min_size=1), st.text() | st.lists(st.text())))
def test_toml_gives_back_what_was_written(values):
    def quoted(text):
        return json.dumps(text, ensure_ascii=False)
    lines = [f"{quoted(key)} = " + (quoted(value) if isinstance(value, str) else "[" + ", ".join(map(quoted, value)) + ",]")
             for key, value in values.items()]
    assert parse_toml("[t]\n" + "\n".join(lines)) == {("t", key): value for key, value in values.items()}
