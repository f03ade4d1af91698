# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order, and how many at a time, a fleet is worked on. Pure; private to this collection."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Collection

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.plugin_utils._rollout_host import Host, Token, listed, read_hosts
from ansible_collections.aarch64.validator.plugins.plugin_utils._rollout_pool import Pool

PREFIX = 24
PREFIX_V6 = 48
_VALID_SERIAL = "numbers of hosts above zero or percentages from 1% to 100%, such as [1, '10%', '25%']"
_SIZE = re.compile(r"\A([0-9]+)\s*(%?)\Z")


def rollout_batches(hosts: list, hostvars: dict, serial: list | str | int, canaries: list | str | None = None,
                    domain_prefix: int = PREFIX, domain_prefix_v6: int = PREFIX_V6) -> list:
    """See plugins/filter/rollout_batches.yml. Raises ValueError."""
    first, rest = ([host for host in part if not host.idle]
                   for part in _split(hosts, hostvars, canaries, domain_prefix, domain_prefix_v6))
    sizes = _sizes(serial, len(first) + len(rest))
    plain = [host for host in rest if not host.groups]
    if not first and plain and sizes[0] == 1:
        # a first batch of one host is there to show mistakes, and an authority should not be the one that pays for them
        first, sizes = [_next(Pool(plain), [], by_domain=True)], sizes[1:] or sizes
        rest.remove(first[0])
    batches = [[host] for host in first]
    pool = Pool(rest)
    for size in sizes + [sizes[-1]] * len(rest):
        if pool.left:
            batches.append(_fill(pool, size))
    return [[host.name for host in sorted(batch)] for batch in batches]


def rollout_order(hosts: list, hostvars: dict, canaries: list | str | None = None,
                  domain_prefix: int = PREFIX, domain_prefix_v6: int = PREFIX_V6) -> list:
    """See plugins/filter/rollout_order.yml. Raises ValueError."""
    first, rest = _split(hosts, hostvars, canaries, domain_prefix, domain_prefix_v6)
    order = list(first)
    pool = Pool(rest)
    counts = Counter(host.domain for host in rest)
    positions = {host.domain: host.position for host in reversed(rest)}
    largest = [(-count, positions[domain], domain) for domain, count in counts.items()]
    heapq.heapify(largest)
    while pool.left:
        domain = _majority(largest, pool)
        if domain is not None:
            _alternate(order, rest, domain)
            break
        order.append(_next(pool, order[-1:], by_domain=True))
    return [host.name for host in order]


def rollout_conflicts(names: list, hostvars: dict, others: list, domain_prefix: int = PREFIX,
                      domain_prefix_v6: int = PREFIX_V6) -> list:
    """See plugins/filter/rollout_conflicts.yml. Raises ValueError."""
    lengths = _prefix_lengths(domain_prefix, domain_prefix_v6)
    compared = [name for name in listed(others) if name not in names]
    tokens = {token for host in read_hosts(names, hostvars, lengths) for token in host.tokens}
    return [host.name for host in read_hosts(compared, hostvars, lengths) if not tokens.isdisjoint(host.tokens)]


def _fill(pool: Pool, size: int) -> list:
    batch: list = []
    barred: set = set()
    while len(batch) < size:
        host = pool.take(barred)
        if host is None:
            break
        barred.update(host.tokens)
        batch.append(host)
    pool.release()
    return batch


def _majority(largest: list, pool: Pool) -> Token | None:
    """The domain that has more than half of the hosts left: from here on only every other host may be of another domain."""
    while -largest[0][0] != pool.remaining[largest[0][2]]:
        _count, position, domain = largest[0]
        heapq.heapreplace(largest, (-pool.remaining[domain], position, domain))
    return largest[0][2] if -largest[0][0] > pool.left // 2 else None


def _alternate(order: list, rest: list, domain: Token) -> None:
    """Append what is left of the hosts: one of the domain, one of any other, as long as there are others."""
    placed = {host.position for host in order}
    waiting = [host for host in rest if host.position not in placed]
    now = Pool(host for host in waiting if host.domain == domain)
    then = Pool(host for host in waiting if host.domain != domain)
    if order and order[-1].domain == domain:
        now, then = then, now
    while now.left or then.left:
        if now.left:
            order.append(_next(now, order[-1:], by_domain=False))
        now, then = then, now


def _next(pool: Pool, previous: list, by_domain: bool) -> Host:
    """The next host: of no domain or group of the previous one, else of another domain at least, else any."""
    choices: list[Collection[Token]] = [()]
    if previous:
        choices = [previous[0].tokens, (previous[0].domain,), ()] if by_domain else [previous[0].groups, ()]
    for barred in choices:
        host = pool.take(barred)
        pool.release()
        if host is not None:
            return host
    raise LookupError("no host is left")


def _split(names: list, hostvars: dict, canaries: list | str | None, domain_prefix: int, domain_prefix_v6: int) -> tuple:
    """``(canaries, all others)``: canaries in the order they were named in, the others in that of the inventory."""
    hosts = read_hosts(names, hostvars, _prefix_lengths(domain_prefix, domain_prefix_v6))
    by_name = {host.name: host for host in hosts}
    first = {}
    for name in listed(canaries):
        # a host that --limit leaves out of this run is no mistake, a host that nobody knows is one
        if not isinstance(name, str) or (name not in by_name and name not in hostvars):
            raise OptionError("memory_pool_canaries", name, "names of hosts of the inventory")
        if name in by_name:
            first[name] = by_name[name]
    return list(first.values()), [host for host in hosts if host.name not in first]


def _sizes(serial: list | str | int, total: int) -> list:
    """Hosts per batch, percentages rounded down to one host at least, as Ansible does."""
    sizes = []
    for item in listed(serial):
        match = _SIZE.match(str(item)) if not isinstance(item, bool) else None
        number, percent = (int(match.group(1)), match.group(2)) if match else (0, "")
        if number < 1 or (percent and number > 100):
            raise OptionError("memory_pool_serial", item, _VALID_SERIAL)
        sizes.append(max(1, number * total // 100) if percent else number)
    if not sizes:
        raise OptionError("memory_pool_serial", serial, _VALID_SERIAL)
    return sizes


def _prefix_lengths(domain_prefix: object, domain_prefix_v6: object) -> dict:
    return {
        4: _prefix_length(domain_prefix, "memory_pool_domain_prefix", 32),
        6: _prefix_length(domain_prefix_v6, "memory_pool_domain_prefix_v6", 128),
    }


def _prefix_length(value: object, option: str, most: int) -> int:
    text = str(value)
    if isinstance(value, bool) or not re.match(r"\A[0-9]+\Z", text) or int(text) > most:
        raise OptionError(option, value, f"a whole number from 0 to {most}")
    return int(text)
