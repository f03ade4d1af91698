# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the option for the strategy is inserted into a command line, and when it is not."""

from __future__ import annotations

import os
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils import _strategy_help, _strategy_unit
from ansible_collections.aarch64.validator.plugins.module_utils._environment_file import expand
from ansible_collections.aarch64.validator.plugins.module_utils._exec_start import parse_exec_start, service_lists
from ansible_collections.aarch64.validator.plugins.module_utils._node import STRATEGY_FLAG as FLAG
from ansible_collections.aarch64.validator.plugins.module_utils._strategy import amended_text, executors, made_from
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_apply import decide_unit, needs_restart
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_help import Help, HelpError, parse_help
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_plan import Programs, decide
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_source import read_source
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_unit import Unit, not_loaded, overruled_reason
from ansible_collections.aarch64.validator.plugins.module_utils._unit_lines import logical_lines

CHOSEN = "recreate-instance-copy-on-write"
POOLING = "pooling-copy-on-write"
OPTION = f"{FLAG} {CHOSEN}"
ESCAPED = "".join(f"\\x{ord(char):02x}" for char in FLAG)
UNIT = "/lib/systemd/system/node.service"
DEFAULTS = "/etc/default/node"
KNOWN = Help(True, [POOLING, CHOSEN, "pooling", "recreate-instance"], True)
OLD = Help(False, [], False)


def programs(answer: Help | None = KNOWN) -> Programs:
    """Every program called node or polkadot is a node; None: it cannot be asked."""
    def ask(program: str) -> Help:
        if answer is None:
            raise HelpError("it hangs")
        return OLD if program.startswith("/old/") else answer

    def may_be_node(program: str) -> bool:
        if program.startswith("/gone/"):
            raise HelpError("it is gone")
        return os.path.basename(program) in ("node", "polkadot")

    return Programs(may_be_node, ask)


def source_of(command: str, file: str = "", lines: tuple = (), name: str = "node.service"):
    text = "\n".join(["[Service]", *lines, "EnvironmentFile=-" + DEFAULTS, "ExecStart=" + command]) + "\n"
    return read_source([(UNIT, text)], [(DEFAULTS, file)] if file else [], name, False)


def exec_start(text: str | None) -> list:
    assert text is not None
    assert made_from(text) is not None
    return service_lists([("", text)])["ExecStart"]


@pytest.mark.parametrize(("command", "file", "expected"), [
    ("/usr/bin/polkadot $POLKADOT_CLI_ARGS", 'POLKADOT_CLI_ARGS="--validator"\n', "/usr/bin/polkadot {} $POLKADOT_CLI_ARGS"),
    ("/usr/bin/polkadot $POLKADOT_CLI_ARGS", "", "/usr/bin/polkadot {} $POLKADOT_CLI_ARGS"),
    ("/usr/bin/polkadot", "", "/usr/bin/polkadot {}"),
    ("polkadot --validator", "", "polkadot {} --validator"),
    ("""/opt/node --name "my 'first' node" --log='a b' --x=\\x41 --%n""", "",
     """/opt/node {} --name "my 'first' node" --log='a b' --x=\\x41 --%n"""),
    ("'/opt/node'   --validator", "", "'/opt/node'   {} --validator"),
    ("-+/opt/node --a", "", "-+/opt/node {} --a"),
    (":/opt/node --a $B", "", ":/opt/node {} --a $B"),
    ("@/opt/node my\\x20node --a", "", "@/opt/node my\\x20node {} --a"),
    ("@!!-/opt/node other", "", "@!!-/opt/node other {}"),
    ("/opt/node --a \\; --b", "", "/opt/node {} --a \\; --b"),
    ("/bin/mkdir -p /x ; /opt/node --a ; /bin/true", "", "/bin/mkdir -p /x ; /opt/node {} --a ; /bin/true"),
    ("/old/node --a ; /opt/node --b", "", "/old/node --a ; /opt/node {} --b"),
    ("/opt/node --a \\\n  # comment\n  --b 'c \\\n d'", "", "/opt/node {} --a    --b 'c   d'"),
    ("/opt/node --base-path x\\ ", "", "/opt/node {} --base-path x\\"),
    ("/opt/node --collator -- --chain x", "", "/opt/node {} --collator -- {} --chain x"),
    (f"/opt/node -- --x -- {FLAG} pooling", "", f"/opt/node {{}} -- {{}} --x -- {FLAG} pooling"),
    ("/gone/x ; /opt/node --a", "", "/gone/x ; /opt/node {} --a"),
    ("/opt/node --collator '--'", "", "/opt/node {} --collator '--' {}"),
    ("/opt/node $PARA -- $RELAY", "PARA='--collator --name \"a b\"'\nRELAY='--x -- y'\n", "/opt/node {} $PARA -- {} $RELAY"),
    ("/opt/node --collator $SEPARATOR --chain x", "SEPARATOR=--\n", "/opt/node {} --collator $SEPARATOR {} --chain x"),
    ("/opt/node --collator ${SEPARATOR} --chain x", "SEPARATOR=--\n", "/opt/node {} --collator ${{SEPARATOR}} {} --chain x"),
    ("/opt/node $ARGS --chain x", "ARGS='--collator --'\n", "/opt/node {} $ARGS {} --chain x"),
    ("/opt/node --collator --chain x", "", "/opt/node {} --collator --chain x -- {}"),
    ("/opt/node --collator --relay-chain-rpc-urls ws://x", "", "/opt/node {} --collator --relay-chain-rpc-urls ws://x"),
])
def test_inserted(command: str, file: str, expected: str) -> None:
    decision = decide(source_of(command, file), CHOSEN, "node.service", programs())
    assert (decision.reason, decision.left, decision.supported) == (None, [], True)
    assert exec_start(decision.text) == [expected.format(OPTION, OPTION)]


