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
