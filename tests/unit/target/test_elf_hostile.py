# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are no programs, broken, hostile or huge: the ELF reader answers, and its work has a bound."""

from __future__ import annotations

import json
import os
import random
import struct
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils import _elf, _elf_format
from ansible_collections.aarch64.validator.plugins.module_utils._elf import binary_facts, facts_of, reader
from elf_factory import CARGO, GCC, JEMALLOC_ERROR, PAGES_BOOT, built, facts_of_bytes, made_elf

MIB = 1 << 20


@pytest.mark.parametrize(("content", "error"), [
    (b"", "empty"), (b"\x7fELF", "identification"), (b"\x7fELF\x03\x01" + bytes(60), "identification"), (b"text", "not an ELF"),
    (made_elf()[:50], "within the file header"), (made_elf()[:100], "within the program headers"),
    (made_elf(payload=bytes(5000))[:-1], "1 bytes are missing"), (made_elf(kind=4), "a core dump"),
    (made_elf(interp=b"/lib/ld.so"), "dynamic loader"), (made_elf().replace(struct.pack("<HH", 56, 4), bytes(4)), "headers"),
])
def test_broken(content, error):
    assert error in facts_of_bytes(content)["error"]


def facts_at(path):
    unread = []
    facts = binary_facts(str(path), unread)
    assert unread == []
    return facts


def test_no_program_file(tmp_path):
    for name, content in (("script", b"#! /bin/sh -e\r\necho\n"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
    os.mkfifo(str(tmp_path / "pipe"))
    script = facts_at(tmp_path / "script")
    assert (script["script"], script["error"], script["machine"]) == ("/bin/sh -e", None, None)
    assert facts_at(tmp_path / "empty")["error"] == "empty"
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "none", "No such file or directory"), ("a\0b", "null"),
                         ("/dev/zero", "not a regular file"), (tmp_path / "pipe", "not a regular file")):
        unread = []
        facts = binary_facts(str(path), unread)
        assert reason in facts["error"] and unread == [{"path": str(path), "reason": facts["error"]}]
        assert facts.keys() == script.keys()


def test_unreadable_file(tmp_path, monkeypatch):
    def refuse(*_arguments):
        raise PermissionError(13, "Permission denied")
    (tmp_path / "node").write_bytes(made_elf())
    monkeypatch.setattr(os, "open", refuse)  # root may read everything
    unread = []
    assert binary_facts(str(tmp_path / "node"), unread)["error"] == "Permission denied"
    assert unread == [{"path": str(tmp_path / "node"), "reason": "Permission denied"}]


def test_large_file_in_constant_memory(tmp_path):
    path, noise = tmp_path / "node", random.Random(3).getrandbits(8 * MIB).to_bytes(MIB, "big")
    end = 200 * MIB
    header = bytearray(made_elf(payload=b"#"))
    size_at = 64 + 32  # p_filesz of the first program header
    header[size_at:size_at + 8] = struct.pack("<Q", end)
    with open(str(path), "wb") as stream:
        stream.write(header)
        for _round in range(120):
            stream.write(noise)
        stream.seek(end - 3000)
        stream.write((CARGO + "wasmtime-36.0.7/src/engine.rs").encode() + JEMALLOC_ERROR)
        stream.truncate(end)
    tracemalloc.start()
    facts = facts_at(path)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (facts["size"], facts["wasmtime_version"], facts["jemalloc"], facts["error"]) == (end, "36.0.7", True, None)
    assert peak < 4 * MIB


def test_endless_sparse_file(tmp_path):
    path, header = tmp_path / "node", bytearray(made_elf())
    header[96:104] = struct.pack("<Q", 1 << 42)
    path.write_bytes(header)
    os.truncate(str(path), 1 << 42)
    asked = []

    def read(offset, length):
        asked.append(length)
        return bytes(header[offset:offset + length]).ljust(length, b"\0")
    facts = facts_of(reader(read, 1 << 42), 1 << 42, lambda start, end: [(start, start + 8192)])
    assert sum(asked) < MIB and facts["wasmtime"] is False
    spans = _elf._spans([_elf_format.Segment(1, 0, 0, 1 << 42, 0, True)] * 3, 1 << 42)
    assert _elf._searched(spans, MIB, lambda start, end: [(start, end)]) == ([(0, MIB)], False)
    assert facts_at(path)["error"] is None  # holes are skipped, or what is searched has a bound


def check_bounded(content):
    """Reads a broken file: whatever it claims, few and small reads, and plain data as the answer."""
    asked = []

    def read(offset, length):
        assert offset >= 0 and 0 < length <= _elf.MAX_READ and offset + length <= len(content)
        asked.append(length)
        return content[offset:offset + length]
    facts = facts_of(reader(read, len(content)), len(content))
    assert len(asked) < 20000 and sum(asked) < 32 * MIB
    assert len(json.dumps(facts)) < 4 * MIB
    return facts


def small_elf(tmp_path):
    if GCC:
        return built(tmp_path, GCC, "-s", "-DPAGE=4096ul", source=PAGES_BOOT).read_bytes()
    return made_elf(payload=bytes(10000))


def test_ten_thousand_mutations(tmp_path):
    rng, real, made = random.Random(20260), small_elf(tmp_path), [
        made_elf(bits, order, payload=bytes(600)) for bits in (32, 64) for order in "<>"]
    broken = 0
    for number in range(10000):
        content = bytearray(real if number % 2 else made[number // 2 % 4])
        for _blow in range(rng.choice((1, 1, 2, 5, 40))):
            width = rng.choice((1, 2, 4, 8))
            # half of the blows hit the headers, where they matter most
            at = rng.randrange(rng.choice((1024, len(content))) - 8)
            content[at:at + width] = rng.choice((bytes(width), b"\xff" * width, rng.getrandbits(64).to_bytes(8, "big")[:width]))
        if rng.random() < 0.2:
            del content[rng.randrange(len(content)):]
        broken += check_bounded(bytes(content)).get("error") is not None
    assert 1000 < broken < 9000


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([32, 64]), st.sampled_from("<>"))
def test_any_bytes_after_a_good_identification(tail, bits, order):
    check_bounded(made_elf(bits, order)[:20] + tail)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_field_may_lie(data):
    content = bytearray(made_elf(data.draw(st.sampled_from([32, 64])), data.draw(st.sampled_from("<>"))))
    for _field in range(data.draw(st.integers(1, 4))):
        at = 4 * data.draw(st.integers(4, len(content) // 4 - 2))
        content[at:at + 4] = data.draw(st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\1\0\0\0"]))
    check_bounded(bytes(content))


def test_chains_that_never_end():
    """Version records that lead on and on, and as many libraries as fit."""
    endless = struct.pack("<HHIII", 1, 65535, 0, 16, 16) + struct.pack("<IHHII", 0, 0, 0, 1, 1) * 3000
    content = made_elf(libraries=[b"x" * 4000] * 50, versions=[], payload=endless)
    lie = struct.pack("<QQ", 0x6FFFFFFE, 0x400000 + len(content) - len(endless)) + struct.pack("<QQ", 0x6FFFFFFF, 1 << 62)
    at = content.index(struct.pack("<Q", 0x6FFFFFFE))
    check_bounded(content[:at] + lie + content[at + len(lie):])
