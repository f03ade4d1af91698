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

from ansible_collections.aarch64.validator.plugins.module_utils import _atomic
from ansible_collections.aarch64.validator.plugins.module_utils._atomic import (
    ChangedMeanwhile,
    Expected,
    check_way,
    replace_file,
)
from ansible_collections.aarch64.validator.plugins.module_utils._drop_in import read_drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._state import load_state

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="this is about what root does")
NOBODY = 65534


@pytest.fixture(params=[True, False], ids=["swapped", "compared"])
def swaps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With renameat2(2), and as on a system without it."""
    if not request.param:
        monkeypatch.setattr(_atomic, "_exchange", lambda *_paths: False)
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
