# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds: which toolchain, which command, and when artefacts are stale."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import node_crate_builds as crate
import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _build_run
from ansible_collections.aarch64.validator.plugins.module_utils._build_plan import (
    build_environment,
    cargo_command,
    check_options,
    inputs_of,
    made_files,
    release_name,
    stale_reasons,
)
from ansible_collections.aarch64.validator.plugins.module_utils._build_toolchain import (
    BuildError,
    Toolchain,
    chosen,
    compiler_version,
    find_toolchain,
    satisfies,
)
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError

ARM64 = "aarch64-unknown-linux-gnu"
FOUND = Toolchain(
    "stable", "toolchain", None, "stable-" + ARM64, "/t/bin/cargo", "/t/bin/rustc", "1.90.0 (abc 2026-01-01)", ARM64)
OPTIONS = {**crate.DEFAULTS, "source": "/src", "dir": "/build", "binaries": ["polkadot"]}


def inputs(**options: object) -> dict:
    return inputs_of({**OPTIONS, **options}, FOUND, ARM64, None)


@pytest.mark.parametrize(("version", "channel", "fits"), [
    ("1.90.0 (abc 2026-01-01)", "stable", True), ("1.90.0", "1.90.0", True), ("1.90.0", "1.90", True),
    ("1.90.0", "1.9", False),
    ("1.90.1", "1.90.0", False), ("1.90.0-nightly (abc)", "stable", False), ("1.90.0-nightly", "nightly-2026-01-01", True),
    ("1.90.0-beta.2", "beta", True), ("1.90.0-beta.2", "1.90.0", False), ("1.63.0", "nightly", False),
])
def test_whether_a_plain_compiler_is_what_is_asked_for(version, channel, fits):
    assert satisfies(version, channel) is fits


def test_of_several_toolchains_that_of_this_host_is_chosen():
    own = os.uname().machine
    names = ["1.88.0-riscv64gc-unknown-linux-gnu", f"1.88.0-{own}-unknown-linux-gnu", "mine"]
    assert (chosen(names, "1.88.0"), chosen(names, "mine"), chosen(names, "1.8")) == (names[1], "mine", None)


@pytest.mark.skipif(bool(crate.MISSING), reason=crate.MISSING)
def test_toolchains_of_rustup_are_used_without_rustup(tmp_path, monkeypatch):
    """The programs in the toolchain are real; the file rustup fails if anybody executes it."""
    compiler = str(Path(crate.CARGO).parent / "rustc")
    rustc = shutil.which("rustc") if not os.path.exists(compiler) else compiler
    machine = os.uname().machine
    home, programs = tmp_path / "rustup", tmp_path / "bin"
    toolchain = home / f"toolchains/1.88.0-{machine}-unknown-linux-gnu/bin"
    for directory in (programs, toolchain):
        directory.mkdir(parents=True)
    (programs / "rustup").write_text("#!/bin/false\n")
    (programs / "rustup").chmod(0o755)
    (programs / "cargo").symlink_to("rustup")
    for name, path in (("cargo", crate.CARGO), ("rustc", rustc)):
        (toolchain / name).symlink_to(path)
    monkeypatch.setenv("RUSTUP_HOME", str(home))
    source = tmp_path / "source"
    source.mkdir()
    (source / "rust-toolchain.toml").write_text(f'[toolchain]\nchannel = "1.88.0"\ntargets = ["{ARM64}"]\n')
    found = find_toolchain(str(source), "stable", str(programs / "cargo"))
    assert (found.channel, found.name, found.cargo) == ("1.88.0", toolchain.parent.name, str(toolchain / "cargo"))
    assert (found.version, found.host) == compiler_version(rustc)
    (source / "rust-toolchain.toml").write_text(f'[toolchain]\nchannel = "1.99.0"\ntargets = ["{ARM64}"]\n')
    with pytest.raises(BuildError, match=f"rustup toolchain install 1.99.0 --target {ARM64}"):
        find_toolchain(str(source), "stable", str(programs / "cargo"))


