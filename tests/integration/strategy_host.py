# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with programs that know the option of node_strategy, do not, or cannot do without."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from conftest import HostHandle, MakeFleet
from service_host import ServiceHost, installed

FLAG = "--wasmtime-instantiation-strategy"
CHOSEN = "recreate-instance-copy-on-write"
OPTION = [FLAG, CHOSEN]
DROP_IN = "/etc/systemd/system/{0}.d/60-aarch64-validator-strategy.conf"
RELOADED = "systemd: configuration reloaded"
NODE, OLD_NODE, STRICT = "/opt/new/polkadot", "/opt/old/polkadot", "/opt/strict/polkadot"
ASKED, RESULTS = "/run/asked", "/run/argv"
# Programs that a node's name makes a node: one that knows the option, one that does not, one that cannot do without.
HELP = f"printf '  {FLAG} <STRATEGY>\\n    [possible values: pooling-copy-on-write, {CHOSEN}, recreate-instance]\\n'"
PROGRAMS = {
    NODE: HELP + "; echo '[RELAY_CHAIN_ARGS]...'", OLD_NODE: "echo '  --validator'",
    STRICT: HELP + f"; (id -u; id -G; env | sort) >{ASKED}/polkadot",
}
WAIT = "while :; do sleep 1000; done"
DEMAND = f'case " $* " in *" {FLAG} "*) {WAIT};; *) exit 1;; esac'
RECORDER = f"""#!/usr/bin/python3
import json, re, sys
if sys.argv[1:] == ["--help"]:
    print("  {FLAG} <STRATEGY>")
    sys.exit()
name = re.search("[^/]*[.]service$", open("/proc/self/cgroup").read(), re.MULTILINE).group()
argv = open("/proc/self/cmdline", newline="").read().split(chr(0))[2:-1]
json.dump(argv, open("{RESULTS}/" + name, "w"))
"""
WRITE = "import json, sys; [open(path, 'w', newline='').write(text) for path, text in json.load(sys.stdin).items()]"


@pytest.fixture(scope="module")
def handle(make_fleet: MakeFleet) -> HostHandle:
    started = installed(make_fleet, "strategy-1")
    started.inside("mkdir", "-p", ASKED, RESULTS, "/opt/new", "/opt/old", "/opt/strict", "/opt/argv")
    started.inside("chmod", "1777", ASKED)
    texts = {path: f'#!/bin/sh\nif [ "$*" = --help ]; then {text}; exit; fi\n' for path, text in PROGRAMS.items()}
    texts = {path: text + (DEMAND if path == STRICT else WAIT) + "\n" for path, text in texts.items()}
    texts["/opt/argv/polkadot"] = RECORDER
    started.inside("python3", "-c", WRITE, input=json.dumps(texts))
    started.inside("chmod", "0755", *texts)
    return started


@pytest.fixture
def host(handle: HostHandle) -> Any:
    service_host = ServiceHost(handle)
    yield service_host
    service_host.clean_up()


def checked(host: ServiceHost, **options: Any) -> dict[str, Any]:
    """The result of a run that check mode foretold and that did not fail."""
    result = host.foretold("node_strategy", **options)
    assert not result.get("failed"), result
    return result


def unchanged(host: ServiceHost, **options: Any) -> dict[str, Any]:
    """Run where nothing may be changed."""
    before = host.tree()
    result = checked(host, **options)
    assert (result["changed"], result["actions"], result["diff"]) == (False, [], [])
    assert host.tree() == before
    return result


def argv(host: ServiceHost, unit: str) -> list[str]:
    """The arguments of the live process; it is a script, so that its interpreter and its path come first."""
    deadline = time.monotonic() + 15
    while True:
        words = host.run("cat", f"/proc/{host.pid(unit)}/cmdline").split("\0")
        if words[0] == "/bin/sh":  # until then it is systemd's own child
            return words[2:-1]
        assert time.monotonic() < deadline, words
        time.sleep(0.05)


def restart(host: ServiceHost, unit: str) -> list[str]:
    """Restart; the arguments after that."""
    host.run("systemctl", "restart", unit)
    return argv(host, unit)
