# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The /dev/shm line of fstab: found, read, edited and taken back without harm to any other byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils import _fstab
from ansible_collections.aarch64.validator.plugins.module_utils._read import decode, encode

GIB = 1 << 30
MIB = 1 << 20
RAM = 4 * GIB
PAGE = 4096
NEW_OPTIONS = ["rw", "nosuid", "nodev"]

LINES = {
    "plain": "tmpfs /dev/shm tmpfs rw,nosuid,nodev,size=1G 0 0",
    "tabs and blanks": "\t tmpfs\t\t/dev/shm \t tmpfs\trw,size=1G,noexec\t 0  0  ",
    "trailing slash": "none /dev/shm/ tmpfs size=1G 0 0",
    "octal escapes": "tmpfs /dev\\057shm tmpfs size=1G",
    "doubled slashes": "tmpfs //dev/./shm tmpfs size=1G 0 0",
    "options last": "tmpfs /dev/shm tmpfs size=1G",
    "size in the middle": "tmpfs /dev/shm tmpfs rw,size=1G,mode=1777 0 0",
    "quoted comma": 'tmpfs /dev/shm tmpfs context="a:b:c0,size=3G",size=1G 0 0',
    "blocks": "tmpfs /dev/shm tmpfs nr_blocks=262144 0 0",
    "percent": "tmpfs /dev/shm tmpfs size=25% 0 0",
    "last one wins": "tmpfs /dev/shm tmpfs size=9G,nr_blocks=7,size=1G 0 0",
    "hexadecimal": "tmpfs /dev/shm tmpfs size=0x40000000 0 0",
    "octal number": "tmpfs /dev/shm tmpfs size=010000000000 0 0",
    "carriage return": "tmpfs /dev/shm tmpfs size=1G 0 0\r",
    "carriage return after options": "tmpfs /dev/shm tmpfs size=1G\r",
}
NOT_FOR_SHM = [
    "", "   ", "# tmpfs /dev/shm tmpfs size=1G 0 0", "\t#tmpfs /dev/shm tmpfs size=1G", "/dev/shm", "tmpfs /dev/shm2 tmpfs",
    "tmpfs /dev/shm/x tmpfs size=1G", "/dev/shm /mnt none bind 0 0", "UUID=1 / ext4 defaults 0 1 # /dev/shm",
    "tmpfs dev/shm tmpfs",
]


@pytest.mark.parametrize("line", LINES.values(), ids=list(LINES))
def test_line_is_found_and_its_size_read(line: str) -> None:
    text = "# head\n\n" + line + "\nUUID=1 / ext4 defaults 0 1"
    entry = _fstab.only_entry(text, RAM, PAGE)
    assert entry is not None and entry.number == 3
    assert _fstab.boot_size(entry.options, RAM, PAGE) == GIB


@pytest.mark.parametrize("line", NOT_FOR_SHM)
def test_other_lines_are_not_taken_for_it(line: str) -> None:
    assert _fstab.find_entries(line + "\n") == []


@pytest.mark.parametrize(("options", "size"), [
    ("", 2 * GIB), ("defaults", 2 * GIB), ("size=50%", 2 * GIB), ("size=150%", 6 * GIB), ("size=1", PAGE), ("size=0", -1),
    ("nr_blocks=0", -1), ("nr_blocks=1k", 1024 * PAGE), ("size=64m", 64 * MIB), ("size=1T", 1 << 40), ("size=4097", 2 * PAGE),
    ("sizes=1G,xsize=2G", 2 * GIB),
])
def test_sizes_as_the_kernel_reads_them(options: str, size: int) -> None:
    assert _fstab.boot_size(options, RAM, PAGE) == size


@pytest.mark.parametrize("option", [
    "size=2X", "size=-1G", "size=", "size", "size=2GB", "size=1.5G", 'size="2G"', "size=09", "size=%", "size=99E", "nr_blocks=5%",
])
def test_sizes_that_the_kernel_refuses_name_file_line_and_remedy(option: str) -> None:
    with pytest.raises(_fstab.FstabError) as error:
        _fstab.only_entry(f"\ntmpfs /dev/shm tmpfs rw,{option} 0 0\n", RAM, PAGE)
    assert str(error.value).startswith(f"/etc/fstab: line 2 for /dev/shm has {option!r}")
    assert "size=2G" in str(error.value)


@pytest.mark.parametrize(("options", "size"), [("size=1G", GIB), ("size=50%", None), ("", None)])
def test_sizes_without_knowing_ram(options: str, size: int | None) -> None:
    assert _fstab.boot_size(options, None, PAGE) == size


def test_two_lines_are_an_error_that_names_both() -> None:
    text = LINES["plain"] + "\n# x\n" + LINES["trailing slash"] + "\n"
    with pytest.raises(_fstab.FstabError, match="lines 1 and 3 both mount /dev/shm; keep the one"):
        _fstab.only_entry(text, RAM, PAGE)


@pytest.mark.parametrize(("line", "kind"), [
    ("/x /dev/shm none bind", "none"), ("x /dev/shm", "(none)"), ("r /dev/shm ramfs", "ramfs"),
])
def test_another_type_is_an_error(line: str, kind: str) -> None:
    with pytest.raises(_fstab.FstabError) as error:
        _fstab.only_entry(line, RAM, PAGE)
    assert f"line 1 for /dev/shm has the type {kind!r}; make it tmpfs" in str(error.value)


