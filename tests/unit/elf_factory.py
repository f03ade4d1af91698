# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs for the tests of the ELF reader: built by a compiler where there is one, and made by hand."""

from __future__ import annotations

import shutil
import struct
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _elf_format
from ansible_collections.aarch64.validator.plugins.module_utils._elf import facts_of, reader

GCC, MUSL, CROSS, READELF = (shutil.which(name) for name in ("gcc", "musl-gcc", "aarch64-linux-gnu-gcc", "readelf"))
CARGO = "/home/b/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/"
POOL_ERROR = b"failed to create memory pool mapping"
JEMALLOC_ERROR = b"<jemalloc>: Unsupported system page size\n"

MAIN = "#include <stdio.h>\nint main(int n, char **v) { return puts(v[0]) + n; }\n"
# What jemalloc does at its start, in this project's words; compile with -DPAGE=<bytes>ul
PAGES_BOOT = r"""
#include <unistd.h>
size_t os_page;
static void say(const char *text) { if (write(2, text, 40) < 0) _exit(3); }
__attribute__((noinline)) int pages_boot(int n) {
  long answer = sysconf(_SC_PAGESIZE);
  os_page = answer == -1 ? PAGE : (size_t)answer;
  if (os_page > PAGE) { say("<jemalloc>: Unsupported system page size\n"); return n; }
  return 0;
}
int main(int n, char **v) { (void)v; return pages_boot(n); }
"""


def made_elf(
    bits: int = 64, order: str = "<", machine: int = 183, kind: int = 3, interp: bytes = b"/lib/ld-linux-aarch64.so.1\0",
    libraries: t.Sequence[bytes] = (b"libc.so.6",), versions: t.Sequence[bytes] = (b"GLIBC_2.17", b"GLIBC_2.34"),
    payload: bytes = b"", align: int = 65536, note: bytes = b"\xab\xcd" * 10,
) -> bytes:
    """A dynamic program in one loaded segment: headers, interpreter, note, strings, version needs, dynamic section, payload."""
    form, word = _elf_format.form_of(bits, order), 8 if bits == 64 else 4
    sizes = struct.calcsize(form.header) + 16, struct.calcsize(form.segment)
    base, at = 0x400000, sizes[0] + 4 * sizes[1]
    strings, indexes = b"\0", []
    for text in [*libraries, *versions]:
        indexes.append(len(strings))
        strings += text + b"\0"
    needs = struct.pack(order + "HHIII", 1, len(versions), indexes[0] if indexes else 0, 16, 0)
    for number, index in enumerate(indexes[len(libraries):]):
        step = 16 if number + 1 < len(versions) else 0
        needs += struct.pack(order + "IHHII", 0, 0, 2, index, step)
    notes = struct.pack(order + "III", 4, len(note), 3) + b"GNU\0" + note
    blocks = {}
    for name, content in (("interp", interp), ("notes", notes), ("strings", strings), ("needs", needs)):
        at = (at + 7) & ~7
        blocks[name] = (at, content)
        at += len(content)
    entries = [(1, index) for index in indexes[:len(libraries)]]
    entries += [(5, base + blocks["strings"][0]), (10, len(strings))]
    entries += [(0x6FFFFFFE, base + blocks["needs"][0]), (0x6FFFFFFF, 1 if versions else 0), (0, 0)]
    at = (at + 7) & ~7
    blocks["dynamic"] = (at, b"".join(struct.pack(form.dynamic, *entry) for entry in entries))
    at += len(entries) * 2 * word
    blocks["payload"] = (at, payload)
    rows = [(1, 0, at + len(payload), align), (2, *_span(blocks["dynamic"]), 8), (4, *_span(blocks["notes"]), 4)]
    rows += [(3, *_span(blocks["interp"]), 1)] if interp else [(0, 0, 0, 0)]
    table = b""
    for kind_of, offset, size, alignment in rows:
        if bits == 64:
            table += struct.pack(form.segment, kind_of, 5, offset, base + offset, 0, size, size, alignment)
        else:
            table += struct.pack(form.segment, kind_of, offset, base + offset, 0, size, size, 5, alignment)
    whole = bytearray(at + len(payload))
    whole[:16] = bytes([0x7F, 0x45, 0x4C, 0x46, 2 if bits == 64 else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    fields = (kind, machine, 1, 0, sizes[0], 0, 0, sizes[0], sizes[1], len(rows), 0, 0, 0)
    whole[16:sizes[0]] = struct.pack(form.header, *fields)
    whole[sizes[0]:sizes[0] + len(table)] = table
    for offset, block in blocks.values():
        whole[offset:offset + len(block)] = block
    return bytes(whole)


def _span(block: tuple[int, bytes]) -> tuple[int, int]:
    return block[0], len(block[1])


def facts_of_bytes(content: bytes) -> dict:
    return facts_of(reader(lambda offset, length: content[offset:offset + length], len(content)), len(content))


def built(tmp_path: Path, compiler: str | None, *options: str, source: str = MAIN, name: str = "program") -> Path:
    if not compiler:
        pytest.skip("needs gcc, musl-tools and gcc-aarch64-linux-gnu of Debian")
    (tmp_path / "main.c").write_text(source)
    made = subprocess.run([compiler, "-O2", *options, "-o", str(tmp_path / name), str(tmp_path / "main.c")],
                          capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip("this compiler cannot: " + made.stderr[-200:])
    return tmp_path / name
