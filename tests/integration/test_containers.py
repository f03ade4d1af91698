# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in node in real Docker, Podman and LXC, and what the defaults of new containers come to there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from engine_box import (
    CONF_D,
    DAEMON_JSON,
    MEMLOCK,
    NODE,
    NOFILE,
    OURS,
    PID_FILE,
    EngineBox,
    module_inside,
    runtime_version,
)
from engine_hosts import BROKEN, GIB, OPERATORS, box, docker, place, podman, seen, start  # noqa: F401  # pylint: disable=unused-import  # fixtures
from private_root import REPOSITORY, STATE

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts

pytestmark = pytest.mark.nspawn


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_node_runs_with_default_options(request: pytest.FixtureRequest, engine: str) -> None:
    """It maps its pools in the address space of the host, whatever /dev/shm it has; the facts inside say what it has."""
    box: EngineBox = request.getfixturevalue(engine)
    image = "node:test" if engine == "docker" else "localhost/node:test"
    box.engine(engine, "run", "--detach", "--network=none", "--name=node", image, NODE, "--base-path", "/home/polkadot/data")
    inside = box.limited(engine, "exec", "--interactive", "node")
    assert runtime_version(inside)["specVersion"] > 0
    facts = module_inside(inside, "memory_facts", services=["auto"])["ansible_facts"]["aarch64_memory"]
    assert facts["host"]["container"] == engine
    assert facts["shm"]["size"] == (64 << 20 if engine == "docker" else 65536000)
    assessment = assess_facts(facts, {})
    found = {item["id"]: item for item in assessment["findings"]}
    assert "shm-too-small" in found or "container-shm-default" in found, "the small /dev/shm of a container goes unnoticed"
    assert not any(item["explains"] for item in found.values()), "a container's settings were blamed for a refused pool"


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_node_is_seen_from_its_host(request: pytest.FixtureRequest, engine: str) -> None:
    """Without the engine's tools: what it has, from whom it has that, and the option that changes it."""
    box: EngineBox = request.getfixturevalue(engine)
    image = "node:test" if engine == "docker" else "localhost/node:test"
    command = [image, NODE, "--base-path", "/home/polkadot/data"]
    identifier = box.engine(engine, "run", "--detach", "--network=none", *command).strip()
    assert runtime_version(box.limited(engine, "exec", "--interactive", identifier))["specVersion"] > 0
    facts = box.module("memory_facts", {"toolchain": False})["ansible_facts"]["aarch64_memory"]
    ours = {name: node for name, node in facts["processes"].items() if node["container"]["id"] == identifier}
    assert len(ours) == 1, f"of {sorted(facts['processes'])} one has to be the node in {engine}"
    [(name, node)] = ours.items()
    assert node["container"]["runtime"] == engine and node["container"]["from"]["shm"] == "container"
    assert node["shm"]["size"] == (64 << 20 if engine == "docker" else 65536000)
    found = {item["id"]: item for item in assess_facts(facts, {})["findings"] if item["service"] == name}
    assert "--shm-size=2g" in json.dumps(found["container-shm-default"])
    assert not any(item["explains"] for item in found.values())
    assert all(item["remedy"] is None for item in found.values()), "what a container has is not the host's to change"


