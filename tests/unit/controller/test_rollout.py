# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches and order of a rollout: what must never be together, and what goes first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.filter.rollout_batches import rollout_batches
from ansible_collections.aarch64.validator.plugins.filter.rollout_conflicts import rollout_conflicts
from ansible_collections.aarch64.validator.plugins.filter.rollout_order import rollout_order
from ansible_collections.aarch64.validator.plugins.plugin_utils import _rollout_host
from ansible_collections.aarch64.validator.plugins.plugin_utils._rollout_host import domain_of, groups_of

PREFIXES = {4: 24, 6: 48}
AUTHORITY = {"memory_pool_authority": True}


def fleet(*variables):
    """Hosts h0, h1, ... with these variables."""
    return {f"h{number}": dict(values) for number, values in enumerate(variables)}


def batches(hostvars, serial, **options):
    return rollout_batches(list(hostvars), hostvars, serial, **options)


def same_domain(left, right, prefixes=None):
    prefixes = prefixes or PREFIXES
    return domain_of("left", left, prefixes) == domain_of("right", right, prefixes)


def facts(role, key="node"):
    return {"services": {"idle.service": {"node": None}, "polkadot.service": {"node": None, key: {"role": role}}}}


@pytest.mark.parametrize(("left", "right", "same"), [
    ("192.0.2.1", "192.0.2.254", True), ("192.0.2.1", "192.0.3.1", False),
    ("2001:db8:1:a::1", "2001:db8:1:b::1", True), ("2001:db8:1::1", "2001:db8:2::1", False),
    ("2001:DB8::1", "2001:0db8:0::2", True),
    ("::ffff:192.0.2.1", "192.0.2.2", True), ("::ffff:192.0.2.1", "::ffff:192.0.3.1", False),
    ("fe80::1%eth0", "fe80::2", True), ("[2001:db8::1]", " 2001:db8::2 ", True), ("[fe80::1%eth0]", "fe80::1%1", True),
    ("192.0.2.1", "2001:db8::1", False),
    ("127.0.0.1", "127.0.0.1", True),
    ("node1.example", "node2.example", False), ("bastion.example", "Bastion.example", True),
    ("192.0.2", "192.0.2.1", False), ("3221225985", "192.0.2.1", False), ("", "", False), (None, "left", True),
])
def test_domain_of_an_address(left, right, same):
    assert same_domain({"ansible_host": left}, {"ansible_host": right}) is same


def test_a_host_with_nothing_to_do_has_no_turn():
    idle = {"memory_pool_rollout": {"idle": True}}
    hosts = fleet({}, idle, {"memory_pool_rollout": {"idle": "False"}}, {"memory_pool_rollout": {"idle": "True"}})
    assert batches(hosts, "100%") == [["h0", "h2"]], "a host was given a turn, and waited for, though there is nothing to do"
    assert batches(hosts, "50%", canaries=["h1", "h2"]) == [["h2"], ["h0"]]
    assert batches(fleet(idle, idle), [1, "10%"]) == []


def test_own_domain_wins_and_a_number_is_its_text():
    assert same_domain({"ansible_host": "192.0.2.1", "memory_pool_domain": 7}, {"memory_pool_domain": " 7 "})
    assert not same_domain({"ansible_host": "192.0.2.1", "memory_pool_domain": "r1"}, {"ansible_host": "192.0.2.2"})
    assert same_domain({"ansible_host": "192.0.2.1", "memory_pool_domain": ""}, {"ansible_ssh_host": "192.0.2.2"})
    assert not same_domain({"memory_pool_domain": "left"}, {"ansible_host": "left"})


def test_name_of_a_host_can_be_its_address():
    assert domain_of("192.0.2.1", {}, PREFIXES) == domain_of("x", {"ansible_host": "192.0.2.9"}, PREFIXES)


@pytest.mark.parametrize(("prefixes", "same"), [({4: 32, 6: 128}, False), ({4: 31, 6: 127}, True), ({4: 0, 6: 0}, True)])
def test_prefix_lengths(prefixes, same):
    for left, right in (("192.0.2.2", "192.0.2.3"), ("2001:db8::2", "2001:db8::3")):
        assert same_domain({"ansible_host": left}, {"ansible_host": right}, prefixes) is same


