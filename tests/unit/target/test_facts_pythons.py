# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of this machine, gathered by every Python that is here, and by an ordinary user."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

COLLECTIONS = Path(__file__).resolve().parents[3] / "playbooks" / "collections"
RELEASES = ("3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
GATHER = """
import json, sys
from ansible_collections.aarch64.validator.plugins.module_utils._gather import AUTO, Wanted, gather
wanted = Wanted(services=[AUTO], binaries=json.loads(sys.argv[1]), engine_bytes=277058945024, engines_needed=None, probe=True,
                log_lines=100, toolchain=False)
facts = gather(wanted)
for process in facts.pop("processes").values():  # nodes in containers of this machine come and go
    del facts["binaries"][process["program"]]
print(json.dumps(facts, sort_keys=True))
"""
NOBODY = 65534
# What differs between two moments or two interpreters, and not because the code does.
VOLATILE = re.compile(r"^(time|python|available|committed|current|used|inodes_free|swap_free|largest_reservation|executable"
                      r"|hugepages_free)$")
PROCESS = re.compile(r"/proc/\d+/")


def interpreters() -> dict:
    """Interpreters of this machine by release: those on the path and those of pyenv."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = {}
    for release in RELEASES:
        versions = sorted(root.glob(f"versions/{release}.*/bin/python{release}"))
        path = str(versions[-1]) if versions else shutil.which(f"python{release}")
        if path and subprocess.run([path, "-c", "pass"], capture_output=True, check=False).returncode == 0:
            found[release] = path
    return found


def gather_with(python: str, binaries: list, collections: Path = COLLECTIONS, **options: object) -> dict:
    done = subprocess.run(
        [python, "-I", "-c", f"import sys; sys.path.insert(0, {str(collections)!r})\n" + GATHER, json.dumps(binaries)],
        capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{python} cannot gather facts: {done.stderr[-2000:]}"
    return json.loads(done.stdout)


def steady(value: object, key: str = "") -> object:
    """Facts without what changes by itself."""
    if isinstance(value, dict):
        return {name: steady(held, name) for name, held in value.items() if not VOLATILE.match(name)}
    if isinstance(value, list):  # a process of another that ended meanwhile is no difference
        return [steady(item) for item in value if not (key == "unread" and PROCESS.match(item["path"]))]
    return value


def test_every_python_gathers_the_same_facts():
    found = interpreters()
    if len(found) < 2:
        pytest.skip(f"one Python alone is here: {', '.join(found)}")
    binaries = ["/bin/sh", sys.executable, "/etc/passwd", "/no/such/program"]
    facts = {release: steady(gather_with(path, binaries)) for release, path in found.items()}
    first, *others = facts
    for other in others:
        assert facts[other] == facts[first], f"Python {other} tells other facts than Python {first}"


@pytest.fixture
def for_all():
    """The code in a place where everybody may read it; a clone may lie where only root may."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        code = Path("ansible_collections/aarch64/validator/plugins/module_utils")
        shutil.copytree(COLLECTIONS / code, directory / code, ignore=shutil.ignore_patterns("__pycache__"))
        for path in (Path(directory), *Path(directory).rglob("*")):
            path.chmod(0o755)
        yield Path(directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_an_ordinary_user_gathers_facts_and_is_told_what_root_would_add(tmp_path, for_all):
    secret = tmp_path / "program"
    secret.write_bytes(b"\x7fELF")
    secret.chmod(0o600)
    python = shutil.which("python3", path="/usr/bin") or sys.executable

    def become() -> None:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    facts = gather_with(python, [str(secret)], for_all, preexec_fn=become, cwd="/")
    assert facts["host"]["root"] is False and facts["host"]["session"]["uid"] == NOBODY
    assert facts["kernel"]["va_bits"] and facts["pool"]["largest_reservation"], "an ordinary user can measure address space"
    assert all(item["reason"] for item in facts["unread"])
    unread = {item["path"] for item in facts["unread"]}
    assert str(secret) in unread, "the file that only root may read is not named"
    assert facts["binaries"][str(secret)]["error"]
