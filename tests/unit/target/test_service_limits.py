# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to write for a service, what a start gives it, and when it must be restarted."""

from __future__ import annotations

import os

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import (
    _drop_in,
    _live_limits,
    _service_limits,
    _unit_files,
)
from ansible_collections.aarch64.validator.plugins.module_utils._limits_apply import REMEDY
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError

OWN = "/etc/systemd/system/node.service.d/60-aarch64-validator.conf"


def limit(soft: int, hard: int | None = None) -> dict:
    return {"soft": soft, "hard": soft if hard is None else hard}


PID1 = {"nofile": limit(20000), "memlock": limit(8388608), "as": limit(-1), "data": limit(-1), "stack": limit(1, -1)}


@pytest.mark.parametrize(("may_raise", "nr_open", "expected"), [
    (True, 1 << 20, {"nofile": 1 << 20, "memlock": -1, "as": -1, "data": -1}),
    (True, None, {"nofile": 1 << 20, "memlock": -1, "as": -1, "data": -1}),
    (False, 1 << 20, {"nofile": 20000, "memlock": 8388608, "as": -1, "data": -1}),
    (False, 4096, {"nofile": 4096, "memlock": 8388608, "as": -1, "data": -1}),
])
def test_grantable(may_raise: bool, nr_open: int | None, expected: dict) -> None:
    assert _service_limits.grantable_limits(PID1, may_raise, nr_open) == expected


def test_grantable_of_unreadable_limits() -> None:
    assert _service_limits.grantable_limits({}, False, None) == {}


@pytest.mark.parametrize(("parameters", "wanted", "notes"), [
    ({"nofile": "65535"}, {"nofile": 65535}, 0),
    ({"nofile": "infinity"}, {"nofile": 1 << 20}, 0),
    ({"nofile": "2000000"}, {"nofile": 1 << 20}, 1),
    ({"memlock": "infinity", "address_space": "1T", "nofile": None}, {"memlock": -1, "as": 1 << 40}, 0),
])
def test_wanted(parameters: dict, wanted: dict, notes: int) -> None:
    found, said = _service_limits.wanted_limits(parameters, 1 << 20)
    assert (found, len(said)) == (wanted, notes)


@pytest.mark.parametrize("value", ["2X", "-1G", "0", "", "unlimited", "65535:524288", "1\n2"])
def test_bad_limits_name_the_option(value: str) -> None:
    with pytest.raises(OptionError, match="address_space"):
        _service_limits.wanted_limits({"address_space": value}, None)


@pytest.mark.parametrize(("configured", "floor", "line"), [
    (limit(1024, 524288), 65535, "65535:524288"),
    (limit(1024, 4096), 65535, "65535"),
    (limit(1024, 65535), 65535, "65535"),
    (limit(1024, -1), 65535, "65535:infinity"),
    (limit(1024, 4096), -1, "infinity"),
    (limit(65535, 524288), 65535, None),
    (limit(-1), 65535, None),
    (limit(-1), -1, None),
])
def test_lines(configured: dict, floor: int, line: str | None) -> None:
    lines = _service_limits.needed_lines({"nofile": configured}, {"nofile": floor})
    assert lines == ({} if line is None else {"LimitNOFILE": line})


def test_drop_in_is_merged() -> None:
    text = _service_limits.merge_drop_in(None, {"LimitNOFILE": "5000"})
    assert text == _service_limits.HEADER + "[Service]\nLimitNOFILE=5000\n"
    assert _service_limits.generated_lines(text) == {"LimitNOFILE": "5000"}
    text = _service_limits.merge_drop_in(text, {"LimitMEMLOCK": "infinity"})
    text = _service_limits.merge_drop_in(text, {"LimitNOFILE": "6000"})
    assert text.splitlines()[1:] == ["[Service]", "LimitNOFILE=6000", "LimitMEMLOCK=infinity"]
    edited = text + "Nice=1"
    assert _service_limits.generated_lines(edited) is None
    merged = _service_limits.merge_drop_in(edited, {"LimitNOFILE": "7000"})
    assert merged == edited + "\n[Service]\nLimitNOFILE=7000\n"


@pytest.mark.parametrize(("text", "name", "expected"), [
    ("65535", "nofile", limit(65535)),
    ("1024:524288", "nofile", limit(1024, 524288)),
    ("1024 : infinity", "nofile", limit(1024, -1)),
    ("infinity", "memlock", limit(-1)),
    ("1.5M:2G", "memlock", limit(1572864, 2 << 30)),
    ("300G", "as", limit(300 << 30)),
    ("5k", "nofile", None),  # systemd takes no units here
    ("5K", "nofile", None),
    ("2000:1000", "nofile", None),
    ("infinity:1", "memlock", None),
    ("1:2:3", "memlock", None),
    ("", "memlock", None),
    ("much", "memlock", None),
])
def test_values_as_systemd_reads_them(text: str, name: str, expected: dict | None) -> None:
    assert _unit_files.parse_limit_value(text, name) == expected


