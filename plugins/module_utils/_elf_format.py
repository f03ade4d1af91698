# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The structures of an ELF file, each read by one small function. Private to this collection.

Only what a loader needs is trusted (program headers, dynamic section), so stripped files are
read as well; section headers serve the compiler's comment alone. Every function takes ``read(offset, length)``, which
gives at most that many bytes of the file and fewer at its end. Each read and each list has a bound, whatever
the file claims. Sizes are bytes.

Sources: the ELF gABI (headers, dynamic section, notes), LSB core on symbol versions, elf.h, fs/binfmt_elf.c.
"""

from __future__ import annotations

import re
import struct
import typing as t

Read = t.Callable[[int, int], bytes]

MACHINES = {3: "i386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64",
            243: "riscv", 258: "loongarch"}

EXECUTABLE, SHARED = 2, 3  # e_type; a PIE is of the second kind
_KINDS = {1: "an object file", 4: "a core dump"}
_LOAD, _DYNAMIC, _INTERP, _NOTE = 1, 2, 3, 4  # p_type
_END, _NEEDED, _STRTAB, _SONAME = 0, 1, 5, 14  # d_tag
_VERNEED, _VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF

_TABLE_BYTES = 1 << 16  # of program headers the kernel takes no more either (load_elf_phdrs)
_PATH_BYTES = 4096  # PATH_MAX: bound of the interpreter in the kernel, and of any library name here
_VERSION_BYTES = 64
_RECORDS = 4096  # version records, of all libraries together
_LIBRARIES = 512
_SECTIONS = 4096

_GLIBC = re.compile(r"GLIBC_(\d{1,4}(?:\.\d{1,4}){1,2})")
_RUSTC = re.compile(rb"rustc version (\d{1,4}\.\d{1,4}\.\d{1,4}[-.a-z0-9]{0,20})")


class Unusable(ValueError):
    """The file is no ELF program; the text says why."""


class Form(t.NamedTuple):
    """How numbers and structures of one class and byte order are laid out, as struct formats."""

    order: str
    header: str
    segment: str
    section: str
    dynamic: str


class Segment(t.NamedTuple):
    """A program header without its flags and physical address."""

    kind: int
    offset: int
    address: int
    size: int
    align: int
    executable: bool


class Header(t.NamedTuple):
    """The file header: what of it is used here."""

    form: Form
    bits: int
    kind: int
    machine: int
    segments_at: int
    segment_size: int
    segment_count: int
    sections_at: int
    section_size: int
    section_count: int
    section_names: int


def form_of(bits: int, order: str) -> Form:
    """The layout of a 32- or 64-bit file; order is < or > as for struct."""
    if bits == 64:
        return Form(order, order + "HHIQQQIHHHHHH", order + "IIQQQQQQ", order + "IIQQQQIIQQ", order + "QQ")
    return Form(order, order + "HHIIIIIHHHHHH", order + "IIIIIIII", order + "IIIIIIIIII", order + "II")


def parse_header(content: bytes) -> Header:
    """The file header from the first 64 bytes. Raises Unusable."""
    if content[:4] != b"\x7fELF":
        raise Unusable("empty" if not content else "not an ELF file")
    if len(content) < 16 or content[4] not in (1, 2) or content[5] not in (1, 2):
        raise Unusable("the ELF identification is cut off or names no known class and byte order")
    bits, order = 32 * content[4], "<" if content[5] == 1 else ">"
    form = form_of(bits, order)
    if len(content) < 16 + struct.calcsize(form.header):
        raise Unusable("truncated within the file header")
    fields = struct.unpack_from(form.header, content, 16)
    return Header(form, bits, fields[0], fields[1], fields[4], fields[8], fields[9], fields[5], *fields[10:13])


def machine_name(header: Header) -> str:
    """The machine as uname -m would say, e.g. ``aarch64``, ``ppc64le``; ``machine-<number>`` for a rare one."""
    name = MACHINES.get(header.machine, f"machine-{header.machine}")
    if name in ("riscv", "loongarch"):
        return name + str(header.bits)
    return name + "le" if name == "ppc64" and header.form.order == "<" else name


def segments(read: Read, header: Header) -> list:
    """The program headers as Segment. Raises Unusable where the kernel would refuse them."""
    if header.kind not in (EXECUTABLE, SHARED):
        raise Unusable(_KINDS.get(header.kind, f"an ELF file of type {header.kind}") + ", not a program")
    size = struct.calcsize(header.form.segment)
    total = header.segment_count * size
    if header.segment_size != size or not 0 < total <= _TABLE_BYTES:
        raise Unusable("no program headers that the kernel would take")
    table = read(header.segments_at, total)
    if len(table) < total:
        raise Unusable("truncated within the program headers")
    found = []
    for row in struct.iter_unpack(header.form.segment, table):
        if header.bits == 64:
            kind, flags, offset, address, _physical, filled, _memory, align = row
        else:
            kind, offset, address, _physical, filled, _memory, flags, align = row
        found.append(Segment(kind, offset, address, filled, align, bool(flags & 1)))
    if not loads(found):
        raise Unusable("nothing in it is loaded into memory")
    return found


def loads(parts: list) -> list:
    """The segments that are mapped into memory."""
    return [part for part in parts if part.kind == _LOAD]


def interpreter(read: Read, parts: list) -> str | None:
    """The dynamic loader, None for a static program. Raises Unusable where the kernel would refuse it."""
    for part in parts:
        if part.kind == _INTERP:
            content = read(part.offset, part.size) if 2 <= part.size <= _PATH_BYTES else b""
            if not content or len(content) < part.size or content[-1:] != b"\0":
                raise Unusable("the path of its dynamic loader is cut off or not one path")
            return content.split(b"\0")[0].decode("utf-8", "replace")
    return None


def dynamic(read: Read, header: Header, parts: list) -> dict:
    """The dynamic section as ``{tag: [values]}``, empty for a static program."""
    entries = {}  # type: dict[int, list]
    for part in parts:
        if part.kind == _DYNAMIC:
            size = struct.calcsize(header.form.dynamic)
            content = read(part.offset, min(part.size, _TABLE_BYTES))
            for tag, value in struct.iter_unpack(header.form.dynamic, content[:len(content) // size * size]):
                if tag == _END:
                    break
                entries.setdefault(tag, []).append(value)
            break
    return entries


def offset_of(parts: list, address: int) -> int | None:
    """Where in the file the byte at a virtual address lies; None if no segment fills it."""
    for part in loads(parts):
        if part.address <= address < part.address + part.size:
            return part.offset + address - part.address
    return None


def needed(read: Read, parts: list, entries: dict) -> list:
    """The names of the libraries that the loader will look for, in their order."""
    names = []
    for index in entries.get(_NEEDED, [])[:_LIBRARIES]:
        name = _dynamic_string(read, parts, entries, index, _PATH_BYTES)
        if name:
            names.append(name)
    return names


def wanted_versions(read: Read, header: Header, parts: list, entries: dict) -> list:
    """Every symbol version the file needs, such as ``GLIBC_2.34``, from DT_VERNEED."""
    need = offset_of(parts, entries.get(_VERNEED, [-1])[0])
    names = []  # type: list[str]
    for _need in range(min(entries.get(_VERNEEDNUM, [0])[0], _RECORDS)):
        content = read(need, 16) if need is not None else b""
        if need is None or len(content) < 16 or len(names) >= _RECORDS:
            break
        _version, count, _file, first, following = struct.unpack(header.form.order + "HHIII", content)
        names += _versions_of(read, header, parts, entries, need + first, min(count, _RECORDS - len(names)))
        if not following:
            break
        need += following
    return names


def _versions_of(read: Read, header: Header, parts: list, entries: dict, at: int, count: int) -> list:
    names = []
    for _record in range(count):
        content = read(at, 16)
        if len(content) < 16:
            break
        _hash, _flags, _other, name, step = struct.unpack(header.form.order + "IHHII", content)
        names.append(_dynamic_string(read, parts, entries, name, _VERSION_BYTES))
        if not step:
            break
        at += step
    return names


def _dynamic_string(read: Read, parts: list, entries: dict, index: int, longest: int) -> str:
    start = offset_of(parts, entries[_STRTAB][0] + index) if _STRTAB in entries else None
    content = read(start, longest) if start is not None else b""
    return content.split(b"\0")[0].decode("utf-8", "replace") if b"\0" in content else ""


def highest_glibc(versions: list) -> str | None:
    """The highest ``x.y`` of the GLIBC_x.y versions, None if there is none.

    GLIBC_ABI_DT_RELR counts as 2.36: no earlier loader knows it (glibc's NEWS for 2.36).
    """
    found = [match.group(1) for match in map(_GLIBC.fullmatch, versions) if match]
    found += ["2.36"] * ("GLIBC_ABI_DT_RELR" in versions)
    return max(found, key=lambda text: [int(number) for number in text.split(".")], default=None)


def is_static(loader: str | None, entries: dict) -> bool:
    """Whether the program runs without a dynamic loader. A shared library (it has a name, or needs others) is not static."""
    return loader is None and _NEEDED not in entries and _SONAME not in entries


def libc_flavour(loader: str | None, libraries: list, glibc: str | None) -> str | None:
    """``glibc`` or ``musl`` of a dynamic program, None when neither can be said."""
    name = (loader or "").rpartition("/")[2]
    if name.startswith("ld-musl-") or any(library.startswith("libc.musl-") for library in libraries):
        return "musl"
    if glibc or "libc.so.6" in libraries or re.match(r"ld-linux|ld64\.so\.|ld-2\.", name):
        return "glibc"
    return None


def build_id(read: Read, header: Header, parts: list) -> str | None:
    """The build id as lower-case hex: the note of type 3 by GNU."""
    for part in [part for part in parts if part.kind == _NOTE][:16]:
        content, at, pad = read(part.offset, min(part.size, _TABLE_BYTES)), 0, 7 if part.align == 8 else 3
        while at + 12 <= len(content):
            name_size, size, kind = struct.unpack_from(header.form.order + "III", content, at)
            start = (at + 12 + name_size + pad) & ~pad
            if kind == 3 and content[at + 12:at + 12 + name_size] == b"GNU\0" and 0 < size <= len(content) - start:
                return content[start:start + min(size, 64)].hex()
            at = (start + size + pad) & ~pad
    return None


def rustc_release(read: Read, header: Header) -> str | None:
    """The rustc that .comment names; None without it, without section headers, or for other languages."""
    size = struct.calcsize(header.form.section)
    if header.section_size != size or not header.section_names < header.section_count <= _SECTIONS:
        return None
    content = read(header.sections_at, size * header.section_count)
    rows = list(struct.iter_unpack(header.form.section, content[:len(content) // size * size]))
    if header.section_names >= len(rows):
        return None
    _name, _kind, _flags, _address, names_at, names_size = rows[header.section_names][:6]
    names = read(names_at, min(names_size, _TABLE_BYTES))
    for name, _kind, _flags, _address, offset, length, *_rest in rows:
        if names[name:name + 9] == b".comment\0":
            match = _RUSTC.search(read(offset, min(length, _TABLE_BYTES)))
            return match.group(1).decode() if match else None
    return None


def missing_bytes(header: Header, parts: list, size: int) -> int:
    """How many bytes the file lacks: what segments and section headers reach beyond its size. 0 for a whole file."""
    ends = [part.offset + part.size for part in loads(parts)]
    ends += [header.sections_at + header.section_size * header.section_count] if header.sections_at else []
    return max(0, max(ends, default=0) - size)
