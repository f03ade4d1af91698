# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of which something could not be read is still judged, and never by a value that nobody read."""

from __future__ import annotations

import copy
import typing as t

import pytest
from test_assess import CASES

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts


def paths(value: t.Any, path: tuple = ()) -> t.Iterator[tuple]:
    """Where every key of nested dictionaries is."""
    for key, held in value.items() if isinstance(value, dict) else ():
        yield (*path, key)
        yield from paths(held, (*path, key))


def without(facts: dict, path: tuple, null: bool) -> dict:
    bent = copy.deepcopy(facts)
    place = bent
    for key in path[:-1]:
        place = place[key]
    if null:
        place[path[-1]] = None
    else:
        del place[path[-1]]
    return bent


@pytest.mark.parametrize("null", [True, False], ids=["null", "missing"])
@pytest.mark.parametrize("case", sorted(CASES))
def test_every_value_may_be_unknown(case, null):
    for path in paths(CASES[case]):
        if path == ("schema",) or (len(path) == 1 and not null):  # facts that are not whole are refused
            continue
        try:
            result = assess_facts(without(CASES[case], path, null), {})
        except Exception as error:
            pytest.fail(f"a host whose {'.'.join(map(str, path))} is {'null' if null else 'missing'} cannot be judged: {error!r}")
        assert result["verdict"]


def test_facts_that_are_not_whole_are_refused_by_name():
    facts = dict(CASES["shm-mode"])
    del facts["kernel"]
    with pytest.raises(ValueError, match="not whole, they lack kernel"):
        assess_facts(facts, {})


def test_the_facts_of_the_caller_stay_as_they_are():
    for facts in CASES.values():
        before = copy.deepcopy(facts)
        assess_facts(facts, {})
        assert facts == before
