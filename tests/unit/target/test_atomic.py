# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is replaced as a whole or not at all, whoever else is about; and nobody makes root write elsewhere."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _atomic, _swap
from ansible_collections.aarch64.validator.plugins.module_utils._atomic import (
    Expected,
    check_way,
    remove_left_over,
    replace_file,
)
from ansible_collections.aarch64.validator.plugins.module_utils._drop_in import read_drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._state import load_state
from ansible_collections.aarch64.validator.plugins.module_utils._swap import ChangedMeanwhile, Kept

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="this is about what root does")
NOBODY = 65534


@pytest.fixture(params=[True, False], ids=["swapped", "compared"])
def swaps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With renameat2(2), and as on a system without it."""
    if not request.param:
        monkeypatch.setattr(_swap, "exchange", lambda *_paths: False)
    return bool(request.param)


@pytest.mark.usefixtures("swaps")
def test_what_was_expected_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "fstab"
    path.write_bytes(b"old")
    path.chmod(0o640)
    replace_file(str(path), b"new", expected=Expected(b"old"))
    assert path.read_bytes() == b"new" and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["fstab"]


@pytest.mark.usefixtures("swaps")
@pytest.mark.parametrize("found", [b"theirs", None])
def test_what_somebody_else_has_done_stays(tmp_path: Path, found: bytes | None) -> None:
    path = tmp_path / "fstab"
    if found is not None:
        path.write_bytes(found)
    with pytest.raises(ChangedMeanwhile, match="fstab"):
        replace_file(str(path), b"new", expected=Expected(b"old"))
    assert (path.read_bytes() if path.exists() else None) == found
    assert not list(tmp_path.glob(".*")), "something was left behind"


def killed_at(path: Path, when: str, theirs: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace "old" by "new" in a child that is killed before or after the swap, right after somebody else has written."""
    swapped = _swap.exchange

    def exchange(one: str, other: str) -> bool:
        if theirs is not None:
            path.with_name("fstab.dpkg-new").write_bytes(theirs)
            os.rename(path.with_name("fstab.dpkg-new"), path)
        if when == "after":
            swapped(one, other)
        os._exit(9)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(_swap, "exchange", exchange)
        replace_file(str(path), b"new", expected=Expected(b"old"))
        os._exit(1)
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 9, "the swap was not reached"


@pytest.mark.parametrize(("when", "theirs", "left"), [
    ("before", None, b"old"), ("after", None, b"new"), ("before", b"theirs", b"theirs"), ("after", b"theirs", b"theirs")])
def test_a_run_that_is_killed_at_the_swap_loses_nothing(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, theirs: bytes | None, left: bytes) -> None:
    path = tmp_path / "fstab"
    path.write_bytes(b"old")
    killed_at(path, when, theirs, monkeypatch)
    remove_left_over(str(tmp_path))
    assert path.read_bytes() == left, "what a package wrote at that moment is lost"
    assert os.listdir(tmp_path) == ["fstab"], "something was left behind"


