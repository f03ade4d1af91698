# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rust toolchains by their files: those of users, of distributions, and those that sources ask for."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _toolchain
from ansible_collections.aarch64.validator.plugins.module_utils._toolchain import (
    cargo_release,
    dpkg_versions,
    release,
    toolchain_facts,
)

ARM = "aarch64-unknown-linux-gnu"
SETTINGS = f"""version = "12"
default_toolchain = "stable-{ARM}"
profile = "minimal"

[overrides]
"/srv/polkadot sdk" = "1.84.1-{ARM}"
"""
MANIFEST = """manifest-version = "2"
date = "2025-02-20"

[pkg.cargo]
version = "0.86.0 (5ffbef321 2024-10-29)"

[pkg.cargo.target.aarch64-unknown-linux-gnu]
available = true

[pkg.rust]
version = "9.9.9"

[pkg.rustc]
version = "1.85.0 (4d91de4e4 2025-02-17)"
"""
STATUS = """Package: cargo
Status: install ok installed
Architecture: arm64
Version: 0.66.0+ds1-1

Package: rustc
Status: install ok installed
Version: 1.63.0+dfsg1-2
Description: Rust
 more

Package: rustc-1.80
Status: install ok installed
Version: 1.80.1+dfsg0ubuntu1-0ubuntu1

Package: rustup
Status: deinstall ok config-files
Version: 1.27.1-3

Package: rustc-doc
Status: install ok installed
Version: 3.0.0-1
"""
AGENT = b"\0\1rustup/1.28.2 (reqwest; default-tls)\0"


