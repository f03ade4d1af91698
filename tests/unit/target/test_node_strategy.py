# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the option for the strategy is inserted into a command line, and when it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils._environment_file import expand
from ansible_collections.aarch64.validator.plugins.module_utils._exec_start import parse_exec_start, service_lists
from ansible_collections.aarch64.validator.plugins.module_utils._node import STRATEGY_FLAG as FLAG
from ansible_collections.aarch64.validator.plugins.module_utils._strategy import amended_text, executors, made_from
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_help import Help
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_plan import decide
from ansible_collections.aarch64.validator.plugins.module_utils._unit_lines import logical_lines
from strategy_cases import CHOSEN, DEFAULTS, ESCAPED, KNOWN, OPTION, POOLING, UNIT, exec_start, programs, source_of


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
