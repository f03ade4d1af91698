# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log signatures: which words of which program name which cause. Data only; private to this collection.

Order matters: the first signature that fits a message wins, so look-alikes stand before what they look like.
Each pattern is tried only on messages that hold one of its words, and takes time in proportion to the message.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Signature(NamedTuple):
    """A kind of log message.

    also: a second pattern that must be found too, in any place. by_errno: another cause for an errno, None for "says
    nothing". follows: signatures whose failure this one only reports again. errno: where the text does not repeat it.
    """

    id: str
    cause: str
    words: tuple
    pattern: re.Pattern
    by_errno: dict = {}  # noqa: RUF012  # read only
    follows: tuple = ()
    errno: int | None = None
    also: re.Pattern | None = None


def _signature(identifier: str, cause: str, words: str, pattern: str, by_errno: dict | None = None,
               follows: tuple = (), errno: int | None = None, also: str = "") -> Signature:
    return Signature(identifier, cause, tuple(words.split("|")), re.compile(pattern), by_errno or {}, follows, errno,
                     re.compile(also) if also else None)


POOL = "pool-mapping"
MMAP = "mmap-failed"
# Text that stands for ENOMEM: glibc, musl, and io::Error as Rust's {:?} writes it.
_ENOMEM = r"annot allocate memory|Out of memory \(os error|os error 12\)|code: 12\b|kind: OutOfMemory"
_OOM = ("oom-invoked", "oom-constraint", "oom-process", "oom-unit", "oom-exit", "systemd-kill")

