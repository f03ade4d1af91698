# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units whose command lines are hard to tell, and the argv that systemd 252 gave their processes.

Shared by the unit tests and by the integration test that asks a real systemd again.
"""

from __future__ import annotations

import typing as t

ARGV = "/usr/bin/python3 /opt/argv.py"


class Case(t.NamedTuple):
    """A service: value of ExecStart=, other lines of the unit, its environment file, and the argv after ARGV."""

    command: str
    argv: list | None  # None where systemd refuses the unit
    lines: tuple = ()
    file: str = ""
    argv0: list = ARGV.split()
    unit: str = "argv.service"


CASES = {
    "packaged": Case(ARGV + " $POLKADOT_CLI_ARGS", ["--validator", "--name", "my node", "--chain=polkadot"],
                     file="POLKADOT_CLI_ARGS='--validator --name \"my node\" --chain=polkadot'\n"),
    "packaged-empty": Case(ARGV + " $POLKADOT_CLI_ARGS", [], file='POLKADOT_CLI_ARGS=""\n'),
    "no-file": Case(ARGV + " $UNSET ${UNSET} x${UNSET}y", ["", "xy"]),
    "split-or-not": Case(ARGV + ' $ONE ${ONE} "$ONE" "${ONE}" a$ONE $ONE/b', ["1", "2", "1 2", "1", "2", "1 2", "a$ONE"],
                         lines=('Environment="ONE=1 2"',)),
    "quotes-in-value": Case(ARGV + " $A ${A}", ["it's b", "c", "", "\"it's b\" 'c' ''"],
                            file="A=\"\\\"it's b\\\" 'c' ''\"\n"),
    "open-quote-in-value": Case(ARGV + " $A", ["a", "b c "], file="A=\"a 'b c \"\n"),
    "backslash-in-value": Case(ARGV + " $A", ["a b", "nc", "d"], file="A='a\\ b \\nc d\\'\n"),
    "dollars": Case(ARGV + " $$A $$ $ $${A} ${A$$ ${A:-x} a$$b $", ["$A", "$", "${A}", "${A$$", "${A:-x}", "a$b"],
                    lines=("Environment=A=1",)),
    "not-expanded-again": Case(ARGV + " ${A} $A", ["$B ${B} %n", "$B", "${B}", "%n"], lines=("Environment=B=no",),
                               file="A=$B ${B} %n\n"),
    "literal": Case(":" + ARGV + " $A ${A} $$", ["$A", "${A}", "$$"], lines=("Environment=A=1",)),
    "prefixes": Case("-+" + ARGV + " a", ["a"]),
    "argv0": Case("@/usr/bin/python3 other /opt/argv.py $A", ["1"], lines=("Environment=A=1",), argv0=["other", "/opt/argv.py"]),
    "quotes": Case(ARGV + """ "a b" 'c d' e"f g"h '' "" 'i"j' "k'l" """, ["a b", "c d", "ef gh", "", "", 'i"j', "k'l"]),
    "escapes": Case(ARGV + r""" \x41\102\u00e4\s\t 'x\ny' \q \\ \" "\'" \xc3\xa4""",
                    ["ABä \t", "x\ny", r"\q", "\\", '"', "'", "ä"]),
    "semicolons": Case(ARGV + r" a \; b; ';' ;c \;d ; /bin/true", ["a", ";", "b;", ";", ";c", r"\;d"]),
    "open-quote": Case(ARGV + " 'a", None),
    "open-quote-ignored": Case(ARGV + " a ; -/bin/true 'a", ["a"]),
    "bad-second": Case(ARGV + " a ; bin/true", None),
    "specifiers": Case(ARGV + " %n %N %p %i %I %% %%n %t %-",
                       ["a-b@c\\x2dd-e.service", "a-b@c\\x2dd-e", "a-b", "c\\x2dd-e", "c-d/e", "%", "%n", "/run", "%-"],
                       unit="a-b@c\\x2dd-e.service"),
    "unknown-specifier": Case(ARGV + " %z", None),
    "continued": Case(ARGV + " a \\\n# comment \\\n  ; comment\n  b 'c \\\n d' \\\n\\\ne\\\\", ["a", "b", "c   d", "e\\"]),
    "not-continued": Case(ARGV + " a \\ \nb", ["a", "\\"]),
    "reset": Case("\nExecStart=" + ARGV + " $A $B", ["2"],
                  lines=("ExecStart=/bin/false", "Environment=A=1", "Environment=", "Environment=B=2")),
    "directive": Case(ARGV + " ${A} ${B} ${C} ${D} ${E}", ["x y", "a-b@", "", "", "p=q"],
                      lines=('''Environment="A=x y" B=%p@ 'C''', r"Environment=C=1\q D=2", "Environment=E=p=q 9=1 F"),
                      unit="a-b@i.service"),
    "file-wins": Case(ARGV + " $A $B", ["file", "unit"], lines=("Environment=A=unit B=unit",), file="A=file\n"),
    "file-comments": Case(ARGV + " ${A} ${B} ${C} ${D}", ["1#2 #3", ";3", "4# 5", ""],
                          file="# A=9\n;B=9\nA=1#2 #3\n B = ;3 \nC='4' # 5\nexport D=6\n"),
    "file-comment-backslash": Case(ARGV + " $A", ["1"], file="A=1\n# old systemd \\\nA=2\n"),
    "file-quotes": Case(ARGV + " ${A} ${B} ${C} ${D} ${E}", ["a b", "a'b' \"c", "x\\ny\\", " z ", "$H`\"\\q"],
                        file="A=\"a\"' 'b\nB=a'b' \"c  \nC='x\\ny\\'\nD=\" z \"  \nE=\"\\$H\\`\\\"\\q\"\n"),
    "file-continued": Case(ARGV + " ${A} ${B} ${C}", ["12 3", "4\n5", "x "], file="A=1\\\n2 \\\n3\nB=\"4\n\\\n5\"\nC=x\\ \n"),
    "file-garbage": Case(ARGV + " ${A} ${B}", ["2", "'\n"], file="[s]\n=1\n9=1\nA\nA=1\nA=2\r\nB=\"'\n"),
}
