# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of a node, changed so that a second instance harms nobody. Pure; private to this collection.

A second instance beside a running validator must not have its data, its keys, its ports, its peers or its role.
Sources: the options of sc-cli (RunCmd, SharedParams, KeystoreParams, NetworkParams) of the Polkadot SDK.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._node import is_node_program

BASE_PATH_OPTION = "--base-path"
_SHORT_BASE_PATH = "-d"

# Roles, well-known keys and what opens a port to the world.
_DROPPED_FLAGS = frozenset((
    "--validator", "--collator", "--force-authoring", "--alice", "--bob", "--charlie", "--dave", "--eve", "--ferdie", "--one",
    "--two", "--tmp", "--rpc-external", "--unsafe-rpc-external", "--ws-external", "--unsafe-ws-external",
    "--prometheus-external", "--no-prometheus", "--no-telemetry", "--no-mdns", "--reserved-only",
    "--insecure-validator-i-know-what-i-do", "--password-interactive",
))
# Keys, data and addresses. Some take several values, so that all of them up to the next option go.
_DROPPED_VALUES = frozenset((
    "--keystore-path", "--keystore-uri", "--password", "--password-filename", "--node-key", "--node-key-file",
    "--node-key-type", "--name", "--port", "--rpc-port", "--ws-port", "--prometheus-port", "--listen-addr", "--public-addr",
    "--rpc-listen-addr", "--experimental-rpc-endpoint", "--ipc-path", "--telemetry-url", "--bootnodes", "--reserved-nodes",
    "--in-peers", "--in-peers-light", "--out-peers", "--relay-chain-rpc-urls", "--relay-chain-rpc-url", "--db-path",
))
_OPTION_IN_HELP = re.compile(r"(?<![\w-])--[a-zA-Z][\w-]*")
_SUBCOMMAND = re.compile(r"\A[a-z][a-z0-9-]*\Z")
_NAME = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*\Z")


class Isolated(t.NamedTuple):
    """A command line for the trial, with the options that were taken out and put in."""

    arguments: list
    removed: list
    added: list
    base_path: bool  # whether the program will have the base path of the trial


class Ports(t.NamedTuple):
    """Free ports: one for peers and one for RPC on each side of `` -- ``."""

    peers: tuple
    rpc: tuple


def is_node_command(arguments: list) -> bool:
    """Whether this starts a known node, by itself or through an interpreter."""
    return any(is_node_program(argument) for argument in arguments[:2])


def head_length(arguments: list) -> int:
    """How many words name the program: itself, a script that it interprets, a subcommand such as ``run``."""
    length = 1
    if len(arguments) > length and not is_node_program(arguments[0]) and is_node_program(arguments[length]):
        length += 1
    if len(arguments) > length and _SUBCOMMAND.match(arguments[length]):
        length += 1
    return length


def options_in_help(text: str) -> frozenset:
    """Long options that a help text names."""
    return frozenset(_OPTION_IN_HELP.findall(text))


def isolate(arguments: list, directories: tuple, ports: Ports, known: frozenset, option: str = BASE_PATH_OPTION) -> Isolated:
    """The command line with everything that a second instance must not share replaced or taken out.

    directories: the base paths of both sides of `` -- ``. known: options that the help of the program names; options
    that the command line has itself are known too. Only programs with a base path are changed.
    """
    head = head_length(arguments)
    rest = arguments[head:]
    cut = rest.index("--") if "--" in rest else len(rest)
    sides = [rest[:cut]] + ([rest[cut + 1:]] if cut < len(rest) else [])
    known = known | {_name(argument) for argument in rest if argument.startswith("--")}
    if option == BASE_PATH_OPTION and any(_is_short_base_path(argument) for argument in rest):
        known |= {option}
    if option not in known:
        return Isolated(list(arguments), [], [], False)
    changed, removed, added = list(arguments[:head]), [], []  # type: tuple[list, list, list]
    for number, side in enumerate(sides):
        kept, gone = _without(side, option)
        new = _additions(directories[number], ports.peers[number], ports.rpc[number], known, option)
        changed += (["--"] if number else []) + kept + new
        removed += gone
        added += new
    return Isolated(changed, removed, added, True)


def _additions(directory: str, peers: int, rpc: int, known: frozenset, option: str) -> list:
    wanted = [(option, directory), ("--port", str(peers)), ("--rpc-port", str(rpc)), ("--in-peers", "0"), ("--out-peers", "0"),
              ("--reserved-only", None), ("--no-mdns", None), ("--no-telemetry", None), ("--no-prometheus", None)]
    return [word for name, value in wanted if name in known
            for word in ((name,) if value is None else (name, value))]


def _without(side: list, option: str) -> tuple:
    """``(kept, removed)`` words of one side."""
    kept, removed = [], []  # type: tuple[list, list]
    position = 0
    while position < len(side):
        word = side[position]
        name = _name(word)
        following = position + 1
        if name == "--dev":  # its chain, without its well-known key and its role
            removed.append(word)
            kept += ["--chain", "dev"]
        elif name in _DROPPED_FLAGS:
            removed.append(word)
        elif name in _DROPPED_VALUES or name == option or (option == BASE_PATH_OPTION and _is_short_base_path(word)):
            if "=" not in word and word in (name, _SHORT_BASE_PATH):
                while following < len(side) and not side[following].startswith("-"):
                    following += 1
            removed += side[position:following]
        else:
            kept.append(word)
        position = following
    return kept, removed


def _name(argument: str) -> str:
    return argument.partition("=")[0]


def _is_short_base_path(argument: str) -> bool:
    """``-d``, ``-d=PATH`` and ``-dPATH``; no other option of a node begins with a single dash and a d."""
    return argument.startswith(_SHORT_BASE_PATH) and not argument.startswith("--")


def environment_text(variables: dict) -> str:
    """A file for ``EnvironmentFile=`` with these variables. Raises ValueError for a name or value it cannot hold."""
    lines = []
    for name, value in variables.items():
        if not _NAME.match(name) or "\n" in value or "\0" in value:
            raise ValueError(f"environment: {name!r} is not valid; give a name of letters, digits and _, and a value of one line")
        escaped = re.sub(r'(["\\`$])', r"\\\1", value)
        lines.append(f'{name}="{escaped}"\n')
    return "".join(lines)
