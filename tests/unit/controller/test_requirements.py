# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""requirements.lock has what requirements.txt asks for, once for each Python of a controller, and a checksum of each file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]
RANGES = [Requirement(line) for line in (ROOT / "requirements.txt").read_text().splitlines()]
# A release with its checksums is one line, broken by backslashes.
LINES = [line for line in (ROOT / "requirements.lock").read_text().replace("\\\n", "").splitlines() if not line.startswith("#")]
PINS = [Requirement(line.split("--hash", 1)[0]) for line in LINES]
# The Pythons that each release of ansible-core says it runs on, as a controller.
PYTHONS_OF_CORE = {"2.17": (10, 12), "2.18": (11, 13), "2.19": (11, 13), "2.20": (12, 14), "2.21": (12, 14), "2.22": (12, 14)}


def pinned(python: str, machine: str) -> dict:
    """The exact releases that pip takes there, by name; a name that stands twice is an error."""
    where = {"python_version": python, "python_full_version": f"{python}.1", "platform_machine": machine,
             "platform_python_implementation": "CPython", "implementation_name": "cpython", "sys_platform": "linux"}
    taken = [pin for pin in PINS if pin.marker is None or pin.marker.evaluate(where)]
    assert len({pin.name for pin in taken}) == len(taken), "a package stands twice"
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in taken}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_each_controller_gets_what_is_asked_for(python, machine):
    taken = pinned(python, machine)
    missing = [str(wanted) for wanted in RANGES if not wanted.specifier.contains(taken.get(wanted.name, "0"))]
    assert missing == [], "run make lock"
    first, last = PYTHONS_OF_CORE[".".join(taken["ansible-core"].split(".")[:2])]
    assert first <= int(python.split(".")[1]) <= last, f"ansible-core {taken['ansible-core']} does not run on Python {python}"


def test_every_release_is_exact_and_has_checksums():
    for line, pin in zip(LINES, PINS, strict=True):
        assert re.fullmatch(r"==[\d.]+", str(pin.specifier)), f"{pin.name} is not pinned"
        assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}(?=\s|$)", line)) >= 2, f"{pin.name} lacks checksums of its files"
    assert "http" not in (ROOT / "requirements.lock").read_text(), "a lock names no server"


def test_make_installs_from_the_lock():
    text = (ROOT / "Makefile").read_text()
    assert "REQUIREMENTS ?= requirements.lock" in text
    assert 'make_venv.sh "$(PYTHON)" $(VENV) "$(REQUIREMENTS)"' in text
