# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host may cost: memory while it is read, and time. tests/integration/test_hostile_host.py tries it with real hosts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
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


# Read a source that has no end, as connection plugins do, and say how many MiB that took. The kernel's limit saves this machine.
READ = """
import resource, signal, subprocess, sys
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from ansible_collections.aarch64.validator.plugins.plugin_utils._bounded_read import *
largest = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
before = largest()
try:
    with bounded_growth(32 << 20):
        {read}
except TooMuch:
    print(largest() - before)
"""
READS = {
    "one pipe": "subprocess.Popen(['cat', '/dev/zero'], stdout=subprocess.PIPE).communicate()",
    "two pipes": "subprocess.Popen(['cat', '/dev/zero'], stdout=subprocess.PIPE, stderr=subprocess.PIPE).communicate()",
    "behind a shell": "subprocess.Popen('cat /dev/zero; true', shell=True, stdout=subprocess.PIPE).communicate()",
    "no child": "held, zeros = [], open('/dev/zero', 'rb')\n        while True: held.append(zeros.read(1 << 16))",
}


@pytest.mark.parametrize("source", READS)
def test_growth_ends_a_read_that_does_not_end(source):
    """Whether a connection reads one pipe, which no signal interrupts, or several, or a socket of its own."""
    command = [sys.executable, "-c", READ.format(read=READS[source])]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
    assert told.stdout.strip().isdigit(), f"a host that never ends would fill the memory: {told.stderr[-300:]}"
    assert int(told.stdout) < 400, f"stopped after {told.stdout} MiB in place of 32"


def test_what_does_not_grow_is_left_alone():
    before = threading.active_count()
    with bounded_growth():
        until = time.monotonic() + 0.1
        while time.monotonic() < until:
            pass
    assert threading.active_count() == before, "a thread is left in the worker"
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0), "the worker would be disturbed after the answer"


def test_an_error_of_a_connection_stays_what_it_is():
    with pytest.raises(AnsibleConnectionFailure), bounded_growth():
        raise AnsibleConnectionFailure("gone")


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