@pytest.mark.parametrize(("before", "after"), [
    ("tmpfs /dev/shm tmpfs rw,size=1G,noexec  0\t0 ", "tmpfs /dev/shm tmpfs rw,size=2G,noexec  0\t0 "),
    ("tmpfs /dev/shm tmpfs defaults 0 0", "tmpfs /dev/shm tmpfs defaults,size=2G 0 0"),
    ("tmpfs /dev/shm tmpfs defaults, 0 0", "tmpfs /dev/shm tmpfs defaults,size=2G 0 0"),
    ("tmpfs /dev/shm tmpfs  ", "tmpfs /dev/shm tmpfs size=2G  "),
    ("tmpfs /dev/shm tmpfs\r", "tmpfs /dev/shm tmpfs size=2G\r"),
    ("tmpfs /dev/shm tmpfs size=1G,nr_blocks=7 0 0", "tmpfs /dev/shm tmpfs size=1G,size=2G 0 0"),
    ("tmpfs /dev/shm tmpfs size=50% 0 0", "tmpfs /dev/shm tmpfs size=2G 0 0"),
])
def test_only_the_size_is_replaced(before: str, after: str) -> None:
    edit = _fstab.set_size(before, _fstab.only_entry(before, RAM, PAGE), "2G", NEW_OPTIONS)
    assert (edit.text, edit.old, edit.new) == (after, before, after)


@pytest.mark.parametrize(("before", "newline"), [("", ""), ("a b c\n", ""), ("a b c", "\n"), ("# x\r\n", "")])
def test_a_line_is_added(before: str, newline: str) -> None:
    edit = _fstab.set_size(before, None, "2G", NEW_OPTIONS)
    assert edit.text == before + newline + "tmpfs /dev/shm tmpfs rw,nosuid,nodev,size=2G 0 0\n"
    assert _fstab.undo(edit.text, edit.old, edit.new, edit.newline_added) == before


OURS = "tmpfs /dev/shm tmpfs rw,size=2G 0 0"


@pytest.mark.parametrize(("text", "old", "newline_added", "expected"), [
    ("a\n" + OURS + "\nlater\n", None, True, "a\nlater\n"),  # the newline now ends a line that others need
    ("a\n" + OURS, None, False, "a\n"),
    ("a\n" + OURS, None, True, "a"),
    ("new\n" + OURS + "\n", "old line", False, "new\nold line\n"),
    ("a\n" + OURS.replace("2G", "3G") + "\n", "old line", False, None),
    ("a\n", "old line", False, None),
    (OURS + "\n" + OURS + "\n", None, False, None),
])
def test_undo_after_changes_by_others(text: str, old: str | None, newline_added: bool, expected: str | None) -> None:
    assert _fstab.undo(text, old, OURS, newline_added) == expected


blanks = st.text(" \t", min_size=1, max_size=3)
other_lines = st.one_of(
    st.sampled_from(NOT_FOR_SHM),
    st.binary(max_size=20).map(lambda raw: "#" + decode(raw.replace(b"\n", b""))),
    st.tuples(st.just("/dev/sda1"), blanks, st.text("abc/\\é", min_size=1), blanks, st.just("ext4")).map("".join),
)
shm_lines = st.one_of(
    st.sampled_from(list(LINES.values())),
    st.tuples(
        st.sampled_from(["", " ", "\t"]), st.sampled_from(["tmpfs", "none", "shm"]), blanks,
        st.sampled_from(["/dev/shm", "/dev/shm/"]), blanks, st.just("tmpfs"), blanks,
        st.lists(st.sampled_from(["rw", "nosuid", "size=1M", "size=7%", "nr_blocks=9", "mode=1777"]), min_size=1).map(",".join),
        st.sampled_from(["", " 0 0", "\t0\t0\t", " 0 0\r", "\r"]),
    ).map("".join),
)
fstabs = st.tuples(
    st.lists(other_lines), st.lists(shm_lines, max_size=1), st.lists(other_lines), st.sampled_from(["", "\n"]),
).map(lambda parts: "\n".join(parts[0] + parts[1] + parts[2]) + parts[3])


@given(fstabs)
def test_edit_then_undo_gives_every_byte_back(text: str) -> None:
    before = encode(text)
    entry = _fstab.only_entry(decode(before), RAM, PAGE)
    edit = _fstab.set_size(decode(before), entry, "3G", NEW_OPTIONS)
    after = _fstab.only_entry(edit.text, RAM, PAGE)
    assert after is not None and _fstab.boot_size(after.options, RAM, PAGE) == 3 * GIB
    undone = _fstab.undo(edit.text, edit.old, edit.new, edit.newline_added)
    assert undone is not None and encode(undone) == before


@given(fstabs)
def test_one_line_changes_and_no_other(text: str) -> None:
    entry = _fstab.only_entry(text, RAM, PAGE)
    edit = _fstab.set_size(text, entry, "3G", NEW_OPTIONS)
    before, after = text.split("\n"), edit.text.split("\n")
    if entry is None:
        assert after[:len(before)] == before or after[:len(before) - 1] == before[:-1]
        assert len(after) - len(before) == (2 if edit.newline_added else 1)
    else:
        assert [i + 1 for i, pair in enumerate(zip(before, after)) if pair[0] != pair[1]] in ([entry.number], [])
        assert len(before) == len(after)


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(content: bytes) -> None:
    text = decode(content)
    assert encode(text) == content
    _fstab.find_entries(text)
