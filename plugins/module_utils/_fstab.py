# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The /dev/shm line of fstab: find it, read its size, change nothing but that size, and take it back.

Private to this collection. Pure functions of text. Text is the file's bytes through decode() of _read, so
that encode() gives every byte back, whatever encoding the comments are in.

Sources: fstab(5), libmount/src/tab_parse.c of util-linux, mm/shmem.c and lib/cmdline.c (memparse) of Linux.
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from ansible_collections.aarch64.validator.plugins.module_utils._procfs import unescape
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED

PATH = "/etc/fstab"
TARGET = "/dev/shm"

# Fields are parted by blanks and tabs alone. A line may end after its type; a CR belongs to the line end.
_LINE = re.compile(
    r"\A[ \t]*(?P<source>[^ \t#][^ \t]*)[ \t]+(?P<target>[^ \t]+)"
    r"(?:[ \t]+(?P<fstype>[^ \t]+)(?:[ \t]+(?P<options>[^ \t]+))?)?"
)
_OPTION = re.compile(r'(?:"[^"]*"|[^,"]|")+')  # a comma inside double quotes (SELinux contexts) parts nothing
_NUMBER = re.compile(r"\A(0[xX][0-9a-fA-F]{1,30}|0[0-7]{0,30}|[1-9][0-9]{0,30})([KMGTPE]?)(%?)\Z", re.IGNORECASE)
_SHIFTS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40, "P": 50, "E": 60}
_MAX_BYTES = (1 << 63) - 1


class FstabError(ValueError):
    """An fstab that this collection does not edit; names file, line and remedy."""


class Entry(NamedTuple):
    """One /dev/shm line: its number from 1, its type ("" if it has none), its options and where they are in it."""

    number: int
    fstype: str
    options: str
    start: int
    end: int


class Edit(NamedTuple):
    """A changed fstab: the whole text, and the line before (None: there was none) and after."""

    text: str
    old: str | None
    new: str
    newline_added: bool


def find_entries(text: str) -> list:
    """All lines that mount something on /dev/shm, in order, as Entry."""
    entries = []
    for number, line in enumerate(text.split("\n"), 1):
        body = line[:-1] if line.endswith("\r") else line
        match = _LINE.match(body)
        if match and _normal_path(match.group("target")) == TARGET:
            options, fstype = match.group("options"), match.group("fstype")
            end = match.end()
            start = match.start("options") if options else end
            entries.append(Entry(number, fstype or "", options or "", start, end))
    return entries


def only_entry(text: str, mem_total: int, page_size: int, path: str = PATH) -> Entry | None:
    """The one /dev/shm line, or None. Raises FstabError for a file whose meaning is not beyond doubt."""
    entries = find_entries(text)
    if len(entries) > 1:
        numbers = " and ".join(str(entry.number) for entry in entries)
        message = "{0}: lines {1} both mount {2}; keep the one that is meant and remove the rest"
        raise FstabError(message.format(path, numbers, TARGET))
    for entry in entries:
        where = f"{path}: line {entry.number} for {TARGET}"
        if entry.fstype != "tmpfs":
            message = "{0} has the type {1!r}; make it tmpfs, or remove the line"
            raise FstabError(message.format(where, entry.fstype or "(none)"))
        try:
            boot_size(entry.options, mem_total, page_size)
        except ValueError as error:
            message = "{0} has {1}; give a number with K, M, G or %, such as size=2G"
            raise FstabError(message.format(where, error)) from error
        return entry
    return None


def split_options(options: str) -> list:
    """The single options of an fstab options field."""
    return _OPTION.findall(options)


def default_size(mem_total: int, page_size: int) -> int:
    """Bytes of a tmpfs that is mounted without a size: half of RAM in whole pages (shmem_default_max_blocks)."""
    return mem_total // page_size // 2 * page_size


def round_to_pages(size: int, page_size: int) -> int:
    """What the kernel makes of a size in bytes: the next whole page."""
    return -(-size // page_size) * page_size


def boot_size(options: str, mem_total: int | None, page_size: int) -> int | None:
    """Bytes a tmpfs gets from these options; -1 is no limit, None needs a mem_total that is not known.

    The last of size= and nr_blocks= wins, as in the kernel. Raises ValueError naming an option that the kernel refuses.
    """
    given = [option for option in split_options(options) if _is_size(option)]
    if not given:
        return None if mem_total is None else default_size(mem_total, page_size)
    name, _equals, value = given[-1].partition("=")
    match = _NUMBER.match(value)
    if not match or (match.group(3) and name != "size"):
        raise ValueError(f"{given[-1]!r}, which the kernel refuses")
    number = _kernel_number(match.group(1)) << _SHIFTS[match.group(2).upper()]
    if match.group(3):
        if mem_total is None:
            return None
        size = round_to_pages(number * (mem_total // page_size) * page_size // 100, page_size)
    else:
        size = number * page_size if name == "nr_blocks" else round_to_pages(number, page_size)
    if size > _MAX_BYTES:
        raise ValueError(f"{given[-1]!r}, which the kernel refuses")
    return size or UNLIMITED  # shmem: zero blocks switches the limit off


def size_option(options: str) -> str | None:
    """The option that gives the size, as it is written; None if there is none."""
    given = [option for option in split_options(options) if _is_size(option)]
    return given[-1] if given else None


def set_size(text: str, entry: Entry | None, size: str, new_options: list) -> Edit:
    """Give the /dev/shm line this size and keep every other byte; without a line, add one with new_options."""
    option = "size=" + size
    if entry is None:
        line = " ".join(("tmpfs", TARGET, "tmpfs", ",".join(list(new_options) + [option]), "0", "0"))
        newline_added = bool(text) and not text.endswith("\n")
        return Edit(text + ("\n" if newline_added else "") + line + "\n", None, line, newline_added)
    lines = text.split("\n")
    old = lines[entry.number - 1]
    new = old[:entry.start] + _with_option(entry.options, option) + old[entry.end:]
    lines[entry.number - 1] = new
    return Edit("\n".join(lines), old, new, False)


def undo(text: str, old: str | None, new: str, newline_added: bool) -> str | None:
    """The exact inverse of set_size() that keeps what others changed in other lines meanwhile.

    None if our line is no longer there as we wrote it: then it belongs to somebody else.
    """
    lines = text.split("\n")
    if lines.count(new) != 1:
        return None
    at = lines.index(new)
    if old is not None:
        lines[at] = old
        return "\n".join(lines)
    head, tail = lines[:at], "\n".join(lines[at + 1:])
    if not head:
        return tail
    return "\n".join(head) + ("" if newline_added and not tail else "\n") + tail


def _normal_path(field: str) -> str:
    path = unescape(field)
    # normpath keeps two leading slashes, which POSIX lets mean something else and Linux does not
    return posixpath.normpath("/" + path.lstrip("/")) if path.startswith("/") else path


def _is_size(option: str) -> bool:
    return option.partition("=")[0] in ("size", "nr_blocks")


def _kernel_number(text: str) -> int:
    """A number as simple_strtoull() of base 0 reads it."""
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    return int(text, 8 if text.startswith("0") else 10)


def _with_option(options: str, option: str) -> str:
    """An options field with the size that counts replaced, or with the size added."""
    last = None
    for match in _OPTION.finditer(options):
        if _is_size(match.group()):
            last = match
    if last:
        return options[:last.start()] + option + options[last.end():]
    if not options:
        return " " + option  # a line that ends after its type
    return options + ("" if options.endswith(",") else ",") + option
