# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program file says of itself, without running it or any other program. Private to this collection.

Reads are positioned and bounded; nothing is mapped, because a mapped file that shrinks kills the reader.
"""

from __future__ import annotations

import errno
import functools
import os
import stat
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _elf_format as form
from ansible_collections.aarch64.validator.plugins.module_utils._elf_strings import jemalloc_page_size, linked

Read = t.Callable[[int, int], bytes]

MAX_READ = 2 << 20  # no single read is larger
_SCRIPT_LINE = 256  # BINPRM_BUF_SIZE: the kernel looks at no more of a script
_MAX_LOADED = 1 << 30  # bytes of its segments that are searched at most; polkadot has about 100 MB in them
_MAX_REST = 1 << 28  # and of all else (symbols, debug information, what was appended)
_EXTENTS = 10000  # pieces of a sparse file that are told apart
_FACTS = ("machine", "class", "pie", "static", "interpreter", "libc", "needed", "glibc_wanted", "page_alignment", "build_id",
          "truncated", "wasmtime", "wasmtime_version", "jemalloc", "jemalloc_page_size", "rust", "script", "error")


def binary_facts(path: str, unread: list) -> dict:
    """Facts of the program at path; ``/proc/<pid>/exe`` serves for a live process. Raises nothing.

    ``{path, size, machine, class, pie, static, interpreter, libc, needed, glibc_wanted, page_alignment, build_id,
    truncated, wasmtime, wasmtime_version, jemalloc, jemalloc_page_size, rust, script, error}``, None for what could
    not be told:

    * ``machine`` as uname -m says it; ``class`` 64 or 32; ``pie``, ``static``, ``truncated`` booleans
    * ``libc``: ``glibc``, ``musl`` or ``static``; ``glibc_wanted``: the highest x.y of GLIBC_x.y
    * ``page_alignment``: largest alignment of a loaded segment in bytes. A kernel with larger pages cannot load the file
    * ``wasmtime``: whether it is linked; ``wasmtime_version``: its release such as ``36.0.7``
    * ``jemalloc``: whether it is linked; ``jemalloc_page_size``: of a program for aarch64, the largest system page that it
      can run on, in bytes. Kernels for x86_64 have pages of 4 KiB alone, so of those it is not told
    * ``rust``: release of the compiler; ``script``: what follows ``#!`` in a script, which has nothing else
    * ``error``: why this is no program that a kernel and loader could start. A file that cannot be read is in unread too
    """
    facts = dict.fromkeys(("path", "size") + _FACTS)  # type: dict[str, t.Any]
    facts["path"] = path
    try:
        descriptor, facts["size"] = _open_regular(path)
        try:
            read = reader(lambda offset, length: os.pread(descriptor, length, offset), facts["size"])
            facts.update(facts_of(read, facts["size"], functools.partial(_data_ranges, descriptor)))
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL byte
        facts["error"] = _reason(error)
        unread.append({"path": path, "reason": facts["error"]})
    return facts


def pie_of_header(header: bytes) -> bool | None:
    """Whether an ELF file is position independent, from its first 18 bytes; None when it is no ELF file.

    A PIE is loaded at two thirds of the address space and so cuts it in two (ELF_ET_DYN_BASE).
    """
    if len(header) < 18 or header[:4] != b"\x7fELF":
        return None
    return int.from_bytes(header[16:18], "little" if header[5] == 1 else "big") == form.SHARED


def read_pie(path: str, unread: list) -> bool | None:
    """Whether the program at path is position independent, from its header alone."""
    try:
        with open(path, "rb") as stream:
            return pie_of_header(stream.read(18))
    except OSError as error:
        unread.append({"path": path, "reason": _reason(error)})
        return None


def reader(source: Read, size: int) -> Read:
    """``read(offset, length)`` over a source of this size, which never asks it for more than there is, nor for MAX_READ."""
    def read(offset: int, length: int) -> bytes:
        length = min(length, size - offset, MAX_READ)
        return source(offset, length) if length > 0 else b""
    return read


def facts_of(read: Read, size: int, data_ranges: t.Callable | None = None) -> dict:
    """The facts of binary_facts that lie in the content, of a file of this size.

    ``data_ranges(start, end)`` lists the parts of a range that are no holes of a sparse file. An unusable file keeps
    what could be told up to its ``error``. Raises what read raises.
    """
    first = read(0, _SCRIPT_LINE)
    if first.startswith(b"#!"):
        return {"script": first[2:].split(b"\n")[0].decode("utf-8", "replace").strip()}
    facts = {}  # type: dict[str, t.Any]
    try:
        header = form.parse_header(first)
        facts.update({"machine": form.machine_name(header), "class": header.bits})
        parts = form.segments(read, header)
        _add_format(facts, read, header, parts, size)
    except form.Unusable as error:
        facts["error"] = str(error)
        return facts
    _add_strings(facts, read, parts, size, data_ranges or (lambda start, end: [(start, end)]))
    return facts


def _add_format(facts: dict, read: Read, header: form.Header, parts: list, size: int) -> None:
    """Raises form.Unusable for what a kernel or loader would refuse."""
    facts["pie"] = header.kind == form.SHARED
    facts["page_alignment"] = max(part.align for part in form.loads(parts))
    lacking = form.missing_bytes(header, parts, size)
    facts["truncated"] = lacking > 0
    if any(part.offset + part.size > size for part in form.loads(parts)):
        raise form.Unusable(f"truncated: {lacking} bytes are missing after the first {size}")
    entries = form.dynamic(read, header, parts)
    facts["interpreter"] = form.interpreter(read, parts)
    facts["needed"] = form.needed(read, parts, entries)
    facts["glibc_wanted"] = form.highest_glibc(form.wanted_versions(read, header, parts, entries))
    facts["static"] = form.is_static(facts["interpreter"], entries)
    facts["libc"] = "static" if facts["static"] else form.libc_flavour(
        facts["interpreter"], facts["needed"], facts["glibc_wanted"])
    facts["build_id"] = form.build_id(read, header, parts)
    facts["rust"] = form.rustc_release(read, header)


def _add_strings(facts: dict, read: Read, parts: list, size: int, data_ranges: t.Callable) -> None:
    loads = form.loads(parts)
    data, code = (_spans([part for part in loads if part.executable == wanted], size) for wanted in (False, True))
    found = {}  # type: dict[str, t.Any]
    complete = True
    # Texts of a node lie in its data; then half of its bytes need not be read for them.
    for loaded, spans, limit in (
            (True, data, _MAX_LOADED), (True, code, _MAX_LOADED), (False, _between(_spans(loads, size), size), _MAX_REST)):
        ranges, whole = _searched(spans, limit, data_ranges)
        complete = complete and (whole or not loaded)
        here = linked(read, ranges)
        found = {name: found.get(name) or here[name] for name in here}
        if found["wasmtime_version"] and found["jemalloc"]:
            break
    if not complete:  # what was not found may lie in what was not searched
        found = {name: value or None for name, value in found.items()}
    facts.update(found)
    if any(name.startswith("libjemalloc.so") for name in facts["needed"]):
        facts["jemalloc"] = True  # the library's own page size is not this file's to say
    elif facts["jemalloc"] and facts["machine"] == "aarch64":
        facts["jemalloc_page_size"] = jemalloc_page_size(read, _searched(code, _MAX_LOADED, data_ranges)[0])


def _spans(parts: list, size: int) -> list:
    """``(start, end)`` of these segments in a file of this size, in file order and each byte once."""
    spans = []
    done = 0
    for part in sorted(parts, key=lambda part: part.offset):
        start, end = max(part.offset, done), min(part.offset + part.size, size)
        if start < end:
            spans.append((start, end))
            done = end
    return spans


def _between(spans: list, size: int) -> list:
    """The parts of a file that these spans leave out."""
    edges = [0] + [edge for span in spans for edge in span] + [size]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2]) if start < end]


def _searched(spans: list, limit: int, data_ranges: t.Callable) -> tuple:
    """The ranges within these spans that hold data, ``limit`` bytes at most; and whether that is all of them."""
    ranges = []  # type: list[tuple]
    left = limit
    for span in spans:
        for start, end in data_ranges(*span):
            if end - start > left:
                return ranges + [(start, start + left)], False
            ranges.append((start, end))
            left -= end - start
    return ranges, True


def _data_ranges(descriptor: int, start: int, end: int) -> list:
    """The parts of a range that hold data; all of it where the file system cannot tell holes."""
    ranges = []  # type: list[tuple]
    for _extent in range(_EXTENTS):
        if start >= end:
            return ranges
        try:
            begin = os.lseek(descriptor, start, os.SEEK_DATA)
            stop = min(os.lseek(descriptor, begin, os.SEEK_HOLE), end)
        except OSError as error:
            return ranges if error.errno == errno.ENXIO else ranges + [(start, end)]
        if begin < stop:
            ranges.append((begin, stop))
        start = max(begin, stop)
    return ranges + [(start, end)]


def _open_regular(path: str) -> tuple:
    """``(descriptor, size)``. Anything but a file is refused unopened: opening a device or a pipe has effects."""
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL,
                      os.strerror(errno.EISDIR) if stat.S_ISDIR(mode) else "not a regular file")
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    return descriptor, os.fstat(descriptor).st_size


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
