# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private machine with a real Docker engine and a real Podman, and the stand-in node in each.

Neither engine may lift hard limits there, whatever the machine allows, so that each test sees the same everywhere.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import ansible
import rootfs
from private_root import COLLECTIONS, MODULE_PACKAGE, REPOSITORY, PrivateRoot

NODE = "/usr/bin/polkadot"
LIBRARY = "opt/aarch64-validator-test"
DAEMON_JSON = "/etc/docker/daemon.json"
CONF_D = "/etc/containers/containers.conf.d"
STORE = "/srv"
PID_FILE = f"{STORE}/docker.pid"
OURS = f"{CONF_D}/60-aarch64-validator.conf"
# What starts the engines has these limits, and no capability to go beyond.
NOFILE, MEMLOCK = 8192, (1 << 20, 4 << 20)
_LIMITED = ["prlimit", f"--nofile=1024:{NOFILE}", "--memlock={}:{}".format(*MEMLOCK),
            "setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
# Of a whole Debian what a node does not need; device nodes, because where they cannot be made a copy of one fills the disk.
_LEFT_OUT = ["dev/*", "usr/share/*", "var/cache/*", "var/lib/apt", "usr/lib/systemd", "usr/lib/udev", "usr/lib/*-linux-gnu/perl*"]
_RPC = """
import json, sys, time, urllib.request
call = {"jsonrpc": "2.0", "id": 1, "method": "state_getRuntimeVersion", "params": []}
until = time.monotonic() + 60
while True:
    try:
        request = urllib.request.Request("http://127.0.0.1:9944", json.dumps(call).encode())
        print(urllib.request.urlopen(request, timeout=40).read().decode())
        break
    except OSError:
        if time.monotonic() > until:
            raise
        time.sleep(0.2)
"""


def node_root(root: Path) -> Path:
    """The file system of a node, with the collection and the part of ansible-core that modules use."""
    root.mkdir()
    excluded = [f"--exclude=./{path}" for path in _LEFT_OUT]
    for layer in rootfs.layers():
        with subprocess.Popen(["tar", "-C", str(layer), *excluded, "-c", "."], stdout=subprocess.PIPE) as archive:
            subprocess.run(["tar", "-C", str(root), "-x"], stdin=archive.stdout, check=True)
    package = Path(ansible.__file__).parent
    for name in ("__init__.py", "release.py", "_vendor", "_internal", "module_utils"):
        _copy(package / name, root / LIBRARY / "ansible" / name)
    for name in ("modules", "module_utils"):
        _copy(REPOSITORY / "plugins" / name, root / LIBRARY / "ansible_collections/aarch64/validator/plugins" / name)
    return root


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    elif source.exists():
        shutil.copy(source, target)


def module_inside(command: list[str], name: str, root: str = "", **options: Any) -> dict[str, Any]:
    """Run a module by a command that runs another one inside a container, whose file system it sees at root."""
    words = [*command, "env", f"PYTHONPATH={root}/{LIBRARY}", "python3", "-B", "-m", MODULE_PACKAGE + name]
    done = subprocess.run(words, input=json.dumps({"ANSIBLE_MODULE_ARGS": options}), capture_output=True, text=True, check=False)
    assert done.stdout.strip(), done.stderr
    result = dict(json.loads(done.stdout))
    assert not result.get("failed"), result["msg"]
    return result


def runtime_version(command: list[str]) -> dict[str, Any]:
    """What a node answers, asked by a command that runs another one inside its container."""
    done = subprocess.run([*command, "python3", "-c", _RPC], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"the node does not answer in its container: {done.stderr}"
    return dict(json.loads(done.stdout)["result"])


class EngineBox(PrivateRoot):
    """The machine. Use as a context manager; what its engines store lies in memory and goes away with it."""

    def __init__(self, base: Path) -> None:
        super().__init__(base, "/sys")
        self.daemon = None  # type: subprocess.Popen[bytes] | None
        self.run("mount", "-t", "tmpfs", "tmpfs", STORE)
        self.run("rm", "-rf", "/etc/docker", "/etc/containers/containers.conf", CONF_D)
        self.write("/etc/containers/storage.conf",
                   f'[storage]\ndriver = "overlay"\ngraphroot = "{STORE}/podman"\nrunroot = "{STORE}/podman-run"\n')
        self.write("/etc/containers/containers.conf", (
            '[containers]\ndefault_ulimits = ["nofile=1024:2048", "nproc=2000:2000"]\n'
            '[engine]\nruntime = "runc"\n'))  # crun refuses machines that have both kinds of control groups

    def __exit__(self, *exception: object) -> None:
        self.stop_docker()
        super().__exit__(*exception)

    def write(self, path: str, text: str, mode: int = 0o644) -> Path:
        """Write a file there."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="")
        target.chmod(mode)
        return target

    def start_docker(self, *flags: str) -> None:
        """Start the engine, once more where it ran, and wait until it answers."""
        self.stop_docker()
        places = [f"--data-root={STORE}/docker", f"--exec-root={STORE}/exec", f"--pidfile={PID_FILE}"]
        command = [*_LIMITED, "dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", *places, *flags]
        with open(self.path(f"{STORE}/docker.log"), "wb") as log:
            self.daemon = subprocess.Popen(self.command(*command), stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while subprocess.run(self.command("docker", "info"), capture_output=True, check=False).returncode != 0:
            assert self.daemon.poll() is None and time.monotonic() < deadline, self.path(f"{STORE}/docker.log").read_text()
            time.sleep(0.2)

    def stop_docker(self) -> None:
        """End the engine, if it runs, with its containers."""
        if self.daemon is not None:
            for name in self.engine("docker", "ps", "--all", "--quiet").split():
                self.engine("docker", "rm", "--force", name)  # it would wait for each of them
            self.daemon.terminate()
            self.daemon.wait(timeout=60)
            self.daemon = None

    def defaults(self, engine: str, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run docker_defaults or podman_defaults with the limits that the engines have."""
        arguments = dict(options, _ansible_check_mode=check, _ansible_diff=True)
        done = subprocess.run(self.limited("env", f"PYTHONPATH={COLLECTIONS}", sys.executable, "-B", "-m",
                                           f"{MODULE_PACKAGE}{engine}_defaults"),
                              input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}), capture_output=True, text=True, check=False)
        assert done.stdout.strip(), done.stderr
        return dict(json.loads(done.stdout))

    def limited(self, *words: str) -> list[str]:
        """A command in there without the capability to lift limits."""
        return self.command(*_LIMITED, *words)

    def engine(self, engine: str, *words: str) -> str:
        """Output of docker or podman, which must succeed."""
        done = subprocess.run(self.limited(engine, *words), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{engine} {words}: {done.stderr}"
        return done.stdout.strip()

    def shm(self, engine: str, container: str) -> int:
        """Bytes of /dev/shm of a running container."""
        return int(self.engine(engine, "exec", container, "sh", "-c", "echo $(( $(stat -f -c '%b * %S' /dev/shm) ))"))

    def limit(self, engine: str, container: str, letter: str) -> int:
        """A soft limit of a running container, by the letter of ulimit."""
        return int(self.engine(engine, "exec", container, "sh", "-c", f"ulimit -{letter}"))

    def left_behind(self, engine: str) -> str:
        """Containers and images of a trial that are still there."""
        questions = (["ps", "--all", "--format={{.Names}}"], ["images", "--format={{.Repository}}"])
        seen = [self.engine(engine, *words) for words in questions]
        return "\n".join(line for line in "\n".join(seen).splitlines() if "aarch64-validator-trial" in line)
