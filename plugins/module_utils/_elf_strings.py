# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Wasmtime and which jemalloc are linked into a program, from the bytes that are loaded. Private to this collection.

A program is searched window by window, so that memory stays constant; sizes and offsets are bytes. Every function
takes ``read(offset, length)`` and a list of ranges ``(start, end)`` of the file. Neither symbols nor debug information
are needed. Holds for files linked by cargo; seen in the wheels of extism-sys, yara-x, wasmtime, polars and
ruff (x86_64, aarch64) and in jemalloc 5.3.0 built with 4, 16 and 64 KiB pages for aarch64.
"""

from __future__ import annotations

import collections
import re
import typing as t

Read = t.Callable[[int, int], bytes]

WINDOW = 1 << 18  # from 64 KiB to 2 MiB the speed is the same
_OVERLAP = 256  # longer than anything searched for
_ZEROS = bytes(WINDOW + _OVERLAP)
_MAX_HITS = 10000  # of one needle; a node has a few hundred

# Panic messages carry the path of their source: .../registry/src/index.crates.io-<hash>/wasmtime-36.0.7/src/engine.rs.
# The slash before the name keeps sc-executor-wasmtime-0.44.0 out.
_SOURCE = b"/wasmtime-"
_CRATE = re.compile(rb"/wasmtime-((?:[a-z]{1,20}-){0,4})(\d{1,4}\.\d{1,4}\.\d{1,4})/src/")
# The title's message (pooling.rs, later memory_pool.rs): proof of Wasmtime where paths carry no version, that is when
# it was built within its own repository or vendored.
_POOL_ERROR = b"failed to create memory pool mapping"
_JEMALLOC = b"<jemalloc>: "  # how all its messages begin

# pages_boot() in jemalloc's src/pages.c gives up when the kernel's pages are larger than its own. It asks sysconf(30),
# which is _SC_PAGESIZE, and compares the answer with its own page size, a constant.
_ASK = b"\xc0\x03\x80\x52"  # mov w0, #30
_COMPARE_WITHIN = 128  # from the question to the comparison; compilers put a prologue in between
_LG_PAGES = (12, 13, 14, 15, 16)


def windows(read: Read, ranges: list) -> t.Iterator[tuple]:
    """``(offset, owned, bytes)`` over all ranges: a match belongs to the window in whose first ``owned`` bytes it begins."""
    for start, end in ranges:
        for at in range(start, end, WINDOW):
            content = read(at, min(WINDOW + _OVERLAP, end - at))
            if not content:
                break
            if not _ZEROS.startswith(content):
                yield at, WINDOW, content


def hits(content: bytes, needle: bytes, owned: int) -> t.Iterator[int]:
    """Where a needle begins within the first ``owned`` bytes."""
    at = content.find(needle)
    while 0 <= at < owned:
        yield at
        at = content.find(needle, at + 1)


def linked(read: Read, ranges: list) -> dict:
    """``{wasmtime, wasmtime_version, jemalloc}``: two booleans, and the release such as ``36.0.7`` or None."""
    versions = collections.Counter()  # type: collections.Counter
    jemalloc = False
    left = _MAX_HITS
    for _offset, owned, content in windows(read, ranges):
        jemalloc = jemalloc or _JEMALLOC in content
        for at in hits(content, _SOURCE, owned) if left else ():
            match = _CRATE.match(content, at)
            if match:
                versions[match.groups()] += 1
            left -= 1
            if not left:
                break
    version = chosen_version(versions)
    # Looked for only where no version tells more: each text that is looked for everywhere costs a node's host some 20 ms.
    pool = version is None and any(_POOL_ERROR in content for _offset, _owned, content in windows(read, ranges))
    return {"wasmtime": pool or version is not None, "wasmtime_version": version, "jemalloc": jemalloc}


def chosen_version(versions: t.Mapping) -> str | None:
    """The release of the crate ``wasmtime`` itself, else of its parts; the one named most often, then the higher.

    versions counts ``(prefix, release)`` as bytes; the prefix is empty for the crate itself.
    """
    best = max(versions, key=lambda key: (not key[0], versions[key], [int(part) for part in key[1].split(b".")]), default=None)
    return best[1].decode() if best else None


def jemalloc_page_size(read: Read, ranges: list) -> int | None:
    """The page size that jemalloc was built for, from its machine code for aarch64; None if it cannot be told beyond doubt.

    ranges are those of the executable segments. On kernels with larger pages such a program aborts at its first
    allocation, whatever its environment says (LG_PAGE, ``--with-lg-page``, JEMALLOC_SYS_WITH_LG_PAGE).
    """
    sizes = set()  # type: set[int]
    seen = 0
    for _offset, owned, content in windows(read, ranges):
        for at in hits(content, _ASK, owned):
            sizes |= _compared(content[at:at + _COMPARE_WITHIN])
            seen += 1
            if seen > _MAX_HITS or len(sizes) > 1:
                return None
    return sizes.pop() if sizes else None


def _compared(code: bytes) -> set:
    # The word after the question is the first that can compare. cmp xN, #imm, lsl #12 is
    # 1111 0001 01 imm12 Rn 11111 (Arm ARM: SUBS immediate, Rd = 31).
    for at in range(4, len(code) - 3, 4):
        word = int.from_bytes(code[at:at + 4], "little")
        if word & 0xFFC0001F == 0xF140001F and (word >> 10 & 0xFFF) in {1 << lg >> 12 for lg in _LG_PAGES}:
            return {(word >> 10 & 0xFFF) << 12}
    return set()
