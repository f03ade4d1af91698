# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of a remedy, or of knowing, is named and neither tried nor guessed."""

from __future__ import annotations

import pytest

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from facts_factory import GIB, host_facts, node_facts


def ids(assessment):
    """The findings, worst first."""
    return [item["id"] for item in assessment["findings"]]


@pytest.mark.parametrize(("shm", "named"), [
    ({"mounted": False, "fstype": None, "size": None, "link": "/run/shm"}, "a symbolic link to /run/shm"),
    ({"fstype": "ext4", "size": GIB}, "a file system of type ext4"),
    ({"root": "/other", "mode": "755"}, "a bind mount of /other of another tmpfs"),
    ({"root": "/other", "persistent": GIB}, "a bind mount of /other of another tmpfs"),
])
def test_what_only_a_hand_can_change_is_named_and_not_tried(shm, named):
    assessment = assess_facts(host_facts(shm=shm), {})
    assert named in assessment["findings"][0]["summary"]
    assert assessment["remedies"] == [], "a remedy that is refused ends the run of this host"


def test_services_that_systemd_did_not_tell_of_are_no_healthy_services():
    silent = {"path": "systemctl", "reason": "systemctl show *.service gave no answer within 60 seconds"}
    assessment = assess_facts(host_facts(unread=[silent]), {})
    assert (assessment["verdict"], ids(assessment)) == ("advice", ["not-evaluated"])
    assert "gave no answer within 60 seconds" in assessment["findings"][0]["summary"]
    assert assess_facts(node_facts(unread=[silent]), {})["verdict"] == "healthy", "a warning of systemctl is held against a node"