def test_docker_gives_new_containers_what_is_wanted(docker: EngineBox) -> None:
    start(docker, "docker", "older")
    # Settings that lie elsewhere and are linked: the link stays.
    docker.run("mv", DAEMON_JSON, "/etc/docker/site.json")
    docker.run("ln", "-s", "site.json", DAEMON_JSON)
    os.chown(docker.path("/etc/docker/site.json"), 0, 4)
    before = seen(docker, "/etc/docker/site.json")
    engine = docker.run("cat", PID_FILE)

    predicted = docker.defaults("docker", check=True, shm_size="2G")
    assert seen(docker, "/etc/docker/site.json") == before, "check mode has changed the file"
    done = docker.defaults("docker", shm_size="2G")
    assert not done.get("failed"), done["msg"]
    for key in ("changed", "actions", "notes", "diff", "restart_required", "defaults"):
        assert done[key] == predicted[key], f"check mode predicted another {key}"
    assert done["seen"]["shm_size"] == 2 * GIB
    assert any("older" in note and "created anew" in note for note in done["notes"]), "nobody says that 'older' keeps its 64 MiB"

    start(docker, "docker", "newer")
    assert docker.shm("docker", "newer") == 2 * GIB, "a new container has not got what was asked for"
    assert docker.shm("docker", "older") == 64 << 20
    text, *attributes = seen(docker, "/etc/docker/site.json")
    assert attributes == list(before[1:]) and docker.path(DAEMON_JSON).is_symlink()
    assert text.decode() == OPERATORS.replace('": 3\n', '": 3,\n    "default-shm-size": "2G"\n'), "other keys were touched"
    assert docker.run("cat", PID_FILE) == engine, "the engine was restarted"
    again = docker.defaults("docker", shm_size="2G")
    assert (again["changed"], again["actions"]) == (False, [])
    assert docker.defaults("docker", shm_size="1G")["changed"] is False, "something was lowered"

    docker.engine("docker", "rm", "--force", "newer")
    predicted = docker.defaults("docker", check=True, state="reverted")
    undone = docker.defaults("docker", state="reverted")
    assert undone["actions"] == predicted["actions"] != []
    assert seen(docker, "/etc/docker/site.json") == before, "the file is not as it was"
    assert not docker.path(STATE).exists()
    start(docker, "docker", "newest")
    assert docker.shm("docker", "newest") == 64 << 20, "the engine still gives what was taken back"
    assert docker.defaults("docker", state="reverted")["changed"] is False


def test_docker_without_settings_gets_them_and_loses_them(docker: EngineBox) -> None:
    docker.run("rm", "-r", "/etc/docker")
    docker.start_docker()
    docker.run("rm", "-rf", "/etc/docker")  # where the engine keeps a key of its own
    assert docker.defaults("docker", shm_size="2G")["seen"]["shm_size"] == 2 * GIB
    assert docker.path(DAEMON_JSON).read_text() == '{\n  "default-shm-size": "2G"\n}\n'
    # Somebody else adds a key, which an undo leaves.
    docker.write(DAEMON_JSON, '{\n  "default-shm-size": "2G",\n  "debug": true\n}\n')
    assert docker.defaults("docker", state="reverted")["changed"]
    assert docker.path(DAEMON_JSON).read_text() == '{\n  "debug": true\n}\n'


@pytest.mark.parametrize("text", BROKEN)
def test_broken_daemon_json_is_refused_unharmed(box: EngineBox, text: str) -> None:
    box.write(DAEMON_JSON, text, 0o600)
    before = seen(box, DAEMON_JSON)
    for check in (True, False):
        result = box.defaults("docker", check=check, shm_size="2G", ulimits={"nofile": 2048})
        assert result["failed"] and BROKEN[text] in result["msg"] and DAEMON_JSON in result["msg"], result["msg"]
        assert seen(box, DAEMON_JSON) == before and not box.path(STATE).exists()


def test_docker_that_does_not_take_a_file_over_gets_it_back(docker: EngineBox) -> None:
    """A key that no engine knows: it reads nothing of such a file, and would not start with it."""
    docker.write(DAEMON_JSON, OPERATORS.replace("labels", "labelz"), 0o640)
    before = seen(docker, DAEMON_JSON)
    result = docker.defaults("docker", shm_size="2G")
    assert result["failed"] and "did not take over" in result["msg"], result
    assert seen(docker, DAEMON_JSON) == before and not docker.path(STATE).exists()


def test_flag_of_the_engine_stands_in_the_way(docker: EngineBox) -> None:
    docker.start_docker("--default-shm-size=128m")
    before = seen(docker, DAEMON_JSON)
    result = docker.defaults("docker", shm_size="2G")
    assert result["failed"] and "--default-shm-size=128m" in result["msg"] and "would not start" in result["msg"]
    assert docker.defaults("docker", shm_size="100M")["changed"] is False
    assert seen(docker, DAEMON_JSON) == before and not docker.path(STATE).exists()


