# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trial start changes of a command line, reads of a unit, and keeps of its output."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils import (
    _startup,
    _startup_command,
    _startup_direct,
    _startup_rpc,
    _startup_systemd,
    _startup_unit,
)
from ansible_collections.aarch64.validator.plugins.module_utils._environment_file import parse_environment_file
from ansible_collections.aarch64.validator.plugins.module_utils._run_name import is_of_the_dead, named
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.module_utils._startup_process import (
    Lines,
    Pump,
    StartupError,
    Tail,
    Workspace,
)

DIRECTORIES = ("/t/base", "/t/relay")
PORTS = _startup_command.Ports((1, 2), (3, 4))
HELP = _startup_command.options_in_help(
    "  -d, --base-path <PATH>\n      --port <PORT>\n      --rpc-port <PORT>\n --reserved-only\n --in-peers <N> --out-peers=<N>"
    "\n --no-mdns --no-telemetry --no-prometheus; see also all--base-pathology")
ISOLATION = ["--port", "1", "--rpc-port", "3", "--in-peers", "0", "--out-peers", "0", "--reserved-only", "--no-mdns",
             "--no-telemetry", "--no-prometheus"]
RELAY_ISOLATION = [word.replace("1", "2").replace("3", "4") for word in ISOLATION]
POLKADOT = "/usr/bin/polkadot"


def isolated(*words: str, known: frozenset = HELP, option: str = "--base-path") -> _startup_command.Isolated:
    return _startup_command.isolate([POLKADOT, *words], DIRECTORIES, PORTS, known, option)


@pytest.mark.parametrize(("words", "kept"), [
    ([], []),
    (["--validator", "--chain", "polkadot"], ["--chain", "polkadot"]),
    (["--base-path", "/data", "--pruning=archive"], ["--pruning=archive"]),
    (["--base-path=/data"], []), (["-d", "/data"], []), (["-d/data"], []), (["-d=/data"], []), (["--tmp"], []),
    (["--node-key", "ff00", "--node-key-file=/k", "--keystore-path", "/keys", "--password", "x", "--alice"], []),
    (["--bootnodes", "/dns/a", "/dns/b", "--log", "info"], ["--log", "info"]),
    (["--listen-addr", "/ip4/0.0.0.0/tcp/30333", "--public-addr=/ip4/1.2.3.4/tcp/30333", "--prometheus-external"], []),
    (["--port", "30333", "--rpc-port=9944", "--prometheus-port", "9615", "--name", "me"], []),
    (["--telemetry-url", "wss://t/submit 0", "--rpc-external", "--rpc-cors", "all"], ["--rpc-cors", "all"]),
    (["--dev"], ["--chain", "dev"]),
    (["--relay-chain-rpc-urls", "ws://a", "ws://b", "--force-authoring"], []),
    (["--wasmtime-instantiation-strategy", "pooling", "--runtime-cache-size=4"],
     ["--wasmtime-instantiation-strategy", "pooling", "--runtime-cache-size=4"]),
])
def test_isolation(words: list[str], kept: list[str]) -> None:
    result = isolated(*words)
    assert result.arguments == [POLKADOT, *kept, "--base-path", "/t/base", *ISOLATION]
    assert result.base_path
    assert result.removed == ["--dev"] if words == ["--dev"] else sorted(result.removed + kept) == sorted(words)


def test_both_sides_of_a_collator() -> None:
    result = isolated("--collator", "--base-path", "/para", "--chain", "x", "--", "-d", "/relay", "--chain", "polkadot")
    assert result.arguments == [
        POLKADOT, "--chain", "x", "--base-path", "/t/base", *ISOLATION,
        "--", "--chain", "polkadot", "--base-path", "/t/relay", *RELAY_ISOLATION]


def test_only_known_options_are_given() -> None:
    result = isolated("--validator", known=frozenset({"--base-path", "--rpc-port"}))
    assert result.arguments == [POLKADOT, "--base-path", "/t/base", "--rpc-port", "3"]
    # what the command line has itself is known too
    assert isolated("--base-path=/x", "--port", "1", known=frozenset()).arguments == [
        POLKADOT, "--base-path", "/t/base", "--port", "1"]


