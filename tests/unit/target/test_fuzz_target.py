# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No text that a host can influence makes a parser on the host raise anything but what it documents."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import (
    _address_space,
    _bisect_unit,
    _cgroup,
    _elf,
    _environment_file,
    _exec_start,
    _fstab,
    _health_checks,
    _health_http,
    _host,
    _journal,
    _node,
    _procfs,
    _read,
    _redact,
    _restart,
    _rpc,
    _service_limits,
    _startup_systemd,
    _startup_unit,
    _state,
    _strace,
    _strategy_help,
    _systemd,
    _toml,
    _toolchain,
    _unit_files,
)
from elf_factory import JEMALLOC_ERROR, made_elf
from fuzzing import Target, fuzz, summary
from host_texts import (
    BUSCTL,
    CGROUP,
    COMMAND,
    CONFIG,
    DPKG,
    FSTAB,
    GROUPS,
    HELP,
    JOURNAL,
    LIMITS,
    MAPS,
    MEMINFO,
    MOUNTINFO,
    OS_RELEASE,
    RPC,
    SHOWN,
    STATUS,
    STRACE,
    TOML,
    UNIT_FILE,
)

INPUTS = 7000  # for each target; with all others more than 320,000, see test_fuzz_controller.py


def fstab_round_trip(text: str) -> None:
    """Whatever is in fstab: an edit can be undone to the byte."""
    content = _read.decode(text.encode("utf-8", "surrogatepass"))
    entry = _fstab.only_entry(content, 1 << 34, 4096)
    edit = _fstab.set_size(content, entry, "2G", ["rw"])
    assert _fstab.boot_size(_fstab.find_entries(edit.text)[-1].options, 1 << 34, 4096) == 2 << 30, "the size is not what it says"
    if edit.text.split("\n").count(edit.new) == 1:
        assert _fstab.undo(edit.text, edit.old, edit.new, edit.newline_added) == content, "cannot be undone"
    assert len(_fstab.find_entries(edit.text)) == 1


def units(text: str) -> None:
    """All that is read from unit files."""
    files = [("/a", text), ("/b", UNIT_FILE)]
    _unit_files.loaded_limits(files, {})
    _exec_start.command_line_of(files, [text], "polkadot@a-b.service")
    _exec_start.environment_patterns(files, "polkadot@a-b.service")
    _service_limits.generated_lines(text)
    _service_limits.merge_drop_in(text, {"LimitNOFILE": "1"})


def properties(text: str) -> None:
    """What systemctl shows."""
    for shown in _systemd.parse_show(text):
        _systemd.configured_limits(shown)
        _restart.stop_seconds(shown)
    _restart.own_guards(text, "a.service")


def journal(text: str) -> None:
    """Lines of the journal, up to the facts."""
    entries = _journal.parse_journal(text)
    _journal.relevant_lines(entries)
    _journal.engine_bytes_of([entry["message"] for entry in entries])


def mounts(text: str) -> None:
    """Mounts, and the control groups among them."""
    found = _procfs.parse_mountinfo(text)
    _procfs.mount_on(found, "/dev/shm")
    _cgroup.directories_of("memory", _cgroup.parse_cgroup(CGROUP), found)


def cgroups(text: str) -> None:
    """Groups of a process, and their directories up to the root."""
    _cgroup.directories_of("memory", _cgroup.parse_cgroup(text), _procfs.parse_mountinfo(MOUNTINFO))


def maps(text: str) -> None:
    """Regions, pools and address bits."""
    regions = _procfs.parse_maps(text)
    _address_space.pool_regions(regions)
    _address_space.va_bits_of_maps(regions)


def strace(text: str) -> None:
    """A whole trace."""
    trace = _strace.Trace()
    for line in text.split("\n"):
        trace.feed(line)
        _strace.parse_call(line)


def rpc(text: str) -> None:
    """An answer of a node, up to each check."""
    parsed = _rpc._parsed(text.encode("utf-8", "surrogatepass"))
    for item in parsed if isinstance(parsed, list) else [parsed]:
        answer = _rpc._answer(item)
        _health_checks.syncing(answer)
        _health_checks.peers(answer, 1)
        _health_checks.readiness(500, "/health", answer)
        _health_checks.advancing(answer, 1, 2.0, False)
        _health_checks.runtime(answer, answer)
        _health_checks.identity(dict.fromkeys(_health_checks.IDENTITY.values(), answer), None, [])


