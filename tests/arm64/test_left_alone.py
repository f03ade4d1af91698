# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the chain cannot heal on a real kernel is left alone, and said: who has to do what."""

from __future__ import annotations

import base64
import subprocess
import typing as t

import pytest
from fleet import shaping

if t.TYPE_CHECKING:
    from tests.arm64.conftest import ArmGuest

# A node of before the option: its help does not know it, and it would refuse it.
OLD_NODE = """#!/bin/sh
case " $* " in
*" --help "*) echo "Usage: polkadot [OPTIONS]"; exit 0 ;;
*" --wasmtime-instantiation-strategy "*) echo "error: unexpected argument" >&2; exit 2 ;;
esac
exec /usr/bin/polkadot "$@"
"""
# Refuses other pages than those it was built for, in jemalloc's words, and has them in its segments as well.
PAGES = r"""
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
    if (sysconf(_SC_PAGESIZE) > 4096) {
        fputs("<jemalloc>: Unsupported system page size\nmemory allocation of 56 bytes failed\n", stderr);
        abort();
    }
    pause();
}
"""


@pytest.fixture(autouse=True)
def undone(arm: ArmGuest) -> t.Iterator[None]:
    """Put the guest back."""
    yield
    arm.playbook("revert")
    arm.tries("systemctl", "disable", "--now", "pages.service")
    arm.run("rm", "-rf", "/etc/systemd/system/polkadot.service.d", "/etc/systemd/system/pages.service", "/opt/old", "/opt/pages")
    arm.run("systemctl", "daemon-reload")
    arm.run("systemctl", "restart", "polkadot")


def test_a_node_that_does_not_know_the_option_keeps_its_command_line(arm: ArmGuest) -> None:
    if arm.kernel != "va39":
        pytest.skip("this kernel has room, so that no strategy is asked for")
    shaping.write(arm.guests, arm.kernel, "/opt/old/polkadot", OLD_NODE)
    arm.run("chmod", "755", "/opt/old/polkadot")
    shaping.drop_in(arm.guests, arm.kernel, ["ExecStart=", "ExecStart=/opt/old/polkadot $POLKADOT_CLI_ARGS"], file="05-old")
    pid = arm.pid()
    run = arm.playbook("remediate")
    finding = next(item for item in run.host["findings"] if item["id"] == "runtime-upgrade-will-fail")
    assert run.status == 2 and run.host["verdict"] == "at-risk", run.output
    assert not finding["automatic"] and "does not know --wasmtime-instantiation-strategy" in finding["evidence"][-1]
    assert "no remedy of this collection applies to runtime-upgrade-will-fail" in " ".join(run.output.split())
    assert arm.pid() == pid, "a node was restarted for a remedy that it does not have"
    assert "strategy" not in arm.run("cat", f"/proc/{pid}/cmdline")


@pytest.mark.parametrize("aligned", [True, False], ids=["own-check", "segments"])
def test_a_program_for_smaller_pages_is_named_with_the_trap(
    arm: ArmGuest, aligned: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if arm.kernel in ("va39", "va48"):
        pytest.skip("this kernel has pages of 4K, on which the program runs")
    place = tmp_path_factory.mktemp("pages")
    (place / "pages.c").write_text(PAGES)
    options = [] if aligned else ["-Wl,-z,max-page-size=4096", "-Wl,-z,noseparate-code"]
    compiler = ["aarch64-linux-gnu-gcc", "-O1", *options, "-o", str(place / "pages"), str(place / "pages.c")]
    subprocess.run(compiler, check=True, capture_output=True)
    shaping.write(arm.guests, arm.kernel, "/opt/pages/coded", base64.b64encode((place / "pages").read_bytes()).decode())
    arm.run("sh", "-c", "base64 -d /opt/pages/coded >/opt/pages/polkadot; chmod 755 /opt/pages/polkadot")
    unit = "[Service]\nExecStart=/opt/pages/polkadot\nRestart=always\nRestartSec=60\n"
    shaping.write(arm.guests, arm.kernel, "/etc/systemd/system/pages.service", unit)
    arm.run("systemctl", "daemon-reload")
    arm.run("systemctl", "start", "--no-block", "pages")
    arm.wait("systemctl show --property=SubState pages | grep -q auto-restart")
    run = arm.playbook("diagnose", memory_pool_services=["pages.service"])
    finding = next((item for item in run.host["findings"] if item["id"] == "page-size-unsupported"), None)
    assert finding and finding["severity"] == "blocker" and not finding["explains"], run.output
    assert run.status == 2
    if arm.kernel == "pg16k":
        assert any("kernel8.img" in line for line in finding["evidence"]), "the cure that brings the other fault is not named"
