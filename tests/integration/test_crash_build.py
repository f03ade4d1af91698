# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What node_build writes by itself, stopped at every system call: its records while cargo runs, and a release at the end.

cargo has its own safety and is not looked at; a command of one line stands for it. With CRASH_POINTS=all each point also
fails in each way, once and for good.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import crash_points as points
import pytest
from crash_trial import Trial, chosen, summary
from private_root import COLLECTIONS

from ansible_collections.aarch64.validator.plugins.module_utils import _build_result, _build_run

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="not installed: strace")

HEAD = "import json, os, sys\nfrom ansible_collections.aarch64.validator.plugins.module_utils import _build_result, _build_run\n"
RECORD = {"source": "/", "inputs": {"target": "x", "binaries": ["node"]}, "revision": "1a" * 20, "dirty": False}
# The process that goes on when its module has ended: what _build_run.start() runs at last, without the two forks before.
BUILD = HEAD + """
directory, record = sys.argv[1], json.loads(sys.argv[3])
stale = ["another toolchain"] if sys.argv[2] == "clean" else []
os.makedirs(directory + "/cargo", exist_ok=True)
command = ["/bin/sh", "-c", f"mkdir -p {directory}/cargo && echo made >{directory}/cargo/node"]
job = _build_run.Job("token", directory, "/", command, [["true"]], dict(os.environ), 60, stale, record)
_build_run._build(job, os.open(os.devnull, os.O_WRONLY))
"""
RELEASE = HEAD + """
directory, _clean, record = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
made = _build_result.release(directory, {"node": directory + "/cargo/node"}, record, ["cargo"], os.uname().machine)
print(json.dumps(made["manifest"]))
"""


def run(code: str, directory: Path, clean: str, orders: t.Sequence[str] | None) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run a part of the module, under strace if there are orders or none of them; its end, and the log."""
    log = directory.parent / "points.log"
    trace = [] if orders is None else points.trace(str(log), *orders)
    words = [*trace, sys.executable, "-B", "-c", code, str(directory), clean, json.dumps(RECORD)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(COLLECTIONS)})
    return done, log.read_text(errors="replace") if trace else ""


def fresh(directory: Path, artefact: bytes | None) -> None:
    """A build directory of an earlier build."""
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "cargo").mkdir(parents=True)
    (directory / "record.json").write_text('{"old": true}')
    (directory / "status.json").write_text('{"id": "old", "outcome": "done"}')
    if artefact:
        (directory / "cargo/node").write_bytes(artefact)


def whole(directory: Path, where: str) -> None:
    """Each record is JSON, each release is all there or not at all."""
    for name in ("record.json", "status.json"):
        if (directory / name).exists():
            json.loads((directory / name).read_text())
    releases = directory / "releases"
    for path in releases.iterdir() if releases.exists() else ():
        if not path.name.startswith("."):
            manifest = json.loads((path / "manifest.json").read_text())
            for binary in manifest["binaries"]:
                assert _build_result.sha256_of(str(path / binary["name"])) == binary["sha256"], f"{where}: {path} is damaged"
                assert stat.S_IMODE((path / binary["name"]).stat().st_mode) == 0o755, where


def left(directory: Path) -> list[str]:
    """What lies under a temporary name."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob(".*"))


def test_records_of_a_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "build"
    tried: list[t.Any] = []
    found: list[points.Point] = []
    for clean in ("clean", "keep"):
        fresh(directory, b"old")
        here = points.points(run(BUILD, directory, clean, ())[1])
        found += here
        for point, how, lasting in chosen(here):
            tried.append((point, how, lasting))
            where = f"{clean}: {how} at {point.text}"
            fresh(directory, b"old")
            _done, log = run(BUILD, directory, clean, [points.orders(point, how, lasting)])
            assert points.hit(log), f"{where}: not reached"
            whole(directory, where)
            record = _build_run.load(str(directory), _build_run.RECORD)
            status = _build_run.load(str(directory), _build_run.STATUS)
            if (directory / "cargo/node").exists() and (directory / "cargo/node").read_text() == "made\n":
                assert record == RECORD, f"{where}: artefacts are there, and nothing says from what"
            assert status.get("outcome") != "done" or record == RECORD or status["id"] == "old", f"{where}: taken for done"
            run(BUILD, directory, clean, None)
            assert _build_run.load(str(directory), _build_run.STATUS)["outcome"] == "done", f"{where}: the next one does not end"
            assert _build_run.load(str(directory), _build_run.RECORD) == RECORD and not left(directory), where
    with capsys.disabled():
        print("\n" + summary(Trial("node_build: records of a build", "node_build", {}), found, tried))


def test_a_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "build"
    program = Path("/bin/true").read_bytes()
    fresh(directory, program)
    (directory / "cargo/node").chmod(0o755)
    first, log = run(RELEASE, directory, "-", ())
    assert first.returncode == 0, first.stderr
    wanted, found = json.loads(first.stdout), points.points(log)
    tries = chosen(found)
    for point, how, lasting in tries:
        where = f"{how} at {point.text}"
        shutil.rmtree(directory / "releases")
        done, log = run(RELEASE, directory, "-", [points.orders(point, how, lasting)])
        assert points.hit(log), f"{where}: not reached"
        whole(directory, where)
        again, _log = run(RELEASE, directory, "-", None)
        assert again.returncode == 0 and json.loads(again.stdout) == wanted, f"{where}: {again.stderr}"
        whole(directory, where)
        assert [path.name for path in (directory / "releases").iterdir()] == [wanted["release"]], f"{where}: {left(directory)}"
        assert done.returncode or json.loads(done.stdout) == wanted, where
    with capsys.disabled():
        print("\n" + summary(Trial("node_build: a release", "node_build", {}), found, tries))
