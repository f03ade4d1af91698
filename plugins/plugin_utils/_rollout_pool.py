# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that wait for their turn, and the next one that may go. Pure; private to this collection.

Two hosts conflict where they share a token: a failure domain or an exclusive group. The token with the most hosts left
decides how long a rollout takes at the least, so its hosts go first; then batches stay full to the end.

Hosts lie in a tree, each under its tokens from the most common one down, so that one step passes over all hosts of a
token that is barred. Without the tree each batch would look at every host that it cannot take.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Collection, Iterable

from ansible_collections.aarch64.validator.plugins.plugin_utils._rollout_host import Host, Token


class _Node:
    __slots__ = ("children", "heap", "left", "waiting")

    def __init__(self) -> None:
        self.children: dict = {}
        self.heap: list = []  # (minus how many hosts of the token were left, position of its first host, token, node)
        self.waiting: deque = deque()  # hosts with all tokens on the way here and no other
        self.left = 0


class Pool:
    """``take`` hosts one by one; what a call finds barred stays out of sight until ``release``."""

    def __init__(self, hosts: Iterable) -> None:
        hosts = list(hosts)
        self.remaining: Counter = Counter(token for host in hosts for token in host.tokens)
        self._root = _Node()
        self._aside: list = []  # (heap, entry): barred, or with nothing but barred hosts below
        rank = {token: number for number, (token, _count) in enumerate(self.remaining.most_common())}
        for host in hosts:
            self._add(host, sorted(host.tokens, key=rank.__getitem__))

    def _add(self, host: Host, path: list) -> None:
        node = self._root
        node.left += 1
        for token in path:
            if token not in node.children:
                node.children[token] = _Node()
                heapq.heappush(node.heap, (-self.remaining[token], host.position, token, node.children[token]))
            node = node.children[token]
            node.left += 1
        node.waiting.append(host)

    @property
    def left(self) -> int:
        return self._root.left

    def take(self, barred: Collection[Token]) -> Host | None:
        """The most urgent host without a barred token. Until ``release`` no token may be barred less."""
        host = self._search(self._root, barred)
        if host is not None:
            self.remaining.subtract(host.tokens)
        return host

    def release(self) -> None:
        for heap, entry in self._aside:
            heapq.heappush(heap, entry)
        self._aside.clear()

    def _search(self, node: _Node, barred: Collection[Token]) -> Host | None:
        heap = node.heap
        host = None
        while heap and host is None:
            urgency, position, token, child = heap[0]
            if not child.left:
                heapq.heappop(heap)
            elif -urgency != self.remaining[token]:  # counts only fall, so putting right the first entry is enough
                heapq.heapreplace(heap, (-self.remaining[token], position, token, child))
            elif token in barred:
                self._aside.append((heap, heapq.heappop(heap)))
            else:
                host = self._search(child, barred)
                if host is None:
                    self._aside.append((heap, heapq.heappop(heap)))
        if host is None and node.waiting:
            host = node.waiting.popleft()
        if host is not None:
            node.left -= 1
        return host
