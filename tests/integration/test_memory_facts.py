# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""memory_facts on a real host: which services are nodes, where each fact comes from, and what it costs to know."""

from __future__ import annotations

import collections
import re
from typing import Any

import pytest
from conftest import HostHandle, MakeFleet
from sent_program import sent
from service_host import ServiceHost, installed

pytestmark = pytest.mark.nspawn

UNIT = "polkadot.service"
ENGINE_NOW = 0x4082000000
SAYS_IT = "ExecStart=/bin/sh -c 'echo failed to create memory pool mapping: mmap failed to reserve 0x6080000000 bytes; exit 1'"


@pytest.fixture(scope="module")
def handle(make_fleet: MakeFleet) -> HostHandle:
    return installed(make_fleet, "facts-1")


@pytest.fixture
def host(handle: HostHandle) -> Any:
    service_host = ServiceHost(handle)
    handle.wait_for_node()
    yield service_host
    service_host.clean_up()


def gathered(host: ServiceHost, **options: Any) -> dict[str, Any]:
    result = host.module("memory_facts", **options)
    assert not result.get("failed"), result["msg"]
    return dict(result["ansible_facts"]["aarch64_memory"])


def test_a_running_node_is_found_and_its_pools_are_measured(host: ServiceHost) -> None:
    facts = gathered(host)
    assert list(facts["services"]) == [UNIT], "auto must find the node and nothing else"
    service = facts["services"][UNIT]
    assert service["pool"]["engine_bytes_source"] == "process" and service["pool"]["engine_bytes"] == ENGINE_NOW
    assert service["pool"]["mapped"] and service["pool"]["probed_fit"] == 3
    assert service["credentials"]["uid"] != 0 and service["credentials"]["no_new_privs"] is True
    assert facts["binaries"][service["binary"]]["machine"] == facts["host"]["machine"]
    assert facts["binaries"][service["binary"]]["error"] is None
    assert facts["host"]["session"]["user"] == "root"
    assert set(facts["toolchain"]["users"]) == {"root", "polkadot"}


def test_a_node_under_another_name_is_found_by_its_pools_or_by_its_journal(host: ServiceHost) -> None:
    host.unit("quiet", "ExecStart=/bin/sleep infinity")
    mapped = host.unit(
        "mapped", "ExecStart=/usr/bin/python3 -c 'import mmap, time; held = mmap.mmap(-1, 386 << 30, flags=0x4022, prot=0); "
        "time.sleep(1e6)'")
    said = host.unit("said", SAYS_IT, "Restart=always", "RestartSec=1", start=False)
    other = host.unit("other", "ExecStart=/bin/false", "Restart=always", "RestartSec=1", start=False)
    for unit in (said, other):
        host.run("systemctl", "start", "--no-block", unit)
    for unit in (said, other):
        host.wait_for(unit, "activating auto-restart")
    facts = gathered(host)
    assert set(facts["services"]) == {UNIT, mapped, said}
    assert facts["services"][said]["pool"]["engine_bytes_source"] == "log"
    assert facts["services"][said]["pool"]["engine_bytes"] == 0x6080000000


def test_knowing_everything_costs_two_child_processes_however_many_services(host: ServiceHost) -> None:
    for number in range(5):
        host.unit(f"polkadot-{number}", SAYS_IT, "Restart=always", "RestartSec=60", start=False)
    programs = re.findall(r'execve\("([^"]+)".*= 0$', trace_of(host, "execve", "-f"), re.MULTILINE)
    assert [program.rpartition("/")[2] for program in programs] == ["python3", "systemctl", "journalctl"]


@pytest.mark.parametrize("services", [[UNIT], ["auto"]])
def test_no_file_is_read_twice(host: ServiceHost, services: list[str]) -> None:
    opened = re.findall(r'openat\(.*"(.+)", O_RDONLY(?!.*O_DIRECTORY).*= [0-9]+$', trace_of(host, "openat", services=services),
                        re.MULTILINE)
    read = collections.Counter(path for path in opened if path.startswith(("/proc/", "/sys/", "/etc/", "/run/", "/var/")))
    assert len(read) > 30
    # The C library reads these for itself: the one for each library it loads, the other for each user it is asked for.
    assert {path: times for path, times in read.items() if times > 1}.keys() <= {"/etc/ld.so.cache", "/etc/passwd"}


