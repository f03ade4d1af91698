# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment files, variables in arguments, and the command line of a unit that does not run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils import _environment_file, _exec_start
from ansible_collections.aarch64.validator.plugins.module_utils._environment_file import (
    expand,
    parse_environment_directive,
    parse_environment_file,
)
from ansible_collections.aarch64.validator.plugins.module_utils._exec_start import (
    command_line_of,
    environment_patterns,
    next_command_line,
    parse_exec_start,
)
from ansible_collections.aarch64.validator.plugins.module_utils._unit_files import read_files
from environment_cases import CASES

# Text in which everything that has a meaning is frequent.
NASTY = st.text(st.sampled_from(list("ab=\\\"'$\\{}:;#%@-! \t\n\r\0xu08ins[]éA")) | st.characters(), max_size=60)
UNIT = "[Service]\nEnvironmentFile=-/etc/default/polkadot\nExecStart=/usr/bin/polkadot $POLKADOT_CLI_ARGS\n"


@pytest.mark.parametrize("name", CASES)
def test_as_systemd_did(name):
    case = CASES[name]
    text = "\n".join(["[Service]", *case.lines, "EnvironmentFile=-/etc/default/x", "ExecStart=" + case.command])
    told = command_line_of([("unit", text)], [case.file], case.unit, comments_continue=True)
    assert (told and told["arguments"]) == (None if case.argv is None else case.argv0 + case.argv)
    assert told is None or told["program"] == "/usr/bin/python3"


def test_comment_that_ends_in_a_backslash():
    text = "# old \\\nA=1\n;x\\\\\nB=2\n"
    assert parse_environment_file(text) == {"A": "1", "B": "2"}  # v254 and newer
    assert parse_environment_file(text, comments_continue=True) == {"B": "2"}


@pytest.mark.parametrize(("text", "values"), [
    ("", {}), ("A", {}), ("A=", {"A": ""}), ("=", {}), ("A=1\0\nB=2", {}), ("A =1\\", {"A": "1"}), ("A='", {"A": ""}),
    ('A="\\', {"A": ""}), ("#\\", {}), ("A=1\rB=2", {"A": "1", "B": "2"}), ("Ä=1\n_a9=2", {"_a9": "2"}),
    ("A=\u00a01\u00a0", {"A": "\u00a01\u00a0"}), ("A='1'  '2'\t3 4 ", {"A": "123 4"}),
])
def test_environment_file(text, values):
    assert parse_environment_file(text) == values


@pytest.mark.parametrize(("lines", "values"), [
    (["A=1 B=2", "A=3"], {"A": "3", "B": "2"}), (["A=1", "", "B=2"], {"B": "2"}), (["A=1 'B=2"], {"A": "1"}),
    (["A=\\x41\\n", "B=\\z C=1"], {"A": "A\n"}), (["A B= 9=1 -=2"], {"B": ""}), (["A=%i%% %z=1 B=%z C=1"], {"A": "x%", "C": "1"}),
])
def test_environment_directive(lines, values):
    assert parse_environment_directive(lines, "node@x.service") == values


def test_expand_leaves_its_input_alone():
    arguments, environment = ["p", "$A", "${B}"], {"A": "1  2"}
    assert expand(arguments, environment) == ["p", "1", "2", ""]
    assert (arguments, environment) == (["p", "$A", "${B}"], {"A": "1  2"})


def test_commands_of_a_line():
    assert parse_exec_start("@-/a b $c ; :!!/d") == [
        {"program": "/a", "arguments": ["b", "$c"], "prefixes": "@-"},
        {"program": "/d", "arguments": ["/d"], "prefixes": ":!!"},
    ]
    assert parse_exec_start("") == parse_exec_start(" ; ") == parse_exec_start("'/a") == parse_exec_start("-a/b") == []
    assert parse_exec_start("sleep 1")[0]["program"] == "sleep"  # systemd looks it up in its path


