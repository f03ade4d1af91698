# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout has to know of a host: its failure domain and its exclusive groups. Pure; private to this collection."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._state import AUTHORITY_ROLES

try:
    import netaddr  # type: ignore[import-untyped]
except ImportError:
    netaddr = None  # only addresses need it

AUTHORITY_GROUP = "authority"
ADDRESS_VARIABLES = ("ansible_host", "ansible_ssh_host")
NO_GROUP = ("", "none", "false", "no")  # as an ini inventory and -e give them
TRUTH = {"true": True, "yes": True, "false": False, "no": False}

Token = tuple  # what two hosts of one batch must not have in common: ("group", name), (4, network), ...


class Host(t.NamedTuple):
    position: int  # in the list that was given, which is the order of the inventory
    name: str
    domain: Token
    groups: tuple
    idle: bool  # there is nothing to be done on it

    @property
    def tokens(self) -> tuple:
        return (self.domain, *self.groups)


def read_hosts(names: object, hostvars: object, prefix_lengths: dict) -> list:
    """A Host for each name. Takes the variables of each host once, because each time costs a live run much."""
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise OptionError("hosts", names, "a list of host names")
    if not isinstance(hostvars, Mapping):
        raise OptionError("hostvars", hostvars, "a dictionary with the variables of each host, such as hostvars")
    known: set = set()
    hosts = []
    for position, name in enumerate(names):
        if name in known:
            raise OptionError("hosts", name, "each host once")
        known.add(name)
        variables = hostvars.get(name)
        if not isinstance(variables, Mapping):
            raise OptionError("hosts", name, "hosts that hostvars knows")
        domain = domain_of(name, variables, prefix_lengths)
        hosts.append(Host(position, name, domain, groups_of(name, variables), is_idle(variables)))
    return hosts


def is_idle(variables: Mapping) -> bool:
    """Whether the diagnosis has found nothing to be done on a host."""
    summary = variables.get("memory_pool_rollout")
    return isinstance(summary, Mapping) and str(summary.get("idle")) == "True"


def domain_of(name: str, variables: Mapping, prefix_lengths: dict) -> Token:
    """The operator's word if there is one, else the network of the address, else the name that the host is reached by.

    What networks lie behind names is not known, so each name is a domain of its own: to take all of them for one would
    put a fleet of named hosts through one by one.
    """
    own = variables.get("memory_pool_domain")
    if own is not None:
        if isinstance(own, bool) or not isinstance(own, (str, int, float)):
            raise OptionError(f"memory_pool_domain of host {name}", own, "a text or a number (quote a bare no or yes)")
        if str(own).strip():
            return ("domain", str(own).strip())
    address = next((str(variables[key]) for key in ADDRESS_VARIABLES if variables.get(key)), name).strip()
    return _network(address, prefix_lengths) or ("name", address.lower())


def _network(address: str, prefix_lengths: dict) -> Token | None:
    """``(version, bits of the prefix)`` of a literal such as ``192.0.2.1``, ``::ffff:192.0.2.1`` or ``[fe80::1%eth0]``."""
    if netaddr is None:
        raise ValueError("the Python package netaddr is missing on the controller: pip install 'netaddr>=1.0'")
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    try:
        parsed = netaddr.IPAddress(address.split("%", 1)[0])
    except (netaddr.AddrFormatError, ValueError):
        return None
    if parsed.is_ipv4_mapped():
        parsed = parsed.ipv4()
    width = 32 if parsed.version == 4 else 128
    return (parsed.version, int(parsed) >> (width - prefix_lengths[parsed.version]))


def groups_of(name: str, variables: Mapping) -> tuple:
    """What ``memory_pool_exclusive_group`` says, even if that is nothing; where it is not set, authorities are one group."""
    if "memory_pool_exclusive_group" not in variables:
        return (("group", AUTHORITY_GROUP),) if _is_authority_host(name, variables) else ()
    given = variables["memory_pool_exclusive_group"]
    valid = "a text, a list of texts, or an empty text for no group"
    found = []
    for item in [] if given is False else listed(given):
        if isinstance(item, bool) or not isinstance(item, (str, int, float)):
            raise OptionError(f"memory_pool_exclusive_group of host {name}", given, valid)
        if str(item).strip().lower() not in NO_GROUP:
            found.append(("group", str(item).strip()))
    return tuple(dict.fromkeys(found))


def _is_authority_host(name: str, variables: Mapping) -> bool:
    told = variables.get("memory_pool_authority")
    if told not in (None, ""):
        if str(told).lower() not in TRUTH:
            raise OptionError(f"memory_pool_authority of host {name}", told, "true or false")
        return TRUTH[str(told).lower()]
    summary = variables.get("memory_pool_rollout")
    if summary:
        return bool(summary.get("authority"))
    return is_authority(variables.get("memory_pool_facts") or {})


def is_authority(facts: Mapping) -> bool:
    """Whether any service of these facts is a validator or collator, or will be at its next start.

    Also asked of facts that could not be judged, and of these every value may be of a wrong type.
    """
    services = _table(_table(facts).get("services")).values()
    nodes = [_table(service).get(key) for service in services for key in ("node", "next_node")]
    return any(_table(node).get("role") in AUTHORITY_ROLES for node in nodes)


def _table(value: object) -> Mapping:
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> list:
    """A list as people write it: a list, one value, or a text with commas as ``-e`` gives it."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, (list, tuple)):
        return list(value)
    return [] if value is None else [value]
