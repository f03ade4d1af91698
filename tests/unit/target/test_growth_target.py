# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No text that a host can influence costs a parser on the host more than its length."""

from __future__ import annotations

import typing as t

import pytest
import test_fuzz_containers
import test_fuzz_target
from growing import NUMBER, Growing, check

from ansible_collections.aarch64.validator.plugins.module_utils import (
    _build_run,
    _cgroup,
    _elf,
    _environment_file,
    _health_unit,
    _redact,
    _services,
    _startup_command,
    _startup_process,
    _strategy,
    _strategy_source,
    _strategy_unit,
    _toolchain_run,
)
from elf_factory import made_elf
from host_texts import FSTAB, STRACE

ID = test_fuzz_containers.ID
SERVICE = "[Service]\nExecStart="
# How a text gets a parser to where it looks for an end, and what such places are made of.
STARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mountinfo": (("24 1 8:1 /", "24 1 8:1 / / rw "), ("\\040", "master:1 ", "24 1 8:1 / /a rw - tmpfs a rw\n")),
    "maps": (("7f0000000000-7f6080000000 ---p 00000000 00:00 0 ",), ("7f00-7f60 rw-p 0 00:00 0\n",)),
    "status": (("Uid:\t", "CapEff:\t"), ("1000\t",)),
    "cgroup": (("0::", "1:memory:"), ("/..", "/\\x2d", "0::/a\n")),
    "fstab": (("tmpfs /dev/shm tmpfs ", "tmpfs /dev/shm tmpfs a=", FSTAB + "\n"), ('a",', '"a"', "password=a,", "a a\n")),
    "os-release": (("NAME=", 'NAME="'), ("A=", "A=a\n")),
    "unit files": ((SERVICE, SERVICE + "/a ", SERVICE + "-/a ", SERVICE + '/a "', "[Service]\nEnvironment=",
                    "[Service]\nLimitNOFILE=",
                    "[Service]\n"),
                   ("\\;", "\\x41", "%i", "%a", "$$", "${", "${A}", "ExecStart=/a\n", "ExecStart=\n", "EnvironmentFile=a\n",
                    "; \n",
                    "LimitNOFILE=1\n", "Environment=A=b\n", ";\t", "\\;\n", "/a ; ")),
    "environment files": (("A=", 'A="', "# ", "A='"), ("A=b\\\n", "\\a")),
    "unit properties": (("Id=", "ExecStart={ path="), ("Id=a\n", "Id=a\n\n", "{ path=", "1min ")),
    "journal": (('{"MESSAGE":"', '{"MESSAGE":"failed to create '),
                ('{"MESSAGE":"os error 12"}\n', "os error 1", "status=1", "--password ", "-e ", "a://", "?token=", "PASSWORD=",
                 '{"MESSAGE":[1]}\n')),
    "strace": (("1 mmap(NULL", '1 open("', "1 mmap(NULL) = -1 ", "1 +++ ", "1 --- SIGSYS {", "1 mmap(", STRACE),
               ("1 <... mmap resumed> a <unfinished ...>\n", "1 mmap(a <unfinished ...>\n", ") = 1 ", "<unfinished ...>",
                "<pid changed to 1",
                "3</a", "[pid 1] ", "1 mmap(NULL, 1) = -1 ENOMEM (a)\n", "1 clone(CLONE_VM) = 1\n", "1 execve(a) = ?\n",
                "--- SIGSYS {")),
    "RPC answers": (('{"result":', '{"result":"0x', '{"result":"'), ('"result"', '{"result":')),
    "TOML": (("a = ", "a = [", "[a]\nb = {", 'a = "'), ("a={", "a=[", "a.", "a = 1\n", "[[")),
    "help of a node": (("  --wasmtime-instantiation-strategy <S>\n", "  --wasmtime-instantiation-strategy <S> [possible values:"),
                       ("[possible values:", "possible values:\n", "possible values: ", "- a\n", " - a", "-a, ", "relay-chain")),
    "dpkg status": (("Package: rustc\n", "\nPackage: rustc\nVersion: "), ("\nPackage: rustc\n", "Version: ", "Status: a ",
                                                                          "a: b\n")),
    "busctl": (('a(sasbttttuii) 1 "/a" 1 ', 'a(sasbttttuii) 1 "', 'as 1 "', 'a(sb) 1 "'), ('\\"', '"a" true ', "\\\\", '" ',
                                                                                           "\\400")),
    "groups of calls": (("@a\n",), ("@a ", "  a\n", "@")),
    "command lines": (("polkadot --node-key ",), ("--password", "--password ", "-e ", "-e A=", "a://b:", "--env=", "?key=",
                                                  "PASSWORD=", "abc ")),
    "daemon.json": (('{"a":', '{"a":"', '{"default-ulimits":{'), ('"a":1,', '{"a":1,', '"a":[')),
    "containers.conf": (("[containers]\n", "[containers]\ndefault_ulimits = ["), ('"a",', "a = 1\n")),
    "container of a control group": (("0::/", f"0::/docker/{ID}/"), ("/payload", "/a", "/pod", "/docker", "\\x2d", "a:",
                                                                     "kubepods/")),
    "container of mounts": (('id="', 'name="', "24 1 8:1 /"), ("/kubelet/pods/", "/containers/", f"/containers/{ID}/")),
    "refused calls": (("1 open(",), ('1 open("/dev/a") = -1 EPERM (a)\n', '"/a", ', "1 socket(AF_A) = -1 EAFNOSUPPORT (a)\n")),
}