def test_without_netaddr_only_addresses_fail(monkeypatch):
    monkeypatch.setattr(_rollout_host, "netaddr", None)
    assert batches(fleet({"memory_pool_domain": "a"}), 1) == [["h0"]]
    with pytest.raises(AnsibleFilterError, match="netaddr is missing on the controller: pip install"):
        batches(fleet({"ansible_host": "192.0.2.1"}), 1)


@pytest.mark.parametrize(("variables", "groups"), [
    ({}, []), (AUTHORITY, ["authority"]), ({"memory_pool_authority": "yes"}, ["authority"]),
    ({"memory_pool_authority": "false", "memory_pool_rollout": {"authority": True}}, []),
    ({"memory_pool_rollout": {"authority": True}}, ["authority"]),
    ({"memory_pool_rollout": {"authority": False}, "memory_pool_facts": facts("validator")}, []),
    ({"memory_pool_facts": facts("validator")}, ["authority"]), ({"memory_pool_facts": facts("collator")}, ["authority"]),
    ({"memory_pool_facts": facts("full")}, []), ({"memory_pool_facts": facts("validator", "next_node")}, ["authority"]),
    (dict(AUTHORITY, memory_pool_exclusive_group=""), []), (dict(AUTHORITY, memory_pool_exclusive_group=None), []),
    (dict(AUTHORITY, memory_pool_exclusive_group=False), []), (dict(AUTHORITY, memory_pool_exclusive_group="None"), []),
    (dict(AUTHORITY, memory_pool_exclusive_group=[]), []), (dict(AUTHORITY, memory_pool_exclusive_group="kusama"), ["kusama"]),
    ({"memory_pool_exclusive_group": "authority, pair-7"}, ["authority", "pair-7"]),
    ({"memory_pool_exclusive_group": [7, "7", "a"]}, ["7", "a"]),
])
def test_groups_of_a_host(variables, groups):
    assert [name for _kind, name in groups_of("h", variables)] == groups


@pytest.mark.parametrize(("serial", "sizes"), [
    ([1, "10%", "25%"], [1, 4, 10, 10, 10, 5]), (15, [15, 15, 10]), ("15", [15, 15, 10]), ("40 %", [16, 16, 8]),
    ("1,50%", [1, 20, 19]), (["1%"], [1] * 40), ("100%", [40]), ([100], [40]), ((3, 30), [3, 30, 7]),
])
def test_sizes_of_batches(serial, sizes):
    assert [len(batch) for batch in batches(fleet(*[{}] * 40), serial)] == sizes


def test_canaries_go_alone_first_in_their_order():
    assert batches(fleet(*[{}] * 6), [2, 3], canaries=["h4", "h1"]) == [["h4"], ["h1"], ["h0", "h2"], ["h3", "h5"]]
    assert batches(fleet(*[{}] * 3), [3], canaries="h2, h2") == [["h2"], ["h0", "h1"]]
    assert batches(fleet(*[{}] * 3), [3], canaries=None) == [["h0", "h1", "h2"]]


def test_canary_outside_of_a_limited_run_is_left_out():
    assert rollout_batches(["h1"], fleet({}, {}), 1, canaries=["h0"]) == [["h1"]]


def test_percentages_speed_up_all_but_authorities():
    found = batches(fleet(*[AUTHORITY] * 4, *[{}] * 6), "100%")
    assert [len(batch) for batch in found] == [7, 1, 1, 1]
    assert found[0] == ["h0", "h4", "h5", "h6", "h7", "h8", "h9"]


def test_authorities_go_together_when_the_operator_says_so():
    assert batches(fleet(*[dict(AUTHORITY, memory_pool_exclusive_group="")] * 3), "100%") == [["h0", "h1", "h2"]]


def test_first_lone_host_is_no_authority_where_there_is_another():
    hostvars = fleet(AUTHORITY, AUTHORITY, {})
    assert batches(hostvars, [1, 2]) == [["h2"], ["h0"], ["h1"]]
    assert batches(hostvars, [1], canaries=["h1"]) == [["h1"], ["h0"], ["h2"]]
    assert batches(fleet(AUTHORITY, AUTHORITY), [1]) == [["h0"], ["h1"]]


def test_same_rack_or_network_never_together():
    hostvars = fleet(*[{"memory_pool_domain": "r1"}] * 2, {"memory_pool_domain": "r2"}, {"ansible_host": "192.0.2.1"},
                     {"ansible_host": "192.0.2.2"})
    assert batches(hostvars, "100%") == [["h0", "h2", "h3"], ["h1", "h4"]]
    assert batches(hostvars, "100%", domain_prefix=32) == [["h0", "h2", "h3", "h4"], ["h1"]]


