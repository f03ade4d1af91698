# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program says of itself when node_strategy asks it, and which programs are asked."""

from __future__ import annotations

import os
import time

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _strategy_help
from ansible_collections.aarch64.validator.plugins.module_utils._node import STRATEGY_FLAG as FLAG
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_help import Help, HelpError, parse_help
from strategy_cases import CHOSEN, OLD, POOLING

HELP = """polkadot 1.20.2

Usage: polkadot-parachain [OPTIONS] [-- <RELAY_CHAIN_ARGS>...]

Arguments:
  [RELAY_CHAIN_ARGS]...
          Relay chain arguments

Options:
      --wasmtime-precompiled <PATH>
          Specify the path where local precompiled WASM runtimes are stored

      --wasmtime-instantiation-strategy <STRATEGY>
          The WASM instantiation method to use.

          Only has an effect when `wasm-execution` is set to `compiled`.
          The copy-on-write strategies are only supported on Linux.
          [default: pooling-copy-on-write]

          Possible values:
          - pooling-copy-on-write:
            Pool the instances to avoid initializing everything from scratch
            on each instantiation - with copy-on-write
          - recreate-instance-copy-on-write: Recreate the instance from scratch
          - pooling:                         Pool
          - recreate-instance:               Very slow

      --wasm-runtime-overrides <PATH>
          - not a value
"""


@pytest.mark.parametrize(("text", "expected"), [
    (HELP, Help(True, [POOLING, CHOSEN, "pooling", "recreate-instance"], True)),
    ("  -x, --wasmtime-instantiation-strategy <S>  text [possible values: Pooling,\n  B-c]\n  --o [possible values: d]",
     Help(True, ["pooling", "b-c"], False)),
    ("  --wasmtime-instantiation-strategy <S>\n      text\n  -d, --other [possible values: d]\n", Help(True, [], False)),
    ("  --wasmtime-instantiation-strategy-x\n", OLD),
    ("see --wasmtime-instantiation-strategy\n", OLD),
    ("", OLD),
])
def test_help(text: str, expected: Help) -> None:
    assert parse_help(text) == expected


def script(path, *lines: str) -> str:
    path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
    path.chmod(0o755)
    return str(path)


def test_program_is_asked(tmp_path) -> None:
    known = script(tmp_path / "polkadot", "[ $# = 1 ] && [ $1 = --help ] && [ -z \"$SECRET\" ] || exit 9",
                   f"printf '  {FLAG} <S>  [possible values: a]\\n'", "read line && exit 9", "exit 0")
    assert _strategy_help.ask_help(known, None) == Help(True, ["a"], False)


@pytest.mark.parametrize(("lines", "said"), [
    (("sleep 60",), "did not end within 1 seconds"),
    (("exec >&-", "sleep 60"), "did not end within 1 seconds"),
    (("trap '' TERM", "yes"), "did not end within 1 seconds"),
    (("exit 3",), "ended with exit status 3"),
    (("kill -SEGV $$",), "ended with signal 11"),
])
def test_program_that_gives_no_answer(tmp_path, lines: tuple, said: str) -> None:
    path = script(tmp_path / "polkadot", *lines)
    started = time.monotonic()
    with pytest.raises(HelpError, match=said):
        _strategy_help.ask_help(path, None, 1)
    assert time.monotonic() - started < 5


def test_what_a_program_leaves_behind_is_ended(tmp_path) -> None:
    path = script(tmp_path / "polkadot", f"sleep 60 & echo $! >{tmp_path}/pid", f"printf '  {FLAG} <S>\\n'")
    assert _strategy_help.ask_help(path, None, 10).known
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5
    while os.path.exists(f"/proc/{pid}/exe") and time.monotonic() < deadline:
        try:
            os.readlink(f"/proc/{pid}/exe")
        except OSError:
            break  # a zombie
        time.sleep(0.05)
    assert time.monotonic() < deadline


def test_only_nodes_are_asked(tmp_path) -> None:
    assert _strategy_help.may_be_node(script(tmp_path / "polkadot-v1.2.3", "exit 1"))
    assert not _strategy_help.may_be_node(script(tmp_path / "start.sh", f"exec node {FLAG} x"))
    binary = tmp_path / "mine"
    binary.write_bytes(b"\x7fELF" + bytes(9999) + FLAG[2:].encode())
    assert _strategy_help.may_be_node(str(binary))
    binary.write_bytes(b"\x7fELF" + bytes(9999))
    assert not _strategy_help.may_be_node(str(binary))
    with pytest.raises(HelpError, match="No such file"):
        _strategy_help.may_be_node(str(tmp_path / "absent"))
    assert not _strategy_help.may_be_node("sh")


@pytest.mark.parametrize(("properties", "account"), [
    ({}, None), ({"User": "root"}, None), ({"User": "nobody", "Group": "root"}, (65534, 0)), ({"User": "65534"}, (65534, 65534)),
    ({"User": "65534", "Group": "7"}, (65534, 7)), ({"User": "gone"}, (65534, 65534)), ({"DynamicUser": "yes"}, (65534, 65534)),
])
def test_account(properties: dict, account: tuple | None) -> None:
    found = _strategy_help.account_of(properties)
    assert (found and found[0]) == (account and account[0])
    assert found is None or "Group" not in properties or found == account
