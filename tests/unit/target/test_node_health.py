# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_health against a node, in health and in each kind of trouble."""

from __future__ import annotations

import time

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _health, _health_checks, _health_unit
from health_node import DENIED, Manager, Node, health, outcome, reply, text

pytestmark = pytest.mark.usefixtures("impatient")


def test_a_healthy_node_shows_all_of_it(serve):
    node, manager = Node(), Manager()
    result = health(serve(node).url, manager, timeout=20, limits={"nofile": 1})
    assert result["healthy"] and result["done"] and not result["hopeless"]
    assert outcome(result) == dict.fromkeys(_health_checks.GATE, True)
    assert result["looks"] == 2, "one look more for the block"
    assert node.calls.count("state_getMetadata") == 1
    assert [command[0] for command in manager.commands].count("journalctl") == 1
    assert result["waiting_for"] == [] and result["progress"].startswith("polkadot.service: healthy (active, rpc")


def test_one_look_cannot_tell_whether_blocks_advance(serve):
    result = health(serve(Node()).url)
    assert result["looks"] == 1 and result["healthy"] and outcome(result)["advancing"] is None
    assert outcome(result)["limits"] is None


@pytest.mark.parametrize("refusal", ["object", "status"])
def test_a_node_that_refuses_batches_is_asked_one_by_one(serve, refusal):
    node = Node()
    node.batches = False
    server = serve(node if refusal == "object" else lambda server, verb, path, body: (
        reply(b"no arrays", "400 Bad Request") if isinstance(body, list) else node(server, verb, path, body)))
    result = health(server.url, timeout=5)
    assert result["healthy"]
    assert sum(isinstance(body, list) for _verb, _path, body in server.requests) == 1


def test_methods_that_are_denied_are_unknown_not_false(serve):
    node = Node()
    methods = ("system_health", "chain_getHeader", "state_getRuntimeVersion", "state_getMetadata", "system_localPeerId")
    node.errors = dict.fromkeys(methods, DENIED)
    result = health(serve(node).url, checks=[*_health_checks.GATE, "identity"])
    found = outcome(result)
    assert [name for name in found if found[name] is None] == [
        "runtime", "syncing", "peers", "advancing", "limits", "identity"]
    assert "does not allow system_health here" in text(result, "peers")
    assert result["checks"][-1]["value"]["peer_id"] is None and result["checks"][-1]["value"]["roles"] == ["Authority"]
    assert "\x1b" not in result["checks"][-1]["value"]["version"]


def test_a_runtime_that_cannot_be_called_is_what_is_waited_for(serve):
    node = Node()
    node.errors = {"state_getMetadata": {"code": 4003, "message": "Client error", "data": "failed to create memory pool mapping"}}
    result = health(serve(node).url)
    assert result["waiting_for"] == ["runtime"] and not result["healthy"] and not result["hopeless"]
    assert text(result, "runtime") == (
        "state_getMetadata failed: Client error: failed to create memory pool mapping (4003)")


@pytest.mark.parametrize(("state", "false"), [
    ({"peers": 0}, ["peers"]), ({"isSyncing": True}, ["syncing"]), ({"peers": 0, "shouldHavePeers": False}, []),
    ({"peers": "many"}, ["peers"]), ({"isSyncing": None}, ["syncing"]),
])
def test_peers_and_syncing(serve, state, false):
    node = Node()
    node.health.update(state)
    assert health(serve(node).url)["waiting_for"] == false


@pytest.mark.parametrize(("status", "state", "ok"), [
    ("200 OK", {}, True), ("500 Internal Server Error", {}, False), ("503 Unavailable", {"peers": 0}, False),
    ("500 Internal Server Error", {"peers": 0, "shouldHavePeers": False}, None),
    ("405 Method Not Allowed", {}, True), ("404 Not Found", {"isSyncing": True}, False), ("302 Found", {}, False),
])
def test_readiness(serve, status, state, ok):
    node = Node()
    node.readiness = status
    node.health.update(state)
    server = serve(node)
    result = health(server.url + "/node", readiness_path="/ready", checks=["readiness"])
    assert outcome(result) == {"readiness": ok}
    assert ("GET", "/node/ready", None) in server.requests and server.requests[0][:2] == ("POST", "/node")


def test_a_stalled_chain_is_waited_for_across_executions(serve):
    node = Node()
    node.step = 0
    url = serve(node).url
    first = health(url, timeout=4, slice=1, checks=["rpc", "advancing"])
    assert not first["done"] and first["waiting_for"] == ["advancing"] and 2 <= first["seconds_left"] <= 3
    assert "until " in first["progress"] and "its best block is still 100 after 1 seconds" in first["progress"]
    node.best += 1
    second = health(url, timeout=4, slice=1, checks=["rpc", "advancing"], **{"continue": first["next"]})
    assert second["healthy"] and second["looks"] == 1
    assert second["checks"][1]["value"]["first"] == 100 and second["next"]["deadline"] == first["next"]["deadline"]