def trace_of(host: ServiceHost, calls: str, *flags: str, **options: Any) -> str:
    """What strace prints of memory_facts, as it is sent to hosts."""
    host.write("/run/facts.py", sent(**options).decode())
    host.run("sh", "-c", f"strace {' '.join(flags)} -qq -e trace={calls} -o /run/facts.trace python3 - </run/facts.py >/dev/null")
    return host.run("cat", "/run/facts.trace")


def test_an_ordinary_user_is_told_what_root_would_add(host: ServiceHost) -> None:
    result = host.module("memory_facts", nobody=True)
    assert not result.get("failed"), result.get("msg")
    facts = result["ansible_facts"]["aarch64_memory"]
    service = facts["services"][UNIT]
    pid = service["main_pid"]
    unread = {item["path"] for item in facts["unread"]}
    assert {f"/proc/{pid}/maps", f"/proc/{pid}/exe"} <= unread
    assert service["pool"]["mapped"] is None and service["pool"]["engine_bytes_source"] == "policy"
    assert service["limits"]["live"] and facts["kernel"]["va_bits"] and facts["shm"]["size"]


def test_a_program_replaced_under_a_running_service_is_noticed(host: ServiceHost) -> None:
    host.run("cp", "/bin/sleep", "/run/program")
    unit = host.unit("replaced", "ExecStart=/run/program infinity")
    assert gathered(host, services=[unit])["services"][unit]["binary_replaced"] is False
    host.run("sh", "-c", "cp /bin/true /run/new && mv /run/new /run/program")
    facts = gathered(host, services=[unit])
    assert facts["services"][unit]["binary_replaced"] is True
    assert facts["binaries"]["/run/program"]["error"] is None, "the file that the next start runs is described"


def test_a_command_line_that_a_package_changes_under_our_drop_in_is_noticed(host: ServiceHost) -> None:
    try:
        assert host.module("node_strategy", unit=UNIT)["applied"]
        service = gathered(host)["services"][UNIT]
        assert service["strategy_drop_in"] == "current"
        assert service["node"]["strategy"] == ["pooling-copy-on-write"], "the live process says what it has"
        assert service["next_node"]["strategy"] == ["recreate-instance-copy-on-write"]
        host.drop_in(UNIT, "10-package", "ExecStart=", "ExecStart=/usr/bin/polkadot --name other $POLKADOT_CLI_ARGS")
        assert gathered(host)["services"][UNIT]["strategy_drop_in"] == "outdated"
        assert host.module("node_strategy", unit=UNIT)["source_changed"]
        assert gathered(host)["services"][UNIT]["strategy_drop_in"] == "current"
    finally:
        host.module("node_strategy", state="reverted")
        host.run("rm", "-rf", f"/etc/systemd/system/{UNIT}.d")
        host.run("systemctl", "daemon-reload")


@pytest.mark.parametrize(("options", "message"), [
    ({"services": ["no-such.service"]}, "services: 'no-such.service' is not valid; give services that exist on this host"),
    ({"binaries": ["bin/polkadot"]}, "binaries: 'bin/polkadot' is not valid; give absolute paths"),
    ({"services": ["auto", "a.service"]}, "services: ['auto', 'a.service'] is not valid; give auto alone"),
    ({"engines_needed": 0}, "engines_needed: 0 is not valid; give a whole number, 1 or more"),
])
def test_bad_options_name_the_option_the_value_and_what_is_valid(
    host: ServiceHost, options: dict[str, Any], message: str,
) -> None:
    result = host.module("memory_facts", **options)
    assert result["failed"] and result["msg"].startswith(message), result["msg"]