def test_all_lines_of_a_oneshot_are_kept() -> None:
    source = source_of("/bin/false\nExecStart=\nExecStart=/bin/a 'b c'\nExecStart=/opt/node $X ; /bin/d\nExecStart=-/bin/e")
    text = decide(source, CHOSEN, "node.service", programs()).text
    assert exec_start(text) == ["/bin/a 'b c'", f"/opt/node {OPTION} $X ; /bin/d", "-/bin/e"]
    assert made_from(text or "") == source.digest


@pytest.mark.parametrize(("command", "lines", "file", "where"), [
    (f"/opt/node {FLAG} {{}}", (), "", f"{UNIT}, line 3"),
    (f"/opt/node --a {FLAG}={{}}", (), "", f"{UNIT}, line 3"),
    (f"/opt/node --a '{ESCAPED}={{}}'", (), "", f"{UNIT}, line 3"),
    ("/opt/node --a \\\n --b \\\n" + FLAG + "={}", (), "", f"{UNIT}, line 3"),
    ("/opt/node $A $B", (), f"\nA=--a\nB='--b {FLAG}={{}}'\n", f"{DEFAULTS}, line 3 (B)"),
    ("/opt/node $A", ("Environment=X=1", f"Environment=\"A={FLAG} {{}}\""), "", f"{UNIT}, line 3 (A)"),
    ("/opt/node ${{F}}={}", ("Environment=F=" + FLAG,), "", f"{UNIT}, line 2 (F)"),
    ("/opt/node ${{X}}${{F}}={}", ("Environment=X=", "Environment=F=" + FLAG), "", f"{UNIT}, line 3 (F)"),
    ("/opt/node $A", (), f"A=--old\nB=1\nA={FLAG}={{}}\n", f"{DEFAULTS}, line 3 (A)"),
    ("/opt/node " + FLAG + " ${{V}}", ("Environment=V={}",), "", f"{UNIT}, line 4"),
    (":/opt/node $A " + FLAG + " {}", ("Environment=A=1",), "", f"{UNIT}, line 4"),
])
@pytest.mark.parametrize("strategy", [POOLING, CHOSEN, "recreate-instance", "legacy-instance-reuse"])
def test_given_already(command: str, lines: tuple, file: str, where: str, strategy: str) -> None:
    source = source_of(command.format(strategy), file.format(strategy), tuple(line.format(strategy) for line in lines))
    decision = decide(source, CHOSEN, "node.service", programs(None))
    assert (decision.text, decision.stays, decision.supported) == (None, False, None)
    assert f"given already, {strategy} in {where}; a second one would" in (decision.reason or "")
    pooling = strategy == POOLING
    assert [left["strategy"] for left in decision.left] == ([POOLING] if pooling else [])
    assert [f"change it to {CHOSEN} in {where}" in note for note in decision.notes] == ([True] if pooling else [])


