# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strace prints, and what is read from it. The lines are from strace 6.1 on x86_64, unless said otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils import _strace

POOL = "mmap(NULL, 414464344064, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0)"
ENOMEM = " = -1 ENOMEM (Cannot allocate memory)"
EPERM = " = -1 EPERM (Operation not permitted)"
SIGSYS = ("--- SIGSYS {si_signo=SIGSYS, si_code=SYS_SECCOMP, si_call_addr=0x7f8158eea829, si_syscall=__NR_memfd_create, "
          "si_arch=AUDIT_ARCH_X86_64} ---")


def traced(*lines: str) -> _strace.Trace:
    trace = _strace.Trace()
    for line in lines:
        trace.feed(line + "\n")
    return trace


def failure(*lines: str) -> dict[str, Any]:
    failures = traced(*lines).failures
    assert len(failures) == 1, failures
    return failures[0]


@pytest.mark.parametrize(("line", "expected"), [
    ("146   " + POOL + ENOMEM, {
        "call": "mmap", "errno": "ENOMEM", "size": 414464344064, "protection": "PROT_NONE", "pid": 146, "path": None,
        "flags": "MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE", "text": POOL + ENOMEM, "count": 1, "reserved": 0}),
    ("[pid  4711] " + POOL + ENOMEM, {"pid": 4711, "size": 414464344064}),
    ("4711 12:01:02.123456 " + POOL + ENOMEM, {"pid": 4711, "size": 414464344064}),
    ("4711 1700000000.123456 " + POOL + ENOMEM, {"pid": 4711}),
    (POOL + ENOMEM, {"pid": 0, "errno": "ENOMEM"}),
    ("1 mmap(0x4000000000, 0x6080000000, PROT_NONE, MAP_PRIVATE|MAP_FIXED_NOREPLACE|MAP_ANONYMOUS, -1, 0)" + ENOMEM,
     {"size": 0x6080000000, "flags": "MAP_PRIVATE|MAP_FIXED_NOREPLACE|MAP_ANONYMOUS"}),
    ("261 mprotect(0x7f7122fe1000, 4096, PROT_READ|PROT_EXEC)" + EPERM,
     {"call": "mprotect", "errno": "EPERM", "size": 4096, "protection": "PROT_READ|PROT_EXEC", "flags": None}),
    ('527 memfd_create("wasm-memory-image", MFD_CLOEXEC|MFD_ALLOW_SEALING)' + EPERM,
     {"call": "memfd_create", "path": "wasm-memory-image", "flags": "MFD_CLOEXEC|MFD_ALLOW_SEALING", "size": None}),
    ('9 memfd_create("a, \\"b) = 1", MFD_CLOEXEC) = -1 ENOSYS (Function not implemented)',
     {"errno": "ENOSYS", "path": 'a, \\"b) = 1', "flags": "MFD_CLOEXEC"}),
    ("9 mmap(NULL, 4096, PROT_READ|PROT_EXEC, MAP_SHARED, 4</memfd:libffi, x>(deleted), 0)" + EPERM,
     {"path": "/memfd:libffi, x", "protection": "PROT_READ|PROT_EXEC"}),
    ("9 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3</dev/nvidia0<char 195:0>>, 0)" + EPERM,
     {"path": "/dev/nvidia0<char 195:0>", "size": 4096}),
    ("9 ftruncate(5</dev/shm/polkadot>, 1073741824) = -1 EFBIG (File too large)",
     {"call": "ftruncate", "path": "/dev/shm/polkadot", "size": 1 << 30, "errno": "EFBIG"}),
    ('9 openat(AT_FDCWD</root>, "/dev/shm/sem.x", O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600) = -1 EROFS (Read-only)',
     {"call": "openat", "path": "/dev/shm/sem.x", "flags": "O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC"}),
    ('9 open("/dev/shm/x", O_RDWR|O_CREAT, 0600) = -1 EACCES (Permission denied)', {"path": "/dev/shm/x"}),
    ('9 openat(AT_FDCWD, "/var/x.sst", O_RDONLY) = -1 EMFILE (Too many open files)', {"errno": "EMFILE", "path": "/var/x.sst"}),
    ("9 mlock(0x7f0000000000, 1048576)" + ENOMEM, {"call": "mlock", "size": 1 << 20}),
    ("9 mlock2(0x7f0000000000, 1048576, MLOCK_ONFAULT)" + EPERM, {"flags": "MLOCK_ONFAULT"}),
    ("9 mlockall(MCL_CURRENT|MCL_FUTURE)" + ENOMEM, {"flags": "MCL_CURRENT|MCL_FUTURE", "size": None}),
    ("9 io_uring_setup(256, {flags=IORING_SETUP_CQSIZE, sq_thread_cpu=0, cq_entries=512})" + ENOMEM,
     {"call": "io_uring_setup", "errno": "ENOMEM"}),
    ("9 prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) = -1 EINVAL (Invalid argument)", {"flags": "PR_SET_MDWE"}),
    ("9 prlimit64(0, RLIMIT_MEMLOCK, {rlim_cur=RLIM64_INFINITY, rlim_max=RLIM64_INFINITY}, NULL)" + EPERM,
     {"call": "prlimit64", "flags": "RLIMIT_MEMLOCK"}),
    ("9 shmget(IPC_PRIVATE, 1<<20, IPC_CREAT|0600) = -1 ENOSPC (No space left on device)",
     {"call": "shmget", "size": None, "flags": "IPC_CREAT|0600"}),
    ("9 unshare(CLONE_NEWUSER|CLONE_NEWNS)" + EPERM, {"call": "unshare", "flags": "CLONE_NEWUSER|CLONE_NEWNS"}),
    ("9 clone(child_stack=NULL, flags=CLONE_NEWUSER|SIGCHLD)" + EPERM, {"call": "clone"}),
    ('9 execve("./node", ["./node"], 0x7ffd /* 9 vars */) = -1 ENOEXEC (Exec format error)', {"path": "./node"}),
    ("9 mremap(0x7f0000000000, 4096, 8589934592, MREMAP_MAYMOVE)" + ENOMEM, {"size": 8589934592, "flags": "MREMAP_MAYMOVE"}),
])
def test_failing_calls(line: str, expected: dict[str, Any]) -> None:
    found = failure(line)
    assert {key: found[key] for key in expected} == expected
    assert set(found) == {"call", "errno", "size", "flags", "protection", "path", "pid", "text", "count", "reserved"}


