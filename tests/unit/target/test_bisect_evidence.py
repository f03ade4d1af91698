# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a refused call says of directives, where these stand, and what the report makes of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import (
    _bisect_evidence,
    _bisect_report,
    _bisect_unit,
    _container_options,
)
from ansible_collections.aarch64.validator.plugins.module_utils import _sandbox_directives as table
from ansible_collections.aarch64.validator.plugins.module_utils._bisect import Result
from ansible_collections.aarch64.validator.plugins.module_utils._startup_unit import LIMITS, SANDBOX

UNIT_FILE = "/etc/systemd/system/node.service"


def refusal(call: str, errno: str, *arguments: str) -> dict[str, Any]:
    return {"call": call, "errno": errno, "arguments": list(arguments), "text": f"{call}() = -1 {errno}"}


@pytest.mark.parametrize(("refused", "properties", "first"), [
    (refusal("mprotect", "EACCES", "0x7f", "4096", "PROT_READ|PROT_EXEC"), {}, "MemoryDenyWriteExecute"),
    (refusal("memfd_create", "EPERM"), {"SystemCallFilter": "~memfd_create"}, "SystemCallFilter"),
    (refusal("memfd_create", "EPERM"), {"SystemCallFilter": "read write:EPERM"}, "SystemCallFilter"),
    (refusal("memfd_create", "SIGSYS"), {"SystemCallFilter": "~memfd_create:ENOSYS"}, "SystemCallFilter"),
    (refusal("unshare", "EPERM", "CLONE_NEWUSER|CLONE_NEWNS"), {"SystemCallFilter": "~memfd_create"}, "RestrictNamespaces"),
    (refusal("socket", "EAFNOSUPPORT", "AF_INET", "SOCK_STREAM"), {}, "RestrictAddressFamilies"),
    (refusal("openat", "EACCES", "AT_FDCWD", '"/home/x/y"', "O_RDONLY"), {}, "ProtectHome"),
    (refusal("openat", "ENOENT", "AT_FDCWD", '"/dev/kvm"', "O_RDWR"), {}, "PrivateDevices"),
    (refusal("openat", "EACCES", "AT_FDCWD", '"/srv/x"', "O_RDONLY"), {"InaccessiblePaths": "-/srv /opt"}, "InaccessiblePaths"),
    (refusal("openat", "EROFS", "AT_FDCWD", '"/proc/sys/vm/x"', "O_WRONLY"), {}, "ProtectKernelTunables"),
    (refusal("mmap", "ENOMEM", "NULL", "414464344064"), {}, "LimitAS"),
    (refusal("clone", "EAGAIN", "child_stack=0x1"), {}, "TasksMax"),
    (refusal("mlock", "ENOMEM", "0x1", "4096"), {}, "LimitMEMLOCK"),
    (refusal("openat", "EMFILE", "AT_FDCWD", '"/x"'), {}, "LimitNOFILE"),
    (refusal("personality", "EPERM", "PER_LINUX32"), {}, "LockPersonality"),
    (refusal("clone3", "ENOSYS", "{flags=0}"), {}, None),
    (refusal("openat", "ENOENT", "AT_FDCWD", '"/etc/ld.so.preload"'), {}, None),
    (refusal("openat", "EROFS", "AT_FDCWD", '"/homely"'), {}, None),
])
def test_suspects_of_a_call(refused: dict, properties: dict, first: str | None) -> None:
    assert _bisect_evidence.directives_of(refused, properties)[:1] == ([first] if first else [])


def start(**shown: Any) -> dict[str, Any]:
    return dict({"refusals": [], "signal": None, "exit_status": 1, "lines": []}, **shown)


def test_suspects_of_a_start() -> None:
    suspects = _bisect_evidence.suspects
    assert suspects(start(), {})[:2] == ["MemoryDenyWriteExecute", "SystemCallFilter"]
    assert suspects(start(signal="SIGSYS", exit_status=None), {}) == ["SystemCallFilter", "SystemCallArchitectures"]
    assert suspects(start(exit_status=218), {}) == ["CapabilityBoundingSet"]
    assert suspects(start(lines=["Address family not supported by protocol"]), {}) == ["RestrictAddressFamilies"]
    killed = start(refusals=[refusal("memfd_create", "SIGSYS"), refusal("openat", "EACCES", "AT_FDCWD", '"/home"')])
    assert suspects(killed, {"SystemCallFilter": "~memfd_create"}) == ["SystemCallFilter"]