def test_program_without_a_base_path_is_left() -> None:
    result = isolated("--validator", known=frozenset({"--port"}))
    assert (result.arguments, result.base_path) == ([POLKADOT, "--validator"], False)
    own = isolated("--data-dir", "/x", known=frozenset(), option="--data-dir")
    assert own.arguments == [POLKADOT, "--data-dir", "/t/base"]


@pytest.mark.parametrize(("arguments", "length"), [
    ([POLKADOT], 1), ([POLKADOT, "--dev"], 1), (["subspace-node", "run", "--base-path", "x"], 2),
    (["/usr/bin/python3", "/usr/bin/polkadot", "--dev"], 2), (["/usr/bin/python3", "/usr/bin/subspace-node", "run"], 3),
    (["/bin/sleep", "infinity"], 2), (["/bin/sleep", "5"], 1),
])
def test_head(arguments: list[str], length: int) -> None:
    assert _startup_command.head_length(arguments) == length


WORDS = st.lists(st.sampled_from([
    "--", "--validator", "--base-path", "--base-path=/data", "-d", "/data", "--node-key", "x", "--alice", "--dev", "-lx",
    "--keystore-path", "--collator", "--chain", "--port", "1", "--bootnodes",
]), max_size=12)


@given(WORDS)
def test_no_trial_has_keys_a_role_or_the_old_data(words: list[str]) -> None:
    result = isolated(*words)
    sides = result.arguments[1:]
    assert not set(sides) & {
        "-d", "--base-path=/data", "--validator", "--collator", "--alice", "--dev", "--node-key", "--keystore-path"}
    first = sides[:sides.index("--")] if "--" in sides else sides
    assert first.count("--base-path") == 1 and first[first.index("--base-path") + 1] == "/t/base"


def test_environment_text_is_read_back() -> None:
    values = {"A": "b c", "B": "$x \\ \" ` ' #", "C": ""}
    assert parse_environment_file(_startup_command.environment_text(values)) == values
    for name, value in (("A B", "x"), ("A", "x\nB=y"), ("", "x")):
        with pytest.raises(ValueError, match="environment: "):
            _startup_command.environment_text({name: value})


def test_unit_words_from_busctl() -> None:
    line = (r'a(sasbttttuii) 1 "/bin/echo" 5 "/bin/echo" "a \"b" "${A}" "$$x" "\303\251" false 0 0 0 0 0 0 0')
    assert _startup_unit.parse_exec_start(line) == ["/bin/echo", 'a "b', "${A}", "$$x", "é"]
    assert _startup_unit.parse_exec_start("a(sasbttttuii) 0") == []
    assert _startup_unit.parse_environment(r'as 2 "A=b c" "X=\303\251"') == {"A": "b c", "X": "é"}
    assert _startup_unit.parse_environment("as 0") == {}
    files = r'a(sb) 2 "/etc/default/polkadot" true "/etc/a b" false'
    assert _startup_unit.parse_environment_files(files) == [("/etc/default/polkadot", True), ("/etc/a b", False)]


def test_object_path() -> None:
    assert _startup_unit.object_path("polkadot.service") == "/org/freedesktop/systemd1/unit/polkadot_2eservice"
    assert _startup_unit.object_path("1a@b-c.service") == "/org/freedesktop/systemd1/unit/_31a_40b_2dc_2eservice"


def test_command_line_of_a_unit(tmp_path: Path) -> None:
    file = tmp_path / "polkadot"
    file.write_text("POLKADOT_CLI_ARGS=\"--name 'a b' --validator\"\n", encoding="utf-8")
    unit = _startup_unit.Unit("p.service", {}, [POLKADOT, "$POLKADOT_CLI_ARGS", "--log=${L}"], {"L": "x"},
                              [(str(file), True), (str(tmp_path / "none"), True)])
    assert _startup_unit.command_line(unit, []) == [POLKADOT, "--name", "a b", "--validator", "--log=x"]


