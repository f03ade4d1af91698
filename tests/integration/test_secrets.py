# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a real host, in every place where nodes have them: nothing that a run prints or writes has one of them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from conftest import HostHandle, MakeFleet
from service_host import REPOSITORY, STATE, ServiceHost

pytestmark = pytest.mark.nspawn

# Each is in one place alone, so that a failing test says which.
SECRETS = {
    "--node-key": "5ec0000key", "--password": "5ec00passw",
    "--suri": "bottom drive obey lake curtain smoke basket hold race lonely fit walk",
    "a URL with a password": "5ec000urlp", "a URL with a token": "5ec000urlt", "an environment file": "5ec0000fil",
    "a variable of the unit": "5ec0000var", "a container's variable": "5ec00000ct", "a key file": "5ec0keyfil",
    "the journal": "5ec0journal", "the address of the RPC": "5ec000rpcu", "a quoted option": "5ec0quoted",
    "an escaped option": "5ec0escape",
    "JSON in the journal": "5ec0jrnjson", "a header in the journal": "5ec0jrnhead", "a URL in fstab": "5ec0fstaburl",
    "a user in fstab": "5ec0fstabusr", "an option in fstab": "5ec0fstabopt", "a comment in fstab": "5ec0fstabnot",
    "a log driver of Docker": "5ec0splunk", "a proxy of Docker": "5ec00proxy", "a label of Docker": "5ec00label",
}
# Where nodes have no part in it, and remedies write.
FSTAB = f"""curlftpfs#ftp://bob:{SECRETS['a URL in fstab']}@h /mnt/a fuse noauto 0 0
//nas/x /mnt/b cifs noauto,user=bob%{SECRETS['a user in fstab']} 0 0
//nas/y /mnt/c cifs noauto,pw={SECRETS['an option in fstab']} 0 0
# {SECRETS['a comment in fstab']}
tmpfs /dev/shm tmpfs rw,nosuid,nodev,size=64M 0 0
"""
DAEMON = {"log-driver": "splunk", "log-opts": {"splunk-token": SECRETS["a log driver of Docker"]},
          "proxies": {"http-proxy": f"http://user:{SECRETS['a proxy of Docker']}@proxy"},
          "labels": [SECRETS["a label of Docker"]], "default-shm-size": "64M"}
# Says what a node would, with a secret in its log, and dies.
PROGRAM = """#!/bin/sh
[ "$*" = --help ] && exit
echo "starting with --node-key 5ec0journal" >&2
echo '["--node-key","5ec0jrnjson"] oom' >&2
echo 'oom: sent Authorization: Bearer 5ec0jrnhead' >&2
echo "Error: failed to create memory pool mapping: mmap failed to reserve 0x6080000000 bytes: Cannot allocate memory" >&2
exec sleep infinity
"""
UNITS = {
    "keys": ["Environment=KEYSTORE_PASSWORD=5ec0000var", "EnvironmentFile=/etc/default/keys",
             "ExecStart=/opt/keys/polkadot --validator --node-key 5ec0000key --node-key-file /opt/keys/node "
             f"--password=5ec00passw --suri \"{SECRETS['--suri']}\" --telemetry-url \"wss://u:5ec000urlp@host/x 0\" "
             "--relay-chain-rpc-url wss://5ec000urlt@host \"--private-key\" \"5ec0quoted\" --api-key\\x205ec0escape $KEYS_ARGS"],
    "boxed": ["ExecStart=/opt/keys/docker run -e ANYTHING=5ec00000ct --rm parity/polkadot --validator"],
}


@pytest.fixture(scope="module")
def handle(make_fleet: MakeFleet) -> HostHandle:
    """A host whose nodes have secrets everywhere."""
    handle = HostHandle(make_fleet("secret-1"), "secret-1")
    host = ServiceHost(handle)
    for name in ("polkadot", "docker"):
        host.write(f"/opt/keys/{name}", PROGRAM)
        host.run("chmod", "0755", f"/opt/keys/{name}")
    host.write("/opt/keys/node", "5ec0keyfil\n")
    host.write("/etc/fstab", FSTAB)
    host.write("/etc/docker/daemon.json", json.dumps(DAEMON))
    host.write("/usr/local/bin/dockerd", "#!/bin/sh\n")
    host.run("sh", "-c", "chmod 755 /usr/local/bin/dockerd; chmod 600 /etc/docker/daemon.json; umount /dev/shm; "
                         "mount -t tmpfs -o nosuid,nodev,size=64m tmpfs /dev/shm")
    host.write("/etc/default/keys", 'KEYS_ARGS="--node-key=5ec0000fil"\n')
    for name, lines in UNITS.items():
        host.unit(name, *lines, "LimitNOFILE=1024:19000")
    return handle


