# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two that change one host at the same moment: nothing that either has written is lost, and nobody waits for the dead.

strace holds the first one up inside a system call, so that the moment is the same in every run of these tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import crash_points
import pytest
from crash_machines import FSTAB, LOG
from private_root import COLLECTIONS, MODULE_PACKAGE, STATE
from shm_box import ShmBox, shm_box

LOCK = "/run/aarch64-validator.lock"
TEMPORARY = ".fstab*.aarch64-validator-new"  # beside fstab
LINE = "proc /proc proc defaults 0 0\n"
PACKAGE = "tmpfs /srv/package tmpfs defaults 0 0\n"


@pytest.fixture
def box(tmp_path: Path) -> t.Iterator[ShmBox]:
    with shm_box(tmp_path) as machine:
        machine.path(FSTAB).write_text(LINE)
        yield machine


def start(box: ShmBox, size: str, *orders: str) -> subprocess.Popen[str]:
    """Start the module, held up as strace is told."""
    strace = crash_points.trace(LOG, *orders) if orders else []
    command = box.command("env", f"PYTHONPATH={COLLECTIONS}", *strace, sys.executable, "-B", "-m", MODULE_PACKAGE + "shm")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": {"size": size}}))
    process.stdin.close()
    process.stdin = None
    return process


def answer(process: subprocess.Popen[str]) -> dict[str, t.Any]:
    """What a module answers at its end."""
    output, _errors = process.communicate(timeout=60)
    return dict(json.loads(output))


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a file holds something; the process must live on. The name may be a pattern."""
    deadline = time.monotonic() + 30
    while not any(found.stat().st_size for found in path.parent.glob(path.name)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.01)


def temporary(box: ShmBox) -> Path:
    """What is to become fstab, under the names it has until then."""
    return box.path(FSTAB).parent / TEMPORARY


def left_beside(box: ShmBox) -> list[str]:
    """What lies beside fstab and is no fstab."""
    return [path.name for path in box.path(FSTAB).parent.iterdir() if "fstab" in path.name and path.name != "fstab"]


def replace(path: Path, text: str) -> None:
    """As dpkg, sed -i and libmount write: a new file, renamed."""
    other = path.with_name("fstab.dpkg-new")
    other.write_text(text)
    os.rename(other, path)


def write_in_place(path: Path, text: str) -> None:
    """As an editor, or ``>>``, writes: into the file that is there."""
    with open(path, "r+", encoding="utf-8") as stream:
        stream.write(text)
        stream.truncate()


@pytest.mark.parametrize("write", [replace, write_in_place])
def test_a_package_that_writes_fstab_at_the_same_moment_loses_nothing(box: ShmBox, write: t.Callable) -> None:
    first = start(box, "128M", "renameat2:delay_enter=2000000:when=1")
    wait_for(temporary(box), first)
    write(box.path(FSTAB), LINE + PACKAGE)
    result = answer(first)
    assert not result.get("failed"), result
    lines = box.path(FSTAB).read_text().splitlines(keepends=True)
    assert lines[:2] == [LINE, PACKAGE], "what the package wrote is lost"
    assert len(lines) == 3 and "/dev/shm" in lines[2], "what the module was to write is lost"
    assert not left_beside(box)
    box.module("shm", {"state": "reverted"})
    assert box.path(FSTAB).read_text() == LINE + PACKAGE and not box.path(STATE).exists()


@pytest.mark.parametrize("write", [replace, write_in_place])
def test_a_run_that_is_killed_after_the_swap_loses_nothing_of_a_package(box: ShmBox, write: t.Callable) -> None:
    """It has seen that something else came out than it expected, and is killed as it is about to put that back."""
    first = start(box, "128M", "fsync:delay_enter=1000000", "renameat2:signal=KILL:when=2")
    wait_for(temporary(box), first)
    write(box.path(FSTAB), LINE + PACKAGE)
    first.communicate(timeout=60)
    assert PACKAGE not in box.path(FSTAB).read_text() and left_beside(box), "this is not the moment that is meant"
    assert not box.module("shm", {"size": "128M"}).get("failed")
    lines = box.path(FSTAB).read_text().splitlines(keepends=True)
    assert lines[:2] == [LINE, PACKAGE], "what the package wrote is lost"
    assert len(lines) == 3 and not left_beside(box)
    box.module("shm", {"state": "reverted"})
    assert box.path(FSTAB).read_text() == LINE + PACKAGE and not box.path(STATE).exists()


def test_a_run_says_what_only_a_person_can_bring_together(box: ShmBox) -> None:
    first = start(box, "128M", "fsync:delay_enter=1000000", "renameat2:signal=KILL:when=2")
    wait_for(temporary(box), first)
    replace(box.path(FSTAB), LINE + PACKAGE)
    first.communicate(timeout=60)
    replace(box.path(FSTAB), LINE)
    for _run in range(2):
        said = box.module("shm", {"size": "128M"})
        kept, = left_beside(box)
        assert said.get("failed") and f"/etc/{kept}" in said["msg"] and "/etc/fstab" in said["msg"], said
        assert box.path(FSTAB).read_text() == LINE and (box.path(FSTAB).parent / kept).read_text() == LINE + PACKAGE
    (box.path(FSTAB).parent / kept).unlink()
    assert not box.module("shm", {"size": "128M"}).get("failed")


def test_an_fstab_that_comes_to_be_at_the_same_moment_stays(box: ShmBox) -> None:
    box.path(FSTAB).unlink()
    first = start(box, "128M", "linkat:delay_enter=2000000:when=1", "link:delay_enter=2000000:when=1")
    wait_for(temporary(box), first)
    replace(box.path(FSTAB), LINE)
    assert not answer(first).get("failed")
    assert box.path(FSTAB).read_text().startswith(LINE) and "/dev/shm" in box.path(FSTAB).read_text()


def test_a_second_run_waits_for_the_first(box: ShmBox) -> None:
    first = start(box, "128M", "fsync:delay_enter=1000000:when=1")
    wait_for(box.path(LOCK), first)
    second = start(box, "192M")
    results = [answer(first), answer(second)]
    assert [result.get("failed") for result in results] == [None, None], results
    assert box.shm_size() == 192 << 20
    assert len([line for line in box.path(FSTAB).read_text().splitlines() if "/dev/shm" in line]) == 1
    box.module("shm", {"state": "reverted"})
    assert box.path(FSTAB).read_text() == LINE and box.shm_size() == 64 << 20, "the second run forgot what was there at first"
    assert not box.path(LOCK).exists()


def test_nobody_waits_for_a_run_that_was_killed(box: ShmBox) -> None:
    first = start(box, "128M", "fsync:delay_enter=50000000:when=1")
    wait_for(box.path(LOCK), first)
    second = start(box, "192M")
    holder = int(box.path(LOCK).read_text())
    assert second.poll() is None
    os.kill(holder, signal.SIGKILL)
    assert not answer(second).get("failed")
    assert box.shm_size() == 192 << 20
    with contextlib.suppress(ProcessLookupError):
        first.kill()
    first.communicate()
    assert not list(box.path("/var/lib/aarch64-validator").glob(".*")), "what the killed run had half written is still there"


def test_check_mode_waits_for_nobody(box: ShmBox) -> None:
    first = start(box, "128M", "fsync:delay_enter=2000000:when=1")
    wait_for(box.path(LOCK), first)
    assert box.module("shm", {"size": "192M"}, check=True)["changed"]
    assert first.poll() is None, "check mode waited"
    answer(first)
