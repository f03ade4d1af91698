# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether two hosts are the same node: a peer id or a session key that both have. Pure; private to this collection."""

from __future__ import annotations

from collections.abc import Mapping

# A file of a keystore is named by the kind of its key (four letters in hex) and the public key itself.
_KIND_LENGTH = 8


def duplicate_identities(names: object, hostvars: object) -> list:
    """``[{what, value, hosts, text}]`` for each identity that more than one host has. Raises ValueError.

    The role leaves ``[{peer_id, keystore}]`` in ``memory_pool_identities`` of each host. Services of one host count as one.
    """
    if not isinstance(names, (list, tuple)) or not isinstance(hostvars, Mapping):
        raise ValueError("duplicate_identities: a list of host names and hostvars are needed")
    holders = {}  # type: dict[tuple, list]
    for name in names:
        nodes = (hostvars.get(name) or {}).get("memory_pool_identities") or []
        for identity in dict.fromkeys(identity for node in nodes for identity in _identities(node)):
            holders.setdefault(identity, []).append(name)
    return [{"what": what, "value": value, "hosts": hosts, "text": f"{' and '.join(hosts)} have one {what}, {value}"}
            for (what, value), hosts in sorted(holders.items()) if len(hosts) > 1]


def _identities(node: object) -> list:
    """Of what a host has told, what is of the right type: one host must not end the run for all."""
    if not isinstance(node, Mapping):
        return []
    names, peer = node.get("keystore"), node.get("peer_id")
    keys = [name[_KIND_LENGTH:].lower() for name in names if isinstance(name, str)] if isinstance(names, (list, tuple)) else []
    return ([("peer id", peer)] if peer and isinstance(peer, str) else []) + [("session key", key) for key in keys if key]
