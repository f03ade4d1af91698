# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_health on a real host: a node on real engines, under a real systemd, in health and in each kind of trouble."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import HostHandle, MakeFleet
from service_host import LIBRARY, MODULES, REPOSITORY, ServiceHost, installed

from health_node import outcome

pytestmark = pytest.mark.nspawn

UNIT = "polkadot.service"
BASE = "/home/polkadot/.local/share/polkadot"
KEYS = ["62616265" + "ab" * 32, "6772616e" + "cd" * 32]
DROP_INS = f"/etc/systemd/system/{UNIT}.d"
GATE = ["active", "rpc", "runtime", "readiness", "syncing", "peers", "advancing", "journal", "limits"]
ONE_POOL = "LimitAS=400G"  # the first engine fits, that of the next runtime does not
NO_POOL = "LimitAS=100G"


@pytest.fixture(scope="module")
def handle(make_fleet: MakeFleet) -> HostHandle:
    return installed(make_fleet, "health-1")


@pytest.fixture
def host(handle: HostHandle) -> Any:
    service_host = ServiceHost(handle)
    handle.wait_for_node()
    yield service_host
    service_host.clean_up()
    handle.inside("rm", "--recursive", "--force", DROP_INS, BASE + "/chains/polkadot/keystore")
    handle.inside("systemctl", "daemon-reload")
    handle.inside("systemctl", "restart", UNIT)


def looked(host: ServiceHost, **options: Any) -> dict[str, Any]:
    result = host.module("node_health", **{"unit": UNIT, **options})
    assert not result.get("failed"), result["msg"]
    assert result["changed"] is False
    return result


def check(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in result["checks"] if one["name"] == name)


def test_a_healthy_node_passes_the_gate(host: ServiceHost) -> None:
    begin = time.monotonic()
    result = looked(host, timeout=60, limits={"nofile": 1024})
    assert result["healthy"] and result["done"], result["progress"]
    assert outcome(result) == dict.fromkeys(GATE, True)
    assert time.monotonic() - begin < 10
    assert check(result, "runtime")["value"]["spec_version"] == 1003000
    assert check(result, "active")["value"]["main_pid"] == host.pid(UNIT)
    assert check(result, "advancing")["value"]["best"] > check(result, "advancing")["value"]["first"]
    checked = looked(host, check=True)
    assert checked["healthy"] and outcome(checked)["advancing"] is None


def test_before_a_restart_it_tells_who_the_node_is(host: ServiceHost) -> None:
    for name in [*KEYS, "note"]:
        host.write(f"{BASE}/chains/polkadot/keystore/{name}", "never read")
    host.run("chmod", "-R", "go-rwx", BASE + "/chains/polkadot/keystore")
    result = looked(host, checks=["active", "rpc", "syncing", "peers", "disk", "identity"])
    identity = check(result, "identity")["value"]
    assert result["healthy"], result["progress"]
    assert identity["peer_id"] == host.handle.rpc("system_localPeerId") and identity["roles"] == ["Authority"]
    assert identity["keystore"] == KEYS, "only what is named as a key"
    assert check(result, "disk")["value"]["path"] == BASE and check(result, "disk")["value"]["free"] > 0
    assert outcome(looked(host, checks=["disk"], min_free="1000T")) == {"disk": False}


def test_no_file_of_a_keystore_is_opened(host: ServiceHost) -> None:
    host.write(f"{BASE}/chains/polkadot/keystore/{KEYS[1]}", "never read")
    host.write("/run/health.json", json.dumps({"ANSIBLE_MODULE_ARGS": {"unit": UNIT, "checks": ["disk", "identity"]}}))
    host.run("sh", "-c", f"cd / && PYTHONPATH={LIBRARY} strace -f -qq -e trace=%file -o /run/health.trace "
             f"python3 -B -m {MODULES}node_health </run/health.json >/run/health.out")
    trace = host.run("cat", "/run/health.trace")
    assert "keystore" in trace and KEYS[1] not in trace
    programs = re.findall(r'execve\("([^"]+)".*= 0$', trace, re.MULTILINE)
    assert [program.rpartition("/")[2] for program in programs] == ["python3", "systemctl"]
    assert KEYS[1] in host.run("cat", "/run/health.out")


def test_an_ordinary_user_is_told_what_root_would_add(host: ServiceHost) -> None:
    result = looked(host, nobody=True, checks=[*GATE, "disk", "identity"], limits={"nofile": 1024})
    assert result["healthy"], result["progress"]
    found = outcome(result)
    assert [name for name in found if found[name] is None] == ["advancing", "journal", "disk", "identity"]
    assert "not readable without root" in check(result, "journal")["text"]
    assert check(result, "identity")["value"]["keystore"] is None and "Permission denied" in check(result, "identity")["text"]
    assert check(result, "identity")["value"]["peer_id"]


def test_a_node_that_does_not_survive_the_next_runtime(host: ServiceHost) -> None:
    host.drop_in(UNIT, "10-test", ONE_POOL, "RestartSec=100")
    host.run("systemctl", "restart", UNIT)
    host.handle.wait_for_node()
    first = looked(host, timeout=60)
    assert first["healthy"], "the runtime of today can be called"
    with pytest.raises(Exception, match=r"."):
        host.handle.rpc("test_runtimeUpgrade")
    host.wait_for(UNIT, "activating auto-restart")
    begin = time.monotonic()
    second = looked(host, timeout=60, **{"continue": first["next"]})
    assert time.monotonic() - begin < 10, "there is nothing to wait for"
    assert second["hopeless"] and second["done"] and not second["healthy"]
    assert second["reason"] == f"{UNIT} has failed (exit-code, exit status 1), and waits for its next try"
    failures = check(second, "journal")["value"]["failures"]
    assert any("failed to create memory pool mapping" in line for line in failures)
    assert "connection refused" in check(second, "rpc")["text"]