@pytest.mark.parametrize("line", [
    "1 " + POOL + " = 0x7f0000000000",
    "1 mprotect(0x7f0000000000, 4096, PROT_READ) = 0",
    '1 openat(AT_FDCWD, "/etc/ld.so.preload", O_RDONLY) = -1 ENOENT (No such file or directory)',
    '1 connect(3<socket:[1]>, {sa_family=AF_UNIX, sun_path="/run/nscd/socket"}, 110) = -1 ENOENT (No such file or directory)',
    "1 clone(child_stack=NULL, flags=CLONE_VM|SIGCHLD) = -1 EAGAIN (Resource temporarily unavailable)",
    "1 futex(0x7f0000000000, FUTEX_WAIT_PRIVATE, 2, NULL) = -1 EAGAIN (Resource temporarily unavailable)",
    "1 restart_syscall(<... resuming interrupted read ...>) = -1 EINTR (Interrupted system call)",
    "1 exit_group(0) = ?",
    "strace: Process 4711 attached",
    "1 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=2} ---",
    "2026-11-21 05:19:42 Running JSON-RPC server: addr=127.0.0.1:9944",
    "mmap failed to reserve 0x6080000000 bytes = -1 ENOMEM",
    "",
])
def test_other_lines_give_nothing(line: str) -> None:
    assert traced(line).failures == []


def test_unfinished_and_resumed() -> None:
    found = failure(
        "10 mprotect(0x7fa2cab9a000, 4096, PROT_READ|PROT_EXEC <unfinished ...>",
        "11 " + POOL + " = 0x7e0000000000",
        "10 <... mprotect resumed>)           = -1 EPERM (Operation not permitted)")
    assert (found["pid"], found["size"], found["protection"]) == (10, 4096, "PROT_READ|PROT_EXEC")
    assert found["text"] == "mprotect(0x7fa2cab9a000, 4096, PROT_READ|PROT_EXEC)           = -1 EPERM (Operation not permitted)"


def test_resumed_with_arguments_left() -> None:
    found = failure("10 prlimit64(0, RLIMIT_MEMLOCK, NULL,  <unfinished ...>",
                    "10 <... prlimit64 resumed>{rlim_cur=8192*1024, rlim_max=8192*1024})" + EPERM)
    assert (found["call"], found["flags"]) == ("prlimit64", "RLIMIT_MEMLOCK")
    assert "NULL, {rlim_cur=8192*1024" in found["text"]


def test_the_same_failure_is_counted() -> None:
    lines = [f"{pid} mlock(0x7f000000{pid}000, 65536)" + ENOMEM for pid in (11, 12, 12)]
    assert failure(*lines)["count"] == 3


def test_bounded() -> None:
    trace = traced(*(f"1 mlock(0x7f0000000000, {size})" + ENOMEM for size in range(_strace.MAX_CALLS + 7)))
    assert (len(trace.failures), trace.left_out) == (_strace.MAX_CALLS, 7)
    for number in range(60000):
        trace.feed(f"{number} mlock(0x7f0000000000, 1 <unfinished ...>\n")
    assert len(trace._open) < 30000