@pytest.mark.parametrize(("command", "file", "lines", "left", "said"), [
    ("/opt/node $A", "\nA='--collator -- --x'\n", f"/opt/node {OPTION} $A", ("relay chain", DEFAULTS, 2), "after the ' -- '"),
    ("/opt/node --collator $A", "A=--x\n", f"/opt/node {OPTION} --collator $A", ("relay chain", DEFAULTS, 1), "at the end"),
    ("/opt/node --collator $A", "", f"/opt/node {OPTION} --collator $A", ("relay chain", UNIT, 3), "at the end"),
    (f"/opt/node {FLAG}=pooling -- --x", "", f"/opt/node {FLAG}=pooling -- {OPTION} --x", ("parachain", UNIT, 3), "change it"),
    (f"/opt/node --x -- {FLAG} pooling", "", f"/opt/node {OPTION} --x -- {FLAG} pooling", ("relay chain", UNIT, 3), "change it"),
    (f"/opt/node {FLAG}=recreate-instance $A", f"A='-- {FLAG} pooling'\n", None, ("relay chain", DEFAULTS, 1), "change it"),
    (f"/opt/node {FLAG}=recreate-instance $A", "A='-- x'\n", None, ("relay chain", DEFAULTS, 1), "after the ' -- '"),
])
def test_half_of_a_collator(command: str, file: str, lines: str | None, left: tuple, said: str) -> None:
    decision = decide(source_of(command, file), CHOSEN, "node.service", programs())
    assert (decision.text and exec_start(decision.text)) == (lines and [lines])
    assert [(found["executor"], found["path"], found["line"]) for found in decision.left] == [left]
    assert said in decision.notes[0]


def test_collator_that_takes_no_relay_arguments() -> None:
    decision = decide(source_of("/opt/node --collator"), CHOSEN, "node.service", programs(KNOWN._replace(relay_arguments=False)))
    assert exec_start(decision.text) == [f"/opt/node {OPTION} --collator"]
    assert decision.left[0]["executor"] == "relay chain"


@pytest.mark.parametrize(("command", "answer", "supported", "stays", "reason"), [
    ("/bin/sleep 9", KNOWN, False, False, "starts /bin/sleep, which does not know"),
    ("/old/node $A", KNOWN, False, False, "/old/node does not know"),
    ("/opt/node", Help(True, ["legacy-instance-reuse"], False), False, False, "only legacy-instance-reuse"),
    ("/opt/node", None, None, True, "it hangs"),
    ("/gone/x ; /bin/true", KNOWN, None, True, "it is gone"),
    ("/opt/node export-blocks --to 1", KNOWN, None, True, "subcommand 'export-blocks'"),
    ("/opt/node $SUB", KNOWN, None, True, "subcommand 'run'"),
    ("/opt/node ; /usr/bin/polkadot", KNOWN, True, True, "starts several nodes (/opt/node, /usr/bin/polkadot)"),
    ("/opt/node ; /usr/bin/polkadot", None, None, True, "it hangs"),
    ("@/opt/node $NONE --a", KNOWN, None, True, "made of a variable"),
    ("@/opt/node x\\ ", KNOWN, True, True, "cannot be given another option safely"),
    ("/opt/node --a \ufffd", KNOWN, True, True, "cannot be given another option safely"),
    ("", KNOWN, False, False, "starts no program"),
])
def test_left_alone(command: str, answer: Help, supported: bool | None, stays: bool, reason: str) -> None:
    decision = decide(source_of(command, "SUB='run --x'\n"), CHOSEN, "node.service", programs(answer))
    assert (decision.text, decision.supported, decision.stays) == (None, supported, stays)
    assert reason in (decision.reason or "")


def test_values_that_are_not_listed_are_accepted() -> None:
    decision = decide(source_of("/opt/node"), CHOSEN, "node.service", programs(Help(True, [], False)))
    assert exec_start(decision.text) == [f"/opt/node {OPTION}"]


# Words of a command line as people and generators write them, with everything that has a meaning to systemd.
PLAIN = st.sampled_from([
    "--validator", "--name", "x", "--chain=y", "$ARGS", "${ARGS}", "$SEP", "${SEP}", "a${X}b", "$$", "%n", "%%", "\\;", "';'",
    "'a b'", '"c \'d\' e"', "f\\x20g", "\\s", "''", "--", "'--'", "--collator", "\\", "\\q", "\\u00e9"])