def test_copied_settings() -> None:
    properties = {
        "User": "polkadot", "Group": "", "CapabilityBoundingSet": "", "AmbientCapabilities": "",
        "SystemCallErrorNumber": "2147483646",
        "DeviceAllow": "/dev/a r\n/dev/b rw", "WorkingDirectory": "!/data", "LimitAS": "infinity", "LimitASSoft": "1024",
        "MemoryDenyWriteExecute": "yes", "TasksMax": "[not set]",
    }
    settings = _startup_unit.copied_settings(properties, sandbox=True)
    assert settings == [
        ("User", "polkadot"), ("WorkingDirectory", "-/data"), ("CapabilityBoundingSet", ""), ("MemoryDenyWriteExecute", "yes"),
        ("DeviceAllow", "/dev/a r"), ("DeviceAllow", "/dev/b rw"), ("LimitAS", "1024:infinity")]
    assert [name for name, _value in _startup_unit.copied_settings(properties, sandbox=False)] == [
        "User", "WorkingDirectory", "LimitAS"]


def test_nothing_dangerous_is_copied() -> None:
    forbidden = {"RuntimeDirectory", "StateDirectory", "RemoveIPC", "ReadWritePaths", "BindPaths", "ExecStartPre", "ExecStop"}
    assert not forbidden & set(_startup_unit.SANDBOX + _startup_unit.IDENTITY)


def test_differences() -> None:
    unit = {"SystemCallFilter": "a b", "DeviceAllow": "x r", "LimitAS": "1"}
    assert _startup_unit.differences(unit, dict(unit, DeviceAllow="x r\nx r")) == []
    assert _startup_unit.differences(unit, dict(unit, LimitAS="2")) == ["LimitAS of the trial is '2', of the service '1'"]


@pytest.mark.parametrize(("line", "end"), [
    ("Main processes terminated with: code=exited/status=1", (1, None)),
    ("Main processes terminated with: code=exited, status=0/SUCCESS", (0, None)),
    ("Main processes terminated with: code=killed/status=SYS", (None, "SIGSYS")),
    ("Main process terminated with: code=dumped/status=ABRT", (None, "SIGABRT")),
    ("something else", (None, None)),
])
def test_exit_of_systemd_run(line: str, end: tuple) -> None:
    assert _startup_systemd.exit_of(["node says hello", line, "Service runtime: 1s"]) == end


def test_exit_of_a_child() -> None:
    assert [_startup_direct.exit_of(code) for code in (0, 3, -31, -60)] == [
        (0, None), (3, None), (None, "SIGSYS"), (None, "SIG60")]


def test_limits_option() -> None:
    assert _startup_unit.checked_limits({"LimitAS": "300G", "LimitNOFILE": "1024:65535", "LimitMEMLOCK": "infinity"}) == {
        "as": {"soft": 300 << 30, "hard": 300 << 30}, "nofile": {"soft": 1024, "hard": 65535},
        "memlock": {"soft": -1, "hard": -1}}
    assert _startup_unit.limit_options({"as": {"soft": 1, "hard": -1}}) == [("LimitAS", "1:infinity")]
    for name, value in (("LimitX", 1), ("LimitAS", "x"), ("LimitNOFILE", "2:1"), ("LimitAS", "1\nUser=root")):
        with pytest.raises(OptionError):
            _startup_unit.checked_limits({name: value})


def test_output_is_bounded() -> None:
    tail = Tail(lines=3, line_length=5, head=20)
    lines = Lines(tail.take)
    lines.feed(b"one\ntw")
    lines.feed(b"o\n\n\xff" + b"x" * 200000)
    lines.feed(b"x\nlast")
    lines.feed(b"")
    assert list(tail.lines) == ["two", "\ufffdxxxx", "last"]
    assert len(tail.text) <= 20 + 21


