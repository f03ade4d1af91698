# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs read from their files: real ones, and made ones of every class and byte order.

Real programs are built where Debian's gcc, musl-tools and gcc-aarch64-linux-gnu are installed, and compared with readelf
where binutils is.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _elf_strings
from ansible_collections.aarch64.validator.plugins.module_utils._elf import binary_facts, pie_of_header
from elf_factory import (
    CARGO,
    CROSS,
    GCC,
    JEMALLOC_ERROR,
    MUSL,
    PAGES_BOOT,
    POOL_ERROR,
    READELF,
    built,
    facts_of_bytes,
    made_elf,
)


def facts_at(path):
    unread = []
    facts = binary_facts(str(path), unread)
    assert unread == []
    json.dumps(facts)
    return facts


@pytest.mark.parametrize(("options", "pie", "static"), [
    (("-pie", "-fPIE"), True, False), (("-no-pie",), False, False),
    (("-static", "-no-pie"), False, True), (("-static-pie", "-fPIE"), True, True),
])
def test_what_gcc_builds(tmp_path, options, pie, static):
    facts = facts_at(built(tmp_path, GCC, *options))
    assert (facts["pie"], facts["static"], facts["error"], facts["truncated"]) == (pie, static, None, False)
    assert facts["libc"] == ("static" if static else "glibc")
    assert (facts["interpreter"] is None) == static
    assert facts["needed"] == ([] if static else ["libc.so.6"])
    assert facts["machine"] == os.uname().machine and facts["class"] == 64
    assert (facts["wasmtime"], facts["wasmtime_version"], facts["jemalloc"], facts["rust"]) == (False, None, False, None)


@pytest.mark.parametrize("static", [False, True])
def test_musl(tmp_path, static):
    facts = facts_at(built(tmp_path, MUSL, *(["-static"] if static else [])))
    assert facts["libc"] == ("static" if static else "musl") and facts["glibc_wanted"] is None and facts["error"] is None
    assert static or facts["interpreter"].startswith("/lib/ld-musl-")


def test_aarch64(tmp_path):
    facts = facts_at(built(tmp_path, CROSS, "-Wl,-s", "-Wl,--build-id"))
    assert (facts["machine"], facts["class"], facts["libc"]) == ("aarch64", 64, "glibc")
    assert facts["interpreter"] == "/lib/ld-linux-aarch64.so.1" and facts["page_alignment"] == 65536
    assert re.fullmatch(r"2\.\d+", facts["glibc_wanted"]) and re.fullmatch("[0-9a-f]{40}", facts["build_id"])


def test_object_file(tmp_path):
    facts = facts_at(built(tmp_path, GCC, "-c"))
    assert facts["error"] == "an object file, not a program" and facts["machine"] == os.uname().machine


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_form(bits, order):
    facts = facts_of_bytes(made_elf(bits, order, payload=POOL_ERROR))
    assert facts["class"] == bits and facts["interpreter"] == "/lib/ld-linux-aarch64.so.1"
    assert facts["needed"] == ["libc.so.6"] and facts["glibc_wanted"] == "2.34" and facts["build_id"] == "abcd" * 10
    assert facts["page_alignment"] == 65536 and facts["wasmtime"] and "error" not in facts


@pytest.mark.parametrize(("machine", "bits", "order", "name"), [
    (62, 64, "<", "x86_64"), (40, 32, "<", "arm"), (243, 64, "<", "riscv64"), (243, 32, "<", "riscv32"),
    (21, 64, "<", "ppc64le"), (21, 64, ">", "ppc64"), (22, 64, ">", "s390x"), (999, 64, "<", "machine-999"),
])
def test_machine(machine, bits, order, name):
    assert facts_of_bytes(made_elf(bits, order, machine))["machine"] == name


@pytest.mark.parametrize(("versions", "highest"), [
    ([b"GLIBC_2.9", b"GLIBC_2.34", b"GLIBC_2.4"], "2.34"), ([b"GLIBC_2.3.4", b"GLIBC_2.3"], "2.3.4"),
    ([b"GLIBC_2.2", b"GLIBC_ABI_DT_RELR"], "2.36"), ([b"GLIBC_PRIVATE", b"GLIBCXX_3.4.29", b"GCC_3.0"], None), ([], None),
])
def test_glibc_wanted(versions, highest):
    assert facts_of_bytes(made_elf(versions=versions)).get("glibc_wanted") == highest


@pytest.mark.parametrize(("interp", "libraries", "libc"), [
    (b"/lib/ld-musl-aarch64.so.1\0", [b"libc.so"], "musl"), (b"/nix/store/x/lib/ld-linux-x86-64.so.2\0", [], "glibc"),
    (b"/system/bin/linker64\0", [b"libc.so"], None), (b"", [b"libc.musl-aarch64.so.1"], "musl"), (b"", [], "static"),
])
def test_libc(interp, libraries, libc):
    assert facts_of_bytes(made_elf(interp=interp, libraries=libraries, versions=[]))["libc"] == libc