BLANK = st.sampled_from([" ", "  ", "\t", " \\\n ", " \\\n# comment\n  "])
PREFIX = st.sampled_from(["", "-", ":", "+", "!", "!!", "-:", "@", "@-", "@:"])
VALUES = st.sampled_from(["", "--x", "--collator --name 'a b'", "--", "--x -- --y", "--x --", "-- --y", "run"])


@st.composite
def commands(draw) -> str:
    prefix = draw(PREFIX)
    words = draw(st.lists(PLAIN, max_size=8))
    first = [prefix + "/opt/node"] + ([draw(st.sampled_from(["argv0", "'a b'", "%p\\x20"]))] if "@" in prefix else [])
    line = "".join(word + draw(BLANK) for word in first + words).rstrip(" \t\n")
    return draw(st.sampled_from(["", "/bin/a 'b ; c' ; "])) + line + draw(st.sampled_from(["", " ; /bin/d -- $ARGS"]))


@given(commands(), VALUES, VALUES)
def test_new_argv_is_the_old_one_and_the_option(command: str, arguments: str, separator: str) -> None:
    variables = {"ARGS": arguments, "SEP": separator, "X": "1"}
    source = source_of(command, "", tuple(f'Environment="{name}={value}"' for name, value in variables.items()))
    node = next(found for found in source.commands if found.program == "/opt/node")
    chosen = [found for found in executors(node, True) if found.given is None and found.after is not None]
    text = amended_text(source, node, chosen, CHOSEN, "node.service")
    if text is None:
        assert node.arguments[-1].endswith("\\")  # which would take its meaning from what is put behind it
        return
    assert "\n" not in "".join(service_lists([("", text)])["ExecStart"])
    assert len(logical_lines(text)) == 2 + len(source.lines)
    new = [argv(found, variables) for line in exec_start(text) for found in parse_exec_start(line, "node.service")]
    old = [list(found.argv) for found in source.commands]
    expected = list(node.argv)
    relay = [found for found in chosen if found.name == "relay chain"]
    if relay:
        if relay[0].opens:
            expected.append("--")
        cut = expected.index("--", 1)
        expected[cut + 1:cut + 1] = OPTION.split()
    if chosen[0].name != "relay chain":
        expected[1:1] = OPTION.split()
    old[source.commands.index(node)] = expected
    assert new == old


def argv(command: dict, variables: dict) -> list:
    arguments = command["arguments"]
    return arguments if ":" in command["prefixes"] else expand(arguments, variables)


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


OWN = "/etc/systemd/system/node.service.d/60-aarch64-validator-strategy.conf"
FRAGMENT = "[Service]\nExecStart=/opt/node $A\n"


def unit_of(old: str | None = None, entry: dict | None = None, others: tuple = (), **properties: str) -> Unit:
    return Unit("node.service", {"Id": "node.service", **properties}, OWN, old, entry, [(UNIT, FRAGMENT), *others], [])


def own_text() -> str:
    return decide_unit(unit_of(), CHOSEN, programs())[1].text


def test_own_drop_in_does_not_count_but_a_foreign_one_does() -> None:
    text = own_text()
    assert decide_unit(unit_of(text), CHOSEN, programs())[1].text == text
    edited = text.replace("$A", "$A --x")
    entry = {"written": [_strategy_unit._drop_in.digest(text)]}
    _source, decision = decide_unit(unit_of(edited, entry), CHOSEN, programs())
    assert decision.stays
    assert f"given already, {CHOSEN} in {OWN}, line 5" in decision.reason
    _source, decision = decide_unit(unit_of("[Service]\nNice=1\n"), CHOSEN, programs())
    assert decision.stays
    assert "edited by somebody else" in decision.reason


def test_source_is_recognised() -> None:
    text = own_text()
    source = unit_of().source(None)
    assert not _strategy_unit.source_changed(unit_of(text), source)
    other = read_source([(UNIT, FRAGMENT.replace("$A", "$B"))], [], "node.service", False)
    assert _strategy_unit.source_changed(unit_of(text), other)
    known = {"written": [_strategy_unit._drop_in.digest(text)], "source": other.digest}
    assert not _strategy_unit.source_changed(unit_of(text, known), other)
    assert not _strategy_unit.source_changed(unit_of(), other)


