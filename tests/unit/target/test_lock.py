# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time changes a host, and a file that was left behind is no lock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils._lock import Busy, changing_host

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="without root nothing is changed, and nothing locked")


def test_busy_names_who_and_where(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with changing_host(False, path), pytest.raises(Busy, match=f"process {os.getpid()} holds {path}.*nothing was changed"), \
            changing_host(False, path, wait=0):
        pass
    assert not os.path.exists(path)
    with changing_host(False, path, wait=0):
        pass


def test_a_file_that_was_left_behind_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("1\n")
    with changing_host(False, str(tmp_path / "lock"), wait=0):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_dry_runs_lock_nothing(tmp_path: Path) -> None:
    with changing_host(True, str(tmp_path / "lock")):
        assert not (tmp_path / "lock").exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("kept")
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"), changing_host(False, str(tmp_path / "lock")):
        pass
    assert (tmp_path / "victim").read_text() == "kept"