def test_the_end_of_the_wait_is_kept(serve):
    node = Node()
    node.step = 0
    url, begin, state, executions = serve(node).url, time.monotonic(), {}, 0
    while True:
        result = health(url, timeout=3, slice=1, checks=["advancing"], **{"continue": state})
        state, executions = result["next"], executions + 1
        if result["done"]:
            break
    assert 3 <= time.monotonic() - begin < 4.5 and executions in (3, 4)
    assert not result["healthy"] and "not healthy after 3 seconds" in result["progress"]


@pytest.mark.parametrize(("change", "reason"), [
    ({"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "1"},
     "polkadot.service has failed (exit-code, exit status 1)"),
    ({"ActiveState": "activating", "SubState": "auto-restart"},
     "polkadot.service has failed (success, exit status 0), and waits for its next try"),
    ({"ActiveState": "inactive", "SubState": "dead"}, "polkadot.service is stopped"),
])
def test_a_service_that_will_not_come_back_ends_the_wait(serve, change, reason):
    manager = Manager()
    manager.properties.update(change)
    result = health(serve(Node()).url, manager, timeout=60)
    assert result["hopeless"] and result["done"] and not result["healthy"] and result["reason"] == reason
    assert result["looks"] == 1 and text(result, "active") == reason


def test_a_service_that_is_still_starting_is_waited_for(serve):
    manager = Manager()
    manager.properties.update({"ActiveState": "inactive", "SubState": "dead", "Job": "17"})
    result = health(serve(Node()).url, manager, timeout=1, checks=["active"])
    assert result["waiting_for"] == ["active"] and not result["hopeless"] and result["looks"] > 2


@pytest.mark.parametrize(("change", "said"), [
    ({"NRestarts": "1", "InvocationID": "cd" * 16}, "NRestarts is 1, and was 0"),
    ({"InvocationID": "cd" * 16}, "was started anew meanwhile"),
])
def test_another_process_than_the_one_to_be_proven(serve, change, said):
    manager, url = Manager(), serve(Node()).url
    first = health(url, manager, timeout=60)
    manager.properties.update(change)
    manager.commands.clear()
    second = health(url, manager, timeout=60, **{"continue": first["next"]})
    assert second["hopeless"] and said in second["reason"]
    journal = next(command for command in manager.commands if command[0] == "journalctl")
    assert [f"_SYSTEMD_INVOCATION_ID={one * 16}" in journal for one in ("ab", "cd")] == [True, True]
    assert journal.count("+") == 3, "the dead process has left the lines that count"


def test_restarts_as_the_caller_knows_them(serve):
    assert "NRestarts is 0, and was 3" in health(serve(Node()).url, restarts=3, checks=["active"])["reason"]


def test_a_reboot_ends_the_wait(serve):
    url = serve(Node()).url
    first = health(url, timeout=60)
    second = health(url, timeout=60, boot="boot-2", **{"continue": first["next"]})
    assert second["done"] and second["reason"] == "this host was rebooted meanwhile" and not second["healthy"]


def test_what_the_journal_says_ends_the_wait(serve):
    manager = Manager()
    manager.journal += ["💤 Idle", "⚠️  Secure Validator Mode cannot be enabled",
                        'Cannot create a runtime error=Other("failed to create memory pool mapping")']
    result = health(serve(Node()).url, manager, checks=["active", "journal"])
    value = result["checks"][1]["value"]
    assert result["hopeless"] and outcome(result)["journal"] is False
    assert len(value["lines"]) == 2 and len(value["failures"]) == 1 and "memory pool mapping" in value["failures"][0]


@pytest.mark.parametrize(("root", "said"), [(True, "has nothing of this service"), (False, "not readable without root")])
def test_an_empty_journal_is_unknown(root, said):
    found = _health_unit.journal("", root)
    assert found["ok"] is None and said in found["text"]


def test_the_journal_since_a_time():
    assert _health_unit.journal_command("a.service", ["x"], 12.5)[-2:] == ["--unit=a.service", "--since=@12.500000"]


def test_a_manager_that_does_not_answer_is_a_result(serve):
    manager = Manager()
    manager.broken = True
    result = health(serve(Node()).url, manager)
    assert outcome(result)["active"] is False and "gave no answer" in text(result, "active")
    assert outcome(result)["journal"] is None and outcome(result)["rpc"] is True


def test_a_unit_that_is_not_there(serve):
    manager = Manager()
    manager.properties = {"Id": "polkadot.service", "LoadState": "not-found", "ActiveState": "inactive"}
    with pytest.raises(_health.NoSuchUnit, match="does not exist on this host"):
        health(serve(Node()).url, manager)
