# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a report in the hands of another user of the controller, and the spool of an audit."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ansible import constants
from ansible.errors import AnsibleActionFail
from test_replay import audit

from ansible_collections.aarch64.validator.plugins.plugin_utils._report import _spool
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._files import check_writable, remove, write_text
from facts_factory import node_facts

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
# Swaps a directory for a link, over and over, until its standard input ends; says how often.
RACER = """
import os, select, sys
place, victim = sys.argv[1:]
os.symlink(victim, place + ".link")
print("ready", flush=True)
count = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    for one, other in ((place, ".kept"), (place + ".link", ""), (place, ".link"), (place + ".kept", "")):
        try:
            os.rename(one, place + other)
            count += 1
        except OSError:
            pass
print(count)
"""


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A directory for all, such as /tmp, beside one with files of the operator's."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    (tmp_path / "victim").mkdir()
    for name in ("report.json", "val-1.json"):
        (tmp_path / "victim" / name).write_text("kept")
    return tmp_path / "shared"


def unharmed(shared: Path) -> bool:
    victim = shared.parent / "victim"
    return {path.name: path.read_text() for path in victim.iterdir()} == {"report.json": "kept", "val-1.json": "kept"}


def link_of_nobody(path: Path, target: Path) -> None:
    path.symlink_to(target)
    os.lchown(path, NOBODY, NOBODY)


@as_root
def test_links_of_another_user_are_not_followed(shared: Path) -> None:
    link_of_nobody(shared / "report", shared.parent / "victim")
    with pytest.raises(AnsibleActionFail, match="a link of another user"):
        write_text("new", str(shared / "report"), "report.json")
    remove(str(shared / "report"), "report.json")
    (shared / "own").mkdir()
    link_of_nobody(shared / "own/facts", shared.parent / "victim")
    with pytest.raises(AnsibleActionFail, match="a link of another user"):
        write_text("new", str(shared / "own/facts"), "val-1.json")
    assert unharmed(shared)


def test_a_link_of_the_operator_is_followed(shared: Path) -> None:
    (shared / "report").symlink_to(shared.parent / "victim")
    path = Path(write_text("new", str(shared / "report"), "report.json"))
    assert path.read_text() == "new" and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_in_place_of_a_file_is_replaced(shared: Path) -> None:
    (shared / "report").mkdir()
    (shared / "report/report.json").symlink_to(shared.parent / "victim/report.json")
    write_text("new", str(shared / "report"), "report.json")
    assert unharmed(shared) and not (shared / "report/report.json").is_symlink()


@as_root
def test_a_race_for_the_directory(shared: Path) -> None:
    """Their own directory takes the report, or nothing does: never one that their link leads to."""
    report = shared / "report"
    for place in (shared.parent, *shared.parent.parents):
        if place.name.startswith(("pytest-", "test_")):
            place.chmod(0o755)
    report.mkdir()
    os.chown(report, NOBODY, NOBODY)
    python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable  # the one of the tests may lie where nobody may go
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", python, "-c", RACER, str(report),
               str(shared.parent / "victim")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as racer:
        assert racer.stdout and racer.stdout.readline() == "ready\n"
        for _attempt in range(2000):
            try:
                write_text("new", str(report), "report.json")
            except AnsibleActionFail:
                continue
        count = int(racer.communicate("end\n")[0])
    assert count > 0 and unharmed(shared)


def test_a_file_that_cannot_be_written_leaves_nothing(shared: Path) -> None:
    def pieces():
        yield "half"
        raise OSError(28, "No space left on device")
    with pytest.raises(AnsibleActionFail, match="No space left"):
        write_text(pieces(), str(shared / "report"), "report.json")
    assert not os.listdir(shared / "report")


def test_a_directory_that_takes_no_file_is_told_before_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    for given in (tmp_path / "file", tmp_path / "file/deeper", Path("/proc/report")):
        with pytest.raises(AnsibleActionFail, match=r"^memory_pool_report_dir: '.*' cannot be written \(.*\); give a directory"):
            check_writable(str(given))
    check_writable(str(tmp_path / "new/deeper"))
    assert list((tmp_path / "new/deeper").iterdir()) == [], "what was tried is gone again"


def test_a_run_that_could_not_keep_its_report_asks_no_host(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    run = audit(tmp_path, "-i", "val-1,", "-c", "local", memory_pool_hosts="all", memory_pool_report_dir="file")
    assert run.status == 2 and "memory_pool_report_dir: 'file' cannot be written" in run.output
    assert "Gather and judge" not in run.output


def test_what_was_found_is_shown_where_it_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "val-1.json").write_text(json.dumps(node_facts()))
    (tmp_path / "file").write_text("kept")
    run = audit(tmp_path, memory_pool_facts_dir=".", memory_pool_report_dir="file")
    assert run.status == 2 and "memory_pool_report_dir: 'file' cannot be written" in run.output
    assert "audit: 1 host: 1 healthy" in run.output and "report: " not in run.output


def test_the_spool_is_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    _spool.keep("val-1", {"facts": {"a": 1}})
    assert stat.S_IMODE(os.stat(_spool.directory()).st_mode) == 0o700
