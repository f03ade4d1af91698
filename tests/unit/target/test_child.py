# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No program, whatever it starts or prints, holds a run up for longer than it was given, or fills the memory of a host."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _child, _startup_direct, _strategy_help
from ansible_collections.aarch64.validator.plugins.module_utils._child import NoAnswer, ask

SHELL = ["/bin/sh", "-c"]
# Holds the pipes from a session of its own.
AWAY = "import os, time; os.setsid() if os.fork() == 0 else os._exit(0); time.sleep(12)"


def away() -> str:
    """A command line that leaves behind what no signal to the group of the program reaches."""
    return f'{sys.executable} -c "{AWAY}"'


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("program", [f"{away()} & exec sleep 30", f"{away()}; sleep 30", f"{away()}; exec >&- 2>&-; sleep 30"])
def test_who_has_left_the_group_and_holds_the_pipes_is_not_waited_for(program: str) -> None:
    before, begin = open_files(), time.monotonic()
    with pytest.raises(NoAnswer, match=r"gave no answer within 0\.5 seconds"):
        ask([*SHELL, program], 0.5, {})
    assert time.monotonic() - begin < 5, "a program that left its session held the run up beyond its time"
    assert open_files() == before, "a pipe was left open"


def test_an_answer_counts_although_something_was_left_behind() -> None:
    begin = time.monotonic()
    answer = ask([*SHELL, f"echo said; echo too >&2; {away()}; exit 3"], 30, {})
    assert answer == (3, "said\n", "too\n")
    assert time.monotonic() - begin < 8, "what a program has left behind kept its answer from us"


def test_the_help_of_a_program_that_leaves_its_session(tmp_path: Path) -> None:
    program = tmp_path / "polkadot"
    program.write_text(f"#!/bin/sh\n{away()}\nexec sleep 30\n")
    program.chmod(0o755)
    begin = time.monotonic()
    with pytest.raises(_strategy_help.HelpError, match=r"did not end within 0\.5 seconds"):
        _strategy_help.ask_help(str(program), None, 0.5)
    assert time.monotonic() - begin < 6, "a program that left its session held the run up beyond its time"


@pytest.mark.parametrize("pipe", ["", ">&2"])
def test_a_program_that_prints_without_end_is_ended(monkeypatch: pytest.MonkeyPatch, pipe: str) -> None:
    monkeypatch.setattr(_child, "MAX_BYTES", 3 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(NoAnswer, match=r"yes.* printed more than 3 MiB"):
        ask([*SHELL, f"yes {pipe}"], 30, {})
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 40 << 10, f"a program without end took {grown >> 10} MiB of this host"


def test_what_one_pipe_holds_does_not_block_the_other() -> None:
    answer = ask([*SHELL, "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; echo end"], 30, {})
    assert (len(answer.output), len(answer.errors)) == (300004, 300000)


def test_a_program_that_cannot_be_killed_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that waits for a disk that does not answer: the kernel delivers no signal to it."""
    monkeypatch.setattr(os, "killpg", lambda *_arguments: None)
    monkeypatch.setattr(_child, "_END_SECONDS", 0.2)
    process = subprocess.Popen(["sleep", "30"], stdout=subprocess.PIPE, start_new_session=True)
    monkeypatch.setattr(_startup_direct, "_children", list)
    begin = time.monotonic()
    try:
        _startup_direct._end(process)
        assert time.monotonic() - begin < 5, "a trial that the kernel does not let go held the run up for ever"
    finally:
        process.kill()
        process.wait()