def test_ends() -> None:
    trace = traced("7 execve(\"/usr/bin/x\", [\"x\"], 0x7ffd /* 9 vars */) = 0", "9 +++ exited with 0 +++",
                   "8 +++ killed by SIGABRT (core dumped) +++", "7 +++ exited with 101 +++")
    assert trace.first_pid == 7
    assert trace.ended == {9: (0, None), 8: (None, "SIGABRT"), 7: (101, None)}


def test_filter_that_traps_names_the_call() -> None:
    found = failure('5 memfd_create("x", MFD_CLOEXEC) = 319', "5 " + SIGSYS,
                    "6 <... clock_nanosleep resumed> <unfinished ...>) = ?", "6 +++ killed by SIGSYS +++",
                    "5 +++ killed by SIGSYS +++")
    assert (found["call"], found["errno"], found["pid"]) == ("memfd_create", "SIGSYS", 5)


def test_filter_that_kills_is_found_by_the_last_call() -> None:
    found = failure("6 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=30, tv_nsec=0},  <unfinished ...>",
                    "7 prctl(PR_SET_NAME, \"x\") = 0",
                    '5 memfd_create("x, \\"y", MFD_CLOEXEC) = 319',
                    "6 <... clock_nanosleep resumed> <unfinished ...>) = ?",
                    "7 +++ killed by SIGSYS +++", "6 +++ killed by SIGSYS +++", "5 +++ killed by SIGSYS +++")
    assert (found["call"], found["pid"], found["count"]) == ("memfd_create", 5, 1)


def test_filter_without_a_name() -> None:
    assert failure("5 +++ killed by SIGSYS +++")["call"] == "unknown"


def test_reserved_address_space() -> None:
    pool = "mmap(NULL, 277058945024, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)"
    trace = traced(
        "5 " + pool + " = 0x7e0000000000",
        "5 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, exit_signal=0} => {parent_tid=[6]}, 88) = 6",
        "6 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7e1000000000",
        "6 " + pool + ENOMEM,
        "6 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f0000000000) = 9",
        "9 munmap(0x7e0000000000, 277058945024) = 0",
        "9 mlock(0x7e1000000000, 4096)" + ENOMEM,
        "5 mlock(0x7e1000000000, 8192)" + ENOMEM,
        '5 execve("/bin/x", ["x"], 0x0) = 0',
        "5 mlock(0x7e1000000000, 16384)" + ENOMEM)
    assert [call["reserved"] for call in trace.failures] == [277058945024, 0, 277058945024, 0]


@pytest.mark.parametrize(("text", "parts"), [
    ("", []), ("NULL", ["NULL"]), ("1, 2", ["1", "2"]), ('"a, b", [1, 2], {x=1, y=2}', ['"a, b"', "[1, 2]", "{x=1, y=2}"]),
    ("3</a, b>, 0", ["3</a, b>", "0"]), ("1<<20, 0", ["1<<20", "0"]), ('"\\", ", 1', ['"\\", "', "1"]), ("]}, 1", ["]}", "1"]),
])
def test_split_arguments(text: str, parts: list[str]) -> None:
    assert _strace.split_arguments(text) == parts


def test_trace_option_leaves_memory_calls_in() -> None:
    option = _strace.trace_option()
    assert option.startswith("trace=!?")
    assert not {"?" + name for name in _strace.SIZE_ARGUMENT} & set(option.partition("!")[2].split(","))


LINE = st.lists(st.sampled_from([
    "12 ", "[pid 7] ", "mmap(", "NULL, ", "4096", "PROT_NONE, ", ")", " = ", "-1 ", "ENOMEM", " (Cannot)", "<unfinished ...>",
    "<... mmap resumed>", "+++ exited with 1 +++", "+++ killed by SIGSYS +++", "--- SIGSYS {si_syscall=__NR_x} ---",
    "3</dev/shm/a>", '"', "\\", "{", "]", "?", "0x7f", "clone(", "CLONE_VM, ",
    "= 99999999999999999999", " ", "9" * 30, "\u2028", "mlock(",
]), max_size=12).map("".join) | st.text(max_size=200)


@settings(max_examples=500, deadline=None)
@given(st.lists(LINE, max_size=20))
def test_any_text_is_survived(lines: list[str]) -> None:
    trace = traced(*lines)
    assert len(trace.failures) <= _strace.MAX_CALLS
    assert all(isinstance(call["text"], str) and len(call["text"]) <= _strace.MAX_TEXT for call in trace.failures)