def write(path, content=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def add_toolchain(rustup, name, manifest=MANIFEST, triples=(ARM,)):
    base = rustup / "toolchains" / name
    for program in ("rustc", "cargo"):
        write(base / "bin" / program, "#!/bin/sh\n")
    for triple in triples:
        write(base / "lib/rustlib" / triple / "lib/libstd.rlib")
    write(base / "lib/rustlib/rust-installer-version", "3")
    if manifest is not None:
        write(base / "lib/rustlib/multirust-channel-manifest.toml", manifest)


@pytest.fixture
def home(tmp_path):
    write(tmp_path / "home/.rustup/settings.toml", SETTINGS)
    write(tmp_path / "home/.cargo/bin/rustup", bytes(300000) + AGENT)
    return tmp_path / "home"


def facts_of(root, homes=None, sources=()):
    unread = []
    facts = toolchain_facts(homes or {}, list(sources), unread, str(root))
    json.dumps(facts)
    return facts, unread


def test_user(home, tmp_path):
    add_toolchain(home / ".rustup", "stable-" + ARM)
    add_toolchain(home / ".rustup", "mine", None)
    write(home / ".rustup/toolchains/readme")
    facts, unread = facts_of(tmp_path / "none", {"polkadot": str(home), "no": str(home / "no"), "bad": "", "worse": "/\0"})
    assert unread == []
    assert sorted(facts["users"]) == ["no", "polkadot"]
    assert facts["users"]["no"] == {"rustup": None, "default": None, "toolchains": []}
    assert facts["users"]["polkadot"] == {
        "rustup": {"version": "1.28.2", "home": str(home / ".rustup"), "profile": "minimal",
                   "overrides": {"/srv/polkadot sdk": "1.84.1-" + ARM}},
        "default": "stable-" + ARM,
        "toolchains": [
            {"name": "mine", "channel": None, "host": ARM, "rustc": None, "cargo": None},
            {"name": "stable-" + ARM, "channel": "stable", "host": ARM, "rustc": "1.85.0", "cargo": "1.85.0"},
        ],
    }
    assert facts["system"] == {"rustc": None, "cargo": None, "rustup": None, "host": None, "source": None, "default": None,
                               "toolchains": []}


@pytest.mark.parametrize(("name", "channel", "host"), [
    ("stable-" + ARM, "stable", ARM), ("nightly-2025-01-02-" + ARM, "nightly-2025-01-02", ARM), ("1.79-" + ARM, "1.79", ARM),
    ("1.79.0-x86_64-unknown-linux-musl", "1.79.0", "x86_64-unknown-linux-musl"), ("beta", "beta", "r-u-l"),
    ("1.90.0-beta.3-" + ARM, "1.90.0-beta.3", ARM), ("stage1", None, "r-u-l"), ("stable-my!thing", None, "r-u-l"),
])
def test_names(tmp_path, name, channel, host):
    add_toolchain(tmp_path, name, triples=["r-u-l"])
    found = _toolchain.toolchain(str(tmp_path / "toolchains" / name), [])
    assert (found["name"], found["channel"], found["host"]) == (name, channel, host)


def test_what_is_not_installed_has_no_version(tmp_path):
    add_toolchain(tmp_path, "stable")
    (tmp_path / "toolchains/stable/bin/cargo").unlink()
    found = _toolchain.toolchain(str(tmp_path / "toolchains/stable"), [])
    assert (found["rustc"], found["cargo"]) == ("1.85.0", None)
    (tmp_path / "toolchains/stable/bin/rustc").unlink()
    assert _toolchain.toolchain(str(tmp_path / "toolchains/stable"), [])["rustc"] is None


def test_fallback_default(home, tmp_path):
    write(tmp_path / "etc/rustup/settings.toml", 'default_toolchain = "1.70"')
    write(home / ".rustup/settings.toml", 'version = "12"')
    facts, _unread = facts_of(tmp_path, {"a": str(home), "b": str(tmp_path / "b")})
    assert (facts["users"]["a"]["default"], facts["users"]["b"]["default"], facts["system"]["default"]) == ("1.70", None, "1.70")


def test_shared_installation_of_docker_images(tmp_path):
    write(tmp_path / "usr/local/rustup/settings.toml", SETTINGS)
    write(tmp_path / "usr/local/cargo/bin/rustup", AGENT)
    add_toolchain(tmp_path / "usr/local/rustup", "stable-" + ARM)
    system = facts_of(tmp_path)[0]["system"]
    assert (system["rustup"], system["default"], system["source"]) == ("1.28.2", "stable-" + ARM, None)
    assert [found["rustc"] for found in system["toolchains"]] == ["1.85.0"]


def test_packages(tmp_path):
    assert dpkg_versions(STATUS) == {"rustc": "1.63.0", "cargo": "1.65.0"}
    assert dpkg_versions(STATUS.replace("Package: rustc\n", "Package: rustc-1.9\n")) == {"rustc": "1.80.1", "cargo": "1.65.0"}
    assert dpkg_versions("") == {}
    write(tmp_path / "var/lib/dpkg/status", STATUS)
    write(tmp_path / "usr/bin/rustc", "#!/bin/sh\n")
    for triple in (ARM, "wasm32-unknown-unknown", "etc"):
        write(tmp_path / "usr/lib/rust-1.80/lib/rustlib" / triple / "lib/x")
    system = facts_of(tmp_path)[0]["system"]
    assert (system["rustc"], system["cargo"], system["rustup"], system["source"]) == ("1.63.0", "1.65.0", None, "dpkg")
    assert system["host"] is None  # two libraries, and a compiler of no machine


@pytest.mark.parametrize(("machine", "host"), [("aarch64", ARM), ("x86_64", "x86_64-unknown-linux-gnu"), (None, None)])
def test_compiler_without_package(tmp_path, monkeypatch, machine, host):
    write(tmp_path / "usr/local/bin/rustc")
    for triple in (ARM, "x86_64-unknown-linux-gnu"):
        write(tmp_path / "usr/local/lib/rustlib" / triple / "lib/x")
    monkeypatch.setattr(_toolchain, "binary_facts", lambda *_arguments: {"rust": "1.70.0", "machine": machine})
    system = facts_of(tmp_path)[0]["system"]
    assert (system["rustc"], system["cargo"], system["source"], system["host"]) == ("1.70.0", None, "binary", host)


def test_rustup_in_place_of_a_compiler(tmp_path):
    write(tmp_path / "usr/bin/rustup", AGENT)
    (tmp_path / "usr/bin/rustc").symlink_to("rustup")
    system = facts_of(tmp_path)[0]["system"]
    assert (system["rustc"], system["rustup"], system["source"]) == (None, "1.28.2", None)


@pytest.mark.parametrize(("text", "found"), [
    ("1.95.0 (59807616e 2026-04-14)", "1.95.0"), ("1.97.0-nightly (e50aa6fba 2026-05-19)", "1.97.0-nightly"), ("", None),
    ("1:1.75.0+dfsg0ubuntu1-0ubuntu7", "1.75.0"), ("1.96.0+dfsg1-1~deb12u2", "1.96.0"), ("1.90.0-beta.3", "1.90.0-beta.3"),
    (None, None),
])
def test_release(text, found):
    assert release(text) == found


@pytest.mark.parametrize(("text", "found"), [
    ("0.96.0 (f2d3ce0bd 2026-03-21)", "1.95.0"), ("0.98.0-nightly (4d1f98451 2026-05-15)", "1.97.0-nightly"),
    ("1.85.0", "1.85.0"), ("0.66.0+ds1-1", "1.65.0"), ("0.26.0", "0.26.0"), ("x", None),
])
def test_cargo_release(text, found):
    assert cargo_release(text) == found


def test_hostile_home(home, tmp_path):
    for number in range(60):
        (home / f".rustup/toolchains/t{number:02}").mkdir(parents=True)
    (home / ".rustup/toolchains" / os.fsdecode(b"\xff\n")).mkdir()
    (home / ".rustup/settings.toml").unlink()
    os.mkfifo(str(home / ".rustup/settings.toml"))
    (home / ".cargo/bin/rustup").unlink()
    (home / ".cargo/bin/rustup").symlink_to("/dev/zero")
    os.mkfifo(str(home / "rust-toolchain"))
    (home / ".rustup/toolchains/t00/bin").mkdir()
    os.mkfifo(str(home / ".rustup/toolchains/t00/bin/rustc"))
    facts, unread = facts_of(tmp_path / "none", {"x": str(home)}, [str(home)])
    assert len(facts["users"]["x"]["toolchains"]) == _toolchain.MAX_TOOLCHAINS
    assert facts["users"]["x"]["rustup"]["version"] is None
    assert {entry["path"].rpartition("/")[2]: entry["reason"] for entry in unread} == dict.fromkeys(
        ("settings.toml", "rust-toolchain", "rustc"), "not a regular file")


def test_closed_home(home, tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")
    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(os, "open", refuse)
    facts, unread = facts_of(tmp_path / "none", {"x": str(home)})
    assert facts["users"]["x"]["rustup"] is None
    assert {"path": str(home / ".rustup/toolchains"), "reason": "Permission denied"} in unread


@pytest.mark.skipif(not pathlib.Path("~/.rustup/toolchains").expanduser().is_dir(), reason="no rustup of its own here")
def test_as_the_programs_say():
    user = toolchain_facts({"me": os.path.expanduser("~")}, [], [])["users"]["me"]
    assert user["toolchains"]
    for found in user["toolchains"]:
        for program in ("rustc", "cargo"):
            path = os.path.expanduser(f"~/.rustup/toolchains/{found['name']}/bin/{program}")
            said = subprocess.run([path, "-vV"], capture_output=True, text=True, check=True).stdout
            lines = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
            assert (found[program], found["host"]) == (lines["release"], lines["host"])
    if user["rustup"]["version"]:
        command = [os.path.expanduser("~/.cargo/bin/rustup"), "--version"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert said.split()[1] == user["rustup"]["version"]