def test_docker_limits_only_as_far_as_they_are_granted(docker: EngineBox) -> None:
    before = seen(docker, DAEMON_JSON)
    for limit, most in (("nofile", NOFILE), ("memlock", MEMLOCK[1])):
        refused = docker.defaults("docker", shm_size="2G", ulimits={limit: most + 1})
        assert refused["failed"] and f"the engine can grant at most {most}" in refused["msg"]
    assert seen(docker, DAEMON_JSON) == before and not docker.path(STATE).exists()
    assert "any of nofile" in docker.defaults("docker", ulimits={"nofiles": 1})["msg"]

    options: Any = {"shm_size": "2G", "ulimits": {"nofile": 4096, "memlock": "2M"}}
    predicted, done = docker.defaults("docker", check=True, **options), docker.defaults("docker", **options)
    assert not done.get("failed"), done["msg"]
    assert done["actions"] == predicted["actions"] and done["restart_required"] is predicted["restart_required"] is True
    # Never less than containers had before: what they inherit of open files cannot be told, and is given up to the most.
    assert f"core=0:0, memlock={2 << 20}:{MEMLOCK[1]}, nofile={NOFILE}:{NOFILE}" in done["actions"][1]
    soon = start(docker, "docker", "soon")
    assert docker.limit("docker", soon, "l") == MEMLOCK[0] >> 10, "this engine takes limits over by a reload: say so"
    again = docker.defaults("docker", **options)
    assert not again["changed"] and again["restart_required"], "it is not said any more that limits wait"
    docker.start_docker()
    late = start(docker, "docker", "late")
    assert (docker.limit("docker", late, "l"), docker.limit("docker", late, "n")) == (2 << 10, NOFILE)
    again = docker.defaults("docker", **options)
    assert (again["changed"], again["restart_required"]) == (False, False)
    docker.defaults("docker", state="reverted")
    assert seen(docker, DAEMON_JSON) == before


def test_docker_on_trial_is_undone(docker: EngineBox) -> None:
    before = seen(docker, DAEMON_JSON)
    assert docker.defaults("docker", shm_size="1G")["changed"]
    earlier = seen(docker, DAEMON_JSON)
    assert docker.defaults("docker", shm_size="2G", provisional=True)["changed"]
    undone = docker.module("changes", {"state": "undone"})
    assert undone["actions"] == [f"{DAEMON_JSON}: put back as it was before"]
    assert seen(docker, DAEMON_JSON) == earlier
    assert docker.shm("docker", start(docker, "docker", "after")) == GIB
    docker.defaults("docker", state="reverted")
    assert seen(docker, DAEMON_JSON) == before


def test_podman_gives_new_containers_what_is_wanted(podman: EngineBox) -> None:
    start(podman, "podman", "older")
    predicted = podman.defaults("podman", check=True, shm_size="2G", ulimits={"nofile": 4096})
    assert not podman.path(CONF_D).exists(), "check mode has written something"
    done = podman.defaults("podman", shm_size="2G", ulimits={"nofile": 4096})
    assert not done.get("failed"), done["msg"]
    for key in ("changed", "actions", "notes", "diff", "restart_required", "defaults"):
        assert done[key] == predicted[key], f"check mode predicted another {key}"
    assert any("older" in note for note in done["notes"])
    assert done["seen"]["shm_size"] == 2 * GIB and done["seen"]["limits"]["nofile"]["soft"] >= 4096
    start(podman, "podman", "newer")
    assert podman.shm("podman", "newer") == 2 * GIB and podman.limit("podman", "newer", "n") >= 4096
    assert "nproc=2000:2000" in podman.path(OURS).read_text(), "a limit of the operator was lost"
    assert podman.shm("podman", "older") == 65536000
    assert podman.defaults("podman", shm_size="2G", ulimits={"nofile": 4096})["changed"] is False
    assert podman.defaults("podman", state="reverted")["actions"] == [f"{OURS}: removed"]
    assert not podman.path(CONF_D).exists() and not podman.path(STATE).exists()


def test_podman_refuses_what_would_have_no_effect_or_no_grant(podman: EngineBox) -> None:
    later = f"{CONF_D}/99-site.conf"
    podman.write(later, '[containers]\nshm_size = "100m"\n')
    result = podman.defaults("podman", shm_size="2G")
    assert result["failed"] and later in result["msg"] and not podman.path(OURS).exists()
    podman.run("rm", later)
    result = podman.defaults("podman", shm_size="2G", ulimits={"nofile": NOFILE + 1})
    assert result["failed"] and f"can grant at most {NOFILE}" in result["msg"] and not podman.path(OURS).exists()
    podman.write(OURS, '[containers]\npids_limit = 100\n')
    result = podman.defaults("podman", shm_size="2G")
    assert result["failed"] and "edited by somebody else" in result["msg"]
    assert podman.path(OURS).read_text() == '[containers]\npids_limit = 100\n'
    assert not podman.path(STATE).exists()