def given_by_environment(text: str) -> object:
    """The commands of a unit with this environment file, and where each word of them comes from."""
    source = _strategy_source.read_source([("/a", SERVICE + "/a $A ${B}")], [("/b", text)], "a.service", False)
    return [source.place(command, at) for command in source.commands for at in range(len(command.arguments))]


def services(text: str) -> None:
    """What of the properties of a service is taken apart."""
    _services.exec_start({"ExecStart": text})
    _services.environment_files({"EnvironmentFiles": text})
    _strategy_unit.shown_programs(text)


def lines(text: str) -> None:
    """What a program prints, in the pieces in which it comes."""
    taken = _startup_process.Lines(_startup_process.Tail().take)
    content = text.encode("utf-8", "replace")
    for at in range(0, len(content), 4096):
        taken.feed(content[at:at + 4096])
    taken.feed(b"")


def variables(text: str) -> None:
    """Names in a word of a unit file."""
    _strategy_source.variables_of(text)
    _strategy_source.variables_of("a" + text)
    _environment_file.expand([text, "a" + text], {})


OWN = (
    Growing("environment files and their lines", given_by_environment, ("", "A=", 'A="'), (f"A{NUMBER}=b\n", "A=b\\\n",
                                                                                           "AB=c\n")),
    Growing("what systemctl shows of a service", services, ("", "{ path=/a", "{ path=/a ; argv[]=", "/a ("),
            ("{ path=", "{ path=a ; argv[]=", " ; argv[]=", "/a (ignore_errors=", "(ignore_errors=", " ; ignore_errors=",
             "{ path=\n")),
    Growing("lines of a program", lines, ("",), ("a\n", "a", "\n"), alone=True),
    Growing("calls that go on and on", test_fuzz_target.strace, ("",), ("1 <... a resumed> a <unfinished ...>\n",), alone=True),
    Growing("variables of a word", variables, ("", "${"), ("${", "${A", "$", "${A:")),
    Growing("drop-in of a strategy", _strategy.made_from, ("", _strategy._HEADER, "[Service]\nExecStart=\n"), ("ExecStart=/a\n",
                                                                                                               "ExecStart=")),
    Growing("failures in the journal", _health_unit._FAILURE.search, ("", "failed to create "), ("failed to create a",
                                                                                                 "failed ")),
    Growing("options in a help", _startup_command.options_in_help, ("", "--a"), ("--", "--a-", " --a")),
    Growing("a release of Rust", lambda text: (_toolchain_run._version(text), _toolchain_run._HOST.search(text)), ("",
                                                                                                                   "rustc 1.",
                                                                                                                   "host: "),
            ("host: ", "1.", "host: a\n")),
    Growing("a log of cargo", lambda text: _build_run._COLOURS.sub("", text), ("", "\x1b["), ("\x1b[", "\x1b[0;")),
    Growing("secrets", _redact.redact_text, ("", "--password=", "a://"),
            ("--password=", "abc ", "a://b:c", "-e a", "--env ", "a_", "TOKEN")),
    Growing("groups up to the root", lambda text: _cgroup.directories_of("memory", _cgroup.parse_cgroup("0::" + text),
                                                                         [{"fstype": "cgroup2", "mountpoint": "/", "root": "/"}]),
            ("", "/a"), ("/a", "/../")),
    Growing("ELF", lambda text: elf(made_elf() + text.encode("latin-1", "replace")), ("",),
            ("/wasmtime-", "/wasmtime-a-", "GLIBC_1.", "GLIBC_1", "rustc version ", "rustc version 1.1.1-", "H=",
             "<jemalloc>: ")),
)


def elf(content: bytes) -> object:
    """A program file."""
    return _elf.facts_of(_elf.reader(lambda at, size: content[at:at + size], len(content)), len(content))


def of_fuzzing() -> t.Iterator[Growing]:
    """The parsers that are fuzzed, all of them."""
    for target in (*test_fuzz_target.TARGETS, *test_fuzz_containers.TARGETS):
        if isinstance(target.samples[0], str):
            heads, pieces = STARTS.get(target.name, ((), ()))
            yield Growing(target.name, target.parse, ("", *heads), (target.samples[0] or "x", *pieces), target.documented)


@pytest.mark.parametrize("growing", [*of_fuzzing(), *OWN], ids=lambda growing: growing.name)
def test_work_grows_with_the_text(growing: Growing) -> None:
    check(growing)
