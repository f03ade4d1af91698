# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link to a release and the way back, on real files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _release_apply, _state
from ansible_collections.aarch64.validator.plugins.module_utils import _release_link as links
from ansible_collections.aarch64.validator.plugins.module_utils._provisional import NAME, provisional
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import Refusal


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A host of files: where releases and state lie, and a program."""
    monkeypatch.setattr(links, "RELEASES", str(tmp_path / "releases"))
    monkeypatch.setattr(_release_apply, "RELEASES", str(tmp_path / "releases"))
    for function in (_state.load_state, _state.save_state):
        monkeypatch.setattr(function, "__defaults__", (str(tmp_path / "state"),))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/polkadot").write_text("old")
    for name in ("one", "two"):
        (tmp_path / "releases" / name).mkdir(parents=True)
        (tmp_path / "releases" / name / "polkadot").write_text(name)
    return tmp_path


def deliver(place: Path, name: str, trial: bool = True) -> None:
    _release_apply.apply_switch(str(place / "bin/polkadot"), str(place / "releases" / name / "polkadot"), name, trial)


def seen(place: Path) -> tuple:
    link = place / "bin/polkadot"
    return link.read_text(), link.is_symlink(), sorted(os.listdir(place / "bin")), os.lstat(link).st_ino


def undo(place: Path) -> list:
    done = [links.undo_release(link, record, False) for link, record in provisional(links.STATE).items()]
    _state.save_state(NAME, {})
    return [action for actions, _notes in done for action in actions]


def test_the_very_file_comes_back(place):
    before = seen(place)
    deliver(place, "one")
    assert seen(place)[:2] == ("one", True)
    assert len(undo(place)) == 2 and seen(place) == before and not (place / "releases/one").exists()
    assert not (place / "state").exists()
    deliver(place, "two", trial=False)
    assert links.take_back(False)["changed"] and seen(place) == before
    assert not (place / "releases").exists() and not links.take_back(False)["changed"]


def test_an_undo_goes_one_release_back_and_a_revert_to_the_beginning(place):
    before = seen(place)
    deliver(place, "one", trial=False)
    deliver(place, "two")
    assert undo(place)[0].endswith("put back as it was before") and seen(place)[0] == "one"
    assert (place / "releases/one").exists() and not (place / "releases/two").exists()
    links.take_back(False)
    assert seen(place) == before


def test_a_link_of_the_operator_comes_back(place):
    link = place / "bin/polkadot"
    link.rename(place / "bin/polkadot-1")
    link.symlink_to("polkadot-1")
    deliver(place, "one", trial=False)
    links.take_back(False)
    assert os.readlink(link) == "polkadot-1" and sorted(os.listdir(place / "bin")) == ["polkadot", "polkadot-1"]


def test_a_package_that_replaces_the_link_is_left_alone(place):
    deliver(place, "one", trial=False)
    new = place / "bin/new"
    new.write_text("packaged")
    new.rename(place / "bin/polkadot")
    result = links.take_back(False)
    assert seen(place)[:3] == ("packaged", False, ["polkadot"]) and "replaced by somebody else" in result["notes"][0]


def test_a_delivery_over_a_package_keeps_what_the_package_brought(place):
    deliver(place, "one", trial=False)
    (place / "bin/new").write_text("packaged")
    (place / "bin/new").rename(place / "bin/polkadot")
    deliver(place, "two", trial=False)
    links.take_back(False)
    assert seen(place)[:3] == ("packaged", False, ["polkadot"]), "a revert would have brought the program from before the upgrade"


def test_a_copy_in_vain_is_removed_but_none_that_is_in_use(place):
    deliver(place, "one", trial=False)
    for name in ("one", "two"):
        links.remove_unused(name)
    assert os.listdir(place / "releases") == ["one"]


@pytest.mark.parametrize(("program", "said"), [("/bin/false", "exit status 1"), ("/nowhere", "No such file")])
def test_a_program_that_cannot_start_is_never_switched_to(program, said):
    with pytest.raises(Refusal, match=f"{said}.*nothing was switched"):
        _release_apply.try_program(program, {"User": ""})


def test_an_interrupted_switch_is_repeated_or_undone(place, monkeypatch):
    before = seen(place)
    with monkeypatch.context() as patched:
        patched.setattr(links, "point", lambda link, target: (_nothing for _nothing in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            deliver(place, "one")
    assert seen(place)[0] == "old", "the node would not start"
    undo(place)
    assert seen(place) == before
