# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When node_strategy writes its drop-in, leaves a unit alone, and asks for a restart."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _drop_in, _strategy_unit
from ansible_collections.aarch64.validator.plugins.module_utils._node import STRATEGY_FLAG as FLAG
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_apply import decide_unit, needs_restart
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_source import read_source
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_unit import Unit, not_loaded, overruled_reason
from ansible_collections.aarch64.validator.plugins.module_utils._unit_lines import logical_lines
from strategy_cases import CHOSEN, OPTION, POOLING, UNIT, programs

OWN = "/etc/systemd/system/node.service.d/60-aarch64-validator-strategy.conf"
FRAGMENT = "[Service]\nExecStart=/opt/node $A\n"


def unit_of(old: str | None = None, entry: dict | None = None, others: tuple = (), **properties: str) -> Unit:
    return Unit("node.service", {"Id": "node.service", **properties}, OWN, old, entry, [(UNIT, FRAGMENT), *others], [])


def own_text() -> str:
    return decide_unit(unit_of(), CHOSEN, programs())[1].text


def test_own_drop_in_does_not_count_but_a_foreign_one_does() -> None:
    text = own_text()
    assert decide_unit(unit_of(text), CHOSEN, programs())[1].text == text
    edited = text.replace("$A", "$A --x")
    entry = {"written": [_drop_in.digest(text)]}
    _source, decision = decide_unit(unit_of(edited, entry), CHOSEN, programs())
    assert decision.stays
    assert f"given already, {CHOSEN} in {OWN}, line 5" in decision.reason
    _source, decision = decide_unit(unit_of("[Service]\nNice=1\n"), CHOSEN, programs())
    assert decision.stays
    assert "edited by somebody else" in decision.reason


def test_source_is_recognised() -> None:
    text = own_text()
    source = unit_of().source(None)
    assert not _strategy_unit.source_changed(unit_of(text), source)
    other = read_source([(UNIT, FRAGMENT.replace("$A", "$B"))], [], "node.service", False)
    assert _strategy_unit.source_changed(unit_of(text), other)
    known = {"written": [_drop_in.digest(text)], "source": other.digest}
    assert not _strategy_unit.source_changed(unit_of(text, known), other)
    assert not _strategy_unit.source_changed(unit_of(), other)


@pytest.mark.parametrize(("text", "said"), [
    ("[Service]\nNice=1\n", None), ("[Service]\nExecStart=\n", "90-site.conf sets"),
    ("[Service]\nExecStart=\nExecStart=/opt/node\n", "90-site.conf, line 3 sets"), ("[Unit]\nExecStart=/x\n", None),
])
def test_overruling(text: str, said: str | None) -> None:
    directory = os.path.dirname(OWN)
    unit = unit_of(others=((directory + "/10-site.conf", "[Service]\nExecStart=\n"), (directory + "/90-site.conf", text)))
    reason = overruled_reason(unit, own_text())
    assert (reason is None) == (said is None)
    assert said is None or said in (reason or "")


def test_loaded_command_is_recognised() -> None:
    source = read_source([("", own_text())], [], "node.service", False)
    shown = "{ path=/opt/node ; argv[]=/opt/node %s $A ; ignore_errors=no ; start_time=[n/a] ; status=0/0 }"
    assert not not_loaded({"ExecStart": shown % OPTION}, source)
    assert not_loaded({"ExecStart": shown % ""}, source)
    assert not_loaded({"ExecStart": shown % f"{OPTION} {OPTION}"}, source)
    assert not_loaded({"ExecStart": (shown % OPTION).replace("/node", "/other")}, source)
    assert not_loaded({}, source)
    assert not not_loaded({}, None)


@pytest.mark.parametrize(("kind", "reason"), [
    ({"Transient": "yes"}, "transient"), ({"RootDirectory": "/srv"}, "root directory of its own"), ({"RootImage": "/x"}, "root"),
])
def test_units_of_other_kinds_are_left_alone(kind: dict, reason: str) -> None:
    _source, decision = decide_unit(unit_of(**kind), CHOSEN, programs())
    assert (decision.stays, decision.text) == (True, None)
    assert reason in decision.reason


@pytest.mark.parametrize(("live", "strategies", "expected"), [
    (["node"], [CHOSEN], True), (["node", FLAG, CHOSEN], [CHOSEN], False), (["node", FLAG, "recreate-instance"], [CHOSEN], True),
    (["node", FLAG, CHOSEN], [POOLING], False), (["node"], [POOLING], False), (["node", "--"], [CHOSEN, POOLING], True),
    (["node", FLAG, CHOSEN, "--"], [CHOSEN, CHOSEN], True),
])
def test_restart(monkeypatch, live: list, strategies: list, expected: bool) -> None:
    text = "\0".join(live) + "\0"
    monkeypatch.setattr("ansible_collections.aarch64.validator.plugins.module_utils._strategy_apply.read_text", lambda *_: text)
    assert needs_restart({"MainPID": "7"}, strategies, False) is expected


@pytest.mark.parametrize(("state", "changed", "expected"), [
    ("failed", True, True), ("failed", False, False), ("inactive", True, False),
])
def test_restart_of_a_unit_that_is_down(state: str, changed: bool, expected: bool) -> None:
    assert needs_restart({"MainPID": "0", "ActiveState": state}, [CHOSEN], changed) is expected


def test_drop_in_is_no_more_readable_than_the_unit(tmp_path) -> None:
    path = tmp_path / "node.service"
    path.write_text(FRAGMENT)
    for mode, expected in ((0o644, 0o644), (0o600, 0o600), (0o755, 0o644), (0o400, 0o600)):
        path.chmod(mode)
        assert _strategy_unit.mode_of(read_source([(str(path), FRAGMENT)], [], "x", False)) == expected
        assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize(("text", "lines"), [
    ("a\\\nb\n\n;c\nd", [(1, "a b"), (5, "d")]), ("a\\", [(1, "a")]), ("a\\\\\nb", [(1, "a\\\\"), (2, "b")]),
    ("\ufeff[x]\r\ny\rz", [(1, "[x]"), (2, "y"), (3, "z")]), ("a\\\n#b\n c", [(1, "a  c")]), ("", []), ("\\\n\\\nx", [(1, "x")]),
])
def test_lines_of_a_unit_file(text: str, lines: list) -> None:
    assert logical_lines(text) == lines
