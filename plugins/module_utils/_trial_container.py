# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away container that shows what an engine gives to a new one. Private to this collection.

Its image is one program of some 150 bytes that only waits, made here: no image of the operator is used, and nothing is
fetched. What the container has is read from /proc of the host, not asked of the engine.
"""

from __future__ import annotations

import binascii
import io
import os
import platform
import struct
import tarfile

from ansible_collections.aarch64.validator.plugins.module_utils._procfs import parse_limits
from ansible_collections.aarch64.validator.plugins.module_utils._state import load_state, save_state

STATE = "trial-containers"  # by engine: the name of what a run that was killed has left in it
PREFIX = "aarch64-validator-trial-"
PROGRAM = "/wait"
# ELF machine number (include/uapi/linux/elf-em.h), and code that waits for ever.
_CODE = {
    # mov eax, 34 (pause); syscall; jump back
    "x86_64": (62, bytes.fromhex("b822000000 0f05 ebf7")),
    # mov x0..x4, 0; mov x8, 73 (ppoll without descriptors and without an end); svc 0; branch back
    "aarch64": (183, bytes.fromhex("000080d2 010080d2 020080d2 030080d2 040080d2 280980d2 010000d4 f9ffff17")),
}
_BASE = 0x400000
_PAGE = 0x10000  # a multiple of every page size there is
_HEADERS = 64 + 56


class TrialError(Exception):
    """A container could not be had, or has not what it should have; says why, for an operator."""


def new_name() -> str:
    """A name that nothing else has."""
    return PREFIX + binascii.hexlify(os.urandom(6)).decode()


def begun(engine: str) -> str:
    """A name for a trial in this engine, which is remembered until ended(). Raises OSError or ValueError."""
    name = new_name()
    save_state(STATE, dict(load_state(STATE), **{engine: name}))
    return name


def left_over(engine: str) -> str | None:
    """The name under which a run that was killed has left a container or an image in this engine."""
    name = load_state(STATE).get(engine)
    return name if isinstance(name, str) and name.startswith(PREFIX) else None


def ended(engine: str) -> None:
    """Nothing of a trial is left in this engine."""
    save_state(STATE, {other: name for other, name in load_state(STATE).items() if other != engine})


def image_tar(machine: str = "") -> bytes:
    """A file system with PROGRAM in it, for ``docker import``. Raises TrialError for a processor that is not known."""
    name = machine or platform.machine()
    if name not in _CODE:
        raise TrialError(f"there is no trial program for processors of the kind {name}")
    program = _elf(*_CODE[name])
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(PROGRAM[1:])
        entry.size, entry.mode = len(program), 0o755
        archive.addfile(entry, io.BytesIO(program))
    return buffer.getvalue()


def _elf(machine: int, code: bytes) -> bytes:
    """A static program of one segment (include/uapi/linux/elf.h)."""
    size = _HEADERS + len(code)
    header = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)  # 64 bits, little endian, version 1
    header += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, _PAGE)  # loaded, readable and executable
    return header + segment + code


def seen_of(pid: int) -> dict:
    """``{shm_size, limits}`` of the container of a process, as the kernel has them. Raises TrialError."""
    try:
        space = os.statvfs(f"/proc/{pid}/root/dev/shm")
        with open(f"/proc/{pid}/limits", encoding="ascii") as stream:
            limits = parse_limits(stream.read())
    except OSError as error:
        raise TrialError(f"a new container ended at once ({error.strerror})") from error
    return {"shm_size": space.f_blocks * space.f_frsize, "limits": limits}
