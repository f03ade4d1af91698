# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The C library of another root directory: real programs of gcc and musl-gcc, in roots that have the one loader or the other."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils._elf import binary_facts
from ansible_collections.aarch64.validator.plugins.module_utils._gather import binaries_of
from ansible_collections.aarch64.validator.plugins.module_utils._in_root import in_root, small_text
from ansible_collections.aarch64.validator.plugins.module_utils._root_libc import has_interpreter, root_libc
from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from elf_factory import GCC, MUSL, built
from facts_factory import host_facts, node_facts

PATH = "/usr/local/bin/polkadot"
APK = "C:Q1\nP:musl\nV:1.2.4-r2\nA:aarch64\n"


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """A program for each C library."""
    made = {}
    for name, compiler in (("glibc", GCC), ("musl", MUSL)):
        made[name] = built(tmp_path_factory.mktemp(name), compiler)
    return made


def root_with(directory: Path, libc: str, program: Path) -> Path:
    """A root directory with the program, and the loader and C library of this kind alone."""
    loader = binary_facts(str(program), [])["interpreter"]
    if binary_facts(str(program), [])["libc"] != libc:
        loader = next(f"{place}/{name}" for place in ("/lib64", "/lib") for name in sorted(os.listdir(place))
                      if name.startswith("ld-linux" if libc == "glibc" else "ld-musl"))
    target = directory / loader.lstrip("/")
    target.parent.mkdir(parents=True)
    shutil.copy(loader, target)
    if libc == "glibc":
        needed = subprocess.run(["ldd", "/bin/true"], capture_output=True, text=True, check=True).stdout
        library = next(word for word in needed.split() if word.startswith("/") and "libc.so.6" in word)
        (directory / library.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, directory / library.lstrip("/"))
    else:
        (directory / "lib/apk/db").mkdir(parents=True)
        (directory / "lib/apk/db/installed").write_text(APK)
    (directory / "usr/local/bin").mkdir(parents=True)
    shutil.copy(program, directory / PATH.lstrip("/"))
    return directory


@pytest.mark.parametrize("libc", ["glibc", "musl"])
@pytest.mark.parametrize("kind", ["glibc", "musl"])
def test_a_program_is_judged_by_the_root_it_is_started_in(programs, tmp_path, kind, libc):
    """What is said agrees with what the kernel does there."""
    root = root_with(tmp_path / "root", libc, programs[kind])
    facts = root_libc(str(root))
    assert facts["name"] == libc
    assert facts["version"] == (os.confstr("CS_GNU_LIBC_VERSION").split()[1] if libc == "glibc" else "1.2.4")
    service = {"binary": PATH, "own_root": False, "main_pid": 0, "root_directory": str(root)}
    binary = binaries_of([], {"polkadot.service": service}, [])[PATH]
    assert binary["libc"] == kind and binary["interpreter_found"] is (kind == libc)
    down = {"active": False, "active_state": "failed", "sub_state": "failed", "main_pid": 0, "binary": PATH, "libc": facts,
            "root_directory": str(root)}
    judged = assess_facts(dict(node_facts(down, host={"machine": os.uname().machine}), binaries={PATH: binary}), {})
    told = [item for item in judged["findings"] if item["id"] == "libc-mismatch"]
    assert bool(told) is (kind != libc)
    if told:
        assert told[0]["severity"] == "blocker" and told[0]["summary"] == f"{PATH} wants {kind}, its root directory has {libc}"
    if os.geteuid() == 0:
        done = subprocess.run(["chroot", str(root), PATH], capture_output=True, text=True, check=False)
        starts = "No such file or directory" not in done.stderr
        assert starts is (kind == libc), done.stderr


def test_a_host_with_both_loaders_runs_both(programs):
    for name, program in programs.items():
        facts = binaries_of([str(program)], {}, [])[str(program)]
        assert facts["interpreter_found"] is True, f"a {name} program that runs here would be called unusable"
    # The name of a host's C library alone no longer convicts.
    facts = dict(host_facts(host={"machine": os.uname().machine}), binaries={})
    node = node_facts()["services"]["polkadot.service"]
    facts["services"] = {"polkadot.service": dict(node, binary="/x")}
    facts["binaries"] = {"/x": binaries_of([str(programs["musl"])], {}, [])[str(programs["musl"])]}
    assert not [item for item in assess_facts(facts, {})["findings"] if item["id"] == "libc-mismatch"]


def test_gcompat_is_no_glibc_but_gives_its_loader(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/ld-musl-aarch64.so.1").write_bytes(b"\x7fELF")
    (tmp_path / "lib/ld-linux-aarch64.so.1").symlink_to("ld-musl-aarch64.so.1")
    assert root_libc(str(tmp_path))["name"] == "musl"
    assert has_interpreter(str(tmp_path), "/lib/ld-linux-aarch64.so.1") is True


def test_an_empty_root_has_no_c_library(tmp_path):
    assert root_libc(str(tmp_path)) == {"name": None, "version": None, "loaders": []}
    assert has_interpreter(str(tmp_path), "/lib/ld-linux-aarch64.so.1") is False
    assert has_interpreter(str(tmp_path), None) is None


def test_links_of_a_container_stay_in_it(tmp_path):
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("/usr/lib")
    (tmp_path / "usr/lib/x").write_text("inside")
    (tmp_path / "up").symlink_to("../../../../../../lib/x")
    (tmp_path / "away").symlink_to("/etc/passwd")
    (tmp_path / "loop").symlink_to("loop")
    assert small_text(str(tmp_path), "/lib/x") == small_text(str(tmp_path), "/up") == "inside"
    assert in_root(str(tmp_path), "/away") is None, "a container would have made us read the host's file"
    assert in_root(str(tmp_path), "/loop") is None
    assert in_root(str(tmp_path), "/../..") == str(tmp_path)


def test_a_pipe_in_a_container_does_not_stop_us(tmp_path):
    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / "run/.containerenv")
    assert small_text(str(tmp_path), "/run/.containerenv") is None


@given(st.text(max_size=60))
def test_no_path_breaks_out_or_raises(path):
    found = in_root("/proc/self/fdinfo", path)
    assert found is None or found.startswith("/proc/self/fdinfo")
