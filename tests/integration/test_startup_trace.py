# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""startup_trace on a real host: the real Wasmtime under real limits and sandboxes, and nothing left behind."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import pytest
from conftest import HostHandle, MakeFleet
from fleet import shaping
from service_host import ServiceHost, installed

from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._trace import clean_start, trace_findings

pytestmark = pytest.mark.nspawn

UNIT = "polkadot.service"
NODE = "/usr/bin/polkadot"
GUARD_2G = {"WASMTIME_NODE_ENGINE_GUARD": "2GiB"}
# Where a trial could leave something, and where the running node keeps its own.
PLACES = "/tmp /var/tmp /var/cache /run/systemd/transient /dev/shm"
DATA = "/home/polkadot"
WITHOUT_SYSTEMD = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run/systemd && exec "$@"', "sh"]
# Starts two processes that leave its session, its group and its output behind, and never ends.
ESCAPES = """
import os, time
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.execv('/bin/sleep', ['sleep', '98765'])
time.sleep(1e6)
"""


@pytest.fixture(scope="module")
def handle(make_fleet: MakeFleet) -> HostHandle:
    started = installed(make_fleet, "trace-1")
    started.wait_for_node()
    return started


def footprint(host: ServiceHost) -> str:
    """Everything that a trial must leave as it is: the service, its data, its ports, temporary files, other units."""
    state = host.show(UNIT, "MainPID", "NRestarts", "ActiveState", "ExecMainStartTimestampMonotonic")
    commands = (
        f"find {PLACES} -mindepth 1 2>/dev/null | grep -v systemd-private | sort",
        f"find {DATA} -printf '%p %s %T@ %U %m\\n' | sort", "ss -Hltun | sort",
        "systemctl list-units --all --plain --no-legend 'aarch64-validator*'",
        "systemctl list-units --failed --plain --no-legend", "pgrep -ax 'strace|sleep|flock' || true")
    return str(state) + host.run("sh", "-c", "; ".join(commands))


@pytest.fixture
def host(handle: HostHandle) -> Any:
    """A host on which a test must leave everything as it was, but for what it changes by drop-ins of its own."""
    service_host = ServiceHost(handle)
    before = footprint(service_host)
    yield service_host
    service_host.clean_up()
    service_host.run("rm", "-rf", f"/etc/systemd/system/{UNIT}.d")
    service_host.run("systemctl", "daemon-reload")
    assert footprint(service_host) == before


def loaded(host: ServiceHost, *lines: str) -> None:
    """Have systemd load settings for the node, without a restart."""
    shaping.drop_in(host.handle.fleet, host.handle.name, lines, restart=False)


def trial(host: ServiceHost, **options: Any) -> dict[str, Any]:
    """Run the module, which must not fail."""
    result = host.module("startup_trace", **dict({"unit": UNIT, "seconds": 4}, **options))
    assert not result.get("failed"), result["msg"]
    assert result["changed"] is False
    assert result["notes"] == []
    return result


def refusal(host: ServiceHost, **options: Any) -> tuple[str, str]:
    """``(reason, message)`` of the module, which must fail without a traceback."""
    result = host.module("startup_trace", **dict({"seconds": 2}, **options))
    assert result["failed"] and not result["changed"]
    return result.get("reason", ""), result["msg"]


