# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host may cost: memory while it is read, and time. tests/integration/test_hostile_host.py tries it with real hosts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import types

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.aarch64.validator.plugins.plugin_utils import _bounded_action, _bounded_read
from ansible_collections.aarch64.validator.plugins.plugin_utils._bounded_action import BoundedAction
from ansible_collections.aarch64.validator.plugins.plugin_utils._bounded_read import (
    MOST_MARKS,
    TooMuch,
    bounded_growth,
    check_output,
)


class TaskTimeoutError(BaseException):
    """As ansible-core raises it."""


class Action(BoundedAction):
    """One that does nothing by itself."""

    def run(self, tmp=None, task_vars=None):
        """Never called here."""


def action(timeout=60, answer=None):
    """An action with a task and a connection, and nothing else of ansible-core."""
    made = object.__new__(Action)
    made._task = types.SimpleNamespace(timeout=timeout, async_val=0)
    made._connection = types.SimpleNamespace(exec_command=answer, _shell=types.SimpleNamespace(tmpdir="/tmp/x"))
    return made


def test_growth_ends_a_read_that_does_not_end():
    """In a process of its own, as a worker is."""
    script = ("from ansible_collections.aarch64.validator.plugins.plugin_utils._bounded_read import *\n"
              "held = []\n"
              "try:\n"
              "    with bounded_growth(32 << 20):\n"
              "        while True: held.append(bytearray(1 << 20))\n"
              "except TooMuch: print(len(held))\n")
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}).stdout
    assert 16 < int(told) < 128, f"stopped after {told} MiB in place of 32"


def test_what_does_not_grow_is_left_alone():
    with bounded_growth():
        until = time.process_time() + 0.05
        while time.process_time() < until:
            pass
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0), "the worker would be disturbed after the answer"


@pytest.mark.parametrize("output", [b"A" * ((16 << 20) + 1), b"[]," * MOST_MARKS, b"\n" * (MOST_MARKS + 1)])
def test_output_that_would_cost_much_to_take_apart(output):
    with pytest.raises(TooMuch):
        check_output(b"", output)


def test_output_of_a_large_host_is_taken():
    check_output(b'{"log": ["' + b"a line, of a log" * (1 << 19) + b'"]}', b"")


def test_the_connection_is_as_it_was():
    class Connection:
        def exec_command(self, _command):
            return 0, b"out", b""

    held = Connection()
    with _bounded_action._bounded(held):
        assert held.exec_command("x") == (0, b"out", b"") and vars(held)
    assert not vars(held), "the next command would be looked at twice"


def test_words_of_a_connection_that_failed():
    def failing(_command):
        raise AnsibleConnectionFailure("gone \x1b[2J\u202e")

    held = types.SimpleNamespace(exec_command=failing)
    with _bounded_action._bounded(held), pytest.raises(AnsibleConnectionFailure) as caught:
        held.exec_command("x")
    assert "gone  [2J" in str(caught.value) and "\x1b" not in str(caught.value)


def test_a_host_that_does_not_answer_is_failed(monkeypatch):
    monkeypatch.setattr(_bounded_action, "end_children", lambda: None)

    def ask():
        raise TaskTimeoutError

    assert action().answered(ask) == {"failed": True, "changed": False, "msg": "no answer within 60 s"}
    with pytest.raises(TaskTimeoutError):  # the limit is that of the task around it
        action(timeout=None).answered(ask)


def test_other_errors_are_not_hidden():
    def ask():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        action().answered(ask)


def test_cleanup_ends_on_a_host_that_is_silent(monkeypatch):
    """The limit of the task is over by then."""
    monkeypatch.setattr(_bounded_action, "_CLEANUP_SECONDS", 1)
    monkeypatch.setattr(_bounded_action, "end_children", lambda: None)
    monkeypatch.setattr(BoundedAction, "_remove_tmp_path", lambda *_arguments: time.sleep(30))
    begun = time.monotonic()
    action().cleanup()
    assert time.monotonic() - begun < 10, "a run would hang behind the task that gave up"


def test_children_of_a_read_that_was_given_up_are_ended():
    with subprocess.Popen(["sleep", "60"]) as child:
        _bounded_read.end_children()
        assert child.wait(10) == -signal.SIGTERM, "an ssh would stay for each host that does not answer"
