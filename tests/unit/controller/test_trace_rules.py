# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the calls of a trial start mean. The calls are as startup_trace returned them on real hosts, or varied from those."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils._strace import Trace
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules import _trace
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import DEFAULTS

UNIT = "polkadot.service"
GIB = 1 << 30
POOL = "mmap(NULL, 414464344064, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = -1 ENOMEM (Cannot allocate memory)"
NEW_POOL = POOL.replace("414464344064", "277058945024")
STACKS = ("mmap(NULL, 2101248000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = -1 ENOMEM "
          "(Cannot allocate memory)")
WX = "mprotect(0x7f7122fe1000, 4096, PROT_READ|PROT_EXEC) = -1 EPERM (Operation not permitted)"
MEMFD = 'memfd_create("wasm-memory-image", MFD_CLOEXEC|MFD_ALLOW_SEALING) = -1 EPERM (Operation not permitted)'
KILLED = 'memfd_create("wasm-memory-image", MFD_CLOEXEC|MFD_ALLOW_SEALING) = 319'


def result(*lines: str, limits: dict | None = None, **values: Any) -> dict:
    """A result of the module whose calls are these lines of strace."""
    trace = Trace()
    for line in lines:
        trace.feed("12 " + line)
    unlimited = {name: {"soft": -1, "hard": -1} for name in ("as", "data", "memlock", "nofile")}
    given = {name: {"soft": soft, "hard": soft} for name, soft in (limits or {}).items()}
    return dict({
        "calls": trace.failures, "exit_status": 1, "signal": None, "timed_out": False, "limits": dict(unlimited, **given),
        "page_size": 4096, "rpc": None, "command": ["/usr/bin/polkadot"], "unit": UNIT}, **values)


def only(trace: dict) -> dict:
    found = _trace.trace_findings(trace, UNIT)
    assert len(found) == 1, found
    assert found[0]["service"] == UNIT
    assert (found[0]["explains"], found[0]["id"] in DEFAULTS) == (DEFAULTS[found[0]["id"]][1], True)
    return found[0]


def test_address_space_limit() -> None:
    found = only(result(POOL, limits={"as": 300 * GIB}))
    assert (found["id"], found["severity"], found["explains"]) == ("address-space-limit", "blocker", True)
    assert found["summary"] == "polkadot.service was refused 386 GiB of address space: its limit (LimitAS) is 300 GiB"
    assert ("414464344064 bytes: 64 x (4 GiB + 2 GiB) + 2 GiB = 386 GiB, Polkadot SDK from late 2023 to 2025, Wasmtime 8"
            in found["evidence"])
    assert found["evidence"][0] == POOL
    assert (found["remedy"], found["automatic"]) == ("service-limits", True)


@pytest.mark.parametrize(("limit", "expected"), [
    (-1, "address-space-too-small"), (400 * GIB, "address-space-too-small"), (300 * GIB, "address-space-limit"),
])
def test_reservation_by_limit(limit: int, expected: str) -> None:
    assert only(result(POOL, limits={"as": limit}))["id"] == expected


def test_limit_counts_what_is_reserved_already() -> None:
    first = NEW_POOL.partition(" = ")[0] + " = 0x7e0000000000"
    found = only(result(first, NEW_POOL, limits={"as": 400 * GIB}))
    assert found["id"] == "address-space-limit"
    assert "258.03 GiB were reserved before" in found["evidence"]
    assert only(result(NEW_POOL, limits={"as": 400 * GIB}))["id"] == "address-space-too-small"


def test_small_address_space_has_no_remedy_here() -> None:
    found = only(result(NEW_POOL))
    assert (found["explains"], found["remedy"], found["severity"]) == (True, None, "blocker")
    assert "258.03 GiB" in found["summary"]


@pytest.mark.parametrize(("limits", "expected"), [
    ({}, "overcommit-strict"), ({"data": GIB}, "data-limit"), ({"as": 2 * GIB, "data": 1 << 50}, "data-limit"),
    ({"as": GIB, "data": 1 << 50}, "address-space-limit"), ({"as": 8 * GIB}, "address-space-limit"),
])
def test_writable_memory(limits: dict, expected: str) -> None:
    found = only(result(STACKS, limits=limits))
    assert (found["id"], found["severity"]) == (expected, "blocker")


@pytest.mark.parametrize("line", [
    WX,
    WX.replace("EPERM (Operation not permitted)", "EACCES (Permission denied)"),
    "mmap(NULL, 4096, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 EPERM (Operation not permitted)",
])
def test_wx_denied(line: str) -> None:
    found = only(result(line))
    assert (found["id"], found["severity"], found["explains"]) == ("wx-denied", "blocker", False)


@pytest.mark.parametrize("line", [
    MEMFD, MEMFD.replace("EPERM (Operation not permitted)", "ENOSYS (Function not implemented)"),
    MEMFD.replace("EPERM (Operation not permitted)", "EACCES (Permission denied)"),
])
def test_syscall_filtered(line: str) -> None:
    found = only(result(line))
    assert (found["id"], found["severity"], found["explains"]) == ("syscall-filtered", "blocker", False)
    assert "may not call memfd_create" in found["summary"]


def test_death_by_filter() -> None:
    found = only(result(KILLED, "+++ killed by SIGSYS +++", signal="SIGSYS", exit_status=None))
    assert found["id"] == "syscall-filtered" and "memfd_create" in found["summary"]
    assert found["evidence"] == [KILLED, "ended by SIGSYS"]
    nameless = only(result(signal="SIGSYS", exit_status=None))  # without strace
    assert nameless["id"] == "syscall-filtered" and "_AUDIT_TYPE_NAME=SECCOMP" in nameless["summary"]


