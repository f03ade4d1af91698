# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An unprivileged user of a real host lays links, pipes and files where modules that run as root write.

After each attack root's own files are as they were, with mode, owner and time, and nothing of them was told.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import typing as t

import pytest
from attacks import (
    ATTACKS,
    DOCKER,
    IMPOSTORS,
    NAMES,
    OWN,
    RELEASES,
    SECRET,
    STATE,
    THEIRS,
    UNIT,
    VICTIM,
    Attack,
    Impostor,
)
from conftest import HostHandle, MakeFleet
from service_host import NOBODY, ServiceHost, install

pytestmark = pytest.mark.nspawn

FLAG = "--wasmtime-instantiation-strategy"
PROGRAM = f"""#!/bin/sh
if [ "$*" = --help ]; then
    printf '  {FLAG} <STRATEGY>\\n    [possible values: pooling-copy-on-write, recreate-instance-copy-on-write]\\n'; exit
fi
exec sleep infinity
"""
CONTENTS = {"daemon.json": f'{{"labels": ["{SECRET}"]}}', "fstab": f"# {SECRET}\ntmpfs /dev/shm tmpfs size=64M 0 0\n",
            "polkadot": f"#!/bin/sh\n# {SECRET}\n"}
# Swaps a directory of his for a link to root's, over and over, until it is told to end; says how often.
RACER = r"""
import os, select, sys
place, victim = sys.argv[1], sys.argv[2]
kept, link, count = place + ".kept", place + ".link", 0
os.symlink(victim, link)
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for one, other in ((place, kept), (link, place), (place, link), (kept, place)):
        try:
            os.rename(one, other)
            count += 1
        except OSError:
            pass
print(count, flush=True)
"""
# The same for whatever root makes in a directory for all.
SNATCHER = r"""
import glob, os, select, sys
pattern, victim, count = sys.argv[1], sys.argv[2], 0
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for path in glob.glob(pattern):
        count += 1
        for action in (lambda: os.rename(path, path + ".kept"), lambda: os.symlink(victim, path),
                       lambda: os.symlink(victim + "/secret", path + "/lock"), lambda: os.rmdir(path + "/node")):
            try:
                action()
            except OSError:
                pass
print(count, flush=True)
"""
_LOOK = f"find {VICTIM} /etc/passwd /etc/fstab -printf '%p %m %u %g %l %T@\\n' | sort; cat {VICTIM}/* | sha256sum"
TRIED = {"attacks": 0, "races": 0, "swaps": 0}


@pytest.fixture(scope="module")
def host(make_fleet: MakeFleet) -> ServiceHost:
    """A host with a node, a file of each name that a module writes among root's own, and engines that do nothing."""
    handle = HostHandle(make_fleet("attacked-1"), "attacked-1")
    install(handle)
    host = ServiceHost(handle)
    host.write("/opt/polkadot", PROGRAM)
    for program in ("dockerd", "podman"):
        host.write(f"/usr/local/bin/{program}", "#!/bin/sh\n")
    for name in NAMES:
        host.write(f"{VICTIM}/{name}", CONTENTS.get(name, f"{SECRET}\n"))
    host.run("sh", "-c", f"chmod 755 /opt/polkadot /usr/local/bin/*; chmod 600 {VICTIM}/*; umount /dev/shm; "
                         "mount -t tmpfs -o nosuid,nodev,size=64m tmpfs /dev/shm")
    host.unit("node", "ExecStart=/opt/polkadot --validator", "LimitNOFILE=1024:19000", "MemoryDenyWriteExecute=yes")
    return host