def test_what_cannot_be_put_back_is_kept_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package wrote at the moment of the kill, and another one since: nobody but a person can bring both together."""
    path = tmp_path / "fstab"
    path.write_bytes(b"old")
    killed_at(path, "after", b"theirs", monkeypatch)
    path.write_bytes(b"theirs, later")
    for _run in range(2):  # for as long as it lies there
        with pytest.raises(Kept, match=r"fstab: a run was stopped .* is in .*kept: .* then remove .*kept. Nothing was changed"):
            remove_left_over(str(tmp_path))
        assert path.read_bytes() == b"theirs, later"
        kept, = (other for other in tmp_path.iterdir() if other != path)
        assert kept.name.endswith(".aarch64-validator-kept") and kept.read_bytes() == b"theirs", "what a package wrote is lost"
    kept.unlink()
    remove_left_over(str(tmp_path))


def test_a_run_that_is_ended_between_swap_and_comparison_puts_back_what_it_found(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fstab"
    path.write_bytes(b"theirs")
    swapped = _swap.exchange

    def exchange(one: str, other: str) -> bool:
        swapped(one, other)
        monkeypatch.setattr(_swap, "exchange", swapped)
        raise SystemExit(1)

    monkeypatch.setattr(_swap, "exchange", exchange)
    with pytest.raises(SystemExit):
        replace_file(str(path), b"new", expected=Expected(b"old"))
    assert path.read_bytes() == b"theirs" and os.listdir(tmp_path) == ["fstab"], "what a package wrote is lost"


def test_a_link_that_came_to_be_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fstab"
    path.write_bytes(b"old")
    (tmp_path / "other").write_bytes(b"old")
    swapped = _swap.exchange

    def exchange(one: str, other: str) -> bool:
        monkeypatch.setattr(_swap, "exchange", swapped)
        path.unlink()
        path.symlink_to("other")
        return swapped(one, other)

    monkeypatch.setattr(_swap, "exchange", exchange)
    with pytest.raises(ChangedMeanwhile):
        replace_file(str(path), b"new", expected=Expected(b"old"))
    assert path.is_symlink() and sorted(os.listdir(tmp_path)) == ["fstab", "other"]


@as_root
def test_what_another_user_could_have_made_up_is_not_put_in_place(tmp_path: Path) -> None:
    path = tmp_path / "fstab"
    path.write_bytes(b"root's")
    trap = tmp_path / f".fstab.{'0' * 32}.{_swap._digest(b'root' + bytes([39]) + b's')}.aarch64-validator-new"
    trap.write_bytes(b"theirs")
    os.chmod(tmp_path, 0o1777)
    remove_left_over(str(tmp_path))
    assert path.read_bytes() == b"root's"


def test_a_file_that_was_not_there_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "fstab"
    replace_file(str(path), b"new", expected=Expected(None))
    assert path.read_bytes() == b"new"
    with pytest.raises(ChangedMeanwhile):
        replace_file(str(path), b"newer", expected=Expected(None))
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["fstab"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    replace_file(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"


def test_errors_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device.*fstab'"):
        replace_file(str(tmp_path / "fstab"), b"new")
    assert not os.listdir(tmp_path)


@as_root
@pytest.mark.parametrize("make", [lambda path: os.chown(path, NOBODY, NOBODY), lambda path: os.chmod(path, 0o1777),
                                  lambda path: (os.chown(path, 0, NOBODY), os.chmod(path, 0o770))],
                         ids=["of another user", "for everybody", "for a group"])
def test_root_does_not_write_where_others_do(tmp_path: Path, make) -> None:
    directory = tmp_path / "theirs"
    directory.mkdir()
    (directory / "fstab").write_text("old")
    make(str(directory))
    with pytest.raises(PermissionError, match="which another user can change"):
        replace_file(str(directory / "fstab"), b"new")
    assert (directory / "fstab").read_text() == "old"


@as_root
def test_root_does_not_write_below_a_directory_of_another_user(tmp_path: Path) -> None:
    """Who owns a directory above can put another one in its place, at any moment."""
    directory = tmp_path / "theirs" / "etc"
    directory.mkdir(parents=True)
    os.chown(tmp_path / "theirs", NOBODY, NOBODY)
    with pytest.raises(PermissionError, match="theirs, which another user can change"):
        replace_file(str(directory / "fstab"), b"new")
    assert not os.listdir(directory)


def test_a_pipe_holds_nobody_up(tmp_path: Path) -> None:
    """Whoever may write in a directory can make one, and opening it would wait for ever. systemd itself does."""
    os.mkfifo(tmp_path / "shm.json")
    unread: list = []
    assert read_text(str(tmp_path / "shm.json"), unread) is None and "not a regular file" in unread[0]["reason"]
    for read in (lambda: read_drop_in(str(tmp_path / "shm.json")), lambda: load_state("shm", str(tmp_path))):
        with pytest.raises(OSError, match="not a regular file"):
            read()


@as_root
@pytest.mark.parametrize("depth", [1, 2])
def test_every_directory_on_the_way_counts(tmp_path: Path, depth: int) -> None:
    """A link leads through a directory of another user to one of root's."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root/fstab").write_text("old")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "1").symlink_to(tmp_path / "root")
    (tmp_path / "own").symlink_to(theirs / "1")
    (tmp_path / "2").symlink_to(tmp_path / "own")
    check_way(str(tmp_path / ("own" if depth == 1 else "2") / "fstab"))
    os.chown(theirs, NOBODY, NOBODY)
    with pytest.raises(PermissionError, match="theirs, which another user can change"):
        replace_file(str(tmp_path / ("own" if depth == 1 else "2") / "fstab"), b"new")
    assert (tmp_path / "root/fstab").read_text() == "old"


@as_root
def test_a_link_in_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("kept")
    path = tmp_path / "fstab"
    Path(_atomic.temporary_of(str(path))).symlink_to(tmp_path / "victim")
    replace_file(str(path), b"new")
    assert (tmp_path / "victim").read_text() == "kept" and not path.is_symlink() and path.read_text() == "new"