@pytest.mark.parametrize(("line", "expected"), [
    ("mlock(0x7f0000000000, 1048576) = -1 ENOMEM (Cannot allocate memory)", "memlock-limit"),
    ("mlock(0x7f0000000000, 1048576) = -1 EPERM (Operation not permitted)", "memlock-limit"),
    ("mlockall(MCL_CURRENT) = -1 EPERM (Operation not permitted)", "memlock-limit"),
    ("mmap(NULL, 1048576, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_LOCKED, -1, 0) = -1 EAGAIN (Try again)",
     "memlock-limit"),
    ("io_uring_setup(256, {flags=0}) = -1 ENOMEM (Cannot allocate memory)", "memlock-limit"),
    ("io_uring_setup(256, {flags=0}) = -1 EPERM (Operation not permitted)", "syscall-filtered"),
    ('openat(AT_FDCWD, "/dev/shm/x", O_RDWR|O_CREAT, 0600) = -1 EROFS (Read-only file system)', "shm-read-only"),
    ('openat(AT_FDCWD, "/dev/shm/x", O_RDWR|O_CREAT, 0600) = -1 EACCES (Permission denied)', "shm-mode"),
    ('openat(AT_FDCWD, "/db/1.sst", O_RDONLY) = -1 EMFILE (Too many open files)', "nofile-limit"),
    ("mprotect(0x7f0000000000, 4096, PROT_READ) = -1 ENOMEM (Cannot allocate memory)", "map-count-low"),
    ("unshare(CLONE_NEWUSER|CLONE_NEWNS) = -1 EPERM (Operation not permitted)", "userns-restricted"),
])
def test_other_causes(line: str, expected: str) -> None:
    found = only(result(line))
    assert (found["id"], found["explains"]) == (expected, False)


def test_page_size() -> None:
    line = "mmap(0x7f0000001000, 65536, PROT_READ, MAP_PRIVATE|MAP_FIXED, 3, 0x1000) = -1 EINVAL (Invalid argument)"
    protect = "mprotect(0x7f0000001000, 4096, PROT_READ) = -1 EINVAL (Invalid argument)"
    for one in (line, protect):
        found = only(result(one, page_size=65536))
        assert found["id"] == "page-size-unsupported" and "pages of 65536 bytes" in found["summary"]
        assert _trace.trace_findings(result(one, page_size=4096), UNIT) == []  # a fault of another kind


def test_healthy_start_has_no_finding() -> None:
    assert _trace.trace_findings(result(timed_out=True, exit_status=None), UNIT) == []
    harmless = result("prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x7f00, 4096, \"x\") = -1 EINVAL (Invalid argument)",
                      'openat(AT_FDCWD, "/dev/shm/x", O_RDONLY) = -1 ENOENT (No such file or directory)', timed_out=True)
    assert _trace.trace_findings(harmless, UNIT) == []


def test_a_start_that_went_on_is_advice() -> None:
    found = only(result(WX, timed_out=True, rpc={"answered": True, "error": None}))
    assert (found["severity"], found["remedy"]) == ("advice", None)
    assert found["summary"].endswith("it went on all the same")
    broken = only(result(MEMFD, timed_out=True, rpc={"answered": False, "error": "cannot create a memfd"}))
    assert broken["severity"] == "blocker"


def test_one_finding_for_each_cause_worst_first() -> None:
    trace = result("mlock(0x7f0000000000, 1048576) = -1 ENOMEM (Cannot allocate memory)", WX,
                   WX.replace("4096", "8192"), MEMFD)
    found = _trace.trace_findings(trace, None)
    assert [item["id"] for item in found] == ["wx-denied", "syscall-filtered", "memlock-limit"]
    assert len(found[0]["evidence"]) == 2
    assert {item["service"] for item in found} == {None}
    assert all("/usr/bin/polkadot" in item["summary"] for item in found)


def test_failures_of_the_module_have_no_finding() -> None:
    assert _trace.trace_findings({"failed": True, "reason": "ptrace-forbidden", "msg": "x"}, UNIT) == []


OK = {"ok": True, "exit_status": 0, "signal": None, "timed_out": False, "lines": []}


@pytest.mark.parametrize(("values", "conclusion"), [
    ({"version": dict(OK, ok=False, exit_status=1)}, "program-unusable"),
    ({"help": dict(OK, ok=False, exit_status=None, signal="SIGILL")}, "program-unusable"),
    ({}, "start-fails"),
    ({"timed_out": True, "rpc": {"answered": False, "error": "cannot create a memfd"}}, "runtime-fails"),
    ({"timed_out": True, "service": {"active_state": "failed"}}, "data-directory-broken"),
    ({"timed_out": True, "service": {"active_state": "activating"}}, "data-directory-broken"),
    ({"timed_out": True, "service": {"active_state": "active"}}, "starts"),
    ({"timed_out": True, "service": None, "rpc": {"answered": True, "error": None}}, "starts"),
])
def test_clean_start(values: dict, conclusion: str) -> None:
    said = _trace.clean_start(result(**dict({"version": OK, "help": OK}, **values)))
    assert said["conclusion"] == conclusion
    assert UNIT in said["text"]


def test_every_cause_has_a_text_and_a_default() -> None:
    for cause in _trace.REFERENCES:
        assert cause in DEFAULTS
        assert _trace._summary(cause, [], result(), UNIT)