UNIT_FILE = """\
# LimitNOFILE=1
[Unit]
LimitNOFILE=2
[Service]
ExecStart=/bin/x \\
  # LimitNOFILE=3
  --LimitNOFILE=4
 LimitNOFILE = 1024:524288
LimitMEMLOCK=\\
64M
LimitNOFILE=
LimitNOFILE=nonsense
[Install]
LimitAS=5
"""


def test_assignments_of_a_unit_file() -> None:
    assert _unit_files.limit_assignments(UNIT_FILE, "/x") == [
        {"name": "nofile", "value": limit(1024, 524288), "path": "/x", "line": 8},
        {"name": "memlock", "value": limit(64 << 20), "path": "/x", "line": 9},
    ]


def test_later_files_decide() -> None:
    files = [("/node.service", "[Service]\nLimitNOFILE=1\nLimitAS=7\n"), ("/a.conf", "[Service]\nLimitNOFILE=2\n")]
    assert _unit_files.loaded_limits(files, {"nofile": limit(9), "data": limit(8)}) == {
        "nofile": limit(2), "as": limit(7), "data": limit(8)}


@pytest.mark.parametrize(("later", "floor", "line"), [
    ("LimitNOFILE=4096", 65535, 2),
    ("Nice=1\nLimitNOFILE=4096:524288", 65535, 3),
    ("LimitNOFILE=100000", 65535, None),
    ("LimitNOFILE=", 65535, None),
    ("LimitMEMLOCK=1", 65535, None),
])
def test_overruling(later: str, floor: int, line: int | None) -> None:
    lines = {"LimitNOFILE": str(floor)}
    files = [(OWN, _service_limits.render_drop_in(lines)), ("/z.conf", "[Service]\n" + later)]
    found = _service_limits.overruling(files, OWN, lines, {"nofile": floor, "memlock": -1})
    assert (found and (found["path"], found["line"])) == (line and ("/z.conf", line))


@pytest.mark.parametrize(("unit", "names"), [
    ("node.service", ["node.service", "service"]),
    ("a-b-c.service", ["a-b-c.service", "a-b-.service", "a-.service", "service"]),
    ("a-b@x-y.service", ["a-b@x-y.service", "a-b@.service", "a-.service", "service"]),
])
def test_drop_in_directories(unit: str, names: list) -> None:
    assert _unit_files.drop_in_names(unit) == names


def test_drop_ins_in_load_order(tmp_path) -> None:
    etc, usr = str(tmp_path / "etc"), str(tmp_path / "usr")
    for path in ("etc/node.service.d/50-b.conf", "etc/service.d/70-c.conf", "usr/node.service.d/50-b.conf",
                 "usr/node.service.d/10-a.conf", "usr/node.service.d/README", "etc/node.service.d/.60-x.conf"):
        os.makedirs(str((tmp_path / path).parent), exist_ok=True)
        (tmp_path / path).write_text("")
    expected = [usr + "/node.service.d/10-a.conf", etc + "/node.service.d/50-b.conf", etc + "/service.d/70-c.conf"]
    assert _unit_files.find_drop_ins(["node.service"], [etc, usr]) == expected
    own = etc + "/node.service.d/60-own.conf"
    assert _unit_files.with_file(expected, own) == [*expected[:2], own, expected[2]]
    assert _unit_files.find_fragment("node.service", [etc], "/lib/node.service") == "/lib/node.service"


@pytest.mark.parametrize(("old", "floor", "may_raise", "new"), [
    (limit(1024, 20000), 16384, False, limit(16384, 20000)),
    (limit(1024, 20000), 65535, False, limit(20000, 20000)),
    (limit(1024, 20000), 65535, True, limit(65535, 65535)),
    (limit(1024, 524288), 65535, True, limit(65535, 524288)),
    (limit(1024, -1), -1, False, limit(-1, -1)),
    (limit(8388608), -1, True, limit(-1, -1)),
    (limit(70000), 65535, True, limit(70000)),
    (limit(-1), 65535, True, limit(-1)),
])
def test_raised(old: dict, floor: int, may_raise: bool, new: dict) -> None:
    assert _service_limits.raised(old, floor, may_raise) == new