def under(host: ServiceHost, wrapper: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """The result of the module, started by another program."""
    command = host.command("startup_trace")
    done = subprocess.run([*command[:-3], *wrapper, *command[-3:]], capture_output=True, text=True, check=False,
                          input=json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    return dict(json.loads(done.stdout))


def only_finding(result: dict[str, Any]) -> dict[str, Any]:
    found = trace_findings(result, UNIT)
    assert len(found) == 1, (found, result["calls"])
    return dict(found[0])


def test_healthy_node(host: ServiceHost) -> None:
    result = trial(host)
    assert (result["timed_out"], result["exit_status"], result["signal"], result["calls"]) == (True, None, None, [])
    assert result["rpc"]["answered"] and result["version"]["ok"] and result["help"]["ok"]
    assert trace_findings(result, UNIT) == []
    assert result["removed"] == ["--validator"]
    assert result["clean_base_path"] and "Role: FULL" in "\n".join(result["stderr_lines"])
    assert result["limits"]["memlock"]["hard"] == 8388608
    assert result["service"]["main_pid"] == host.pid(UNIT)


def test_address_space_limit(host: ServiceHost) -> None:
    loaded(host, f"LimitAS={314572800 * 1024}")
    result = trial(host, environment=GUARD_2G)
    found = only_finding(result)
    assert (found["id"], found["severity"], found["explains"]) == ("address-space-limit", "blocker", True)
    assert "386 GiB" in found["summary"] and "300 GiB" in found["summary"]
    assert any("64 x (4 GiB + 2 GiB) + 2 GiB = 386 GiB" in line for line in found["evidence"])
    call = result["calls"][0]
    assert (call["call"], call["errno"], call["size"], call["protection"]) == ("mmap", "ENOMEM", 414464344064, "PROT_NONE")
    assert (result["exit_status"], result["timed_out"]) == (1, False)
    assert "failed to create memory pool mapping" in result["stderr_lines"][-1]


def test_limit_by_option(host: ServiceHost) -> None:
    result = trial(host, environment=GUARD_2G, limits={"LimitAS": "300G"})
    assert only_finding(result)["id"] == "address-space-limit"
    assert result["limits"]["as"] == {"soft": 300 << 30, "hard": 300 << 30}


@pytest.mark.parametrize("number", ["EPERM", ""])
def test_filter_that_denies_memfd_create(host: ServiceHost, number: str) -> None:
    loaded(host, "SystemCallFilter=~memfd_create", f"SystemCallErrorNumber={number}")
    result = trial(host)
    found = only_finding(result)
    assert (found["id"], found["severity"], found["explains"]) == ("syscall-filtered", "blocker", False)
    assert "memfd_create" in found["summary"]
    assert [call["call"] for call in result["calls"]] == ["memfd_create"]
    if number:  # the engine is there, the first call into the runtime fails
        assert result["timed_out"] and "memfd" in result["rpc"]["error"]
    else:
        assert (result["signal"], result["exit_status"], result["timed_out"]) == ("SIGSYS", None, False)


def test_memory_deny_write_execute(host: ServiceHost) -> None:
    loaded(host, "MemoryDenyWriteExecute=yes")
    result = trial(host)
    found = only_finding(result)
    assert (found["id"], found["severity"], found["explains"]) == ("wx-denied", "blocker", False)
    assert any(call["call"] == "mprotect" and "PROT_EXEC" in call["protection"] for call in result["calls"])
    assert trial(host, sandbox=False)["calls"] == []


def test_trial_cannot_write_to_the_data_of_the_node(host: ServiceHost) -> None:
    code = (f"import os; open(os.path.join({DATA!r}, 'x'), 'w')")
    result = trial(host, command=["/usr/bin/python3", "-c", code], unit=None, user="polkadot")
    assert result["exit_status"] == 1 and "Read-only file system" in result["stderr_lines"][-1]


def test_wrapper_script_is_not_started(host: ServiceHost) -> None:
    host.write("/usr/local/bin/run-node", f"#!/bin/sh\nexec {NODE} --validator\n")
    host.run("chmod", "755", "/usr/local/bin/run-node")
    host.unit("wrapped", "ExecStart=/usr/local/bin/run-node --pruning archive", start=False)
    host.unit("other", "ExecStart=/bin/sleep infinity", start=False)
    try:
        for unit, why in (("wrapped", "is a script"), ("other", "--base-path neither in its command line nor in its help")):
            reason, message = refusal(host, unit=unit)
            assert reason == "base-path" and why in message
    finally:
        host.run("rm", "/usr/local/bin/run-node")


def test_program_for_another_machine(host: ServiceHost) -> None:
    host.run("python3", "-c", "open('/opt/polkadot', 'wb').write(b'\\x7fELF\\x02\\x01\\x01' + bytes(11) + b'\\xf3' + bytes(99))")
    host.run("chmod", "755", "/opt/polkadot")
    result = trial(host, unit=None, command=["/opt/polkadot", "--validator"], user="polkadot")
    host.run("rm", "/opt/polkadot")
    assert not result["help"]["ok"] and result["clean_base_path"] is False
    assert result["command"] == ["/opt/polkadot", "--help"]
    assert only_finding(result)["id"] == "foreign-architecture"
    assert clean_start(result)["conclusion"] == "program-unusable"


def test_command_that_never_ends_leaves_no_process(host: ServiceHost) -> None:
    command = ["/usr/bin/python3", "-c", ESCAPES]
    for trace in (True, False):
        result = trial(host, unit=None, command=command, user="polkadot", trace=trace, seconds=2)
        assert result["timed_out"] and result["exit_status"] is None
    result = host.module("startup_trace", nobody=True, command=command, seconds=2)
    assert result["timed_out"], result
    assert result["notes"] == ["the trial had the host's own network: only its options kept it apart"]


def test_without_systemd(host: ServiceHost) -> None:
    for trace in (True, False):
        options = {"command": [NODE, "--validator", "--base-path=/nowhere"], "user": "polkadot", "seconds": 3, "trace": trace,
                   "limits": {"LimitAS": "300G"}, "environment": GUARD_2G}
        result = under(host, WITHOUT_SYSTEMD, options)
        assert not result.get("failed"), result
        assert (result["exit_status"], result["timed_out"], result["notes"]) == (1, False, [])
        assert "failed to create memory pool mapping" in result["stderr_lines"][-1]
        assert result["limits"]["as"]["soft"] == 300 << 30 or not trace  # it may be too short-lived to look
        if trace:
            assert only_finding(result)["id"] == "address-space-limit"


def test_ordinary_user(host: ServiceHost) -> None:
    result = host.module("startup_trace", nobody=True, command=["/bin/true"])
    assert (result["exit_status"], result["timed_out"], result["calls"]) == (0, False, [])
    assert host.module("startup_trace", nobody=True, unit=UNIT)["reason"] == "not-root"
    assert host.module("startup_trace", nobody=True, command=["/bin/true"], user="polkadot")["reason"] == "not-root"


def test_clear_refusals(host: ServiceHost) -> None:
    assert refusal(host, command=["/usr/bin/none"])[0] == "command-not-found"
    assert refusal(host, command=["/bin/true"], user="nobody-here")[0] == "user-missing"
    assert refusal(host, unit="none")[0] == "unit"
    assert refusal(host, command=["/bin/true"], directory="/none")[0] == "directory"
    host.run("mount", "-t", "tmpfs", "-o", "size=8M", "none", "/mnt")
    reason, message = refusal(host, command=["/bin/true"], directory="/mnt")
    host.run("umount", "/mnt")
    assert reason == "no-room" and "8 MiB" in message
    assert "outside of /tmp" in refusal(host, command=["/bin/true"], directory="/tmp")[1]
    assert "limits" in refusal(host, command=["/bin/true"], limits={"LimitX": 1})[1]
    assert "seconds" in refusal(host, command=["/bin/true"], seconds=0)[1]


def test_strace_missing(host: ServiceHost) -> None:
    host.run("mv", "/usr/bin/strace", "/usr/bin/strace.away")
    try:
        reason, message = refusal(host, unit=UNIT)
        assert reason == "strace-missing" and "trace: false" in message
        assert trial(host, trace=False)["rpc"]["answered"]
    finally:
        host.run("mv", "/usr/bin/strace.away", "/usr/bin/strace")


def test_ptrace_forbidden(host: ServiceHost) -> None:
    # not with the unit: PrivateUsers= makes a user namespace of root's, over which root keeps its rights
    result = under(host, ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"],
                   {"command": [NODE], "user": "polkadot", "seconds": 2})
    assert result["failed"] and result["reason"] == "ptrace-forbidden"
    assert "CAP_SYS_PTRACE" in result["msg"] and "trace: false" in result["msg"]


def test_check_mode_runs_nothing(host: ServiceHost) -> None:
    loaded(host, "ExecStart=", f"ExecStart={NODE} --node-key 00ff --base-path /data")
    result = trial(host, check=True)
    assert result["command"] == [NODE, "--node-key", "********", "--base-path", "/data"]
    assert "calls" not in result and result["clean_base_path"] is None


def test_clean_start(host: ServiceHost) -> None:
    result = trial(host, trace=False, seconds=20)
    assert result["seconds"] < 10  # it ends when the node answers
    assert clean_start(result)["conclusion"] == "starts"
    unit = host.unit("broken", f"ExecStart={NODE} --rpc-port 9 --base-path /proc/none", "User=polkadot", "Restart=no")
    host.wait_for(unit, "failed failed")
    result = trial(host, unit=unit, trace=False)
    assert result["service"]["active_state"] == "failed"
    assert clean_start(result)["conclusion"] == "data-directory-broken"
    result = trial(host, unit=unit, trace=False, limits={"LimitAS": "100G"})
    assert clean_start(result)["conclusion"] == "start-fails"
    result = trial(host, unit=unit, trace=False, limits={"LimitAS": "4M"})
    assert clean_start(result)["conclusion"] == "program-unusable"


def test_module_is_ended(host: ServiceHost) -> None:
    process = host.start("startup_trace", unit=UNIT, seconds=60)
    wait_for_trial(host)
    host.signal_module("TERM")
    process.wait(timeout=20)


def test_module_is_killed(host: ServiceHost) -> None:
    process = host.start("startup_trace", unit=UNIT, seconds=1)
    wait_for_trial(host)
    host.signal_module("KILL")
    process.wait(timeout=20)
    deadline = time.monotonic() + 60
    while "aarch64-validator-trace" in footprint(host):
        assert time.monotonic() < deadline, footprint(host)
        time.sleep(0.5)


@pytest.mark.parametrize(("trace", "seconds"), [(True, 0.0), (False, 0.0), (True, 0.3), (True, 1.5), (False, 1.5)])
def test_what_a_killed_module_left_without_systemd_is_removed_by_the_next(host: ServiceHost, trace: bool, seconds: float) -> None:
    command = host.command("startup_trace")
    process = subprocess.Popen([*command[:-3], *WITHOUT_SYSTEMD, *command[-3:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)
    options = {"command": ["/usr/bin/python3", "-c", ESCAPES], "user": "polkadot", "seconds": 60, "trace": trace}
    assert process.stdin
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    process.stdin.close()
    deadline = time.monotonic() + 20
    while "aarch64-validator-trace" not in host.run("ls", "/var/cache"):
        assert time.monotonic() < deadline and process.poll() is None, "no trial was begun"
    time.sleep(seconds)
    host.signal_module("KILL")
    process.wait(timeout=20)
    assert "aarch64-validator-trace" in host.run("ls", "/var/cache"), "this is not the moment that is meant"
    result = under(host, WITHOUT_SYSTEMD, {"command": ["/bin/true"], "user": "polkadot", "seconds": 2})
    assert result["exit_status"] == 0, result
    assert "aarch64-validator-trace" not in host.run("ls", "/var/cache"), "what a killed run left stays for ever"


def test_what_a_live_run_uses_is_left_alone(host: ServiceHost) -> None:
    process = host.start("startup_trace", command=["/usr/bin/python3", "-c", ESCAPES], user="polkadot", seconds=4)
    wait_for_trial(host)
    assert trial(host, unit=None, command=["/bin/true"], user="polkadot")["exit_status"] == 0
    assert process.poll() is None and "aarch64-validator-trace" in host.run("ls", "/var/cache"), \
        "a trial of another run was disturbed"
    assert process.stdout
    assert json.loads(process.stdout.read())["timed_out"]
    process.wait(timeout=20)


def wait_for_trial(host: ServiceHost) -> None:
    """Wait until strace is at work."""
    deadline = time.monotonic() + 20
    while not host.run("sh", "-c", "pgrep -x strace || true"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
