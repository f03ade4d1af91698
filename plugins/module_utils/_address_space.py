# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much address space a process can reserve: from the kernel's text, and by trying it.

Private to this collection. Wasmtime's pooling allocator makes one anonymous PROT_NONE mapping per engine;
only address space can refuse it. Sizes are bytes.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import re
import resource
import zlib

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, at_least

_MAP_NORESERVE = 0x4000  # include/uapi/asm-generic/mman.h, same on x86
_MAP_FIXED_NOREPLACE = 0x100000  # the same file; kernels before 4.17 take the address for a mere wish
_MAP_FAILED = ctypes.c_void_p(-1).value
_LEAST_BITS, _MOST_BITS = 36, 48  # above 48 bits an address is given only to those who ask for it
_SEARCH_STEP = 1 << 20  # the largest reservation is found to within one MiB
_VA_BITS_CONFIG = re.compile(r"^CONFIG_ARM64_VA_BITS=([0-9]{1,3})$", re.MULTILINE)
_GIB = 1 << 30
CONFIG_PLACES = ("/proc/config.gz", "/boot/config-{0}", "/lib/modules/{0}/config")
_MAX_CONFIG = 4 << 20
_GZIP = 31  # zlib's name for the format of gzip(1) with the largest window


def va_bits_of_maps(regions: list) -> int | None:
    """Bits of user address space, from the highest mapping of a process: its stack lies at the top.

    Mappings at or above 2**63 (vsyscall on x86) do not belong to it.
    """
    ends = [end for _start, end, _perms, _inode, _path in regions if end < 1 << 63]
    return (max(ends) - 1).bit_length() if ends else None


def va_bits_of_config(text: str) -> int | None:
    """CONFIG_ARM64_VA_BITS of a kernel configuration."""
    match = _VA_BITS_CONFIG.search(text)
    return int(match.group(1)) if match else None


def va_bits_of_hints() -> int | None:
    """Bits of user address space, found by asking for one page just below each power of two; None if none was granted."""
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    library.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    page = mmap.PAGESIZE
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE | _MAP_FIXED_NOREPLACE
    for bits in range(_MOST_BITS, _LEAST_BITS - 1, -1):
        wanted = (1 << bits) - _GIB
        address = library.mmap(wanted, page, 0, flags, -1, 0)
        if address == wanted:
            library.munmap(address, page)
            return bits
        if address == _MAP_FAILED:
            if ctypes.get_errno() == errno.EEXIST:  # something lies there, so that there is a there
                return bits
        else:
            library.munmap(address, page)
    return None


def read_kernel_config(release: str, unread: list) -> str | None:
    """The configuration of the running kernel, from the first place that has one."""
    places = [place.format(release) for place in CONFIG_PLACES]
    for path in places:
        if not os.path.exists(path):
            continue
        try:
            with open(path, "rb") as stream:
                content = stream.read(_MAX_CONFIG)
            if path.endswith(".gz"):
                packed = zlib.decompressobj(_GZIP)
                content = packed.decompress(content, _MAX_CONFIG)  # a real one has 300 KiB
                if not packed.eof:
                    raise OSError("cut off, or too large")
            return content.decode("utf-8", "replace")
        except (OSError, zlib.error) as error:
            unread.append({"path": path, "reason": str(error)})
    unread.append({"path": "kernel configuration", "reason": "none of {} is readable".format(", ".join(places))})
    return None


def pool_regions(regions: list) -> list:
    """Runs of adjacent mappings that look like a pool, as ``{address, bytes, prot_none}``.

    A pool begins as one PROT_NONE mapping. Instances in use open parts of it, and copy-on-write images lie
    inside, so the pieces between two large PROT_NONE pieces belong to the same run. Runs below 64 GiB
    are no pool of a node: thread arenas, guard pages.
    """
    runs = []  # type: list[dict]
    last_end = None
    for start, end, perms, inode, _path in regions:
        reserved = perms.startswith("---p") and inode == 0
        if not runs or last_end != start:
            runs.append({"address": start, "end": start, "prot_none": 0})
        last_end = end
        run = runs[-1]
        if reserved and end - start >= _GIB:
            if not run["prot_none"]:
                run["address"] = start
            run["prot_none"] += end - start
            run["end"] = end
    return [
        {"address": run["address"], "bytes": run["end"] - run["address"], "prot_none": run["prot_none"]}
        for run in runs
        if run["prot_none"] >= 64 * _GIB
    ]


def probe(engine_bytes: int, engines: int, limit_as: int, va_bits: int) -> dict:
    """Reserve as a node would, in a child so that nothing stays behind.

    limit_as is the RLIMIT_AS of the process that is judged, -1 for none. Returns ``{largest_reservation,
    errno, probed_fit}``: the largest single reservation, the errno that ended the count (0 if all fit), and
    how many reservations of engine_bytes were held at once, at most ``engines``. Raises OSError when the
    child could not answer.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            os.write(writer, json.dumps(_probe_here(engine_bytes, engines, limit_as, va_bits)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = stream.read()
    _pid, status = os.waitpid(child, 0)
    if not answer:
        raise OSError(errno.ECHILD, f"the probing process ended with wait status {status} and no answer")
    return json.loads(answer)


def _probe_here(engine_bytes: int, engines: int, limit_as: int, va_bits: int) -> dict:
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if limit_as != UNLIMITED and at_least(hard, limit_as):
        resource.setrlimit(resource.RLIMIT_AS, (limit_as, limit_as))
    held = []  # type: list[mmap.mmap]
    reason = 0
    while len(held) < engines and not reason:
        mapping, reason = _reserve(engine_bytes)
        if mapping is not None:
            held.append(mapping)
    for mapping in held:
        mapping.close()
    return {"largest_reservation": _largest(va_bits), "errno": reason, "probed_fit": len(held)}


def _reserve(size: int) -> tuple:
    try:
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE, prot=0), 0
    except OSError as error:
        return None, error.errno
    except (OverflowError, MemoryError, ValueError):  # a size that this userland cannot even express
        return None, errno.ENOMEM


def _largest(va_bits: int) -> int:
    fits, fails = 0, 1 << va_bits
    while fails - fits > _SEARCH_STEP:
        middle = (fits + fails) // 2 // _SEARCH_STEP * _SEARCH_STEP
        mapping, _reason = _reserve(middle)
        if mapping is None:
            fails = middle
        else:
            mapping.close()
            fits = middle
    return fits