class Live(Mapping):
    """Variables as a live run has them: dear, so each host may be asked for once, and never all."""

    def __init__(self, hostvars):
        self.hostvars, self.reads = hostvars, Counter()

    def __getitem__(self, name):
        self.reads[name] += 1
        return self.hostvars[name]

    def __contains__(self, name):
        return name in self.hostvars

    def __iter__(self):
        raise AssertionError("iterates over the variables of all hosts")

    __len__ = __iter__


def test_variables_of_each_host_are_read_once():
    for function, options in ((rollout_batches, {"serial": [1]}), (rollout_order, {})):
        live = Live(fleet(AUTHORITY, {}, {"ansible_host": "192.0.2.1"}))
        function(["h0", "h2"], live, canaries=["h2", "h1"], **options)
        assert live.reads == {"h0": 1, "h2": 1}


@pytest.mark.parametrize("serial", ["0%", "101%", "x", 0, -1, "-5%", True, 1.5, "1.5%", [], None, [1, ""], [[1]], "%", "٣"])
def test_serial_that_cannot_be_used(serial):
    with pytest.raises(AnsibleFilterError, match=r"^memory_pool_serial: .* is not valid; give numbers of hosts"):
        batches(fleet({}), serial)


@pytest.mark.parametrize(("option", "value", "most"), [
    ("domain_prefix", 33, 32), ("domain_prefix", -1, 32), ("domain_prefix", "a", 32), ("domain_prefix", True, 32),
    ("domain_prefix_v6", 129, 128), ("domain_prefix_v6", None, 128),
])
def test_prefix_that_cannot_be_used(option, value, most):
    for function, serial in ((rollout_batches, {"serial": 1}), (rollout_order, {})):
        with pytest.raises(AnsibleFilterError) as caught:
            function(["h0"], fleet({}), **serial, **{option: value})
        assert str(caught.value) == f"memory_pool_{option}: {value!r} is not valid; give a whole number from 0 to {most}"


@pytest.mark.parametrize(("hosts", "variables", "canaries", "message"), [
    (["h0"], {}, ["h9"], "memory_pool_canaries: 'h9' is not valid; give names of hosts of the inventory"),
    (["h0"], {}, [7], "memory_pool_canaries: 7 is not valid; give names of hosts of the inventory"),
    ([], {}, "h9", "memory_pool_canaries: 'h9' is not valid; give names of hosts of the inventory"),
    (["h0", "h0"], {}, [], "hosts: 'h0' is not valid; give each host once"),
    (["h9"], {}, [], "hosts: 'h9' is not valid; give hosts that hostvars knows"),
    ("h0", {}, [], "hosts: 'h0' is not valid; give a list of host names"),
    (None, {}, [], "hosts: None is not valid; give a list of host names"),
    (["h0"], {"memory_pool_domain": False}, [],
     "memory_pool_domain of host h0: False is not valid; give a text or a number (quote a bare no or yes)"),
    (["h0"], {"memory_pool_exclusive_group": True}, [],
     "memory_pool_exclusive_group of host h0: True is not valid; give a text, a list of texts, or an empty text for no group"),
    (["h0"], {"memory_pool_authority": "perhaps"}, [],
     "memory_pool_authority of host h0: 'perhaps' is not valid; give true or false"),
])
def test_what_is_wrong_is_told(hosts, variables, canaries, message):
    calls = (lambda names, all_of: rollout_batches(names, all_of, 1, canaries),
             lambda names, all_of: rollout_order(names, all_of, canaries))
    for call in calls:
        with pytest.raises(AnsibleFilterError) as caught:
            call(hosts, fleet(variables))
        assert str(caught.value) == message


def test_hostvars_must_be_a_dictionary():
    with pytest.raises(AnsibleFilterError, match=r"^hostvars: .* is not valid"):
        rollout_batches(["h0"], ["h0"], 1)


def test_no_hosts_give_nothing():
    assert rollout_batches([], {}, [1, "10%"]) == []
    assert rollout_order([], {}) == []


def test_neighbours_of_one_group_are_parted_where_they_can_be():
    assert rollout_order(["h0", "h1", "h2", "h3"], fleet(AUTHORITY, AUTHORITY, {}, {})) == ["h0", "h2", "h1", "h3"]
    assert rollout_order(["h0", "h1", "h2"], fleet(AUTHORITY, {}, AUTHORITY), canaries=["h0"]) == ["h0", "h1", "h2"]