@pytest.mark.parametrize("line", ["a/b", "@/a", "/a/", "/a\\x01", "-", "/a 'b", "/%z", "/a \\u0 'b", "..", '/a"\\""'])
def test_lines_that_systemd_calls_bad(line):
    if line.startswith("-"):
        assert parse_exec_start(line) == []
        return
    with pytest.raises(ValueError):  # noqa: PT011
        parse_exec_start(line)
    assert command_line_of([("unit", "[Service]\nExecStart=" + line)], []) is None


def test_specifiers():
    assert _environment_file.with_specifiers("%N %p %j %J %P %I %H %%", "a-b\\x2dc@d-e.service") == (
        "a-b\\x2dc@d-e a-b\\x2dc b\\x2dc b-c a/b-c d/e %H %")
    assert _environment_file.with_specifiers("%n%t%", "") == "%n/run%"


def test_drop_in_replaces_the_command():
    files = [("a", UNIT), ("b", "[Service]\nExecStart=\nExecStart=/opt/node --x\nEnvironmentFile=\nEnvironmentFile=/etc/%p\n"),
             ("c", "[Install]\nExecStart=/wrong\nEnvironmentFile=wrong\n[Service ]\nExecStart=/wrong\n")]
    assert command_line_of(files, [], "node.service") == {"program": "/opt/node", "arguments": ["/opt/node", "--x"]}
    assert environment_patterns(files, "node.service") == ["/etc/node"]
    assert environment_patterns([("a", "[Service]\nEnvironmentFile=/etc/%z\nEnvironmentFile=-/b")]) == ["-/b"]
    assert command_line_of([("a", "[Unit]\nDescription=x\n")], []) is None


def test_files_are_read(tmp_path):
    unread = []
    (tmp_path / "unit").write_text(f"[Service]\nEnvironmentFile={tmp_path}/*.env\nEnvironmentFile=-{tmp_path}/none\n"
                                   f"EnvironmentFile={tmp_path}/gone\nExecStart=/bin/node $A $B\n")
    (tmp_path / "1.env").write_text("A=1\nB=1\n")
    (tmp_path / "2.env").write_text("B=2 3\n")
    found = next_command_line("node.service", read_files([str(tmp_path / "unit")], unread), unread)
    assert found == {"program": "/bin/node", "arguments": ["/bin/node", "1", "2", "3"]}
    assert unread == [{"path": f"{tmp_path}/gone", "reason": "No such file or directory"}]
    assert next_command_line("node.service", read_files([str(tmp_path / "other")], unread), unread) is None


@pytest.mark.parametrize(("names", "continues"), [
    ([], False), (["libsystemd-shared-252.so"], True), (["libsystemd-shared-255.4-1ubuntu8.so"], False),
    (["libsystemd-shared-249.so", "libsystemd-shared-257.so"], False), (["libsystemd-shared-x.so"], False),
])
def test_age_of_systemd(tmp_path, monkeypatch, names, continues):
    for name in names:
        (tmp_path / name).touch()
    monkeypatch.setattr(_exec_start, "_LIBRARIES", [str(tmp_path / "*")])
    assert _exec_start.comments_continue() is continues


@given(NASTY, NASTY, NASTY, st.booleans())
def test_anything(unit, file, argument, older):
    values = parse_environment_file(file, older)
    assert all(isinstance(value, str) and name.isidentifier() for name, value in values.items())
    values.update(parse_environment_directive([unit, argument], "n@i.service"))
    assert all(isinstance(word, str) for word in expand([argument, "$A", "${A}"], dict(values, A=unit)))
    command_line_of([("a", unit), ("b", f"[Service]\nExecStart=/bin/x {argument}\nEnvironment={unit}")], [file], argument, older)


@given(st.dictionaries(st.sampled_from(["A", "B2", "_c"]), st.text(st.sampled_from(list("a $\\\"#;=%ä")))))
def test_single_quotes_keep_everything(values):
    assert parse_environment_file("".join(f"{name}='{value}'\n" for name, value in values.items())) == values
    assert expand(["${" + name + "}" for name in values], values) == list(values.values())