SIGNATURES = (
    # -- Look-alikes of memory exhaustion that are something else
    # substrate#13487
    _signature("windows-paging-file", "windows-commit", "os error 1455|paging file|Not enough memory resources",
               r"os error 1455|paging file is too small|Not enough memory resources are available"),
    # subtensor#548, polkadot#3281 #3297 #3448 #3794; wasmtime memory.rs (limit_new)
    _signature("wasm-allocator", "wasm-heap-exhausted",
               "llocator ran out of space|allocation size is too large|exceeds memory limits",
               r"llocator ran out of space|Requested allocation size is too large"
               r"|memory minimum size of \d+ pages exceeds memory limits"),
    # polkadot#4275
    _signature("free-instances", "free-wasm-instances", "out of free WASM instances", r"[Rr]an out of free WASM instances"),
    # wasmtime pooling.rs (PoolConcurrencyLimitError) and gc_heap_pool.rs
    _signature("pool-slots", "wasm-pool-slots-exhausted", "maximum concurrent",
               r"maximum concurrent (?:[\w ]{1,40} )?limit of \d+"),
    # componentize-py#94, wasmtime memory_pool.rs and table_pool.rs (validate)
    _signature("pool-item-size", "wasm-module-too-large", "which exceeds the limit of|per-instance limit",
               r"(?:memory|table) index \d+ has a minimum \w+ size of \d+|defined (?:memories|tables) count of \d+ exceeds"),
    # wasmer#2858, wasmer-go#335, nearcore#5931 and #3118, wazero (go-re2#78), wasmi (substrate#4971)
    _signature("other-wasm-memory", "other-wasm-runtime",
               "Error when allocating memory|creating memory cannot fail|unable to mmap memory|mmap returned an error"
               "|WebAssembly.",
               r"Failed to create memory: Error when allocating memory|TODO creating memory cannot fail"
               r"|panic: unable to mmap memory|Memory: mmap returned an error"
               r"|WebAssembly\.\w{1,20}\(\): (?:could not allocate|Out of) memory"),  # V8
    # -- The title's failure. wasmtime pooling/*.rs at 0.33 to 50
    _signature(POOL, "address-space-too-small", "pool map",
               r"failed to create (?:the )?(?P<pool>(?:[\w-]{1,20} ){0,2}(?:memory|table|stack|instance|fiber|heap)s?) pool map"),
    _signature("engine-truncated", "address-space-too-small", "wasmtime engine",  # wasmtime#7637, cut off by the terminal
               r"cannot create the wasmtime engine: failed to crea[a-z ]{0,30}(?:…|\.\.\.|$)"),
    _signature("reservation-overflow", "address-space-too-small", "exceeds addressable memory|static memory bound",
               r"(?:memory reservation|memory reservation size|execution stacks|total size of \w+) exceeds addressable memory"
               r"|static memory bound is too large"),
    _signature("guard-pages", "map-count-low", "stack guard page", r"failed to protect stack guard page"),
    _signature(MMAP, "address-space-too-small", "mmap failed to",
               r"mmap failed to (?:reserve|allocate) 0x(?P<bytes>[0-9a-fA-F]{1,16}) bytes"),
    # -- Making code executable, memory images: wasmtime mmap_vec.rs, code_memory.rs, cow.rs; wasmtime#6229
    _signature("code-executable", "wx-denied", "memory executable|readable+executable|execmem|execheap",
               r"make memory (?:readable\+)?executable|avc: +denied +\{ [\w ]*exec(?:mem|heap|stack) ",
               {12: "map-count-low", 22: "page-size-unsupported"},
               follows=("strace-mprotect-executable", "strace-mmap-executable")),
    _signature("memory-image", "syscall-filtered", "create a memfd|create memfd|memfd_create",
               r"(?:cannot|could not|failed to|unable to) create (?:a |the )?memfd|memfd_create[^\n]{0,80} failed",
               {12: None, 23: "file-table-full", 24: "nofile-limit", 38: "kernel-old"}, follows=("strace-memfd",)),
    # substrate#11848, #12073: a virtual machine that hides features of its processor
    _signature("native-host", "cpu-features-missing", "compatible with the native host",
               r"compilation settings are not compatible with the native host"),
    # wasmtime#1501; yara-x#292
    _signature("instance-memory", "address-space-too-small", "nsufficient resources|nstantiate|wasmtime",
               r"Insufficient resources: (?:Cannot allocate|Out of) memory"
               r"|(?:wasmtime|WASM module instance|failed to instantiate [^\n]{0,40}(?:wasm|module|component))"
               rf"(?:(?!\bfork|\bspawn)[^\n]){{0,160}}?(?:{_ENOMEM})"),
    _signature("host-memory", "address-space-too-small", "wasmtime memory", r"unable to create wasmtime memory"),
    # -- Other programs that need a large address space: envoy#23339, box64#1365, scylladb#13712, firecracker#3514,
    # llamafile#152 and cosmopolitan#940, nixos-raspberrypi#180
    _signature("tcmalloc-placement", "address-space-too-small", "MmapAligned() failed",
               r"MmapAligned\(\) failed[^\n]{0,200}address placement"),
    _signature("tcmalloc-fatal", "address-space-too-small", "tcmalloc data",
               r"Out of memory trying to allocate internal tcmalloc data", follows=("tcmalloc-placement",)),
    _signature("box64-address-space", "address-space-too-small", "of address space",
               r"Didn't detect 48bits of address space|considering it's 39bits"),
    _signature("kernel-config", "address-space-too-small", "ARM64_VA_BITS",
               r"CONFIG_ARM64_VA_BITS(?:=3[69]\b|_3[69]=y)"),
    _signature("sanitizer-address-space", "address-space-too-small", "Found 3", r"Found 3\d - Supported \d\d"),
    _signature("fixed-address", "address-space-too-small", "prog mmap failed",
               r"ape error: [^\n]{0,200}prog mmap failed w/ errno 12", errno=12),
    _signature("mmap-random-bits", "address-space-too-small", "mmap_rnd_bits",
               r"Couldn't write '3[1-3]' to '(?:vm/)?(?:kernel/)?(?:vm/)?mmap_rnd_bits': Invalid argument", errno=22),
    # -- Emulation and the wrong machine: substrate#11717, centrifuge#1497, polkadot#374
    _signature("broken-madvise", "emulated-or-sandboxed", "MADV_DONTNEED|running under QEMU",
               r"MADV_DONTNEED does not work|broken `?madvise\(MADV_DONTNEED\)|expected behaviour if you are running under QEMU",
               follows=("broken-madvise",)),
    _signature("qemu-user", "emulated-or-sandboxed", "qemu: uncaught", r"qemu: uncaught target signal"),
    _signature("foreign-loader", "foreign-architecture", "ould not open '/lib|open elf at",
               r"qemu-\w+(?:-static)?: Could not open '/lib|rosetta error: failed to open elf"),
    _signature("image-platform", "foreign-architecture", "image's platform", r"image's platform \([\w/]+\) does not match"),
    # the second: dash reads as a script what the kernel did not execute; its control character may have become a blank
    _signature("exec-format", "foreign-architecture", "xec format error|ELF", r"[Ee]xec format error|: \d+: [\x7f ]ELF", errno=8),
    # substrate#9435, polkadot#3482
    _signature("illegal-instruction", "cpu-features-missing", "llegal|SIGILL|undefined instruction|invalid opcode",
               r"[Ii]llegal (?:hardware )?instruction|killed by SIGILL|signal: 4, SIGILL"
               r"|\bundefined instruction: pc=|trap invalid opcode ip:"),
    _signature("illegal-exit", "cpu-features-missing", "/ILL", r"status=4/ILL", follows=("illegal-instruction",)),
    # polkadot#7066, gear#598; musl ldso/dynlink.c
    _signature("libc-version", "libc-mismatch", "GLIBC|CXXABI",
               r"version `?(?:GLIBC|GLIBCXX|CXXABI)_[\d.]+'? not found", follows=("libc-version",)),
    _signature("libc-loader", "libc-mismatch",
               "ld-linux|ld-musl|libc.musl|rror relocating|required file not found|: not found|no such file or directory",
               r"(?:ld-(?:linux|musl)|libc\.musl)[\w.-]*\.so[^\n]{0,80}(?:not found|No such file|cannot open shared)"
               r"|Error relocating [^\n]{1,200}: symbol not found|cannot execute: required file not found"
               r"|^(?:\S*sh: )?(?:line )?(?:\d+: )?(?:\./|/)\S{1,200}: not found$"
               r"|exec (?:user process caused: )?\"?/\S{1,200}: no such file or directory", follows=("libc-loader",)),
    _signature("library", "library-missing", "shared librar",
               r"error while loading shared libraries: \S+: cannot open|Error loading shared library \S+: No such file"),
    # -- jemalloc and page sizes: stalwart#578, restate#3646, rauthy#1287; glibc elf/dl-load.c
    _signature("jemalloc-page-size", "page-size-unsupported", "system page size", r"Unsupported system page size",
               follows=("jemalloc-page-size",)),
    _signature("elf-alignment", "page-size-unsupported", "not page-aligned",
               r"ELF load command (?:alignment|address/offset) not page-aligned"),
    _signature("allocation-failed", "out-of-memory", "memory allocation of",
               r"memory allocation of (?P<decimal>\d{1,19}) bytes failed",
               follows=("jemalloc-page-size",)),
    # -- Filters, namespaces, Secure Validator Mode: polkadot#7521, polkadot-sdk#2728, #3018; pvf/src/security.rs
    _signature("seccomp-audit", "syscall-filtered", "type=1326|SECCOMP",
               r"type=(?:1326|SECCOMP) ", also=r"\bsig=31\b"),
    _signature("seccomp-signal", "syscall-filtered", "ad system call|SIGSYS", r"[Bb]ad system call|SIGSYS",
               follows=("seccomp-audit", "seccomp-signal")),
    _signature("seccomp-exit", "syscall-filtered", "/SYS", r"status=31/SYS", follows=("seccomp-audit", "seccomp-signal")),
    _signature("systemd-filter", "syscall-filtered", "parse system call", r"Failed to parse system call, ignoring: \w+"),
    _signature("unshare-refused", "userns-restricted", "unshare|userns_create",
               r"annot unshare user namespace|unshare user and mount namespaces: Operation not permitted"
               r"|apparmor=\"DENIED\" operation=\"userns_create\""),
    _signature("secure-mode", "secure-validator-mode-unavailable",
               "Secure Validator Mode|securely run a validator|landlock|enable seccomp|secure clone|sandboxing flags",
               r"could not enable Secure Validator Mode|cannot securely run a validator|annot call clone with all sandboxing"
               r"|annot (?:fully )?enable (?:landlock|seccomp)"
               r"|Secure Validator Mode[^\n]{0,60}(?:not (?:possible|available)|disabled)",
               follows=("secure-mode", "unshare-refused")),
    # -- io_uring, locked memory: go-uring#7, glommio#565, liburing#157
    _signature("io-uring", "memlock-limit", "uring|glommio|register_buffers",
               r"io_uring|\buring|glommio|register_buffers", errno=12, also=_ENOMEM),
    _signature("mlock-refused", "memlock-limit", "mlock", r"\bmlock(?:all)?\b",
               also=r"\bmlock(?:all)?(?:\(\))?:? (?:failed|error)|annot allocate memory|Resource temporarily unavailable"),
    # -- Shared memory and disks: docker-library/postgres#416, shadow#2266
    _signature("shm-resize", "shm-full", "shared memory segment",
               r"could not (?:resize|extend) shared memory segment \S+ to (?P<decimal>\d{1,19}) bytes: No space left", errno=28),
    _signature("shm-no-space", "shm-full", "dev/shm", "/dev/shm", errno=28, also=r"No space left on device|os error 28\)"),
    _signature("shm-read-only", "shm-read-only", "dev/shm", "/dev/shm", errno=30, also=r"[Rr]ead-only file system"),
    _signature("bus-error", "shm-full", "us error|SIGBUS",
               r"\b[Bb]us error\b|killed by SIGBUS|signal: 7, SIGBUS|[Ss]ignal SIGBUS|SIGBUS received"),
    _signature("bus-exit", "shm-full", "/BUS", r"status=7/BUS", follows=("bus-error",)),
    _signature("remove-ipc", "remove-ipc", "IPC_RMID", r"semctl\(\d+, \d+, IPC_RMID[^\n]{0,60}Invalid argument", errno=22),
    # -- Descriptors: polkadot-sdk#6488, polkadot#4243, polkadot#1434
    _signature("file-table", "file-table-full", "open files in system|os error 23",
               r"[Tt]oo many open files in system|os error 23\)", errno=23),
    _signature("open-files", "nofile-limit", "oo many open files|os error 24|file descriptors available",
               r"[Tt]oo many open files|No file descriptors available|os error 24\)", errno=24),
    _signature("open-files-warning", "nofile-limit", "file descriptor limit", r"Low open file descriptor limit"),
    _signature("read-only", "read-only-filesystem", "ead-only file system|os error 30", r"[Rr]ead-only file system|os error 30\)",
               errno=30),
    _signature("disk-full", "disk-full", "No space left on device|os error 28",  # not watches, semaphores or SysV memory
               r"(?:IO error|os error 28|[Dd]atabase|[Rr]ocks[Dd][Bb]|[Pp]arity[Dd][Bb]|\.sst|write)"
               r"[^\n]{0,300}No space left on device|No space left on device \(os error 28\)", errno=28),
    # -- The out-of-memory killer: polkadot-sdk#711, #10392, #767
    _signature("oom-invoked", "oom-killed", "invoked oom-killer", r"invoked oom-killer"),
    _signature("oom-constraint", "oom-killed", "oom-kill:", r"\boom-kill:constraint=", follows=("oom-invoked",)),
    _signature("oom-process", "oom-killed", "illed process|Kill process|systemd-oomd",
               r"[Oo]ut of memory(?: \(oom_kill_allocating_task\))?: Kill(?:ed)? process|systemd-oomd killed",
               follows=("oom-invoked", "oom-constraint")),
    _signature("oom-unit", "oom-killed", "OOM killer|OOMKilled", r"killed by the OOM killer|\bOOMKilled\b(?!\W{1,4}false)",
               follows=("oom-invoked", "oom-constraint", "oom-process")),
    _signature("systemd-kill", "stop-timeout", "SIGKILL|Killing", r"with signal SIGKILL|timed out\. Killing",
               follows=("systemd-kill",)),
    _signature("oom-exit", "oom-killed", "9/KILL|signal=KILL|code 137|ode: 137",
               r"status=9/KILL|signal=KILL|exit(?:ed)?(?: with)? code:? 137\b|Exit Code: +137\b", follows=_OOM[:4] + _OOM[5:]),
    _signature("oom-result", "oom-killed", "oom-kill", r"Result[:=] ?oom-kill|result '?oom-kill'?", follows=_OOM),
    _signature("shell-killed", "oom-killed", "Killed", r"^(?:\S+: line \d+: +\d+ )?Killed(?: +\S[^\n]*)?$"),
)

WORDS = tuple(sorted({word for signature in SIGNATURES for word in signature.words}))