@pytest.mark.parametrize(("text", "said"), [
    ("[Service]\nNice=1\n", None), ("[Service]\nExecStart=\n", "90-site.conf sets"),
    ("[Service]\nExecStart=\nExecStart=/opt/node\n", "90-site.conf, line 3 sets"), ("[Unit]\nExecStart=/x\n", None),
])
def test_overruling(text: str, said: str | None) -> None:
    directory = os.path.dirname(OWN)
    unit = unit_of(others=((directory + "/10-site.conf", "[Service]\nExecStart=\n"), (directory + "/90-site.conf", text)))
    reason = overruled_reason(unit, own_text())
    assert (reason is None) == (said is None)
    assert said is None or said in (reason or "")


def test_loaded_command_is_recognised() -> None:
    source = read_source([("", own_text())], [], "node.service", False)
    shown = "{ path=/opt/node ; argv[]=/opt/node %s $A ; ignore_errors=no ; start_time=[n/a] ; status=0/0 }"
    assert not not_loaded({"ExecStart": shown % OPTION}, source)
    assert not_loaded({"ExecStart": shown % ""}, source)
    assert not_loaded({"ExecStart": shown % f"{OPTION} {OPTION}"}, source)
    assert not_loaded({"ExecStart": (shown % OPTION).replace("/node", "/other")}, source)
    assert not_loaded({}, source)
    assert not not_loaded({}, None)


@pytest.mark.parametrize(("kind", "reason"), [
    ({"Transient": "yes"}, "transient"), ({"RootDirectory": "/srv"}, "root directory of its own"), ({"RootImage": "/x"}, "root"),
])
def test_units_of_other_kinds_are_left_alone(kind: dict, reason: str) -> None:
    _source, decision = decide_unit(unit_of(**kind), CHOSEN, programs())
    assert (decision.stays, decision.text) == (True, None)
    assert reason in decision.reason


@pytest.mark.parametrize(("live", "strategies", "expected"), [
    (["node"], [CHOSEN], True), (["node", FLAG, CHOSEN], [CHOSEN], False), (["node", FLAG, "recreate-instance"], [CHOSEN], True),
    (["node", FLAG, CHOSEN], [POOLING], False), (["node"], [POOLING], False), (["node", "--"], [CHOSEN, POOLING], True),
    (["node", FLAG, CHOSEN, "--"], [CHOSEN, CHOSEN], True),
])
def test_restart(monkeypatch, live: list, strategies: list, expected: bool) -> None:
    text = "\0".join(live) + "\0"
    monkeypatch.setattr("ansible_collections.aarch64.validator.plugins.module_utils._strategy_apply.read_text", lambda *_: text)
    assert needs_restart({"MainPID": "7"}, strategies, False) is expected


@pytest.mark.parametrize(("state", "changed", "expected"), [
    ("failed", True, True), ("failed", False, False), ("inactive", True, False),
])
def test_restart_of_a_unit_that_is_down(state: str, changed: bool, expected: bool) -> None:
    assert needs_restart({"MainPID": "0", "ActiveState": state}, [CHOSEN], changed) is expected


def test_drop_in_is_no_more_readable_than_the_unit(tmp_path) -> None:
    path = tmp_path / "node.service"
    path.write_text(FRAGMENT)
    for mode, expected in ((0o644, 0o644), (0o600, 0o600), (0o755, 0o644), (0o400, 0o600)):
        path.chmod(mode)
        assert _strategy_unit.mode_of(read_source([(str(path), FRAGMENT)], [], "x", False)) == expected
        assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize(("text", "lines"), [
    ("a\\\nb\n\n;c\nd", [(1, "a b"), (5, "d")]), ("a\\", [(1, "a")]), ("a\\\\\nb", [(1, "a\\\\"), (2, "b")]),
    ("\ufeff[x]\r\ny\rz", [(1, "[x]"), (2, "y"), (3, "z")]), ("a\\\n#b\n c", [(1, "a  c")]), ("", []), ("\\\n\\\nx", [(1, "x")]),
])
def test_lines_of_a_unit_file(text: str, lines: list) -> None:
    assert logical_lines(text) == lines