def test_domain_with_most_hosts_goes_before_the_larger_group():
    hostvars = fleet({"memory_pool_exclusive_group": "g0,g2"},
                     {"memory_pool_domain": "r1", "memory_pool_exclusive_group": "g0,g1"},
                     {"memory_pool_domain": "r1", "memory_pool_exclusive_group": "g2"})
    assert rollout_order(list(hostvars), hostvars) == ["h1", "h0", "h2"]


variables_of_a_host = st.fixed_dictionaries({}, optional={
    "memory_pool_domain": st.integers(0, 4),
    "ansible_host": st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", "::ffff:192.0.2.3", "name.example"]),
    "memory_pool_authority": st.booleans(),
    "memory_pool_exclusive_group": st.sampled_from(["", "a", "b", ["a", "c"], ["authority", "b"]]),
})
fleets = st.lists(variables_of_a_host, max_size=40).map(lambda given: fleet(*given))
serials = st.lists(st.one_of(st.integers(1, 9), st.integers(1, 100).map("{}%".format)), min_size=1, max_size=4)


def tokens_of(name, hostvars):
    return [domain_of(name, hostvars[name], PREFIXES), *groups_of(name, hostvars[name])]


@given(fleets, serials, st.data())
def test_batches_keep_every_promise(hostvars, serial, data):
    canaries = data.draw(st.lists(st.sampled_from(sorted(hostvars)), unique=True, max_size=3)) if hostvars else []
    found = batches(hostvars, serial, canaries=canaries)
    assert sorted(name for batch in found for name in batch) == sorted(hostvars), "each host exactly once"
    assert found[:len(canaries)] == [[name] for name in canaries]
    for number, batch in enumerate(found[len(canaries):]):
        size = serial[min(number, len(serial) - 1)]
        limit = size if isinstance(size, int) else max(1, int(size[:-1]) * len(hostvars) // 100)
        assert 1 <= len(batch) <= limit
        assert batch == sorted(batch, key=list(hostvars).index), "in the order of the inventory"
        together = Counter(token for name in batch for token in tokens_of(name, hostvars))
        assert all(count == 1 for count in together.values()), f"{batch} share a domain or a group"
    assert batches(hostvars, serial, canaries=canaries) == found, "not the same every time"


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(2, 9))
def test_there_are_no_more_batches_than_there_must_be(domains, size):
    found = batches(fleet(*[{"memory_pool_domain": domain} for domain in domains]), size)
    assert len(found) == max(math.ceil(len(domains) / size), *Counter(domains).values())


@given(fleets)
def test_neighbours_differ_as_far_as_possible(hostvars):
    found = rollout_order(list(hostvars), hostvars)
    assert sorted(found) == sorted(hostvars)
    domains = [domain_of(name, hostvars[name], PREFIXES) for name in found]
    equal = sum(left == right for left, right in zip(domains, domains[1:]))
    largest = max(Counter(domains).values(), default=0)
    assert equal == max(0, 2 * largest - len(found) - 1), "only a domain with more than half of the hosts may follow itself"
    assert rollout_order(list(hostvars), hostvars) == found


@given(fleets.filter(bool), st.data())
def test_order_begins_with_canaries_and_parts_the_next_host_from_them(hostvars, data):
    canaries = data.draw(st.lists(st.sampled_from(sorted(hostvars)), unique=True, min_size=1, max_size=3))
    found = rollout_order(list(hostvars), hostvars, canaries)
    assert found[:len(canaries)] == canaries
    assert sorted(found) == sorted(hostvars)
    domains = [domain_of(name, hostvars[name], PREFIXES) for name in found[len(canaries) - 1:]]
    assert len(set(domains[1:]) - {domains[0]}) == 0 or domains[0] != domains[1]


def test_conflicts_are_what_a_batch_may_not_hold():
    addresses = [{"ansible_host": address} for address in ("192.0.2.1", "192.0.2.2", "192.0.3.1")]
    hostvars = fleet(*addresses, AUTHORITY, AUTHORITY)
    others = ["h1", "h2", "h4"]
    assert [rollout_conflicts([name], hostvars, others) for name in ("h0", "h3", "h1")] == [["h1"], ["h4"], []]
    assert rollout_conflicts(["h0"], hostvars, others, domain_prefix=16) == ["h1", "h2"]
