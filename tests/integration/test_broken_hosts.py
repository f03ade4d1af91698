# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit of hosts that are broken ends all the same, and names what it could not see in every form that people read."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
from conftest import HostHandle, Playbook
from service_host import COLLECTION, LIBRARY, install

pytestmark = pytest.mark.nspawn

# What journald has put away is damaged: at its head, which journalctl notices, or inside, which it passes over.
PUT_AWAY = "for file in /var/log/journal/*/system@*.journal; do dd if=/dev/zero of=$file conv=notrunc status=none {}; done"
READ_CONFIG = """
import json, platform
from {} import read_kernel_config
unread = []
print(json.dumps([read_kernel_config(platform.release(), unread), unread]))
""".format(COLLECTION.replace("/", ".") + ".module_utils._address_space")


@pytest.fixture
def broken(hosts: list[HostHandle]) -> t.Iterator[list[HostHandle]]:
    """Three hosts whose /dev/shm cannot be entered, is not there, and is no tmpfs; the journals of the last two are damaged."""
    first, second, third = hosts
    first.inside("chmod", "000", "/dev/shm")
    second.inside("umount", "--lazy", "/dev/shm")
    second.inside("journalctl", "--rotate")
    second.inside("sh", "-c", PUT_AWAY.format("bs=64 count=4"))
    third.inside("mount", "--bind", "/var/tmp", "/dev/shm")
    pid = third.show("MainPID")["MainPID"]
    third.inside("kill", "-STOP", pid)  # so that it logs nothing anew
    third.inside("journalctl", "--sync")
    third.inside("journalctl", "--rotate")
    third.inside("sh", "-c", PUT_AWAY.format("bs=4096 seek=8 count=2000"))
    yield hosts
    third.inside("kill", "-CONT", pid)
    third.inside("umount", "/dev/shm")
    second.inside("mount", "-t", "tmpfs", "-o", "nosuid,nodev,mode=1777", "tmpfs", "/dev/shm")
    first.inside("chmod", "1777", "/dev/shm")
    for host in (second, third):
        host.inside("sh", "-c", "rm -f /var/log/journal/*/system@*")


def told(tmp_path: Path) -> dict[str, dict[str, t.Any]]:
    report = json.loads((tmp_path / "report/report.json").read_text())
    return {entry["name"]: entry for entry in report["hosts"]}


def on_page(tmp_path: Path) -> str:
    """All texts of report.html."""
    page = (tmp_path / "report/report.html").read_text()
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    return "\n".join(json.loads(data)["texts"])


def test_audit_ends_and_names_the_gaps(broken: list[HostHandle], playbook: Playbook, tmp_path: Path) -> None:
    run = playbook("audit", "-e", "memory_pool_fail_on=never")
    assert run.returncode == 0, run.stdout + run.stderr
    entries = told(tmp_path)
    assert len(entries) == 3 and not any(entry["failure"] for entry in entries.values()), run.stdout
    found = {name: {item["id"] for item in entry["findings"]} for name, entry in entries.items()}
    assert "shm-mode" in found["val-1"] and "shm-missing" in found["val-2"] | found["val-3"], found
    for name, gap in (("val-2", "journalctl"), ("val-3", "journal")):
        (reason,) = [row["reason"] for row in entries[name]["facts"]["unread"] if row["path"] == gap]
        line = f"{gap} ({reason})"
        assert line in on_page(tmp_path), "the page does not name the gap"
        assert f"not read: {line}"[:60] in " ".join(run.stdout.split()), run.stdout
    assert "corrupted" in str(entries["val-2"]["facts"]["unread"])


def test_audit_without_root_ends_where_dev_shm_cannot_be_entered(
    broken: list[HostHandle], playbook: Playbook, tmp_path: Path,
) -> None:
    run = playbook("audit", "--limit", "val-1", "--become", "--become-user", "nobody",
                   "-e", "memory_pool_fail_on=never")
    assert run.returncode == 0, run.stdout + run.stderr
    (entry,) = told(tmp_path).values()
    assert entry["failure"] is None and entry["facts"]["host"]["session"]["user"] == "nobody", run.stdout
    assert "shm-mode" in {item["id"] for item in entry["findings"]}
    assert entry["facts"]["unread"], "without root nothing was hidden"
    assert "not read: " in run.stdout and "could not be read" in (tmp_path / "report/report.html").read_text()


def test_broken_kernel_configuration_is_named(host: HostHandle) -> None:
    """The reading function alone, on a real file: only an arm64 kernel is asked for its configuration."""
    install(host)
    host.inside("sh", "-c", "head -c 5000 /proc/config.gz >/run/broken.gz")
    host.inside("mount", "--bind", "/run/broken.gz", "/proc/config.gz")
    try:
        content, unread = json.loads(host.inside("env", f"PYTHONPATH={LIBRARY}", "python3", "-c", READ_CONFIG))
    finally:
        host.inside("umount", "/proc/config.gz")
    assert content is None and unread[0]["path"] == "/proc/config.gz" and "cut off" in unread[0]["reason"]