def test_pump_ends_with_its_pipes_or_its_time() -> None:
    seen: list[bytes] = []
    reader, writer = os.pipe()
    pump = Pump()
    pump.add(reader, seen.append)
    os.write(writer, b"a")
    begin = time.monotonic()
    assert pump.run(begin + 0.3, lambda: False) is False
    assert time.monotonic() - begin < 2
    os.close(writer)
    assert pump.run(time.monotonic() + 10, lambda: False) is True
    pump.close()
    assert seen == [b"a", b""]


def left_by_a_killed_run(directory: Path) -> str:
    """The name of the workspace that a run has left which was killed."""
    child = os.fork()
    if child == 0:
        Workspace(str(directory), None)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    name, = os.listdir(str(directory))
    return name


def test_a_workspace_of_a_dead_run_is_removed_and_no_other(tmp_path: Path) -> None:
    dead = left_by_a_killed_run(tmp_path)
    live = Workspace(str(tmp_path), None)
    assert not (tmp_path / dead).exists(), "what a killed run left stays for ever"
    (tmp_path / "aarch64-validator-trace-kept").mkdir()
    (tmp_path / dead).symlink_to(live.path)
    another = Workspace(str(tmp_path), None)
    assert os.path.isdir(live.node) and (tmp_path / dead).is_symlink(), "what belongs to others was touched"
    assert (tmp_path / "aarch64-validator-trace-kept").exists()
    live.remove()
    another.remove()


def test_what_runs_in_the_workspace_of_a_dead_run_is_ended(tmp_path: Path) -> None:
    dead = left_by_a_killed_run(tmp_path)
    left = subprocess.Popen(["sleep", "60"], cwd=str(tmp_path / dead / "node"))
    Workspace(str(tmp_path), None).remove()
    assert left.wait(timeout=10) == -signal.SIGKILL


def test_names_of_runs() -> None:
    name = named("a-") + "x"
    assert not is_of_the_dead(name, "a-") and not is_of_the_dead(name, "b-") and not is_of_the_dead("a-1", "a-")
    pid, started, space = name[2:-2].split(".")
    assert is_of_the_dead(f"a-{pid}.{int(started, 16) - 1:x}.{space}-x", "a-"), "a process of the same number is not this run"
    assert is_of_the_dead(f"a-ffffffff.1.{space}-x", "a-")
    assert not is_of_the_dead(f"a-ffffffff.1.{int(space, 16) ^ 1:x}-x", "a-"), "numbers of another container say nothing"


def test_workspace(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path), None)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "data").write_text("x", encoding="utf-8")
    os.symlink(str(outside), os.path.join(workspace.node, "link"))
    assert os.stat(workspace.node).st_mode & 0o777 == 0o700
    assert workspace.remove() == []
    assert sorted(os.listdir(str(tmp_path))) == ["outside"]
    assert (outside / "data").exists()
    with pytest.raises(StartupError) as caught:
        Workspace(str(tmp_path / "none"), None)
    assert caught.value.reason == "directory"


@pytest.mark.parametrize(("answer", "expected"), [
    ({"result": {"specVersion": 1}}, {"answered": True, "error": None}),
    ({"error": {"code": 1, "message": "cannot create a memfd"}}, {"answered": False, "error": "cannot create a memfd"}),
    ({"error": "x"}, {"answered": False, "error": "x"}), ([], {"answered": False, "error": "an answer without a result"}),
    ({}, {"answered": False, "error": "an answer without a result"}),
])
def test_rpc_answers(answer: object, expected: dict) -> None:
    assert _startup_rpc.judge(answer) == expected


def test_free_ports_differ() -> None:
    ports = _startup_rpc.free_ports(4)
    assert len(set(ports)) == 4 and min(ports) > 0


def test_what_the_node_answers_has_no_secret() -> None:
    for answer in ({"answered": False, "error": "no route with --node-key S3CRET"}, {"answered": True, "error": None}, None):
        told = _startup._without_secrets(answer)
        assert "S3CRET" not in str(told) and (told or {}).get("answered") == (answer or {}).get("answered")
    error = StartupError("sandbox", "systemd-run: --setenv=ANYTHING=S3CRET is refused")
    assert "S3CRET" not in str(error) and "is refused" in str(error)