def test_words_that_a_list_has_to_allow() -> None:
    seen = [refusal("memfd_create", "EPERM"), refusal("unshare", "EPERM", "CLONE_NEWUSER|CLONE_NEWNS"),
            refusal("socket", "EAFNOSUPPORT", "AF_NETLINK", "SOCK_RAW")]
    properties = {"SystemCallFilter": "~memfd_create"}
    assert _bisect_evidence.wanted("SystemCallFilter", seen, properties) == ["memfd_create"]
    assert _bisect_evidence.wanted("RestrictAddressFamilies", seen, properties) == ["AF_NETLINK"]
    assert _bisect_evidence.wanted("RestrictNamespaces", seen, properties) == ["mnt", "user"]


def test_trace_keeps_every_refusal() -> None:
    trace = _bisect_evidence.RefusalTrace()
    for line in ('7 openat(AT_FDCWD, "/etc/x", O_RDONLY) = -1 ENOENT (No such file or directory)',
                 "7 socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) = -1 EAFNOSUPPORT (Address family not supported by protocol)",
                 "8 unshare(CLONE_NEWUSER <unfinished ...>", "7 futex(0x1) = 0", "8 <... unshare resumed>) = -1 EPERM (x)",
                 "7 socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) = -1 EAFNOSUPPORT (Address family not supported by protocol)",
                 '7 memfd_create("x", 0) = 319', "7 --- SIGSYS {si_signo=SIGSYS, si_syscall=__NR_memfd_create} ---"):
        trace.feed(line)
    assert [(one["call"], one["errno"]) for one in trace.all_refusals()] == [
        ("memfd_create", "SIGSYS"), ("socket", "EAFNOSUPPORT"), ("unshare", "EPERM"), ("openat", "ENOENT")]
    for number in range(1000):
        trace.feed(f'7 openat(AT_FDCWD, "/x{number}", O_RDONLY) = -1 ENOENT (x)')
    assert len(trace.refusals) == 200


FILES = [(UNIT_FILE, """[Unit]
PrivateTmp=yes
[Service]
MemoryDenyWriteExecute=no
SystemCallFilter=@nothing
SystemCallFilter=
SystemCallFilter=@system-service
SystemCallFilter=~memfd_create
ProtectSystem=strict
ProtectHome=read-only
PrivateDevices=yes
DevicePolicy=closed
DeviceAllow=/dev/kvm rw
LimitAS=300G
LimitNOFILE=4096
AmbientCapabilities=CAP_IPC_LOCK
NoNewPrivileges=yes
"""), ("/etc/systemd/system/node.service.d/x.conf", "[Service]\nMemoryDenyWriteExecute=yes\nNoNewPrivileges=no\n")]
LOADED = {
    "MemoryDenyWriteExecute": "yes", "SystemCallFilter": "read write", "ProtectHome": "read-only", "PrivateDevices": "yes",
    "DevicePolicy": "closed", "DeviceAllow": "/dev/kvm rw", "LimitAS": "322122547200", "LimitASSoft": "322122547200",
    "LimitNOFILE": "4096", "LimitNOFILESoft": "4096", "LimitNPROC": "99", "LimitNPROCSoft": "99",
    "CapabilityBoundingSet": "cap_kill", "AmbientCapabilities": "cap_ipc_lock", "NoNewPrivileges": "no", "User": "node",
    "Id": "node.service", "TasksMax": "77",
}