def test_node_runs_in_lxc(place: Path) -> None:
    """With Debian's own settings for a container; it has a /dev/shm only where its configuration mounts one."""
    lxc = place / "lxc"
    (lxc / "node").mkdir(parents=True)
    (lxc / "node/config").write_text("\n".join([
        "lxc.include = /usr/share/lxc/config/common.conf", "lxc.uts.name = node", f"lxc.rootfs.path = dir:{place}/node",
        "lxc.net.0.type = empty", f"lxc.init.cmd = {NODE} --base-path /home/polkadot/data",
        "lxc.mount.entry = tmpfs dev/shm tmpfs size=2147483648,mode=1777,create=dir 0 0", ""]))
    log = lxc / "log"
    subprocess.run(["lxc-start", "-P", str(lxc), "-n", "node", "-o", str(log), "-l", "DEBUG"], check=False)
    try:
        inside = ["lxc-attach", "-P", str(lxc), "-n", "node", "--clear-env", "--"]
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)  # there is no network but this
        assert runtime_version(inside)["specVersion"] > 0, log.read_text()
        facts = module_inside(inside, "memory_facts", services=["auto"])["ansible_facts"]["aarch64_memory"]
        assert facts["host"]["container"] == "lxc"
        assert facts["shm"]["size"] == 2 * GIB
        assert not any(item["explains"] for item in assess_facts(facts, {})["findings"])
        facts = module_inside([], "memory_facts", root=f"{place}/node", services=["auto"])["ansible_facts"]["aarch64_memory"]
        outside = facts["processes"]
        assert {node["shm"]["size"] for node in outside.values() if node["container"]["runtime"] == "lxc"} == {2 * GIB}, (
            f"of {sorted(outside)} one has to be the node in LXC, with the /dev/shm that its configuration mounts")
    finally:
        subprocess.run(["lxc-stop", "-P", str(lxc), "-n", "node", "-k"], check=False)


def test_role_predicts_sets_proves_and_takes_back(docker: EngineBox, podman: EngineBox, place: Path) -> None:
    """The playbooks on a host without systemd, whose two engines are real."""
    before = seen(docker, DAEMON_JSON)
    start(docker, "docker", "older")

    def play(name: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
        report = place / "report"
        extra = {"memory_pool_services": ["polkadot"],  # without systemd: no nodes, such as those of other tests
                 "memory_pool_container_defaults": True, "memory_pool_container_ulimits": {"memlock": "2M"},
                 "memory_pool_report_dir": str(report), "memory_pool_hosts": "all", "memory_pool_shm_size": "64M",
                 "ansible_python_interpreter": sys.executable}
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "box,", "-c", "local", f"playbooks/{name}.yml", "-e",
                   json.dumps(extra), *arguments]
        words = docker.limited("env", f"--chdir={REPOSITORY}", f"ANSIBLE_CONFIG={REPOSITORY}/ansible.cfg", *command)
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        host = json.loads(docker.path(f"{report}/report.json").read_text())["hosts"][0]
        return done.returncode, host, done.stdout + done.stderr

    _code, host, output = play("remediate", "--check")
    predicted = host["changes"]
    assert seen(docker, DAEMON_JSON) == before and not docker.path(OURS).exists(), output
    _code, host, output = play("remediate")
    assert host["changes"] == predicted != [], output
    assert any("older" in note for note in host["notes"]), host["notes"]
    assert docker.shm("docker", start(docker, "docker", "newer")) == 2 * GIB
    assert podman.shm("podman", start(podman, "podman", "newer")) == 2 * GIB
    rows = {row["setting"]: row for row in host["settings"]}
    assert rows["docker /dev/shm"]["ok"] and rows["podman /dev/shm"]["ok"] and rows["podman memlock"]["ok"], output
    assert rows["docker memlock"]["configured_ok"] and not rows["docker memlock"]["live_ok"], "limits that wait are called live"
    docker.start_docker()
    _code, host, output = play("verify")
    assert all(row["ok"] for row in host["settings"]) and host["changes"] == [], output
    _code, host, output = play("revert")
    assert seen(docker, DAEMON_JSON) == before and not docker.path(CONF_D).exists() and not docker.path(STATE).exists(), output
