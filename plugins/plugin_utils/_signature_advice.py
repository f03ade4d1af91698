# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one thing to do about each cause that a log can show. Data only; private to this collection."""

from __future__ import annotations

_NOT_THIS = "This is not a failed memory pool: "

ADVICE = {
    "address-space-too-small":
        "Gather facts on the host, because the text alone cannot tell a kernel with 39-bit addresses (then start the node with "
        "--wasmtime-instantiation-strategy recreate-instance-copy-on-write, or boot a 48-bit kernel) from a finite "
        "address-space limit (then set LimitAS=infinity).",
    "address-space-limit":
        "Lift the address-space limit of the service (LimitAS=infinity, or ulimit -v unlimited) and bound memory with "
        "MemoryMax= instead.",
    "emulated-or-sandboxed":
        "Run a native build of the node on a real kernel: an emulator or sandbox does not map memory as Wasmtime needs it.",
    "foreign-architecture":
        "Install a binary or image built for the architecture of this host (compare `uname -m` with the ELF header).",
    "cpu-features-missing":
        "Build for this processor, or let the virtual machine show the processor of its host (for instance CPU type host).",
    "libc-mismatch": "Use a binary built against the C library of this system, or run it in a container or release that has it.",
    "library-missing": "Install the package that holds the named shared library.",
    "page-size-unsupported":
        "Use a binary built for this page size (jemalloc: JEMALLOC_SYS_WITH_LG_PAGE=16), and check the address bits before "
        "booting a 4 KiB kernel instead, because that one may have only 39.",
    "wx-denied":
        "Allow the service to make its compiled code executable: remove MemoryDenyWriteExecute= or the SELinux rule that denies "
        "execmem.",
    "syscall-filtered": "Add the refused system call to SystemCallFilter= of the unit or the seccomp profile of the container.",
    "userns-restricted":
        "Allow unprivileged user namespaces for the node (RestrictNamespaces=, AppArmor, or the container's seccomp profile).",
    "secure-validator-mode-unavailable":
        "Read which check failed just before; on arm64 upstream has no seccomp for it, so a validator there runs without Secure "
        "Validator Mode.",
    "overcommit-refused":
        "Give the host more memory or swap, or relax vm.overcommit_memory or LimitDATA=: this mapping is read-write and counts "
        "as committed memory.",
    "map-count-low": "Raise vm.max_map_count, and look for a leak of mappings if it is already above 262144.",
    "memlock-limit": "Raise LimitMEMLOCK= of the service; io_uring counts against it on kernels before 5.12.",
    "nofile-limit": "Raise LimitNOFILE= of the service to 65535 or more and check it on the live process.",
    "file-table-full": "Raise fs.file-max, or find the process that holds the files: the table of the whole system is full.",
    "shm-full":
        "Look at the use of /dev/shm and of the database disk (df), then make the full one larger; containers have 64 MiB "
        "of /dev/shm unless told otherwise.",
    "shm-mode": "Set the mode of /dev/shm back to 1777.",
    "shm-missing": "Mount a tmpfs on /dev/shm.",
    "shm-read-only": "Mount /dev/shm read-write.",
    "remove-ipc": "Run the service as a system user, or set RemoveIPC=no in logind.conf.",
    "read-only-filesystem":
        "Name the base path in ReadWritePaths= of the unit (ProtectSystem=strict), or check the disk if the whole file system "
        "went read-only.",
    "disk-full": "Free or add disk space for the database.",
    "kernel-old": "Boot a newer kernel; this one lacks a system call that Wasmtime uses.",
    "oom-killed":
        "Look in the kernel log for the out-of-memory killer, then raise MemoryMax= or add memory; a pool that cannot be mapped "
        "is never killed.",
    "stop-timeout": "Raise TimeoutStopSec=: systemd killed the process because it did not stop in time.",
    "out-of-memory": "Check memory, swap, limits and cgroup of the process: an ordinary allocation on the heap failed.",
    "windows-commit": _NOT_THIS + "enlarge the paging file of that Windows machine.",
    "wasm-heap-exhausted":
        _NOT_THIS + "the WebAssembly heap inside the runtime is full, which a newer runtime or node cures, never the host.",
    "free-wasm-instances": _NOT_THIS + "raise --max-runtime-instances if the warning repeats; it does no harm otherwise.",
    "wasm-pool-slots-exhausted": _NOT_THIS + "all slots of a pool that exists are in use, so lower the load or raise the count.",
    "wasm-module-too-large": _NOT_THIS + "the module needs more than one slot of the pool is configured for.",
    "other-wasm-runtime":
        _NOT_THIS + "another WebAssembly runtime (Wasmer, wazero, wasmi) got no memory, so check that program.",
}
FOR_ONE_INSTANCE = (
    "Run fewer instances at once (cap RPC connections) or boot a 48-bit kernel: this is the address space of a single instance, "
    "not of a pool; gather facts on the host to rule out a finite address-space limit.")


def advice_for(cause: str, layout: dict | None) -> str:
    """What to do; a reservation for a single instance needs other advice than a pool."""
    if cause == "address-space-too-small" and layout and layout["slots"] == 1:
        return FOR_ONE_INSTANCE
    return ADVICE[cause]