def busctl(text: str) -> None:
    """What busctl prints of a unit."""
    for line in text.encode("utf-8", "replace").decode().split("\n"):  # as the output of a program is read
        _startup_unit.parse_exec_start(line)
        _startup_unit.parse_environment(line)
        _startup_unit.parse_environment_files(line)
    _startup_systemd.exit_of(text.split("\n"))


def command(text: str) -> None:
    """A command line, with its secrets."""
    words = text.split()
    _redact.redact_arguments(words)
    if words:
        _node.node_facts(words)
    _health_http.clean(text)


TARGETS = (
    Target("mountinfo", mounts, [MOUNTINFO]),
    Target("maps", maps, [MAPS]),
    Target("limits", _procfs.parse_limits, [LIMITS]),
    Target("meminfo", _procfs.parse_meminfo, [MEMINFO]),
    Target("status", lambda text: (_procfs.credentials(_procfs.parse_status(text), text),
                                   _procfs.may_raise_limits(_procfs.parse_status(text), "0 0 4294967295")), [STATUS]),
    Target("cgroup", cgroups, [CGROUP]),
    Target("fstab", fstab_round_trip, [FSTAB, "tmpfs /dev/shm tmpfs size=1G 0 0\n", ""], (_fstab.FstabError, UnicodeEncodeError)),
    Target("os-release", _host.distribution, [OS_RELEASE]),
    Target("ELF", lambda content: _elf.facts_of(_elf.reader(lambda at, size: content[at:at + size], len(content)), len(content)),
           [made_elf(), made_elf(bits=32, order=">"), made_elf(payload=JEMALLOC_ERROR * 3)], (), 0.5),
    Target("unit files", units, [UNIT_FILE]),
    Target("environment files", _environment_file.parse_environment_file, ["A=b\nC='d e'\\\n f\n# g\\\nh=\"i\\\"\"\n"]),
    Target("unit properties", properties, [SHOWN]),
    Target("journal", journal, [JOURNAL]),
    Target("strace", strace, [STRACE]),
    Target("RPC answers", rpc, RPC, (_health_http.Unanswered,)),
    Target("TOML", lambda text: (_toml.parse_toml(text), _toolchain.parse_toolchain_file(text, False)), [TOML, "1.79.0\n"]),
    Target("help of a node", _strategy_help.parse_help, [HELP]),
    Target("dpkg status", _toolchain.dpkg_versions, [DPKG]),
    Target("busctl", busctl, [BUSCTL]),
    Target("groups of calls", _bisect_unit.parse_groups, [GROUPS]),
    Target("command lines", command, [COMMAND]),
)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_what_is_documented(target: Target) -> None:
    assert fuzz(target, INPUTS) >= INPUTS * target.share / 2


@pytest.mark.parametrize("name", ["state", "sysctl", "kernel configuration"])
def test_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsers that take a path."""
    path = tmp_path / "shm.json"
    monkeypatch.setattr(_address_space, "CONFIG_PLACES", (str(path) + ".gz",))

    def state(content: bytes) -> None:
        path.write_bytes(content)
        assert isinstance(_state.load_state("shm", str(tmp_path)), dict)

    def sysctl(content: bytes) -> None:
        path.write_bytes(content)
        assert isinstance(_read.read_int(str(path), []), (int, type(None)))

    def config(content: bytes) -> None:
        (tmp_path / "shm.json.gz").write_bytes(content)
        _address_space.va_bits_of_config(_address_space.read_kernel_config("1", []) or "")

    parse = {"state": state, "sysctl": sysctl, "kernel configuration": config}[name]
    samples = {"state": [b'{"live": {"old": 1, "new": 2}}'], "sysctl": [b"65530\n", b"0\t1\n"],
               "kernel configuration": [gzip.compress(CONFIG.encode()), gzip.compress(CONFIG.encode() * 1000)]}[name]
    fuzz(Target(name, parse, samples, (ValueError,) if name == "state" else ()), INPUTS / 2)


def test_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """Says what the tests before it have tried."""
    with capsys.disabled():
        print("\n" + summary())
