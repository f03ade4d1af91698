# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a unit starts, as whom, and inside which sandbox, so that a trial can be given the same. Private to this collection.

The loaded settings are copied, as ``systemctl show`` prints them: systemd-run takes every one of them back in that form
(checked with systemd 252 by comparing both units), specifiers are resolved in them, and drop-ins are merged.
Source: systemd.exec(5), systemd.resource-control(5).
"""

from __future__ import annotations

import glob
import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._environment_file import expand, parse_environment_file
from ansible_collections.aarch64.validator.plugins.module_utils._exec_start import comments_continue
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import LIMIT_PROPERTIES
from ansible_collections.aarch64.validator.plugins.module_utils._unit_files import parse_limit_value

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager

IDENTITY = ("User", "Group", "SupplementaryGroups", "UMask", "WorkingDirectory")
LIMITS = tuple("Limit" + name for name in (
    "AS", "CORE", "CPU", "DATA", "FSIZE", "LOCKS", "MEMLOCK", "MSGQUEUE", "NICE", "NOFILE", "NPROC", "RSS", "RTPRIO", "RTTIME",
    "SIGPENDING", "STACK"))
# Settings that decide which calls a process may make, and how much memory it gets. Left out on purpose: the unit's
# directories (systemd would remove RuntimeDirectory= of the running service), RemoveIPC= (it would remove the service's
# shared memory), and everything that makes a path writable.
SANDBOX = (
    "CapabilityBoundingSet", "AmbientCapabilities", "NoNewPrivileges", "SecureBits", "SELinuxContext", "AppArmorProfile",
    "LockPersonality", "Personality", "KeyringMode", "MemoryDenyWriteExecute", "PrivateDevices", "PrivateUsers", "PrivateMounts",
    "PrivateIPC", "ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules",
    "ProtectKernelTunables", "ProtectProc", "ProcSubset", "RestrictAddressFamilies", "RestrictNamespaces",
    "RestrictRealtime", "RestrictSUIDSGID", "SystemCallArchitectures", "SystemCallFilter", "SystemCallErrorNumber",
    "InaccessiblePaths", "NoExecPaths", "ExecPaths", "BindReadOnlyPaths", "TemporaryFileSystem", "DevicePolicy", "DeviceAllow",
    "MemoryHigh", "MemoryMax", "MemorySwapMax", "TasksMax",
)
STATE = ("Id", "LoadState", "ActiveState", "SubState", "Result", "MainPID", "NeedDaemonReload", "ProtectHome", "RootDirectory",
         "RootImage", "DynamicUser")
PROPERTIES = list(STATE + IDENTITY + SANDBOX) + [name + suffix for name in LIMITS for suffix in ("", "Soft")]
_LIMIT_NAMES = {prop: name for name, prop in LIMIT_PROPERTIES.items()}
_KILLS = "2147483646"  # how systemd up to 252 shows that a filter kills, which is also what it does without a number
_UNSET = ("", "[not set]", "n/a")
# Where systemd prints nothing, this means nothing at all, and not its default.
_EMPTY_COUNTS = ("CapabilityBoundingSet",)

# These match also what is left open: looking for its end again at every quote in it would take forever.
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)("?)')
_ESCAPE = re.compile(rb"\\([0-7]{3}|x[0-9a-f]{2}|.)")
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"s": b" "}
_ENVIRONMENT_FILE = re.compile(rb'"((?:[^"\\]|\\.)*)"?(?: (true|false))?')


class Unit(t.NamedTuple):
    """A unit as it is loaded now. environment_files: ``(path, may be missing)``."""

    name: str
    properties: dict
    arguments: list
    environment: dict
    environment_files: list


def read_unit(manager: Manager, name: str, properties: dict) -> Unit:
    """Ask the manager for what it starts, as words and not as a line of text. Raises ManagerError."""
    answer = manager.call(["busctl", "--system", "get-property", "org.freedesktop.systemd1", object_path(name),
                           "org.freedesktop.systemd1.Service", "ExecStart", "Environment", "EnvironmentFiles"])
    lines = (answer + "\n\n\n").split("\n")
    return Unit(name, properties, parse_exec_start(lines[0]), parse_environment(lines[1]), parse_environment_files(lines[2]))


def object_path(unit: str) -> str:
    """The D-Bus path of a unit (sd_bus_path_encode(3))."""
    return "/org/freedesktop/systemd1/unit/" + _encode(unit)


def _encode(label: str) -> str:
    encoded = ""
    for position, byte in enumerate(label.encode()):
        character = chr(byte)
        plain = byte < 128 and (character.isalpha() or (character.isdigit() and position > 0))
        encoded += character if plain else f"_{byte:02x}"
    return encoded


def _strings(text: str) -> list:
    """Quoted strings of a line that busctl printed, unescaped."""
    return [_unescape(found) for found, closed in _STRING.findall(text.encode()) if closed]


def _unescape(content: bytes) -> str:
    def plain(found: t.Match[bytes]) -> bytes:
        code = found.group(1)
        if len(code) == 3 and code[:1] != b"x":
            return bytes([int(code, 8) & 255])
        if code[:1] == b"x" and len(code) == 3:
            return bytes([int(code[1:], 16)])
        return _ESCAPED.get(code, code)

    return _ESCAPE.sub(plain, content).decode("utf-8", "replace")


def parse_exec_start(line: str) -> list:
    """The words of the first command of ``a(sasbttttuii) N "PATH" COUNT "WORD"... false ...``; empty if there is none."""
    found = re.match(r'a\(sasbttttuii\) [1-9]\d* "(?:[^"\\]|\\.)*" ([0-9]{1,6}) ', line)
    if not found:
        return []
    words = _strings(line[found.start():])
    return words[:1] + words[2:1 + int(found.group(1))]


def parse_environment(line: str) -> dict:
    """Variables of ``as N "NAME=VALUE"...``."""
    return dict(word.partition("=")[::2] for word in _strings(line))


def parse_environment_files(line: str) -> list:
    """``(path, may be missing)`` of each file of ``a(sb) N "PATH" true...``."""
    return [(_unescape(path), missing == b"true") for path, missing in _ENVIRONMENT_FILE.findall(line.encode()) if missing]


def command_line(unit: Unit, unread: list) -> list:
    """The words that a unit starts, with the variables of the unit and of its files filled in."""
    variables = dict(unit.environment)
    for pattern, _may_be_missing in unit.environment_files:
        for path in sorted(glob.glob(pattern)):
            text = read_text(path, unread)
            variables.update(parse_environment_file(text, comments_continue()) if text else {})
    return expand(unit.arguments, variables)


def copied_settings(properties: dict, sandbox: bool) -> list:
    """``(name, value)`` to give to systemd-run, so that a trial has the identity, the limits and the sandbox of a unit."""
    settings = []
    for name in IDENTITY + (SANDBOX if sandbox else ()):
        value = properties.get(name)
        if value is None or (value in _UNSET and name not in _EMPTY_COUNTS):
            continue
        if name == "SystemCallErrorNumber" and value == _KILLS:
            continue
        if name == "WorkingDirectory" and value.startswith("!"):  # may be missing
            value = "-" + value[1:]
        settings += [(name, line) for line in value.split("\n")]  # DeviceAllow has a line for each device
    return settings + limit_settings(properties)


def limit_settings(properties: dict) -> list:
    """``(LimitX, soft:hard)`` for every limit that systemd printed."""
    return [(name, "{}:{}".format(properties.get(name + "Soft", properties[name]), properties[name]))
            for name in LIMITS if properties.get(name)]


def checked_limits(limits: dict) -> dict:
    """``{as: {soft, hard}}`` from ``{LimitAS: 300G}``. Raises OptionError."""
    checked = {}
    for key, value in limits.items():
        name = _LIMIT_NAMES.get(key)
        if name is None:
            raise OptionError("limits", key, "one of " + ", ".join(sorted(_LIMIT_NAMES)))
        parsed = parse_limit_value(str(value), name)
        if parsed is None:
            raise OptionError(f"limits.{key}", value, "a value as systemd takes it, such as 300G, 1024:65535 or infinity")
        checked[name] = parsed
    return checked


def limit_options(limits: dict) -> list:
    """Checked limits as settings for systemd-run."""
    return [(LIMIT_PROPERTIES[name], "{}:{}".format(*("infinity" if limit[key] < 0 else limit[key] for key in ("soft", "hard"))))
            for name, limit in limits.items()]


def differences(unit: dict, trial: dict) -> list:
    """Settings in which a trial is not like the unit, as sentences."""
    names = [name for name in IDENTITY + SANDBOX + LIMITS if name in unit]
    return [f"{name} of the trial is {_short(trial.get(name))}, of the service {_short(unit[name])}"
            for name in names if _words(trial.get(name)) != _words(unit[name])]


def _words(value: str | None) -> set | None:
    """What a value says, whatever the order of a list and however often it names something."""
    return None if value is None else {" ".join(line.split()) for line in value.split("\n")}


def _short(value: str | None) -> str:
    return repr(value if value is None or len(value) <= 60 else value[:60] + "...")