def run(handle: HostHandle, report: Path, name: str, *arguments: str, **variables: t.Any) -> str:
    """Run a playbook with all that it can print; the output."""
    extra = {"memory_pool_report_dir": str(report), "memory_pool_services": ["keys.service", "boxed.service"],
             "memory_pool_fail_on": "never", "memory_pool_restart": "never", "memory_pool_container_defaults": True, **variables}
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(handle.fleet.inventory), f"playbooks/{name}.yml", "-vvv",
               "--diff", "-e", f"@{report.parent}/extra.json", *arguments]
    (report.parent / "extra.json").write_text(json.dumps(extra))
    cached = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(report / "cache"),
              "ANSIBLE_LOG_PATH": str(report / "ansible.log")}
    environment = {**os.environ, **cached, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg")}
    report.mkdir(exist_ok=True)
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def found(where: str, text: str) -> list[str]:
    """Which secrets a text has."""
    return [f"{where}: {name}" for name, secret in SECRETS.items() if secret in text]


@pytest.mark.parametrize(("name", "arguments", "variables"), [
    ("audit", [], {"memory_pool_query": "hosts[].facts.services"}),
    ("diagnose", [], {}),
    ("remediate", ["--check"], {}),
    ("remediate", [], {}),
    ("verify", [], {"memory_pool_rpc_url": "http://u:5ec000rpcu@127.0.0.1:9944"}),
    ("revert", [], {}),
], ids=["audit", "diagnose", "remediate in check mode", "remediate", "an address with a password", "revert"])
def test_no_secret_leaves_the_host(handle: HostHandle, tmp_path: Path, name: str, arguments: list[str], variables: t.Any) -> None:
    report = tmp_path / "report"
    output = run(handle, report, name, *arguments, **variables)
    assert "keys.service" in output or variables, output
    leaked = found("the output", output)
    files = [path for path in report.rglob("*") if path.is_file()]
    for path in files:
        leaked += found(path.name, path.read_text(errors="replace"))
    assert not leaked, "; ".join(leaked)
    if "memory_pool_rpc_url" not in variables:
        assert {"report.json", "report.html", "hosts.csv", "metrics.prom"} <= {path.name for path in files}, output
    if name in ("audit", "diagnose", "remediate"):
        told = (report / "report.json").read_text()
        assert "--node-key ********" in told and "-e ANYTHING=********" in told, "nothing was hidden, since nothing was looked at"
    if name == "remediate":
        for shown in ("+tmpfs /dev/shm tmpfs rw,nosuid,nodev,size=", "-tmpfs /dev/shm tmpfs rw,nosuid,nodev,size=64M",
                      '+  "default-shm-size": "', '-  "default-shm-size": "64M"'):
            assert shown in output, f"the diff does not show what changes: {shown}"
    for path in files:
        if path.name not in ("metrics.prom", "ansible.log") and path.parent.name != "cache":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, f"{path} can be read by others"


def test_a_key_file_is_never_opened(handle: HostHandle, tmp_path: Path) -> None:
    """Only its name is told. The time of its last reading would have changed."""
    host = ServiceHost(handle)
    host.run("touch", "-a", "-d", "2020-01-01", "/opt/keys/node")
    before = host.run("stat", "-c", "%X", "/opt/keys/node")
    host.run("cat", "/opt/keys/node")
    if host.run("stat", "-c", "%X", "/opt/keys/node") == before:
        pytest.skip("the file system keeps no times of reading")
    host.run("touch", "-a", "-d", "2020-01-01", "/opt/keys/node")
    run(handle, tmp_path / "report", "diagnose")
    assert host.run("stat", "-c", "%X", "/opt/keys/node") == before


def test_what_stays_on_the_host_is_for_root_alone(handle: HostHandle, tmp_path: Path) -> None:
    """The state has the texts of drop-ins, which may hold a command line."""
    run(handle, tmp_path / "report", "remediate")
    modes = handle.inside("find", STATE, "-printf", "%y %m %u\\n").splitlines()
    assert modes and set(modes) <= {"d 700 root", "f 600 root"}, modes
    run(handle, tmp_path / "report", "revert")
