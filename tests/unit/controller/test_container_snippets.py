# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What generated containers say, for which hosts."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from container_situations import SITUATIONS

from ansible_collections.aarch64.validator.plugins.filter.container_snippets import container_snippets
from ansible_collections.aarch64.validator.plugins.plugin_utils._container_snippets import NODE_LABEL
from facts_factory import container_facts, limits, node_facts

STRATEGY = ["--wasmtime-instantiation-strategy", "recreate-instance-copy-on-write"]


def test_a_small_address_space_gets_the_strategy_and_the_truth():
    told = container_snippets(SITUATIONS["39 bits"])
    assert shlex.split(told["docker_run"])[-2:] == STRATEGY
    assert yaml.safe_load(told["compose"])["services"]["polkadot"]["command"] == STRATEGY
    assert "Exec=" + " ".join(STRATEGY) in told["quadlet"]
    pod = yaml.safe_load(told["kubernetes"])["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"] == STRATEGY and "nodeSelector" not in pod
    assert "no container option helps" in told["notes"][0]
    kept = container_snippets(SITUATIONS["39 bits"], {"node_strategy": "keep"})
    assert STRATEGY[0] not in kept["docker_run"]


def test_pools_are_kept_to_nodes_with_room():
    told = container_snippets(SITUATIONS["plain"])
    assert yaml.safe_load(told["kubernetes"])["spec"]["template"]["spec"]["nodeSelector"] == {NODE_LABEL: "48"}
    assert any(note.startswith(f"kubectl label node NAME {NODE_LABEL}=48") for note in told["notes"])


def test_sizes_and_limits_are_those_of_the_policy_and_never_lower():
    facts = container_facts(process={"limits": {"live": limits(nofile=1024, memlock=65536)}})
    facts["processes"]["docker container 3f2a1b4c5d6e"]["limits"]["live"]["nofile"]["hard"] = 524288
    words = shlex.split(container_snippets(facts, {"shm_size": "3G", "limit_memlock": "64M"})["docker_run"])
    assert "--shm-size=3g" in words and "nofile=65535:524288" in words and f"memlock={64 << 20}:{64 << 20}" in words
    assert not any(word.startswith("--memory") for word in words)
    capped = container_snippets(SITUATIONS["capped"])
    assert "--memory=10g" in capped["docker_run"], "8 GiB for the node, and the 2 GiB of /dev/shm that count against it"
    assert "memory: 10Gi" in capped["kubernetes"]
    assert "--shm-size=524292k" in container_snippets(SITUATIONS["small board"])["docker_run"]


def test_a_node_can_be_chosen():
    facts = container_facts()
    facts["services"] = node_facts()["services"]
    assert container_snippets(facts, node="polkadot.service")
    with pytest.raises(AnsibleFilterError, match=r"'no\.service' is not valid; give one of: docker container .*, polkadot\."):
        container_snippets(facts, node="no.service")


@pytest.mark.parametrize("image", ["", "a b", "--privileged", "x\ny", "$(id)", None])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(AnsibleFilterError, match=r"image: .* is not valid"):
        container_snippets(container_facts(), image=image)


def test_the_page_shows_what_the_filter_writes():
    page = (Path(__file__).resolve().parents[3] / "docs/containers.md").read_text()
    told = container_snippets(SITUATIONS["plain"])
    for name in ("compose", "quadlet", "kubernetes", "lxc"):
        assert told[name].strip() in page, f"docs/containers.md shows another {name}"
