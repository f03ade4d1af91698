# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_strategy on a real host: what real processes get, and what is left where nothing may be changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from service_host import ServiceHost
from strategy_host import (  # noqa: F401  # pylint: disable=unused-import  # fixtures
    ASKED,
    CHOSEN,
    DROP_IN,
    FLAG,
    NODE,
    OLD_NODE,
    OPTION,
    RELOADED,
    STRICT,
    argv,
    checked,
    handle,
    host,
    restart,
    unchanged,
)

pytestmark = pytest.mark.nspawn


def test_packaged_node(host: ServiceHost) -> None:
    unit, path = "polkadot.service", DROP_IN.format("polkadot.service")
    host.handle.wait_for_node()
    before, pid = host.tree(), host.pid(unit)
    result = checked(host, unit="polkadot")
    assert result["actions"] == [f"{path}: ExecStart= with {FLAG} {CHOSEN}", RELOADED]
    assert (result["applied"], result["supported"], result["restart_required"]) == (True, True, True)
    assert (result["reason"], result["notes"], result["left"], result["source_changed"]) == (None, [], [], False)
    assert result["node"] == {"strategy": [CHOSEN]}
    assert result["diff"][0]["before"] == ""
    assert result["diff"][0]["after"] == host.run("cat", path)
    command = f"/usr/bin/polkadot {FLAG} {CHOSEN} $POLKADOT_CLI_ARGS"
    assert host.run("cat", path).endswith(f"[Service]\nExecStart=\nExecStart={command}\n")
    assert host.show(unit, "NeedDaemonReload") == {"NeedDaemonReload": "no"}
    assert host.pid(unit) == pid
    again = unchanged(host, unit="polkadot")
    assert (again["restart_required"], again["applied"], again["reason"]) == (True, True, None)

    host.run("systemctl", "restart", unit)
    host.handle.wait_for_node()
    live = host.run("cat", f"/proc/{host.pid(unit)}/cmdline").split("\0")[:-1]
    position = live.index(FLAG)
    assert live[position:] == [*OPTION, "--validator", "--chain", "polkadot"]
    assert unchanged(host, unit="polkadot")["restart_required"] is False

    reverted = checked(host, state="reverted")
    assert reverted["actions"] == [path + ": removed", RELOADED]
    assert reverted["notes"] == [unit + ": running processes keep their command line until the next restart"]
    assert host.tree() == before
    assert host.module("node_strategy", state="reverted")["changed"] is False
    assert host.run("sh", "-c", "ls -d /var/lib/aarch64-validator || true") == ""
    host.run("systemctl", "restart", unit)


@pytest.mark.parametrize("limits_first", [True, False])
@pytest.mark.parametrize("undo_limits_first", [True, False])
@pytest.mark.parametrize("directory_there", [True, False])
def test_undo_in_any_order_with_limits(
    host: ServiceHost, limits_first: bool, undo_limits_first: bool, directory_there: bool
) -> None:
    unit = host.unit("node", f"ExecStart={NODE} --validator", "LimitNOFILE=1024", start=False)
    if directory_there:
        host.run("mkdir", f"/etc/systemd/system/{unit}.d")
    before = host.tree()
    steps = [lambda: host.limits(unit=unit, nofile="5000"), lambda: host.module("node_strategy", unit=unit)]
    for step in steps if limits_first else reversed(steps):
        assert step()["changed"]
    assert checked(host, unit=unit)["changed"] is False
    assert host.limits(unit=unit, nofile="5000")["changed"] is False
    undo = ["service_limits", "node_strategy"]
    for name in undo if undo_limits_first else reversed(undo):
        assert host.module(name, state="reverted")["actions"][-1] == RELOADED
    assert host.tree() == before
    assert host.run("sh", "-c", "ls -d /var/lib/aarch64-validator || true") == ""


def test_source_changed(host: ServiceHost) -> None:
    unit = host.unit("node", f"ExecStart={NODE} --old 'a b'")
    assert checked(host, unit=unit)["source_changed"] is False
    restart(host, unit)
    host.unit("node", f"ExecStart={NODE} --new \\\n  'a b'", start=False)
    before = host.tree()
    result = checked(host, unit=unit)
    assert result["source_changed"] and result["changed"] and result["applied"]
    assert result["restart_required"] is False  # no pool to get rid of
    assert host.tree() != before
    assert unchanged(host, unit=unit)["source_changed"] is False
    assert restart(host, unit) == [*OPTION, "--new", "a b"]
    result = checked(host, unit=unit, strategy="recreate-instance")
    assert (result["changed"], result["source_changed"], result["restart_required"]) == (True, False, True)
    assert checked(host, state="reverted")["changed"]
    assert restart(host, unit) == ["--new", "a b"]


def test_node_that_lost_the_option_again(host: ServiceHost) -> None:
    host.run("cp", NODE, "/opt/argv/kusama")
    unit = host.unit("node", "ExecStart=/opt/argv/kusama --validator")
    before = host.tree()
    assert checked(host, unit=unit)["applied"]
    host.run("cp", OLD_NODE, "/opt/argv/kusama")
    result = checked(host, unit=unit)
    assert "removed, because node.service: /opt/argv/kusama does not know" in result["actions"][0]
    assert (result["applied"], result["supported"]) == (False, False)
    assert host.tree() == before