def test_restrictions_of_a_unit() -> None:
    items = _bisect_unit.restrictions(LOADED, FILES)
    assert [item.name for item in items] == [
        "MemoryDenyWriteExecute", "SystemCallFilter", "LimitAS", "LimitNOFILE", "PrivateDevices", "DevicePolicy"]
    assert items[0].lines == [{"path": FILES[1][0], "line": 2, "value": "yes"}]
    assert [(line["line"], line["value"]) for line in items[1].lines] == [(7, "@system-service"), (8, "~memfd_create")]
    assert _bisect_unit.untried(FILES) == ["ProtectSystem"]
    all_kept = _bisect_unit.lifted_properties(LOADED, items, ())
    # what systemd derives from other directives, or gives by default, is left to it
    assert set(LOADED) - set(all_kept) == {"ProtectHome", "CapabilityBoundingSet", "NoNewPrivileges", "TasksMax"}
    lifted = _bisect_unit.lifted_properties(LOADED, items, {"DevicePolicy", "LimitAS", "LimitNOFILE", "SystemCallFilter"})
    assert set(all_kept) - set(lifted) == {"DevicePolicy", "DeviceAllow", "SystemCallFilter"}
    assert (lifted["LimitAS"], lifted["LimitASSoft"], lifted["LimitNOFILE"], lifted["LimitNPROC"]) == (
        "infinity", "infinity", "1048576", "99")


def line(number: int, value: str) -> dict[str, Any]:
    return {"path": UNIT_FILE, "line": number, "value": value}


@pytest.mark.parametrize(("values", "number"), [
    (["@system-service", "~memfd_create"], 2), (["@basic-io"], 1), (["@system-service", "~@memory", "~@x"], 2),
    (["~memfd_create", "~@x"], 1), (["~@x", "memfd_create", "~memfd_create:EPERM @x"], 3), (["@x", "@basic-io"], 1),
])
def test_line_that_forbids_a_call(values: list[str], number: int) -> None:
    groups = {"@system-service": {"memfd_create", "read"}, "@memory": {"memfd_create"}, "@basic-io": {"read"}, "@x": {"mount"}}
    lines = [line(each, value) for each, value in enumerate(values, 1)]
    assert _bisect_unit.deciding_line("SystemCallFilter", lines, "memfd_create", groups)["line"] == number


def test_groups_of_calls() -> None:
    groups = _bisect_unit.parse_groups("@a\n    # About a\n    @b\n    read\n\n@b\n    # About b\n    write\n\n# Ungrouped\n")
    assert groups == {"@a": {"@b", "read", "write"}, "@b": {"write"}}


def test_a_later_drop_in_is_named() -> None:
    paths = ["/etc/x.d/10-a.conf", "/etc/x.d/60-aarch64-validator.conf", "/etc/x.d/hardening.conf", UNIT_FILE]
    assert _bisect_unit.later_files([{"path": path} for path in paths]) == ["/etc/x.d/hardening.conf"]


def test_table_is_complete() -> None:
    companions = {"AmbientCapabilities", "Personality", "SystemCallErrorNumber", "ExecPaths", "BindReadOnlyPaths"}
    assert set(SANDBOX) - set(table.DIRECTIVES) == companions
    assert {name for name in table.DIRECTIVES if name.startswith("Limit")} <= set(LIMITS)
    for name in table.DIRECTIVES:
        assert re.match(r"[A-Z][^.]+\.\Z", table.cost(name)), name
        assert not table.restricts(name, table.DIRECTIVES[name].lifted) or name == "ProtectHome", name
    assert table.cost("SystemCallFilter", ["a", "b"]) == "The service may also call a and b, the rest of the filter stays."
    assert table.restricts("CapabilityBoundingSet", "") and not table.restricts("LimitNOFILE", "2000000")


def test_every_directive_of_the_manual_is_known() -> None:
    """Against the manual of the systemd that is installed here, if it is."""
    if not shutil.which("man", path="/usr/bin:/bin"):
        pytest.skip("no manual pages here: the program man is missing")
    done = subprocess.run(["man", "systemd.exec"], capture_output=True, text=True, check=False,
                          env={"MANWIDTH": "200", "LC_ALL": "C", "PATH": "/usr/bin:/bin"})
    manual = set(re.findall(r"(?<!\w)((?:Private|Protect|Restrict|Lock|Deny|Memory|NoNew|SystemCall)[A-Za-z]*)=", done.stdout))
    if not manual:
        pytest.skip("no manual page of systemd.exec")
    # they temper or log and restrict nothing, or belong to another manual page
    others = {"SystemCallErrorNumber", "SystemCallLog", "MemoryKSM", "PrivateNetworkNamespace"}
    assert {name for name in manual - others if name not in table.DIRECTIVES} == set()


