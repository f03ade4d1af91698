# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a node which strategies it knows, by its --help. Private to this collection."""

from __future__ import annotations

import contextlib
import grp
import mmap
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._child import end
from ansible_collections.aarch64.validator.plugins.module_utils._node import STRATEGY_FLAG, is_node_program
from ansible_collections.aarch64.validator.plugins.module_utils._read import regular_file
from ansible_collections.aarch64.validator.plugins.module_utils._startup_process import Pump

SECONDS = 20
MAX_BYTES = 1 << 20
# Where systemd looks for a program without a path (systemd-path search-binaries-default).
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ELF = b"\x7fELF"
_POLL_SECONDS = 0.05
_NOBODY = (65534, 65534)

_SECTION = re.compile(
    r"^[ \t]*(?:-\w,?[ \t]+)?" + STRATEGY_FLAG + r"(?![\w-])(.*?)(?=^[ \t]*-{1,2}\w|^\S|\Z)", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"\[possible values:([^\[\]]*)\]", re.IGNORECASE)  # none goes on into the next one
_LISTED = re.compile(r"^[ \t]*possible values:[ \t]*\n(.*)", re.MULTILINE | re.DOTALL | re.IGNORECASE)
_ITEM = re.compile(r"^[ \t]*- ([\w-]+)", re.MULTILINE)
_RELAY_ARGUMENTS = re.compile(r"relay[-_ ]chain[-_ ]arg", re.IGNORECASE)


class HelpError(Exception):
    """Why a program could not be asked."""


class Help(t.NamedTuple):
    """What a program says of itself. strategies is empty where it takes the option but does not list its values."""

    known: bool
    strategies: list
    relay_arguments: bool  # whether it takes arguments for a relay chain node behind " -- "

    def takes(self, strategy: str) -> bool:
        """Whether this program can be started with this strategy."""
        return self.known and (not self.strategies or strategy in self.strategies)


def parse_help(text: str) -> Help:
    """Read the text of ``--help``, as the releases of clap up to 4 lay it out."""
    section = _SECTION.search(text)
    if section is None:
        return Help(False, [], False)
    inline, listed = _INLINE.search(section.group(1)), _LISTED.search(section.group(1))
    values = inline.group(1).split(",") if inline else _ITEM.findall(listed.group(1)) if listed else []
    return Help(True, [value.strip().lower() for value in values if value.strip()], bool(_RELAY_ARGUMENTS.search(text)))


def find_program(program: str) -> str:
    """The path of a program as systemd finds it."""
    return program if "/" in program else shutil.which(program, path=_SEARCH_PATH) or program


def may_be_node(program: str) -> bool:
    """Whether a program may be executed to ask it: a known node, or a binary in which the option occurs.

    Any other, such as a script, could do whatever it does although it is only asked for help. Raises HelpError where
    it cannot be read.
    """
    path = find_program(program)
    if is_node_program(path):
        return True
    try:
        with open(path, "rb", opener=regular_file) as stream:
            if stream.read(len(_ELF)) != _ELF:
                return False
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return content.find(STRATEGY_FLAG[2:].encode()) >= 0
    except (OSError, ValueError) as error:
        raise HelpError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def account_of(properties: dict) -> tuple | None:
    """``(uid, gid)`` as which a service runs; None for root. Nobody where they exist only while it runs."""
    user, group = properties.get("User", ""), properties.get("Group", "")
    if properties.get("DynamicUser") == "yes":
        return _NOBODY
    if user in ("", "root", "0"):
        return None
    try:
        entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
        gid = entry.pw_gid if not group else int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError:
        return _NOBODY
    return entry.pw_uid, gid


def ask_help(program: str, account: tuple | None, seconds: float = SECONDS) -> Help:
    """Run ``program --help`` as this account, within limits of time and output. Raises HelpError."""
    path = find_program(program)

    def become() -> None:
        if account is not None:
            os.setgroups([account[1]])
            os.setgid(account[1])
            os.setuid(account[0])

    environment = {"PATH": _SEARCH_PATH, "LC_ALL": "C", "HOME": "/", "NO_COLOR": "1"}
    try:
        process = subprocess.Popen(  # noqa: S603  # pylint: disable=ansible-bad-function  # a list of words, never a line of text
            [path, "--help"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/",
            env=environment, start_new_session=True,
            preexec_fn=become if os.geteuid() == 0 else None)  # noqa: PLW1509 - no threads
    except (OSError, subprocess.SubprocessError) as error:
        raise HelpError(f"{path} --help: {getattr(error, 'strerror', None) or error}") from error
    output, in_time = _read(process, time.monotonic() + seconds)
    if not in_time:
        raise HelpError(f"{path} --help did not end within {seconds:g} seconds")
    if process.returncode != 0:
        raise HelpError(f"{path} --help ended with {_ending(process.returncode)}")
    return parse_help(output.decode("utf-8", "replace"))


def _read(process: subprocess.Popen, deadline: float) -> tuple:
    """``(output, whether the program ended in time)``; nothing of its session is left behind."""
    output = bytearray()

    def feed(data: bytes) -> None:
        if len(output) < MAX_BYTES:
            output.extend(data)

    def ended() -> bool:
        # It stays a zombie, so that nobody else can get its number before its group is killed.
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    pump = Pump()
    try:
        pump.add(os.dup(process.stdout.fileno()) if process.stdout else -1, feed)
        in_time = pump.run(deadline, ended)
        while in_time and not ended():
            in_time = time.monotonic() < deadline
            time.sleep(_POLL_SECONDS)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        pump.rest()
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        end(process)
        pump.close()
    return bytes(output), in_time


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
