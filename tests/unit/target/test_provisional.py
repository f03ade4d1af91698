# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was changed on trial is kept as a whole or undone as a whole, and the work of others stays."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _drop_in, _provisional, _undo
from ansible_collections.aarch64.validator.plugins.module_utils._limits_apply import REMEDY
from ansible_collections.aarch64.validator.plugins.module_utils._state import load_state, save_state

UNIT = "node.service"
FIRST, SECOND = "[Service]\nLimitNOFILE=1\n", "[Service]\nLimitNOFILE=2\n"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A drop-in of a unit in a tree of the test's own."""
    state = str(tmp_path / "state")
    for module in (_drop_in, _provisional, _undo):
        for name, function in (("load_state", load_state), ("save_state", save_state)):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, functools.partial(function, directory=state))
    monkeypatch.setattr(_drop_in, "drop_in_directory", lambda unit: str(tmp_path / f"{unit}.d"))
    monkeypatch.setattr(_undo, "is_running_here", lambda: False)
    return tmp_path / f"{UNIT}.d" / REMEDY.file


def change(path: Path, text: str) -> None:
    """As the modules do it."""
    old = _drop_in.read_drop_in(str(path))
    _provisional.remember_drop_in(REMEDY.state, UNIT, str(path), old, text, _drop_in.recorded(REMEDY).get(UNIT))
    _drop_in.write_drop_in(REMEDY, UNIT, old, text)


def undo(dry: bool = False) -> dict:
    return _undo.undo(None, dry)  # systemd does not run here


def test_several_changes_go_back_to_before_the_first(path: Path) -> None:
    change(path, FIRST)
    change(path, SECOND)
    assert undo(dry=True)["actions"] == [f"{path}: removed"] and path.exists()
    assert undo()["actions"] == [f"{path}: removed"]
    assert not path.parent.exists() and not (path.parents[1] / "state").exists()
    assert undo() == {"changed": False, "actions": [], "notes": []}


def test_a_change_that_was_killed_before_it_was_written_leaves_no_trace(path: Path) -> None:
    """The record of the trial and that of the remedy were saved, and then the power went."""
    _provisional.remember_drop_in(REMEDY.state, UNIT, str(path), None, FIRST, _drop_in.recorded(REMEDY).get(UNIT))
    save_state(REMEDY.state, {UNIT: _drop_in.first_entry(REMEDY, UNIT, None)}, str(path.parents[1] / "state"))
    change(path, FIRST)
    undo()
    assert not path.parent.exists() and not (path.parents[1] / "state").exists()


def test_an_undo_that_was_killed_before_the_reload_reloads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Manager:
        reloads = 0

        def reload(self) -> None:
            self.reloads += 1

    change(path, FIRST)
    manager = Manager()
    monkeypatch.setattr(_undo, "is_running_here", lambda: True)
    path.unlink()  # as an undo does first
    assert _undo.undo(manager, False)["changed"] is False  # all that it asks of systemd
    assert manager.reloads == 1


def test_what_an_earlier_run_wrote_comes_back_and_can_still_be_reverted(path: Path) -> None:
    change(path, FIRST)
    _undo.keep(dry=False)
    change(path, SECOND)
    assert undo()["actions"] == [f"{path}: put back as it was before"]
    assert path.read_text() == FIRST
    assert _drop_in.undo_plan(REMEDY, UNIT, _drop_in.recorded(REMEDY)[UNIT])["new"] is None


def test_kept_is_kept(path: Path) -> None:
    change(path, FIRST)
    _undo.keep(dry=True)
    assert undo(dry=True)["changed"]
    _undo.keep(dry=False)
    assert not undo()["changed"] and path.read_text() == FIRST


def test_the_work_of_somebody_else_stays(path: Path) -> None:
    change(path, FIRST)
    path.write_text("edited")
    assert undo()["notes"] == [f"{path}: edited by somebody else since, left as it is"]
    assert path.read_text() == "edited"


def test_an_edit_in_between_is_what_comes_back(path: Path) -> None:
    change(path, FIRST)
    path.write_text("edited")
    change(path, "edited\n" + SECOND)
    assert undo()["changed"] and path.read_text() == "edited"


def test_a_change_that_was_never_made_is_no_change(path: Path) -> None:
    path.parent.mkdir()
    _provisional.remember_drop_in(REMEDY.state, UNIT, str(path), None, FIRST, None)
    assert undo() == {"changed": False, "actions": [], "notes": []}


def test_a_removed_file_comes_back_with_its_mode(path: Path) -> None:
    change(path, FIRST)
    _undo.keep(dry=False)
    path.chmod(0o600)
    _provisional.remember_drop_in(REMEDY.state, UNIT, str(path), FIRST, None, _drop_in.recorded(REMEDY)[UNIT])
    path.unlink()
    path.parent.rmdir()
    assert undo()["changed"] and path.read_text() == FIRST and os.stat(path).st_mode & 0o777 == 0o600


def test_a_damaged_record_is_named(path: Path) -> None:
    _provisional.remember(REMEDY.state, UNIT, {"path": str(path)})
    with pytest.raises(ValueError, match=r"provisional\.json is damaged"):
        undo()