@pytest.mark.parametrize(("paths", "version"), [
    (["wasmtime-8.0.1/src/engine.rs", "wasmtime-runtime-8.0.1/src/instance/allocator/pooling.rs"], "8.0.1"),
    (["wasmtime-internal-fiber-36.0.7/src/unix.rs"], "36.0.7"),
    (["wasmtime-35.0.0/src/a.rs", "wasmtime-36.0.7/src/a.rs", "wasmtime-36.0.7/src/b.rs"], "36.0.7"),
    (["wasmtime-9.0.1/src/a.rs", "wasmtime-10.0.1/src/a.rs"], "10.0.1"),
    (["wasmtime-environ-1.0.0/src/a.rs"] * 9 + ["wasmtime-35.0.0/src/a.rs"], "35.0.0"),
    (["sc-executor-wasmtime-0.44.0/src/lib.rs"], None), (["wasmtime-36.0.7.tar.gz"], None), (["wasmtime-36.0/src/x"], None),
])
def test_wasmtime_release_from_paths(paths, version):
    facts = facts_of_bytes(made_elf(payload="".join(CARGO + path for path in paths).encode()))
    assert (facts["wasmtime_version"], facts["wasmtime"]) == (version, version is not None)


def test_strings_across_windows_count_once():
    path = (CARGO + "wasmtime-36.0.7/src/runtime/vm.rs").encode()
    head = len(made_elf())
    for lead in range(_elf_strings.WINDOW - head - len(path) - 2, _elf_strings.WINDOW - head + 2, 7):
        content = made_elf(payload=bytes(lead) + path + POOL_ERROR)
        assert facts_of_bytes(content)["wasmtime_version"] == "36.0.7"
        found = [at for at, owned, window in _elf_strings.windows(lambda o, n, c=content: c[o:o + n], [(0, len(content))])
                 for _hit in _elf_strings.hits(window, b"/wasmtime-", owned)]
        assert len(found) == 1


def test_what_lies_outside_the_segments_is_searched_last():
    appended = (CARGO + "wasmtime-36.0.7/src/engine.rs").encode() + JEMALLOC_ERROR
    facts = facts_of_bytes(made_elf() + appended)
    assert (facts["wasmtime_version"], facts["jemalloc"], facts["jemalloc_page_size"]) == ("36.0.7", True, None)
    loaded = made_elf(payload=(CARGO + "wasmtime-8.0.1/src/engine.rs").encode())
    assert facts_of_bytes(loaded + appended)["wasmtime_version"] == "8.0.1"


@pytest.mark.parametrize("page", [4096, 16384, 65536])
def test_page_size_of_jemalloc(tmp_path, page):
    facts = facts_at(built(tmp_path, CROSS, f"-DPAGE={page}ul", "-s", source=PAGES_BOOT))
    assert (facts["jemalloc"], facts["jemalloc_page_size"]) == (True, page)


def test_page_size_of_jemalloc_is_not_guessed():
    ask, other = struct.pack("<II", 0x528003C0, 0xF140101F), struct.pack("<II", 0x528003C0, 0xF140401F)  # 16 KiB, 64 KiB
    for code, size in ((b"", None), (ask, 16384), (ask + bytes(256) + other, None), (ask + bytes(256) + ask, 16384)):
        pad = bytes(-len(made_elf()) % 4)
        facts = facts_of_bytes(made_elf(payload=pad + code + JEMALLOC_ERROR))
        assert (facts["jemalloc"], facts["jemalloc_page_size"]) == (True, size)
    assert facts_of_bytes(made_elf(libraries=[b"libjemalloc.so.2"]))["jemalloc"] is True


def test_wheel_of_wasmtime():
    """Built in Wasmtime's own repository: its paths carry no release, and none is made up."""
    spec = importlib.util.find_spec("wasmtime")
    found = list(Path(spec.origin).parent.glob("linux-*/_libwasmtime.so")) if spec and spec.origin else []
    if not found:
        pytest.skip("the PyPI package wasmtime is not installed here")
    facts = facts_at(found[0])
    assert (facts["wasmtime"], facts["wasmtime_version"], facts["libc"]) == (True, None, "glibc")
    assert re.fullmatch(r"1\.\d+\.\d+", facts["rust"])


@pytest.mark.parametrize("path", ["/bin/ls", "/bin/bash", "/usr/bin/python3", sys.executable, f"/proc/{os.getpid()}/exe"])
def test_agrees_with_readelf(path):
    if not READELF or not os.path.exists(path):
        pytest.skip("needs binutils and " + path)
    facts = facts_at(path)
    text = subprocess.run([READELF, "-hldVnW", path], capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout
    assert facts["needed"] == re.findall(r"\(NEEDED\).*\[(.*)\]", text)
    assert facts["interpreter"] == re.search(r"program interpreter: (.*)\]", text).group(1)
    wanted = {tuple(map(int, version.split("."))) for version in re.findall(r"Name: GLIBC_([0-9.]+)", text)}
    assert tuple(map(int, facts["glibc_wanted"].split("."))) == max(wanted)
    assert facts["page_alignment"] == max(int(line.split()[-1], 16) for line in re.findall(r"^  LOAD .*", text, re.M))
    assert facts["pie"] == bool(re.search(r"Type: +DYN", text))
    assert facts["build_id"] == (re.findall(r"Build ID: (\w+)", text) or [None])[0]


@pytest.mark.parametrize(("header", "pie"), [
    (made_elf(), True), (made_elf(kind=2), False), (made_elf(order=">"), True), (b"#!/bin/sh", None), (b"\x7fELF", None)])
def test_pie_of_header(header, pie):
    assert pie_of_header(header[:18]) is pie
