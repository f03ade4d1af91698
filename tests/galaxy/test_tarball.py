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
from tarball import ROOT, install, run

REQUIRED = {  # so that nothing but the unknown option is refused
    "changes": {"state": "kept"}, "memory_facts": {}, "node_health": {"unit": "x"}, "node_strategy": {"unit": "x"},
    "report": {"mode": "audit", "dir": "x", "hosts": ["localhost"]}, "restriction_bisect": {"unit": "x"},
    "service_limits": {"unit": "x", "nofile": "1"}, "service_restart": {"unit": "x"}, "shm": {"size": "1G"},
    "startup_trace": {"unit": "x"}, "service_sandbox": {"unit": "x"}, "audit": {},
    "docker_defaults": {"shm_size": "1G"}, "podman_defaults": {"shm_size": "1G"},
    "node_build": {"source": "x", "dir": "x", "binaries": ["x"]}, "node_release": {"unit": "x", "release": "x", "files": []},
}
MODULES = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")}
# What a working tree may hold besides what git knows.
LITTER = ("plugins/modules/__pycache__/x.pyc", ".mypy_cache/x", "validator-report/report.json", ".hypothesis/x",
          ".cache/docsite/index.html", "playbooks/validator-report/report.json", "tests/output/x", ".venv/x", ".venv-test/x",
          ".guests/x", ".ansible/x", ".benchmarks/x", "inventory/fleet.yml", "validator-releases/x",
          "aarch64-validator-0.0.1.tar.gz")
# All that whoever installs the collection gets. What a clone has besides is for whoever changes it.
WANTED = {"CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "FILES.json", "LICENSE", "LICENSES", "MANIFEST.json",
          "README.md", "REUSE.toml", "SECURITY.md", ".ansible-lint", ".yamllint", "bindep.txt", "changelogs", "docs",
          "execution-environment.yml", "inventory", "meta", "playbooks", "plugins", "requirements.lock", "requirements.txt",
          "roles"}
UNWANTED = re.compile(r"(^|/)(__pycache__|\.\w+_cache|validator-report|validator-releases)(/|$)|\.py[co]$|\.tar\.gz$"
                      r"|^playbooks/collections")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty place with the collection in it, from a tree that has what a working tree has: caches and reports."""
    directory = tmp_path_factory.mktemp("galaxy")
    install(directory, LITTER)
    return directory


def test_tarball_holds_no_litter(place: Path) -> None:
    (archive,) = place.glob("*.tar.gz")
    with tarfile.open(archive) as tarball:
        names = tarball.getnames()
    assert [name for name in names if UNWANTED.search(name)] == []
    assert set(LITTER) & set(names) == set()
    assert {name.split("/")[0] for name in names} == WANTED
    assert {"meta/runtime.yml", "playbooks/remediate.yml", "docs/awx/survey.json"} <= set(names)
    assert archive.stat().st_size < 1 << 20, "Galaxy takes more, but an operator waits for it"


def test_build_publishes_nothing_that_git_does_not_know(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    shutil.copy(ROOT / "scripts/build.sh", clone / "scripts/build.sh")
    (clone / "inventory/prod.yml").write_text("a fleet that is nobody's business\n")
    (clone / "README.md").write_text("as it is now\n")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run([clone / "scripts/build.sh", tmp_path], env={**os.environ, "PATH": path}, check=True, stdout=subprocess.PIPE)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as tarball:
        names = tarball.getnames()
        readme = tarball.extractfile("README.md")
        assert readme is not None and readme.read() == b"as it is now\n"
    assert "inventory/fleet.example.yml" in names and "inventory/prod.yml" not in names


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
    """The release after this one works, tried in a copy, whether or not anything has changed since the last."""
    copy = place / "collections/ansible_collections/aarch64/validator"
    version = "99.0.0"
    assert '"namespace": "aarch64"' in (copy / "MANIFEST.json").read_text()
    galaxy = (ROOT / "galaxy.yml").read_text()
    (copy / "galaxy.yml").write_text(re.sub(r"(?m)^version: .*$", f"version: {version}", galaxy))
    (copy / "MANIFEST.json").unlink()
    fragments = copy / "changelogs/fragments"
    fragments.mkdir(exist_ok=True)
    (fragments / "made_up.yml").write_text("---\nbugfixes:\n  - shm - what was wrong is right.\n")
    told = {path.stem: sentences(yaml.safe_load(path.read_text())) for path in fragments.glob("*.yml")}
    run("antsibull-changelog", "lint", cwd=copy)
    run("antsibull-changelog", "release", "--date", "2026-01-01", cwd=copy)
    changelog = (copy / "CHANGELOG.md").read_text().replace("\\", "")
    assert f"v{version}" in changelog
    missing = [name for name, texts in told.items() if not any(text in changelog for text in texts)]
    assert missing == [], "fragments that the changelog would not tell"
    assert list(fragments.glob("*.yml")) == [], "fragments would be told twice"


def test_version_of_the_tarball_is_in_the_changelog(place: Path) -> None:
    (archive,) = place.glob("*.tar.gz")
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert archive.name == f"aarch64-validator-{version}.tar.gz"
    assert version in yaml.safe_load((ROOT / "changelogs/changelog.yaml").read_text())["releases"]
    assert f"## v{version}" in (ROOT / "CHANGELOG.md").read_text().replace("\\", "")


def sentences(fragment: dict) -> list[str]:
    """The first words of each entry, as far as they have no markup."""
    entries = [entry for value in fragment.values() for entry in (value if isinstance(value, list) else [value])]
    return [re.split(r"``", entry)[0][:30] for entry in entries if re.split(r"``", entry)[0]]