def test_a_crash_loop_is_seen_at_once(host: ServiceHost) -> None:
    before = looked(host)
    host.drop_in(UNIT, "10-test", NO_POOL, "RestartSec=300ms", "[Unit]", "StartLimitIntervalSec=0")
    host.run("systemctl", "restart", "--no-block", UNIT)
    deadline = time.monotonic() + 20
    while int(host.show(UNIT, "NRestarts")["NRestarts"]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    result = looked(host, timeout=60, restarts=0)
    assert result["hopeless"] and not result["healthy"]
    assert any(sign in result["reason"] for sign in ("NRestarts is", "has failed"))
    # Also where no one knows how often it had been restarted.
    begin = time.monotonic()
    result = looked(host, timeout=60)
    assert result["hopeless"] and time.monotonic() - begin < 10
    result = looked(host, timeout=60, **{"continue": before["next"]})
    assert result["hopeless"]


def test_a_stopped_node(host: ServiceHost) -> None:
    host.run("systemctl", "stop", UNIT)
    result = looked(host, timeout=60)
    assert result["hopeless"] and result["reason"] == f"{UNIT} is stopped"
    assert result["waiting_for"] == ["active", "rpc", "runtime", "readiness", "syncing", "peers", "advancing"]


def test_a_node_without_peers_is_waited_for_in_slices_by_a_play(host: ServiceHost, tmp_path: Path) -> None:
    fleet = host.handle.fleet
    host.handle.rpc("test_set", {"peers": 0, "stalled": True})
    (tmp_path / "wait.yml").write_text("""
- name: Look
  aarch64.validator.node_health:
    unit: polkadot
    timeout: 24
    slice: 4
    continue: "{{ health.next | default({}) }}"
  become: true
  register: health
- name: "{{ health.progress }}"
  ansible.builtin.include_tasks: wait.yml
  when: not health.done
""")
    (tmp_path / "play.yml").write_text("""
- name: Wait
  hosts: all
  gather_facts: false
  tasks:
    - name: Wait
      ansible.builtin.include_tasks: wait.yml
    - name: Outcome
      ansible.builtin.copy:
        content: "{{ health | to_json }}"
        dest: "{{ playbook_dir }}/outcome.json"
        mode: "0600"
      delegate_to: localhost
      become: false
""")
    begin = time.monotonic()
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(fleet.inventory), str(tmp_path / "play.yml")]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
                   "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "playbooks/collections")}
    play = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    time.sleep(11)
    host.handle.rpc("test_set", {"peers": 3, "stalled": False})
    output = play.communicate(timeout=60)[0]
    assert play.returncode == 0, output
    result = json.loads(Path(tmp_path / "outcome.json").read_text())
    assert result["healthy"] and time.monotonic() - begin < 20
    ends = re.findall(r"waiting for (\d+) seconds, until (\S+) UTC.* peers: it has 0 peers, at least 1 wanted", output)
    assert len(ends) >= 2 and len({end for _waited, end in ends}) == 1, output
    assert [int(waited) for waited, _end in ends] == sorted({int(waited) for waited, _end in ends}), "progress is seen"


def test_a_node_behind_a_port_that_never_answers(host: ServiceHost) -> None:
    mute = host.unit("mute", "ExecStart=/usr/bin/python3 -c 'import socket, time; s = socket.socket(); "
                     's.bind(("127.0.0.1", 9999)); s.listen(); time.sleep(1e6)\'')
    time.sleep(0.5)
    begin = time.monotonic()
    result = looked(host, unit=mute, rpc_url="http://127.0.0.1:9999", timeout=3, slice=3)
    assert time.monotonic() - begin < 8
    assert outcome(result)["active"] is True and "no whole answer" in check(result, "rpc")["text"]


def test_limits_that_are_not_live(host: ServiceHost) -> None:
    result = looked(host, checks=["limits"], limits={"nofile": 1 << 40, "as": -1})
    assert result["waiting_for"] == ["limits"] and "nofile is" in result["progress"]


@pytest.mark.parametrize(("options", "said"), [
    ({"unit": "absent"}, "absent.service does not exist on this host"),
    ({"rpc_url": "https://127.0.0.1"}, "rpc_url: 'https://127.0.0.1' is not valid"),
    ({"checks": ["luck"]}, "value of checks must be one or more of: active"),
    ({"slice": 0}, "slice: 0 is not valid"),
])
def test_bad_options(host: ServiceHost, options: dict[str, Any], said: str) -> None:
    result = host.module("node_health", **{"unit": UNIT, **options})
    assert result["failed"] and said in result["msg"]


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs on this machine")
def test_host_without_systemd() -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-m", MODULES + "node_health"], input='{"ANSIBLE_MODULE_ARGS": {"unit": "node"}}',
        capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(REPOSITORY / "playbooks/collections"), "PATH": "/usr/bin:/bin"},
    )
    assert "systemd does not run on this host" in done.stdout
