# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""memory_facts as one program: the same answer as the module, on every Python, and nothing left behind."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sent_program import packed, sent, validated

from ansible_collections.aarch64.validator.plugins.plugin_utils._gather_action import exchanged
from ansible_collections.aarch64.validator.plugins.plugin_utils._one_program import PACKAGE, _texts, program

ROOT = Path(__file__).resolve().parents[3]
# Refuses, like a full disk, every file that the program would make, and says so on standard error.
NOTHING_IS_WRITTEN = """
import os, sys
def look(event, arguments):
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_CREAT | os.O_TRUNC):
        raise OSError(28, "this host has no room: %s" % (arguments[0],))
    if event in ("os.mkdir", "os.rename", "tempfile.mkstemp", "tempfile.mkdtemp"):
        raise OSError(28, "this host has no room: %s %s" % (event, arguments))
sys.addaudithook(look)
"""


def answer_of(code: bytes, python: str = sys.executable) -> tuple[int, dict, str]:
    done = subprocess.run([python, "-"], input=code, capture_output=True, timeout=120, check=False)
    assert done.stdout, f"the program printed nothing: {done.stderr.decode()}"
    return done.returncode, json.loads(done.stdout), done.stderr.decode()


def shape(value: object, depth: int) -> object:
    return {key: shape(inner, depth - 1) for key, inner in value.items()} if isinstance(value, dict) and depth else None


def test_the_program_is_no_larger_than_what_ansible_sends_for_ping() -> None:
    ping = packed("ansible.builtin.ping", {}, sys.executable)
    assert len(sent()) - len(ping) <= 64 << 10, "each question to a host sends more than it may"


def test_the_program_answers_what_the_module_answers() -> None:
    wanted = validated(services=[], log_lines=0) | {"services": ["auto"]}
    module = subprocess.run([sys.executable, "-m", f"{PACKAGE.replace('module_utils', 'modules')}.memory_facts"],
                            input=json.dumps({"ANSIBLE_MODULE_ARGS": wanted}), capture_output=True, text=True, check=False,
                            cwd=ROOT / "playbooks/collections")
    _status, said, _errors = answer_of(program(wanted))
    assert module.returncode == 0, module.stderr + module.stdout
    told = json.loads(module.stdout)
    told.pop("invocation", None)
    assert shape(said, 3) == shape(told, 3), "program and module do not tell of the same facts"
    same = ("schema", "libc", "limits", "toolchain")
    facts, others = (one["ansible_facts"]["aarch64_memory"] for one in (said, told))
    assert {name: facts[name] for name in same} == {name: others[name] for name in same}


@pytest.mark.parametrize("version", ["3.7", "3.9", "3.13"])
def test_the_program_runs_on_the_pythons_of_hosts(version: str) -> None:
    found: list = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")) or [shutil.which(f"python{version}")]
    if found[-1] is None:
        pytest.skip(f"there is no Python {version} here")
    status, said, errors = answer_of(sent(log_lines=0), str(found[-1]))
    assert status == 0, errors
    assert said["ansible_facts"]["aarch64_memory"]["host"]["python"]["version"].startswith(version)


def test_a_python_that_is_too_old_says_so() -> None:
    status, said, _errors = answer_of(b"import sys\nsys.version_info = (3, 6, 9)\n" + sent())
    assert status == 1
    assert said["failed"]
    assert "is too old: 3.7 or newer is needed" in said["msg"]
    assert sys.executable in said["msg"]


def test_a_full_disk_does_not_keep_a_host_from_telling() -> None:
    status, said, errors = answer_of(NOTHING_IS_WRITTEN.encode() + sent(log_lines=0))
    assert status == 0, f"gathering wants to write on the host: {errors}"
    assert said["ansible_facts"]["aarch64_memory"]["schema"] == 1


def test_an_option_that_only_the_host_can_judge_is_refused() -> None:
    status, said, _errors = answer_of(sent(binaries=["polkadot"]))
    assert status == 1
    assert said == {"failed": True, "msg": said["msg"]}
    assert "binaries: 'polkadot'" in said["msg"]
    assert "absolute paths" in said["msg"]


def test_a_crash_names_file_and_line() -> None:
    broken = program(dict(validated(), engine_bytes="no number"))
    done = subprocess.run([sys.executable, "-"], input=broken, capture_output=True, text=False, check=False)
    assert done.returncode == 1
    assert "module_utils/_wanted.py\", line" in done.stderr.decode(), "a traceback must say where it happened"


def test_code_that_never_gathers_is_not_sent() -> None:
    sent = {name.rpartition(".")[2] for name in _texts()}
    assert not sent & {"_bisect", "_docker_apply", "_startup", "_health", "_build_run"}, "more is sent than gathering needs"


def test_every_shape_in_which_ansible_core_hands_on_a_module() -> None:
    @dataclasses.dataclass(frozen=True)
    class Built:
        b_module_data: bytes
        shebang: str

    assert exchanged(("new", "#!/usr/bin/python3", b"zip", "/path"), b"ours") == ("new", "#!/usr/bin/python3", b"ours", "/path")
    assert exchanged((Built(b"zip", "#!/usr/bin/python3"), "/path"), b"ours") == (Built(b"ours", "#!/usr/bin/python3"), "/path")
    assert exchanged((Built(b"#!/bin/python\nzip", "x"), "/path"), b"ours") == (Built(b"#!/bin/python\nours", "x"), "/path")
    assert exchanged(("a shape of the future",), b"ours") is None


def ad_hoc(arguments: str, python: str = sys.executable, *options: str) -> str:
    command = [sys.executable, "-m", "ansible", "adhoc", "-i", "localhost,", "-c", "local", "all",
               "-e", f"ansible_python_interpreter={python}", "-m", "aarch64.validator.memory_facts", "-a", arguments, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("pipelining", ["True", "False"])
def test_what_ansible_sends_is_this_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pipelining: str) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncat ${{1:-}} > {tmp_path}/sent\nexec {sys.executable} {tmp_path}/sent\n')
    python.chmod(0o755)
    monkeypatch.setenv("ANSIBLE_PIPELINING", pipelining)
    assert "aarch64_memory" in ad_hoc("log_lines=0", str(python))
    received = (tmp_path / "sent").read_bytes()
    assert received.endswith(sent(log_lines=0)), "something else was sent to the host"


def test_a_task_with_async_gets_its_facts() -> None:
    said = ad_hoc("log_lines=0", sys.executable, "--background", "60", "--poll", "1")
    assert "aarch64_memory" in said, said


@pytest.mark.parametrize(("given", "said"), [
    ("engine_bytes=much", "engine_bytes"),
    ("nosuch=1", "Unsupported parameters for (aarch64.validator.memory_facts) module: nosuch"),
])
def test_wrong_options_are_refused_in_the_words_of_ansible(given: str, said: str) -> None:
    assert said in ad_hoc(given)