@pytest.mark.parametrize(("command", "supported", "reason"), [
    (f"{OLD_NODE} --validator", False, f"{OLD_NODE} does not know {FLAG}"),
    ("/bin/sleep infinity", False, f"starts /bin/sleep, which does not know {FLAG}"),
    (f"{NODE} export-blocks --to 1", None, "subcommand 'export-blocks'"),
    ("/opt/gone/polkadot --validator", None, "No such file"),
])
def test_left_alone(host: ServiceHost, command: str, supported: bool | None, reason: str) -> None:
    unit = host.unit("node", f"ExecStart={command}", start=False)
    result = unchanged(host, unit=unit)
    assert (result["applied"], result["supported"], result["restart_required"]) == (False, supported, False)
    assert reason in result["reason"]


def test_crash_looping_node_and_how_it_is_asked(host: ServiceHost) -> None:
    unit = host.unit("looping", f"ExecStart={STRICT}", "User=daemon", "Group=polkadot", "Environment=SECRET=1",
                     "Restart=always", "RestartSec=100")
    host.wait_for(unit, "activating auto-restart")
    result = checked(host, unit=unit)
    assert (result["applied"], result["restart_required"]) == (True, True)
    assert unchanged(host, unit=unit)["restart_required"] is False
    asked = host.run("cat", ASKED + "/polkadot").splitlines()
    group = host.run("getent", "group", "polkadot").split(":")[2]
    assert asked[:2] == [host.run("id", "-u", "daemon").strip(), group]
    assert {line.split("=")[0] for line in asked[2:]} == {"HOME", "LC_ALL", "NO_COLOR", "PATH", "PWD"}
    assert restart(host, unit) == OPTION
    stopped = host.unit("stopped", f"ExecStart={NODE}", start=False)
    assert checked(host, unit=stopped)["restart_required"] is False


def test_later_drop_in_is_named_and_nothing_is_written(host: ServiceHost) -> None:
    unit = host.unit("node", f"ExecStart={NODE}")
    later = host.drop_in(unit, "override", "ExecStart=", f"ExecStart={NODE} --mine")
    before = host.tree()
    for check in (True, False):
        result = host.module("node_strategy", unit=unit, check=check)
        assert result["failed"]
        assert f"{later}, line 3 sets ExecStart= and sorts after" in result["msg"]
    assert host.tree() == before
    host.drop_in(unit, "override", "ExecStart=", f"ExecStart={NODE} {FLAG} {CHOSEN}")
    assert f"given already, {CHOSEN} in {later}, line 3" in unchanged(host, unit=unit)["reason"]


def test_file_that_does_not_take_is_put_back(host: ServiceHost) -> None:
    # A directory of higher precedence hides our file by its name.
    unit = host.unit("node", f"ExecStart={NODE}")
    host.write(f"/etc/systemd/system.control/{unit}.d/60-aarch64-validator-strategy.conf", "[Service]\nNice=1\n")
    host.run("systemctl", "daemon-reload")
    before = host.tree()
    result = host.module("node_strategy", unit=unit)
    assert result["failed"] and "after the reload systemd says loaded and has" in result["msg"]
    assert host.tree() == before
    assert host.show(unit, "NeedDaemonReload") == {"NeedDaemonReload": "no"}
    assert host.module("node_strategy", state="reverted")["changed"] is False


def test_edited_drop_in_is_left(host: ServiceHost) -> None:
    unit = host.unit("node", f"ExecStart={NODE}")
    checked(host, unit=unit)
    path = DROP_IN.format(unit)
    host.run("sed", "-i", f"s/{CHOSEN}$/{CHOSEN} --mine/", path)
    host.run("systemctl", "daemon-reload")
    result = unchanged(host, unit=unit)
    assert result["applied"] is False
    assert f"{path}, line 5" in result["reason"]
    reverted = unchanged(host, state="reverted")
    assert reverted["notes"] == [path + ": edited by somebody else, left as it is"]


def test_written_but_not_reloaded(host: ServiceHost) -> None:
    # As a run leaves it that was killed in between.
    unit, path = host.unit("node", f"ExecStart={NODE}"), DROP_IN.format("node.service")
    checked(host, unit=unit)
    text = host.run("cat", path)
    host.run("sh", "-c", f"rm {path}; rmdir {path.rpartition('/')[0]}; systemctl daemon-reload")
    host.write(path, text)
    result = checked(host, unit=unit)
    assert (result["actions"], result["restart_required"]) == ([RELOADED], True)
    assert restart(host, unit) == OPTION