def as_user(host: ServiceHost, script: str) -> None:
    host.run("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "sh", "-c", f"umask 0; {script}")


def unharmed(host: ServiceHost, before: str, answer: dict[str, t.Any], what: str) -> None:
    """Nothing of root's was written, and nothing of it told."""
    assert host.run("sh", "-c", _LOOK) == before, f"{what}: a file of root's was changed"
    assert SECRET not in json.dumps(answer), f"{what}: what only root may read was told: {answer}"
    assert "Traceback" not in json.dumps(answer), f"{what}: {answer}"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_trap(host: ServiceHost, attack: Attack) -> None:
    fstab = host.run("cat", "/etc/fstab")
    try:
        host.run("sh", "-c", attack.given)
        as_user(host, attack.trap)
        before = host.run("sh", "-c", _LOOK)
        for check in (True, False):
            answer = host.module(attack.module, check, **attack.options)
            unharmed(host, before, answer, attack.name)
            TRIED["attacks"] += 1
        assert answer.get("failed") and attack.refused in answer["msg"], f"root has walked into it: {answer}"
    finally:
        host.run("sh", "-c", f"{attack.taken or ':'}; rm -rf {THEIRS}")
        host.run("sh", "-c", "rm -f /etc/fstab; cat >/etc/fstab", input=fstab)


@pytest.mark.parametrize("impostor", IMPOSTORS, ids=lambda impostor: impostor.name)
def test_a_process_called_dockerd(host: ServiceHost, impostor: Impostor) -> None:
    """No engine of root's runs: whatever a process of the user's says, docker_defaults does what it does without it."""
    try:
        host.run("sh", "-c", f"rm -rf /etc/docker {STATE}")
        alone = {check: host.module("docker_defaults", check, shm_size="128M") for check in (True, False)}
        host.run("sh", "-c", f"rm -rf /etc/docker {STATE}; {OWN}; {impostor.given}")
        # The end of its output is that of the session, so it must not keep it.
        script, start = "while :; do sleep 1; done", impostor.start.replace("{dockerd}", f"{THEIRS}/dockerd")
        as_user(host, f"printf '#!/bin/sh\\n{script}\\n' >{THEIRS}/dockerd; chmod 755 {THEIRS}/dockerd; "
                      f"({start} {impostor.words}) >/dev/null 2>&1 </dev/null &")
        host.run("sh", "-c", "for n in $(seq 50); do grep -qsx dockerd /proc/[0-9]*/comm && exit; sleep 0.1; done; exit 1")
        before = host.run("sh", "-c", _LOOK)
        for check in (True, False):
            answer = host.module("docker_defaults", check, shm_size="128M")
            unharmed(host, before, answer, impostor.name)
            assert answer == alone[check], "a process of somebody else decides what root does"
            TRIED["attacks"] += 1
    finally:
        host.run("sh", "-c", "for c in /proc/[0-9]*/comm; do grep -qsx dockerd $c && kill -9 $(echo $c | cut -d/ -f3); done; "
                             f"rm -rf {THEIRS} {THEIRS}-python /etc/docker {STATE}")


def release(host: ServiceHost) -> dict[str, t.Any]:
    """Copy a release, as root; its options."""
    host.write(f"{RELEASES}/r1/polkadot", PROGRAM)
    host.run("chmod", "-R", "755", RELEASES)
    digest = hashlib.sha256(PROGRAM.encode()).hexdigest()
    return {"release": "r1", "files": [{"name": "polkadot", "sha256": digest}]}


@pytest.mark.parametrize(("given", "trap"), [
    (f"chown -R {NOBODY} {RELEASES}/r1", f"ln -sf {VICTIM}/polkadot {RELEASES}/r1/polkadot"),
    (f"chown -R {NOBODY} {RELEASES}/r1", ":"),
    (f"chown {NOBODY} {RELEASES}/r1/polkadot", ":"),
    (f"chown {NOBODY} {RELEASES}", f"mv {RELEASES}/r1 {RELEASES}/r2; ln -s {VICTIM} {RELEASES}/r1"),
    (f"chmod 1777 /usr/local/lib; mv {RELEASES} /opt/moved", f"ln -s {VICTIM} {RELEASES}"),
], ids=["a file is a link", "their directory", "their file", "a release is a link", "all releases are a link"])
def test_a_release_that_they_could_change(host: ServiceHost, given: str, trap: str) -> None:
    """It would be started as the node, and tried as root."""
    options = release(host)
    try:
        host.run("sh", "-c", given)
        as_user(host, trap)
        before = host.run("sh", "-c", _LOOK + "; stat -c %A /root/victim; ls -la /opt")
        answer = host.module("node_release", unit=UNIT, **options)
        assert answer.get("failed") and not host.run("readlink", "-f", "/opt/polkadot").startswith(RELEASES), answer
        assert host.run("sh", "-c", _LOOK + "; stat -c %A /root/victim; ls -la /opt") == before
        assert SECRET not in json.dumps(answer)
        TRIED["attacks"] += 1
    finally:
        host.run("sh", "-c", f"rm -rf {RELEASES} /opt/moved; chmod 755 /usr/local/lib")


def test_a_program_in_a_directory_of_theirs_is_not_replaced(host: ServiceHost) -> None:
    options = release(host)
    try:
        host.run("sh", "-c", f"{OWN}; chmod 755 {THEIRS}; cp /opt/polkadot {THEIRS}/polkadot")
        unit = host.unit("theirs", f"ExecStart={THEIRS}/polkadot", start=False)
        for trap in (":", f"rm -f {THEIRS}/polkadot; ln -s {VICTIM}/polkadot {THEIRS}/polkadot",
                     f"ln -sf {VICTIM}/secret {THEIRS}/.polkadot.aarch64-validator-before",
                     f"ln -sf {VICTIM}/secret {THEIRS}/.polkadot.aarch64-validator-new"):
            as_user(host, trap)
            before = host.run("sh", "-c", f"{_LOOK}; ls -la {THEIRS}")
            answer = host.module("node_release", unit=unit, **options)
            assert not answer["changed"] and THEIRS in answer["reason"] and "another user can change" in answer["reason"], answer
            assert host.run("sh", "-c", f"{_LOOK}; ls -la {THEIRS}") == before
            TRIED["attacks"] += 1
    finally:
        host.run("rm", "-rf", RELEASES, THEIRS)


class Race(t.NamedTuple):
    """What root has given away, which program attacks what, and the module that runs meanwhile."""

    name: str
    given: str
    program: str
    place: str
    module: str
    options: dict[str, t.Any]


TRIAL = {"command": ["/bin/true"], "user": "nobody", "trace": False, "seconds": 2}
RACES = (
    Race("the directory of daemon.json",
         f"{OWN} && mkdir {THEIRS}/d && echo '{{}}' >{THEIRS}/d/daemon.json && chown -R {NOBODY} {THEIRS}",
         RACER, f"{THEIRS}/d", "docker_defaults", {**DOCKER, "config_file": f"{THEIRS}/d/daemon.json"}),
    Race("the directory of daemon.json, in one for all",
         f"mkdir -m 1777 {THEIRS} && mkdir {THEIRS}/d && echo '{{}}' >{THEIRS}/d/daemon.json && chown -R {NOBODY} {THEIRS}/d",
         RACER, f"{THEIRS}/d", "docker_defaults", {**DOCKER, "config_file": f"{THEIRS}/d/daemon.json"}),
    Race("the directory of fstab",
         f"{OWN} && mkdir {THEIRS}/d && cp /etc/fstab {THEIRS}/d/ && chown -R {NOBODY} {THEIRS} "
         f"&& ln -sf {THEIRS}/d/fstab /etc/fstab",
         RACER, f"{THEIRS}/d", "shm", {"size": "128M"}),
    Race("a work directory of theirs", f"{OWN} && mkdir {THEIRS}/d && chown {NOBODY} {THEIRS}/d", RACER, f"{THEIRS}/d",
         "startup_trace", {**TRIAL, "directory": f"{THEIRS}/d"}),
    Race("a work directory where everybody may write", f"mkdir -m 1777 {THEIRS}", SNATCHER, f"{THEIRS}/aarch64-validator-trace-*",
         "startup_trace", {**TRIAL, "directory": THEIRS}),
)


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
def test_a_race(host: ServiceHost, race: Race) -> None:
    """A check and what is done after it are two moments: the user changes what lies between them, thousands of times."""
    fstab = host.run("cat", "/etc/fstab")
    host.run("sh", "-c", race.given)
    before = host.run("sh", "-c", _LOOK)
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    words = [*user, "python3", "-c", race.program, race.place, VICTIM]
    attacker = subprocess.Popen([*host.command("shm")[:3], *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert attacker.stdin and attacker.stdout
    try:
        assert attacker.stdout.readline() == "ready\n"
        for _attempt in range(4):
            answer = host.module(race.module, **race.options)
            unharmed(host, before, answer, race.name)
        count = int(attacker.communicate("end\n")[0])
        assert count > 0, f"there was no race: {answer}"
        TRIED["races"] += 1
        TRIED["swaps"] += count
    finally:
        attacker.kill()
        attacker.communicate()
        host.run("sh", "-c", f"rm -rf {THEIRS} /tmp/aarch64-validator-trace-*; rm -f /etc/fstab; cat >/etc/fstab", input=fstab)


def test_figures(host: ServiceHost, capsys: pytest.CaptureFixture[str]) -> None:
    """Says what the tests before it have tried."""
    assert not host.run("sh", "-c", "ls -d /etc/systemd/system/*.d/60-aarch64* 2>/dev/null || true")
    with capsys.disabled():
        print("\nattacks by an unprivileged user: {attacks} traps, {races} races with {swaps:,} swaps".format(**TRIED))
