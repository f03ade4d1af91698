# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch to another release, stopped at every system call that changes a file: the service always has a program.

On a real host; a part of the points is tried, with CRASH_POINTS=all each in every way.
"""

from __future__ import annotations

import hashlib
import typing as t

import crash_trial
import pytest
from conftest import HostHandle, MakeFleet
from crash_machines import Ended, ServiceMachine
from crash_trial import Trial
from service_host import STATE, ServiceHost, install

pytestmark = pytest.mark.nspawn

UNIT = "delivered.service"
LINK = "/opt/node/polkadot"
RELEASES = "/usr/local/lib/aarch64-validator"
TEXTS = {name: f"#!/bin/sh\n# {name}\n[ \"$*\" = --version ] && exit\nexec sleep infinity\n" for name in ("old", "r1", "r2")}


def wanted(name: str) -> dict[str, t.Any]:
    """Options for a release."""
    digest = hashlib.sha256(TEXTS[name].encode()).hexdigest()
    return {"unit": UNIT, "release": name, "files": [{"name": "polkadot", "sha256": digest}]}


R1, R2, ON_TRIAL = wanted("r1"), wanted("r2"), {"provisional": True}
UNDO = ("changes", {"state": "undone"})
REVERT = ("node_release", {"state": "reverted"})
TRIALS = (
    Trial("node_release: a file becomes a link, on trial", "node_release", {**R1, **ON_TRIAL}, after=(UNDO, REVERT)),
    Trial("node_release: a newer release", "node_release", R2, before=(("node_release", R1),), after=(UNDO, REVERT)),
    Trial("node_release: reverted", "node_release", REVERT[1], before=(("node_release", R1),), after=(REVERT,)),
    Trial("changes: a release undone", "changes", UNDO[1], before=(("node_release", R1), ("node_release", {**R2, **ON_TRIAL})),
          after=(UNDO, REVERT)),
)


class ReleaseMachine(ServiceMachine):
    """A host to which a release is copied before its module runs, as the role does it."""

    def written(self) -> tuple[str, ...]:
        """The directories that the modules write in."""
        return "/opt/node", RELEASES, STATE

    def copy(self, options: dict[str, t.Any]) -> None:
        """Have the release there."""
        if "release" in options:
            name = options["release"]
            self.run("sh", "-c", f"umask 022; mkdir -p {RELEASES} && cp -r /opt/releases/{name} {RELEASES}/")

    def traced(self, module: str, options: dict[str, t.Any], orders: t.Sequence[str]) -> Ended:
        """Run a module under strace."""
        self.copy(options)
        return super().traced(module, options, orders)

    def module(self, name: str, options: dict[str, t.Any], check: bool = False) -> dict[str, t.Any]:
        """Run a module; its result."""
        self.copy(options)
        return super().module(name, options, check)

    def live(self) -> t.Any:
        """What a start of the service would run."""
        return self.run(LINK, "--version"), self.run("sha256sum", LINK)


@pytest.fixture(scope="module")
def machine(make_fleet: MakeFleet) -> ReleaseMachine:
    handle = HostHandle(make_fleet("crash-3"), "crash-3")
    install(handle)
    host = ServiceHost(handle)
    for name in ("r1", "r2"):
        host.write(f"/opt/releases/{name}/polkadot", TEXTS[name])
        host.run("chmod", "0755", f"/opt/releases/{name}/polkadot")
    host.write(LINK, TEXTS["old"])
    host.run("chmod", "0750", LINK)
    host.run("chown", "1:2", LINK)
    host.unit("delivered", f"ExecStart={LINK} --validator", start=False)
    return ReleaseMachine(host, UNIT)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_nothing_is_half_done(machine: ReleaseMachine, trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    told = crash_trial.attempts([machine], trial, every=3)
    with capsys.disabled():
        print("\n" + told)
