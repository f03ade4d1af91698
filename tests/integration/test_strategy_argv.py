# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line that a service really gets from node_strategy is the old one and the option."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import HostHandle
from service_host import ServiceHost
from strategy_host import CHOSEN, DROP_IN, FLAG, NODE, OPTION, RESULTS, WRITE, argv, checked, handle, host, restart, unchanged  # noqa: F401  # pylint: disable=unused-import  # fixtures

from environment_cases import ARGV, CASES

pytestmark = pytest.mark.nspawn


SAME = [name for name, case in CASES.items() if case.argv is not None and ARGV in case.command]


@pytest.fixture(scope="module")
def recorded(handle: HostHandle) -> dict[str, Any]:
    """By case: what a process got before and after, and what the module said."""
    host = ServiceHost(handle)
    names = {name: f"{name}.service" if CASES[name].unit == "argv.service" else CASES[name].unit for name in SAME}
    files = {f"/etc/default/argv-{name}": CASES[name].file for name in SAME if CASES[name].file}
    for name, unit in names.items():
        case = CASES[name]
        command = case.command.replace(ARGV, "/opt/argv/polkadot --first")
        lines = ["[Service]", "Type=oneshot", *case.lines, f"EnvironmentFile=-/etc/default/argv-{name}", f"ExecStart={command}"]
        files[f"/etc/systemd/system/{unit}"] = "\n".join(lines) + "\n"
    handle.inside("python3", "-c", WRITE, input=json.dumps(files))
    handle.inside("systemctl", "daemon-reload")
    found: dict[str, Any] = {name: {} for name in SAME}
    for when in ("before", "after"):
        for name, unit in names.items():
            if when == "after":
                found[name]["said"] = host.module("node_strategy", unit=unit)
                found[name]["again"] = host.module("node_strategy", unit=unit)
            handle.inside("rm", "-f", f"{RESULTS}/{unit}")
            handle.inside("systemctl", "start", "--", unit)
            found[name][when] = json.loads(handle.inside("cat", f"{RESULTS}/{unit}"))
    host.module("node_strategy", state="reverted")
    handle.inside("rm", *files)
    handle.inside("systemctl", "daemon-reload")
    return found


@pytest.mark.parametrize("name", SAME)
def test_real_argv_is_the_old_one_and_the_option(recorded: dict[str, Any], name: str) -> None:
    found = recorded[name]
    assert found["said"].get("applied") is True, found["said"]
    assert found["before"][0] == "--first"
    assert found["after"] == [*OPTION, *found["before"]]
    assert found["again"]["changed"] is False


def test_cases_are_there() -> None:
    assert len(SAME) >= 24


def test_collator_gets_it_on_both_sides(host: ServiceHost) -> None:
    command = f"{NODE} --collator --name 'a b' -- --chain x ; {NODE}-not --y"
    unit = host.unit("collator", "ExecStart=" + command, "Type=oneshot", start=False)
    result = checked(host, unit=unit)
    assert result["node"] == {"strategy": [CHOSEN, CHOSEN]}
    assert f"--collator --name 'a b' -- {FLAG} {CHOSEN} --chain x ; {NODE}-not --y\n" in result["diff"][0]["after"]
    plain = host.unit("plain", f"ExecStart={NODE} --collator", "User=daemon")
    assert checked(host, unit=plain)["left"] == []
    assert restart(host, plain) == [*OPTION, "--collator", "--", *OPTION]
    assert unchanged(host, unit=plain)["restart_required"] is False


def test_separator_in_the_environment_leaves_the_relay_side(host: ServiceHost) -> None:
    host.write("/etc/default/collator", "# options\nARGS=\"--collator -- --chain x\"\n")
    unit = host.unit("collator", "EnvironmentFile=/etc/default/collator", f"ExecStart={NODE} $ARGS")
    result = checked(host, unit=unit)
    assert (result["applied"], result["restart_required"]) == (True, True)
    assert result["left"] == [
        {"executor": "relay chain", "strategy": "pooling-copy-on-write", "path": "/etc/default/collator", "line": 2}]
    assert "after the ' -- ' in /etc/default/collator, line 2 (ARGS)" in result["notes"][0]
    assert result["node"] == {"strategy": [CHOSEN, "pooling-copy-on-write"]}
    assert restart(host, unit) == [*OPTION, "--collator", "--", "--chain", "x"]
    assert unchanged(host, unit=unit)["restart_required"] is False


@pytest.mark.parametrize("strategy", ["pooling", "recreate-instance"])
def test_given_in_the_environment_file(host: ServiceHost, strategy: str) -> None:
    host.write("/etc/default/node", f"ARGS='--validator {FLAG}={strategy}'\n")
    unit = host.unit("node", "EnvironmentFile=/etc/default/node", f"ExecStart={NODE} $ARGS")
    result = unchanged(host, unit=unit)
    assert (result["applied"], result["supported"], result["restart_required"]) == (False, None, False)
    assert f"given already, {strategy} in /etc/default/node, line 1 (ARGS)" in result["reason"]
    assert [left["strategy"] for left in result["left"]] == ([strategy] if strategy == "pooling" else [])
    assert result["node"] == {"strategy": [strategy]}


def test_given_later_in_the_environment_file(host: ServiceHost) -> None:
    unit = host.unit("node", "EnvironmentFile=-/etc/default/node", f"ExecStart={NODE} $ARGS")
    host.run("rm", "-f", "/etc/default/node")
    before = host.tree()
    assert checked(host, unit=unit)["applied"]
    restart(host, unit)
    host.write("/etc/default/node", f"ARGS='{FLAG} recreate-instance'\n")
    result = checked(host, unit=unit)
    assert result["actions"][0].startswith(DROP_IN.format(unit) + ": removed, because " + unit)
    assert "recreate-instance in /etc/default/node, line 1 (ARGS); a second one would" in result["actions"][0]
    assert (result["applied"], result["restart_required"]) == (False, True)  # another strategy than the live one
    assert host.tree() == before
    assert host.module("node_strategy", state="reverted")["changed"] is False
    assert restart(host, unit) == [FLAG, "recreate-instance"]
    assert unchanged(host, unit=unit)["restart_required"] is False
