# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball as a user gets it: built, installed into an empty place, and run from there by its full name."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = {  # so that nothing but the unknown option is refused
    "changes": {"state": "kept"}, "memory_facts": {}, "node_health": {"unit": "x"}, "node_strategy": {"unit": "x"},
    "report": {"mode": "audit", "dir": "x", "hosts": ["localhost"]}, "restriction_bisect": {"unit": "x"},
    "service_limits": {"unit": "x", "nofile": "1"}, "service_restart": {"unit": "x"}, "shm": {"size": "1G"},
    "startup_trace": {"unit": "x"}, "service_sandbox": {"unit": "x"}, "audit": {},
    "docker_defaults": {"shm_size": "1G"}, "podman_defaults": {"shm_size": "1G"},
    "node_build": {"source": "x", "dir": "x", "binaries": ["x"]}, "node_release": {"unit": "x", "release": "x", "files": []},
}
MODULES = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")}
# What nobody who installs the collection should get.
UNWANTED = re.compile(r"(^|/)(\.(git|venv|cache|ansible|github|guests|hypothesis)(/|-test/|$)|__pycache__|\.\w+_cache|"
                      r"validator-report/)|\.py[co]$|\.tar\.gz$|^playbooks/collections|^tests/output")


def run(*command: object, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program of this Python's environment, with no configuration but its own."""
    program = Path(sys.executable).parent / str(command[0])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment.update(ANSIBLE_COLLECTIONS_PATH=str(cwd / "collections"), HOME=str(cwd), ANSIBLE_LOCALHOST_WARNING="false")
    done = subprocess.run([str(program), *map(str, command[1:])], cwd=cwd, env=environment,
                          capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty place with the collection in it, from a tree that has what a working tree has: caches and reports."""
    directory = tmp_path_factory.mktemp("galaxy")
    source = directory / "source"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", ".", ":!playbooks/collections"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    for litter in ("plugins/modules/__pycache__/x.pyc", ".mypy_cache/x", "validator-report/report.json", ".hypothesis/x",
                   ".cache/docsite/index.html", "playbooks/validator-report/report.json", "tests/output/x",
                   "aarch64-validator-0.0.1.tar.gz"):
        (source / litter).parent.mkdir(parents=True, exist_ok=True)
        (source / litter).write_text("")
    run("ansible-galaxy", "collection", "build", source, "--output-path", directory, cwd=directory)
    (archive,) = directory.glob("*.tar.gz")
    run("ansible-galaxy", "collection", "install", "--offline", archive, "-p", directory / "collections", cwd=directory)
    return directory


def test_tarball_holds_no_litter(place: Path) -> None:
    (archive,) = place.glob("*.tar.gz")
    with tarfile.open(archive) as tarball:
        names = tarball.getnames()
    assert [name for name in names if UNWANTED.search(name)] == []
    assert {"README.md", "LICENSE", "CHANGELOG.md", "meta/runtime.yml", "playbooks/remediate.yml"} <= set(names)


def test_playbook_runs_by_its_full_name(place: Path) -> None:
    arguments = ("-i", "localhost,", "-c", "local", "-e", "memory_pool_hosts=all", "-e", "memory_pool_fail_on=never",
                 "-e", f"ansible_python_interpreter={sys.executable}")
    done = run("ansible-playbook", *arguments, "aarch64.validator.diagnose", cwd=place)
    assert "diagnose: 1 host" in done.stdout
    assert (place / "validator-report/report.json").exists()


def test_module_defaults_reach_every_module_by_the_group(place: Path) -> None:
    """A default that each module refuses by its name shows that it was given to it."""
    calls = [{"name": module, f"aarch64.validator.{module}": REQUIRED.get(module, {}), "register": f"told_{module}",
              "ignore_errors": True} for module in sorted(MODULES)]
    shows = [{"name": "Show", "ansible.builtin.debug": {"msg": "{{ told_" + module + ".msg }}"}} for module in sorted(MODULES)]
    play = [{
        "name": "Defaults", "hosts": "localhost", "connection": "local", "gather_facts": False, "check_mode": True,
        "module_defaults": {"group/aarch64.validator.validator": {"no_such_option": 1}}, "tasks": calls + shows,
    }]
    (place / "defaults.yml").write_text(yaml.safe_dump(play))
    interpreter = f"ansible_python_interpreter={sys.executable}"
    done = run("ansible-playbook", "-i", "localhost,", "-e", interpreter, "defaults.yml", cwd=place)
    shown = [line for line in done.stdout.splitlines() if '"msg":' in line and "no_such_option" in line and "FAILED" not in line]
    assert len(shown) == len(MODULES), done.stdout


def test_group_names_every_module() -> None:
    groups = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["action_groups"]
    assert set(groups["validator"]) == MODULES


def test_fragments_become_a_release(place: Path) -> None:
    """A release of this version works, tried in a copy."""
    copy = place / "collections/ansible_collections/aarch64/validator"
    version = "1.0.0"
    text = (copy / "MANIFEST.json").read_text()
    assert '"namespace": "aarch64"' in text
    galaxy = (ROOT / "galaxy.yml").read_text()
    (copy / "galaxy.yml").write_text(re.sub(r"(?m)^version: .*$", f"version: {version}", galaxy))
    (copy / "MANIFEST.json").unlink()
    run("antsibull-changelog", "lint", cwd=copy)
    run("antsibull-changelog", "release", "--date", "2026-01-01", cwd=copy)
    changelog = (copy / "CHANGELOG.md").read_text().replace("\\", "")
    assert f"v{version}" in changelog
    missing = [name.stem for name in (ROOT / "changelogs/fragments").glob("*.yml")
               if not any(sentence in changelog for sentence in sentences(yaml.safe_load(name.read_text())))]
    assert missing == [], "fragments that the changelog would not tell"


def sentences(fragment: dict) -> list[str]:
    """The first words of each entry, as far as they have no markup."""
    entries = [entry for value in fragment.values() for entry in (value if isinstance(value, list) else [value])]
    return [re.split(r"``", entry)[0][:30] for entry in entries if re.split(r"``", entry)[0]]
