# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traps that an unprivileged user of a host lays where root is about to write.

The user can lay a trap only where something is already wrong on the host: a directory of his, or one that everybody may
write to. So each attack says what root has given away before.
"""

from __future__ import annotations

import typing as t

VICTIM = "/root/victim"
SECRET = "pa55-of-root"  # must be told to nobody
UNIT = "node.service"
DROP_INS = f"/etc/systemd/system/{UNIT}.d"
STATE = "/var/lib/aarch64-validator"
RELEASES = "/usr/local/lib/aarch64-validator"
THEIRS = "/srv/theirs"
# Files of root's, by the names of what modules write.
NAMES = ("secret", "fstab", "daemon.json", "polkadot", "shm.json", "service-limits.json", "provisional.json",
         "60-aarch64-validator.conf", "60-aarch64-validator-strategy.conf", "60-aarch64-validator-sandbox.conf")
LIMITS = {"unit": UNIT, "nofile": "15000", "apply_live": False}
SANDBOX = {"unit": UNIT, "lines": ["MemoryDenyWriteExecute=no"]}
SHM = {"size": "128M"}
DOCKER = {"shm_size": "128M", "config_file": f"{THEIRS}/daemon.json"}
REFUSED = "another user"
DOCKER_FILE = {"shm_size": "128M", "config_file": "/etc/docker/daemon.json"}
PODMAN = "/etc/containers/containers.conf.d"
OWN = f"mkdir -p {THEIRS} && chown 65534:65534 {THEIRS}"


class Attack(t.NamedTuple):
    """What root has given away, what the user makes of it, and the module that walks into it."""

    name: str
    given: str  # a command of root's
    trap: str  # a command of the user's
    module: str
    options: dict[str, t.Any]
    refused: str = REFUSED  # a part of the message
    taken: str = ""  # a command of root's that ends what was given


def _drop_in(file: str, module: str, options: dict[str, t.Any]) -> list[Attack]:
    given = f"mkdir -p {DROP_INS} && chown 65534:65534 {DROP_INS}"
    shared = f"mkdir -p {DROP_INS} && chgrp 65534 {DROP_INS} && chmod 775 {DROP_INS}"
    taken = f"rm -rf {DROP_INS}"
    own, new = f"{DROP_INS}/{file}", f"{DROP_INS}/.{file}.aarch64-validator-new"
    reverted = {"unit": UNIT, "state": "reverted"}
    rows = (
        ("its drop-in is a link to a secret", given, f"ln -s {VICTIM}/secret {own}", options),
        ("its drop-in is a link to one of root's", given, f"ln -s {VICTIM}/{file} {own}", options),
        ("the name of the new drop-in is a link", given, f"ln -s {VICTIM}/secret {new}", options),
        ("a directory of a group", shared, f"ln -s {VICTIM}/secret {own}", options),
        ("reverted, its drop-in is a link", given, f"ln -s {VICTIM}/{file} {own}", reverted),
    )
    return [Attack(f"{module}: {name}", gift, trap, module, told, taken=taken) for name, gift, trap, told in rows]


def _state(module: str, options: dict[str, t.Any], name: str) -> list[Attack]:
    given, taken = "chmod 1777 /var/lib", f"rm -rf {STATE}; chmod 755 /var/lib"
    undo = {"state": "undone" if module == "changes" else "reverted"}
    return [
        Attack(f"{module}: the state is a link to a directory of root's", given, f"ln -s {VICTIM} {STATE}", module, options,
               taken=taken),
        Attack(f"{module}: the state is a directory of theirs, with a link", given,
               f"mkdir {STATE}; ln -s {VICTIM}/secret {STATE}/{name}.json", module, options, taken=taken),
        Attack(f"{module}: the state is a directory of theirs, with orders", given,
               f"mkdir {STATE}; printf %s '{_ORDERS[name]}' >{STATE}/{name}.json", module, undo, taken=taken),
    ]


# What root would do, if it believed them.
_ORDERS = {
    "shm": '{"fstab": {"old": "tmpfs /dev/shm tmpfs exec,suid 0 0", "new": "tmpfs /dev/shm tmpfs size=64M 0 0"}}',
    "service-limits": f'{{"{UNIT}": {{"path": "{VICTIM}/secret", "directory_made": false, "before": "owned", "written": []}}}}',
    "node-release": f'{{"{VICTIM}/polkadot": {{"before": "/tmp/evil", "kept": null}}}}',
    "node-strategy": f'{{"{UNIT}": {{"path": "{VICTIM}/secret", "directory_made": false, "before": "owned", "written": []}}}}',
    "sandbox": f'{{"{UNIT}": {{"path": "{VICTIM}/secret", "directory_made": false, "before": "owned", "written": []}}}}',
    "docker-defaults": f'{{"{VICTIM}/secret": {{"before": "owned", "written": []}}}}',
    "podman-defaults": f'{{"{VICTIM}/secret": {{"before": "owned", "written": []}}}}',
    "provisional": f'{{"service-limits": {{"{UNIT}": {{"path": "{VICTIM}/secret", "before": "owned", "after": "", '
                   '"entry": null}}}',
}
ATTACKS: tuple[Attack, ...] = (
    Attack("the lock of all runs is a link", "chmod 1777 /run", f"ln -s {VICTIM}/secret /run/aarch64-validator.lock", "shm", SHM,
           "/run/aarch64-validator.lock", "rm -f /run/aarch64-validator.lock; chmod 755 /run"),
    Attack("the lock of all runs is theirs", "chmod 1777 /run", "echo 1 >/run/aarch64-validator.lock", "shm", SHM,
           "/run/aarch64-validator.lock", "rm -f /run/aarch64-validator.lock; chmod 755 /run"),
    Attack("the lock of all runs is a pipe", "chmod 1777 /run", "mkfifo /run/aarch64-validator.lock", "shm", SHM,
           "/run/aarch64-validator.lock", "rm -f /run/aarch64-validator.lock; chmod 755 /run"),
    Attack("the lock of a restart is a link", "chmod 1777 /run",
           f"ln -s {VICTIM}/secret /run/aarch64-validator-restart-{UNIT}.lock", "service_restart", {"unit": UNIT},
           f"/run/aarch64-validator-restart-{UNIT}.lock", "rm -f /run/aarch64-validator*; chmod 755 /run"),
    *_state("shm", SHM, "shm"),
    *_state("service_limits", LIMITS, "service-limits"),
    *_state("node_release", {"state": "reverted"}, "node-release"),
    *_state("node_strategy", {"unit": UNIT}, "node-strategy"),
    *_state("service_sandbox", SANDBOX, "sandbox"),
    *_state("docker_defaults", DOCKER_FILE, "docker-defaults"),
    *_state("podman_defaults", {"shm_size": "128M"}, "podman-defaults"),
    *_state("changes", {"state": "undone"}, "provisional"),
    Attack("the directory of podman's settings is theirs", f"mkdir -p {PODMAN} && chown 65534:65534 {PODMAN}",
           f"ln -s {VICTIM}/60-aarch64-validator.conf {PODMAN}/60-aarch64-validator.conf", "podman_defaults",
           {"shm_size": "128M"}, taken=f"rm -rf {PODMAN}"),
    Attack("podman: the name of the new file is a link", f"mkdir -p {PODMAN} && chown 65534:65534 {PODMAN}",
           f"ln -s {VICTIM}/secret {PODMAN}/.60-aarch64-validator.conf.aarch64-validator-new", "podman_defaults",
           {"shm_size": "128M"}, taken=f"rm -rf {PODMAN}"),
    *_drop_in("60-aarch64-validator.conf", "service_limits", LIMITS),
    *_drop_in("60-aarch64-validator-strategy.conf", "node_strategy", {"unit": UNIT}),
    *_drop_in("60-aarch64-validator-sandbox.conf", "service_sandbox", SANDBOX),
    Attack("fstab lies in a directory of theirs", f"{OWN} && ln -sf {THEIRS}/fstab /etc/fstab",
           f"ln -s {VICTIM}/fstab {THEIRS}/fstab", "shm", SHM),
    Attack("fstab is found by a link of theirs", f"{OWN} && ln -sf {THEIRS}/etc/fstab /etc/fstab", f"ln -s {VICTIM} {THEIRS}/etc",
           "shm", SHM),
    Attack("daemon.json is a link to one of root's", OWN, f"ln -s {VICTIM}/daemon.json {THEIRS}/daemon.json",
           "docker_defaults", DOCKER),
    Attack("daemon.json is a link to a secret", OWN, f"ln -s {VICTIM}/secret {THEIRS}/daemon.json", "docker_defaults", DOCKER),
    Attack("daemon.json: the name of the new file is a link", OWN,
           f"echo '{{}}' >{THEIRS}/daemon.json; ln -s {VICTIM}/secret {THEIRS}/.daemon.json.aarch64-validator-new",
           "docker_defaults", DOCKER),
    Attack("daemon.json lies where everybody may write", f"mkdir -p -m 1777 {THEIRS}",
           f"ln -s {VICTIM}/daemon.json {THEIRS}/daemon.json", "docker_defaults", DOCKER),
    Attack("the work directory of startup_trace is theirs", OWN, ":", "startup_trace",
           {"command": ["/bin/true"], "user": "nobody", "trace": False, "seconds": 3, "directory": THEIRS}),
    Attack("the work directory of startup_trace is found by a link of theirs", f"mkdir -p -m 1777 {THEIRS}",
           f"ln -s {VICTIM} {THEIRS}/work", "startup_trace",
           {"command": ["/bin/true"], "user": "nobody", "trace": False, "seconds": 3, "directory": f"{THEIRS}/work"}),
    Attack("the work directory of restriction_bisect is theirs", OWN, ":", "restriction_bisect",
           {"unit": UNIT, "directory": THEIRS, "seconds": 3}),
)


class Impostor(t.NamedTuple):
    """A process of the user's that is called like Docker's engine, and what its command line has root do."""

    name: str
    words: str  # its options
    given: str = ":"  # a command of root's
    start: str = "{dockerd}"  # how it is started


_SERVER = ("import socket, time; s = socket.socket(socket.AF_UNIX); s.bind(\"{place}/socket\"); s.listen(5); time.sleep(300)")
_PYTHON = f"cp -L $(command -v python3) {THEIRS}-python && chmod 4755 {THEIRS}-python"
_AS_ROOT = f"ln -sf {THEIRS}-python {THEIRS}/dockerd; {{dockerd}} -c '{{code}}'"
IMPOSTORS = (
    Impostor("names a file for root alone", f"--config-file={VICTIM}/daemon.json"),
    Impostor("names a secret", f"--config-file {VICTIM}/secret"),
    Impostor("names a file that is not there", f"--config-file={VICTIM}/new.json"),
    Impostor("names the engine's own file, and a socket of theirs", f"--host=unix://{THEIRS}/socket",
             start=f"python3 -c '{_SERVER.format(place=THEIRS)}' & {{dockerd}}"),
    Impostor("is another engine beside the one that root might run", "--config-file=/etc/docker/daemon.json"),
    Impostor("has a flag that settles everything", "--default-shm-size=1m"),
    Impostor("is root in a namespace of theirs", f"--config-file={VICTIM}/daemon.json", start="unshare -r {dockerd}"),
    Impostor("runs a program with the set-uid bit", f"--config-file={VICTIM}/daemon.json", _PYTHON,
             _AS_ROOT.replace("{code}", "import time; time.sleep(300)")),
    Impostor("runs such a program that becomes root as a whole", f"--config-file={VICTIM}/daemon.json", _PYTHON,
             _AS_ROOT.replace("{code}", "import os, time; os.setresuid(0, 0, 0); time.sleep(300)")),
)
