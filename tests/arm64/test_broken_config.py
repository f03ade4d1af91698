# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An audit of a board whose kernel configuration is damaged ends, names the gap, and still knows the address space."""

from __future__ import annotations

import typing as t

import pytest

if t.TYPE_CHECKING:
    from tests.arm64.conftest import ArmGuest

CONFIG = "/proc/config.gz"


@pytest.fixture
def damaged(arm: ArmGuest) -> t.Iterator[ArmGuest]:
    """The first half of the configuration in place of the whole."""
    if arm.kernel != "va39":
        pytest.skip("one kernel is enough")
    arm.run("sh", "-c", f"head -c 4000 {CONFIG} >/run/config.gz && mount --bind /run/config.gz {CONFIG}")
    yield arm
    arm.run("umount", CONFIG)


def test_audit_ends_and_names_the_configuration(damaged: ArmGuest) -> None:
    run = damaged.playbook("audit", memory_pool_fail_on="never")
    assert run.status == 0 and run.host["failure"] is None, run.output
    kernel = run.host["facts"]["kernel"]
    assert (kernel["va_bits"], kernel["va_bits_source"], kernel["va_bits_config"]) == (39, "maps", None)
    (reason,) = [row["reason"] for row in run.host["facts"]["unread"] if row["path"] == CONFIG]
    assert f"not read: {CONFIG} ({reason})"[:60] in " ".join(run.output.split()), run.output
    page = (damaged.reports / "audit/report.html").read_text()
    assert f"{CONFIG} ({reason})" in page, "the page does not name the gap"
