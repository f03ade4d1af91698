# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's command line says, and which programs are nodes. Private to this collection."""

from __future__ import annotations

import re

# Programs of the Polkadot-SDK family. Exact names only: a service that merely looks like a node must
# never be given other limits, let alone a restart.
NODE_NAMES = frozenset((
    "polkadot", "kusama", "polkadot-parachain", "polkadot-omni-node", "parachain-template-node",
    "solochain-template-node", "minimal-template-node", "substrate", "substrate-node", "node-template",
    "substrate-contracts-node", "subspace-node", "autonomys-node", "gear", "gear-node", "vara", "vara-node",
    "moonbeam", "tanssi-node", "acala", "karura", "astar-collator", "aleph-node", "avail-node", "bifrost",
    "centrifuge-chain", "cere", "creditcoin3-node", "darwinia", "frequency", "hydration", "hydradx",
    "integritee-node", "interlay-parachain", "kilt-parachain", "laos", "litentry-collator", "node-subtensor",
    "mythos-node", "parallel", "peaq-node", "pendulum-node", "phala-node", "khala-node", "polimec-node",
    "robonomics", "unique-collator", "zeitgeist", "encointer-collator", "energywebx-node", "neuroweb-node",
))

RELEASES = "/usr/local/lib/aarch64-validator"  # where delivered releases lie on a host, each in a directory of its name
STRATEGY_FLAG = "--wasmtime-instantiation-strategy"
CACHE_FLAG = "--runtime-cache-size"
DEFAULT_STRATEGY = "pooling-copy-on-write"  # paritytech/substrate#11232
DEFAULT_CACHE_SIZE = 2  # sc-cli RuntimeParams::runtime_cache_size

# Options whose value must never leave the host.
# Of bounded length, and only from the start of a word: a log line of megabytes must not take minutes.
_HIDDEN_FLAG = r"--?(?:node-key|suri|[a-z-]{0,40}(?:password|secret|token|passphrase)(?:-[a-z]{1,20}){0,4})"
_SECRET_FLAGS = re.compile("^" + _HIDDEN_FLAG + "$")
# What systemd prints of a command line has lost its quotes: a phrase of 12 to 24 words is one value.
_VALUE = r"(?:\"[^\"\n]*\"?|'[^'\n]*'?|[a-z]{3,8}(?: [a-z]{3,8}){11,23}(?![\w-])|\S+)"
_LINE_SECRET = re.compile(r"(?<![\w-])(" + _HIDDEN_FLAG + r"[=\s]+)" + _VALUE)
# With or without a colon: some providers have a token there.
_URL_SECRET = re.compile(r"\b(\w+://)([^\s/:@]{0,200}:)?[^\s/]{1,1000}@")
_QUERY_SECRET = re.compile(r"([?&][\w-]{0,30}(?:key|token|secret|password|auth)=)[^\s&\"']+", re.IGNORECASE)
# What an engine is told to give to a container.
_ENVIRONMENT = re.compile(r"((?<![\w-])(?:-e[=\s]*|--env[=\s]+)(?:[\"']?)[A-Za-z_]\w{0,100}=)" + _VALUE)
_QUOTED_ENVIRONMENT = re.compile(r"((?<![\w-])(?:-e[=\s]*|--env[=\s]+)([\"'])[A-Za-z_]\w{0,100}=)[^\"'\n]*")
# A variable that says by its name what it holds.
_VARIABLE = re.compile(
    r"(\b\w{0,60}(?:PASSWORD|PASSPHRASE|SECRET|TOKEN|NODE_KEY|PRIVATE_KEY|API_KEY|SURI|MNEMONIC)\w{0,60}=)" + _VALUE)
_VARIABLE_OPTIONS = ("-e", "--env")
HIDDEN = "********"


def redact_arguments(arguments: list) -> list:
    """The command line with the value of every secret option hidden."""
    shown = []
    hide_next = False
    for argument in arguments:
        flag, equals, _value = argument.partition("=")
        if hide_next:
            shown.append(HIDDEN)
        elif (equals and _SECRET_FLAGS.match(flag)) or (shown and arguments[len(shown) - 1] in _VARIABLE_OPTIONS and equals):
            shown.append(flag + "=" + HIDDEN)
        else:
            shown.append(redact_text(argument))
        hide_next = not hide_next and not equals and bool(_SECRET_FLAGS.match(flag))
    return shown


def redact_text(text: str) -> str:
    """Free text, such as an ExecStart line or a log line, with the value of every secret option hidden."""
    text = _LINE_SECRET.sub(r"\1" + HIDDEN, text)
    for pattern in (_QUOTED_ENVIRONMENT, _ENVIRONMENT, _VARIABLE, _QUERY_SECRET):
        text = pattern.sub(r"\1" + HIDDEN, text)
    return _URL_SECRET.sub(r"\1\2" + HIDDEN + "@", text)


def is_node_program(path: str) -> bool:
    """Whether a program is a known node, by its file name; a versioned name such as polkadot-v1.20.0 counts."""
    name = path.rpartition("/")[2]
    return name in NODE_NAMES or re.sub(r"[-_]v?\d+(\.\d+)*$", "", name) in NODE_NAMES


def node_facts(arguments: list) -> dict:
    """``{role, executors, strategy, runtime_cache_size}`` of a node's command line.

    A collator has two executors, one on either side of `` -- ``. strategy and runtime_cache_size are lists
    with one entry per executor, the built-in default where the command line says nothing.
    """
    sides = [[]]  # type: list[list]
    for argument in arguments[1:]:
        if argument == "--":
            sides.append([])
        else:
            sides[-1].append(argument)
    flags = {argument.partition("=")[0] for argument in sides[0]}
    role = "collator" if "--collator" in flags else "validator" if flags & {"--validator", "--alice", "--bob"} else "full"
    executors = max(len(sides[:2]), 2 if role == "collator" else 1)
    sides = (sides + [[]])[:executors]
    return {
        "role": role,
        "executors": executors,
        "strategy": [_value(side, STRATEGY_FLAG) or DEFAULT_STRATEGY for side in sides],
        "runtime_cache_size": [_number(_value(side, CACHE_FLAG), DEFAULT_CACHE_SIZE) for side in sides],
    }


def _value(arguments: list, flag: str) -> str | None:
    for index, argument in enumerate(arguments):
        if argument.startswith(flag + "="):
            return argument[len(flag) + 1:]
        if argument == flag and arguments[index + 1:]:
            return arguments[index + 1]
    return None


def _number(text: str | None, default: int) -> int:
    return int(text) if text and re.match(r"[0-9]{1,9}\Z", text) else default