def test_command_and_environment():
    features = {"features": ["b", "a", "b"], "default_features": False}
    wanted = inputs(package="node", profile="production", rustflags=["-C", "lto"], **features)
    command = cargo_command("/t/bin/cargo", wanted, "/build/cargo", 2)
    assert " ".join(command) == (
        f"/t/bin/cargo build --locked --target-dir /build/cargo --target {ARM64} --profile production --package node "
        "--bin polkadot --features a,b --no-default-features --jobs 2")
    session = {"PATH": "/usr/bin", "HOME": "/h", "RUSTFLAGS": "-x", "CARGO_TARGET_DIR": "/else",
               "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
               "JEMALLOC_SYS_WITH_LG_PAGE": "12"}
    variables = build_environment(session, dict(wanted, linker="/usr/bin/ld"), FOUND)
    assert variables["PATH"] == "/t/bin:/usr/bin" and variables["RUSTUP_TOOLCHAIN"] == FOUND.name and variables["HOME"] == "/h"
    assert variables["CARGO_ENCODED_RUSTFLAGS"] == "-C\x1flto" and not {
        "RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_PROFILE_RELEASE_OPT_LEVEL"} & set(variables)
    unseen = dict.fromkeys([
        "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_BOOTSTRAP", "CARGO_INCREMENTAL", "CC", "CFLAGS_" + ARM64, "TARGET_CXX",
        "CPPFLAGS", "AR_aarch64_unknown_linux_gnu", "LDFLAGS", "SKIP_WASM_BUILD"], "x")
    assert build_environment({**unseen, "CARGO_HOME": "/h", "CARD": "x", "https_proxy": "p"}, inputs(), FOUND).keys() == (
        build_environment({}, inputs(), FOUND).keys() | {"CARGO_HOME", "CARD", "https_proxy"}), "the manifest would not name them"
    assert build_environment({}, inputs(environment={"CC": "clang"}), FOUND)["CC"] == "clang"
    assert variables["JEMALLOC_SYS_WITH_LG_PAGE"] == "16", "the session decided on which pages the node can run"
    assert variables["CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER"] == "/usr/bin/ld"
    assert inputs(environment={"JEMALLOC_SYS_WITH_LG_PAGE": 14})["environment"] == {"JEMALLOC_SYS_WITH_LG_PAGE": "14"}
    assert made_files(inputs(profile="dev"), "/c") == {"polkadot": f"/c/{ARM64}/debug/polkadot"}


def test_artefacts_are_stale_only_for_a_reason():
    record = {"inputs": inputs(), "source": "/src"}
    assert stale_reasons(record, inputs(), "/src", True, False) == []
    assert stale_reasons(record, inputs(features=["x"]), "/src", True, False) == ["features: x, before none"]
    apart = inputs(profile="dev", package="node", binaries=["polkadot", "worker"])
    assert stale_reasons(record, apart, "/src", True, False) == [], "hours are lost for what cargo keeps apart by itself"
    assert stale_reasons(record, inputs(), "/other", True, False) == ["source: /other, before /src"]
    assert stale_reasons(record, inputs(), "/src", True, True) == ["asked for"]
    assert stale_reasons({}, inputs(), "/src", True, False) == ["nothing says from what the artefacts there were made"]
    assert stale_reasons({}, inputs(), "/src", False, True) == []
    assert inputs(features=["b", "a"]) == inputs(features=["a", "b"])


@pytest.mark.parametrize(("option", "value"), [
    ("binaries", []), ("binaries", ["a", "a"]), ("binaries", ["--release"]), ("package", "../x"), ("profile", "a b"),
    ("target", "x"),
    ("target", "--version"), ("toolchain", "-x"), ("revision", "--upload-pack=x"), ("features", ["a b"]), ("rustflags", ["a\nb"]),
    ("environment", {"A B": "x"}), ("environment", {"A": "x\ny"}), ("timeout", 0), ("wait", 601), ("jobs", 0),
])
def test_a_value_that_cargo_would_misread_is_refused(option, value):
    with pytest.raises(OptionError, match=option):
        check_options({**OPTIONS, option: value})


def test_names_of_releases():
    assert release_name(["polkadot"], "1a2b3c4d5e6f7a8b", False, "0123456789") == "polkadot-1a2b3c4d5e6f-01234567"
    assert release_name(["polkadot"], "1a2b3c4d5e6f7a8b", True, "0123456789") == "polkadot-1a2b3c4d5e6f-dirty-01234567"
    assert release_name(["polkadot"], None, True, "0123456789") == "polkadot-01234567"


def test_the_disk_that_is_full_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "build.log").write_text("error: failed to write: No space left on device (os error 28)\n")
    small = tmp_path / "small"
    small.mkdir()
    usage = {str(small): SimpleNamespace(free=0)}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage.get(path, SimpleNamespace(free=50 << 30)))
    status = {"outcome": "failed", "status": 101, "record": {"inputs": {"environment": {"TMPDIR": str(small)}}}}
    message = str(_build_run.failure(str(tmp_path), status, 60))
    assert f"needs more room below {small}, where 0 MiB" in message and "O(dir)" not in message, message
    message = str(_build_run.failure(str(tmp_path), dict(status, record={}), 60))
    assert f"below {tmp_path}," in message and "give another O(dir)" in message


def test_what_cargo_and_git_say_has_no_secret(tmp_path: Path) -> None:
    """Such as the password of a git URL that a dependency comes from."""
    (tmp_path / "build.log").write_text("Updating git repository `https://bob:S3CRET@git.example/x`\nerror: S3 no\n")
    assert _build_run.log_lines(str(tmp_path)) == ["Updating git repository `https://********@git.example/x`", "error: S3 no"]
    error = BuildError("git fails: https://S3CRET@git.example/x", ["API_TOKEN=S3CRET"])
    assert "S3CRET" not in str(error) + str(error.log) and "@git.example/x" in str(error)
