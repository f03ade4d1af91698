# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the node knows of its chain: blocks, peers, roles and its identity."""

from __future__ import annotations

import hashlib
import os
import time
import typing as t
from pathlib import Path

from .cli import Options, knob

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_GENESIS_TIME = 1_590_507_378
_FINALITY_LAG = 3


def fake_hash(*parts: object) -> str:
    """Return a stable 32 byte hash in hex for whatever names a thing."""
    return "0x" + hashlib.sha256(repr(parts).encode()).hexdigest()


def node_key(base_path: Path, chain: str) -> bytes:
    """Read the node's network key, making it at the first start."""
    path = base_path / "chains" / chain / "network" / "secret_ed25519"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(os.urandom(32))
    return path.read_bytes()


def peer_id(key: bytes) -> str:
    """Spell a peer id after the key; only its shape and its stability matter."""
    number = int.from_bytes(hashlib.sha512(key).digest(), "big")
    digits = []
    for _digit in range(44):
        number, digit = divmod(number, 58)
        digits.append(_BASE58[digit])
    return "12D3KooW" + "".join(digits)


class Chain:
    """A chain that makes one block a second, unless a test stalls it.

    Heights come from the wall clock, so they go on after a restart as those
    of a synchronised node do.
    """

    def __init__(self, options: Options) -> None:
        """Take the knobs; a forced peer id serves the test of cloned keys."""
        self.authority = options.authority
        self.name = options.name
        self.chain = options.side.chain
        self.started = time.time()
        self.state: dict[str, t.Any] = {
            "peers": int(knob("PEERS", "8")),
            "syncing": bool(knob("SYNCING")),
            "stalled": bool(knob("STALLED")),
            "session_keys": not knob("NO_SESSION_KEYS"),
        }
        self._stalled_at = self._clock()
        self.peer_id = knob("PEER_ID") or peer_id(node_key(options.base_path, self.chain))

    @staticmethod
    def _clock() -> int:
        return int(time.time() - _GENESIS_TIME)

    def set(self, changes: dict[str, t.Any]) -> None:
        """Change peers, syncing, stalled or session_keys while the node runs."""
        if changes.get("stalled"):
            self._stalled_at = self._clock()
        self.state.update({key: value for key, value in changes.items() if key in self.state})

    @property
    def best(self) -> int:
        """Height of the best block."""
        return self._stalled_at if self.state["stalled"] else self._clock()

    @property
    def finalized(self) -> int:
        """Height of the finalized block."""
        return self.best - _FINALITY_LAG

    @property
    def highest(self) -> int:
        """Height that the peers claim: ahead while a node synchronises."""
        return self.best + (5000 if self.state["syncing"] else 0)

    @property
    def role(self) -> str:
        """The node's role in the spelling of system_nodeRoles."""
        return "Authority" if self.authority else "Full"

    def block_hash(self, number: int) -> str:
        """Hash of the block at NUMBER."""
        return fake_hash(self.chain, number)

    def number_of(self, block_hash: str) -> int:
        """Height of a recent block by its hash; the best one if it is not known."""
        for number in range(self.best, self.best - 600, -1):
            if self.block_hash(number) == block_hash:
                return number
        return self.best

    def header(self, number: int) -> dict[str, t.Any]:
        """The header of the block at NUMBER, as chain_getHeader gives it."""
        return {
            "parentHash": self.block_hash(number - 1),
            "number": hex(number),
            "stateRoot": fake_hash("state", number),
            "extrinsicsRoot": fake_hash("extrinsics", number),
            "digest": {"logs": []},
        }

    def health(self) -> dict[str, t.Any]:
        """The answer of system_health."""
        return {"peers": self.state["peers"], "isSyncing": self.state["syncing"], "shouldHavePeers": True}