def test_instances_aliases_and_transient_units(host: ServiceHost) -> None:
    host.unit("collator@", f"ExecStart={NODE} --name %i", start=False)
    host.run("systemctl", "start", "collator@1.service")
    host.units.append("collator@1.service")
    before = host.tree()
    result = checked(host, unit="collator@1")
    assert result["actions"][0].startswith(DROP_IN.format("collator@1.service"))
    assert " --name %i\n" in result["diff"][0]["after"]
    assert restart(host, "collator@1.service") == [*OPTION, "--name", "1"]
    assert checked(host, state="reverted", unit="collator@1")["changed"]
    assert host.tree() == before

    host.unit("node", f"ExecStart={NODE}")
    host.run("ln", "-s", "node.service", "/etc/systemd/system/other.service")
    host.units.append("other.service")
    host.run("systemctl", "daemon-reload")
    before = host.tree()
    assert checked(host, unit="other")["actions"][0].startswith(DROP_IN.format("node.service"))
    assert unchanged(host, unit="node")["applied"]
    assert checked(host, state="reverted", unit="other")["changed"]
    assert host.tree() == before

    host.run("systemd-run", "--quiet", "--unit=passing.service", NODE)
    try:
        assert "transient unit" in unchanged(host, unit="passing")["reason"]
    finally:
        host.run("systemctl", "stop", "passing.service")


@pytest.mark.parametrize(("options", "said"), [
    ({"unit": "../etc/passwd"}, "unit: '../etc/passwd' is not valid"),
    ({"unit": "a\nb"}, "unit: 'a\\nb' is not valid"),
    ({"unit": "absent"}, "absent.service does not exist on this host; set memory_pool_services"),
    ({"unit": "masked"}, "masked.service is masked on this host"),
    ({"unit": "node", "strategy": "pooling"}, "value of strategy must be one of"),
    ({"unit": "broken"}, "broken.service cannot be loaded on this host"),
    ({}, "unit"),
])
def test_bad_options(host: ServiceHost, options: dict[str, Any], said: str) -> None:
    host.run("ln", "-sf", "/dev/null", "/etc/systemd/system/masked.service")
    host.units.append("masked.service")
    host.unit("broken", f"ExecStart={NODE} 'a", start=False)
    before = host.tree()
    result = host.module("node_strategy", **options)
    assert result["failed"]
    assert said in result["msg"]
    assert host.tree() == before


def test_secrets_and_modes(host: ServiceHost) -> None:
    unit = host.unit("node", f"ExecStart={NODE} --node-key 0xdeadbeef", start=False)
    host.run("chmod", "0600", f"/etc/systemd/system/{unit}")
    refused = host.module("node_strategy", unit=unit, nobody=True, check=True)
    assert refused["failed"] and "/etc/systemd/system/node.service cannot be read (Permission denied)" in refused["msg"]
    result = checked(host, unit=unit)
    assert "deadbeef" not in json.dumps(result)
    assert "--node-key 0xdeadbeef\n" in host.run("cat", DROP_IN.format(unit))
    assert host.run("stat", "-c", "%a", DROP_IN.format(unit)) == "600\n"


@pytest.mark.parametrize("words", [
    '"--node-key" "S3CRET"', "'--node-key' S3CRET", '"--suri" "//S3CRET"', r"--node-key\x20S3CRET", '"--node-key=S3 CRET"',
    r'--node-key "S3\"CRET"', r"--node\x2dkey S3CRET", "--mnemonic S3CRET", "--api-key=S3CRET",
])
def test_no_diff_shows_a_secret(host: ServiceHost, words: str) -> None:
    unit = host.unit("node", f"ExecStart={NODE} {words} --name val", start=False)
    for result in (checked(host, unit=unit), checked(host, unit=unit, state="reverted")):
        told = json.dumps(result)
        assert "S3" not in told and "CRET" not in told, f"whoever reads the output of a run reads a secret: {told}"
        assert result["diff"][0]["before"] != result["diff"][0]["after"], "the diff does not say what changes"


def test_without_root(host: ServiceHost) -> None:
    unit = host.unit("node", f"ExecStart={NODE} --validator")
    predicted = host.module("node_strategy", unit=unit, check=True, nobody=True)
    assert predicted == host.module("node_strategy", unit=unit, check=True)
    refused = host.module("node_strategy", unit=unit, nobody=True)
    assert refused["failed"]
    assert "become: true" in refused["msg"]
    assert (refused["changed"], refused["planned"]) == (False, predicted["actions"])
    checked(host, unit=unit)
    assert host.module("node_strategy", unit=unit, nobody=True)["changed"] is False


@pytest.mark.parametrize("text", ["{", "[]", '{"node.service": 1}'])
def test_damaged_state_is_named(host: ServiceHost, text: str) -> None:
    unit = host.unit("node", f"ExecStart={NODE}")
    host.write("/var/lib/aarch64-validator/node-strategy.json", text)
    before = host.tree()
    wrong: tuple[dict[str, Any], ...] = ({"unit": unit}, {"state": "reverted"})
    for options in wrong:
        result = host.module("node_strategy", **options)
        assert result["failed"]
        assert "/var/lib/aarch64-validator/node-strategy.json is damaged" in result["msg"]
    assert host.tree() == before