def test_report() -> None:
    lines = {"SystemCallFilter": [line(1, "@system-service"), line(2, "~memfd_create")], "DevicePolicy": [line(3, "strict")]}
    bad = dict(start(refusals=[refusal("memfd_create", "SIGSYS")], signal="SIGSYS", exit_status=None), good=False,
               timed_out=False, answered=False, rpc_error=None, asked=True, seconds=0.3, instead=[])
    records = [dict(bad, relaxed=[]), dict(bad, relaxed=["DevicePolicy"])]
    reporter = _bisect_report.Reporter(records, lines, {"SystemCallFilter": ["memfd_create"]}, {},
                                       lambda _relaxed: {"SystemCallFilter": "~memfd_create"})
    found = Result("culprits", ["SystemCallFilter", "DevicePolicy"], {"SystemCallFilter": True}, {"DevicePolicy": ["x"]}, [], [])
    result = reporter.result(found, ["first"], ["last"])
    assert result["relaxation"] == "[Service]\nSystemCallFilter=memfd_create\nDevicePolicy=auto\nDeviceAllow=\n"
    call, devices = result["directives"]
    assert (call["value"], call["line"], call["evidence"]["call"], call["alone"]) == ("~memfd_create", 2, "memfd_create", True)
    assert devices["alone"] is None and devices["together_with"] == ["x"]
    assert devices["evidence"] == {"call": None, "errno": None, "text": "ended by SIGSYS"}
    assert result["starts"] == 2 and result["tried"][1] == {
        "relaxed": ["DevicePolicy"], "instead": [], "started": False, "outcome": "ended by SIGSYS", "seconds": 0.3}
    assert result["notes"] == ["first", "last"]


@pytest.mark.parametrize(("said", "signal", "status"), [
    ("Main process terminated with: code=exited/status=218", None, 218), ("code=killed, status=SYS", "SIGSYS", None),
    ("nothing", None, None),
])
def test_sandbox_that_cannot_be_set_up(said: str, signal: str | None, status: int | None) -> None:
    record = _bisect_report.not_set_up(said)
    assert (record["good"], record["signal"], record["exit_status"]) == (False, signal, status)


@pytest.mark.parametrize("option", [
    "-v=/data:/data", "--volume=/data:/data", "--mount=type=bind,src=/,dst=/x", "--volumes-from=node", "--device=/dev/sda",
    "--network=host", "--name=node", "--privileged", "--pid=host", "--ipc=host", "--ipc=container:node", "--userns=host",
    "--cap-drop", "--cap-drop ALL", "ALL", "", "--rm=false", "--env-file=/etc/shadow", "--user=1\n2",
])
def test_options_that_a_throw_away_container_does_not_get(option: str) -> None:
    with pytest.raises(ValueError, match="options: "):
        _container_options.checked_options([option])


def test_options_of_a_container() -> None:
    options = _container_options.checked_options(["-m=1g", "--cap-drop=ALL", "--read-only", "-u=1000:1000"])
    assert options == ["--memory=1g", "--cap-drop=ALL", "--read-only", "--user=1000:1000"]
    default = _container_options.DEFAULT_FILTER
    items = _container_options.restrictions(options)
    assert items == [default, "--cap-drop=ALL", "--read-only", "--user=1000:1000", "--memory=1g"]
    assert default not in _container_options.restrictions(["--security-opt=seccomp=/x.json"])
    assert _container_options.given_options(options, {default, "--read-only"}) == [
        "--memory=1g", "--cap-drop=ALL", "--user=1000:1000", "--security-opt=seccomp=unconfined"]
    ended = start(exit_status=1, lines=["Error: Read-only file system (os error 30)"])
    assert _container_options.suspects(ended, items) == ["--read-only"]
    assert _container_options.suspects(start(exit_status=137), items) == ["--memory=1g"]
    for option in items:
        assert re.match(r"[A-Z][^.]+\.\Z", _container_options.cost(option)), option