@pytest.mark.parametrize(("privileged", "uids", "expected"), [
    (True, "998\t998\t998\t998", True),
    (False, "998\t998\t998\t998", False),
    (False, "0\t0\t0\t0", True),
    (False, "0\t998\t0\t0", False),
    (False, "", False),
])
def test_may_change(privileged: bool, uids: str, expected: bool) -> None:
    caller = {"uid": 0, "gid": 0, "privileged": privileged}
    assert _service_limits.may_change(caller, {"Uid": uids, "Gid": "0\t0\t0\t0"}) is expected


@pytest.mark.parametrize(("configured", "may_raise", "expected"), [
    (limit(65535, 524288), True, limit(65535, 524288)),
    (limit(65535, 524288), False, limit(20000, 20000)),
    (limit(65535, -1), True, limit(20000, 20000)),  # above fs.nr_open systemd falls back to its own hard limit
])
def test_limits_at_start(configured: dict, may_raise: bool, expected: dict) -> None:
    assert _service_limits.limits_at_start({"nofile": configured}, PID1, may_raise, 1 << 20) == {"nofile": expected}


@pytest.mark.parametrize(("floor", "live", "grantable", "start", "expected"), [
    (65535, 1024, 1 << 20, 65535, True),
    (65535, 65535, 1 << 20, 65535, False),
    (65535, 20000, 20000, 20000, False),  # more cannot be had
    (65535, 1024, 20000, 20000, True),
    (-1, 8388608, 8388608, 8388608, False),
    (-1, 8388608, -1, -1, True),
    (65535, 20000, 1 << 20, 20000, False),  # the next start would not raise it
])
def test_needs_restart(floor: int, live: int, grantable: int, start: int, expected: bool) -> None:
    answer = _service_limits.needs_restart(
        {"nofile": floor}, {"nofile": limit(live)}, {"nofile": grantable}, {"nofile": limit(start)})
    assert answer is expected


@pytest.mark.parametrize(("state", "sub_state", "changed", "expected"), [
    ("inactive", "dead", True, False),
    ("failed", "failed", True, True),
    ("failed", "failed", False, False),
    ("activating", "auto-restart", True, True),
    ("activating", "auto-restart", False, False),
])
def test_units_without_a_process(state: str, sub_state: str, changed: bool, expected: bool) -> None:
    properties = {"ActiveState": state, "SubState": sub_state}
    assert _service_limits.down_needs_restart(properties, changed) is expected


def test_ungrantable_is_said() -> None:
    wanted, grantable = {"memlock": -1, "nofile": 9, "as": -1}, {"memlock": 8388608, "nofile": 9, "as": 1}
    notes = _service_limits.ungrantable_notes(wanted, grantable)
    assert notes == ["memlock: wanted infinity, this host's PID 1 can grant at most 8388608",
                     "address_space: wanted infinity, this host's PID 1 can grant at most 1"]


def test_processes_of_a_unit_in_every_kind_of_hierarchy(tmp_path) -> None:
    for path, pids in (("v2/s/n", "7\n3\n"), ("v2/s/n/sub", "9\n"), ("v1/systemd/s/n", "3\n"), ("v2/s/other", "1\n")):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "cgroup.procs").write_text(pids)
    roots = (str(tmp_path / "v2"), str(tmp_path / "v1/systemd"), str(tmp_path / "absent"))
    assert _live_limits.unit_processes("/s/n", roots) == [3, 7, 9]
    assert _live_limits.unit_processes("/", roots) == []
    assert _live_limits.unit_processes("/s/../n", roots) == []


def test_undo_knows_its_own_files(tmp_path, monkeypatch) -> None:
    path = tmp_path / "node.service.d" / "60-aarch64-validator.conf"
    monkeypatch.setattr(_drop_in, "drop_in_directory", lambda unit: str(path.parent))
    assert _drop_in.undo_plan(REMEDY, "node.service", None) is None
    path.parent.mkdir()
    path.write_text("[Service]\nNice=1\n")
    assert _drop_in.undo_plan(REMEDY, "node.service", None) is None
    ours = _service_limits.render_drop_in({"LimitNOFILE": "9"})
    path.write_text(ours)
    lost_state = _drop_in.undo_plan(REMEDY, "node.service", None)
    assert lost_state is not None
    assert (lost_state["new"], lost_state["directory_made"], lost_state["kept"]) == (None, False, False)
    entry = {"path": str(path), "directory_made": True, "before": "old", "written": [_drop_in.digest(ours)]}
    known = _drop_in.undo_plan(REMEDY, "node.service", entry)
    assert known is not None
    assert known["new"] == "old"
    path.write_text(ours + "Nice=1\n")
    edited = _drop_in.undo_plan(REMEDY, "node.service", entry)
    assert edited is not None
    assert edited["kept"]
