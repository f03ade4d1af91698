# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build and cache the root file system of the test hosts.

It comes in layers, each cached by a hash of what went into it, so that an
edit of the node does not build Debian again:

* debian: mmdebstrap from the APT sources of this machine, and the user
* wasmtime: PyPI's wheel
* node: the stand-in, its unit and its configuration

A host stacks them with overlayfs, or gets a copy of them in this order.

Usage: rootfs.py build | path | clean
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
SUITE = "bookworm"
PACKAGES = ("systemd", "systemd-sysv", "dbus", "openssh-server", "python3", "iproute2", "procps", "strace", "sudo")
WASMTIME = "50.0.1"
NODE_DIR = "usr/lib/polkadot-node"
# Work that Debian starts by itself and that would only disturb a short test.
MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "console-getty.service",
    "systemd-firstboot.service",
)
_NODE_FILES = ("wasmtime_node.py", "polkadot.service")
_LAUNCHER = f"""\
#!/usr/bin/python3 -sE
# Becomes the node itself: no shell is left in between.
import sys

sys.path.insert(0, "/{NODE_DIR}")

from wasmtime_node import main

raise SystemExit(main())
"""
_DEFAULTS = 'POLKADOT_CLI_ARGS="--validator --chain polkadot"\n'


def cache_dir() -> Path:
    """Where the layers live."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "aarch64-validator"


def _key(*parts: str | bytes) -> str:
    """Hash what a layer is made of."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


def _layer(kind: str, key: str, build: t.Callable[[Path], None]) -> Path:
    """Return the cached layer, building it aside and renaming it when it is whole.

    The lock makes concurrent test runs wait for one build instead of racing.
    """
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"{kind}-{key}"
    with open(cache / f".{kind}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.is_dir():
            return path
        building = Path(tempfile.mkdtemp(prefix=f".{kind}-", dir=cache))
        os.umask(0o022)
        try:
            building.chmod(0o755)
            build(building)
            building.rename(path)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
    return path


def _run(command: list[str]) -> None:
    """Run a command quietly; show what it said only if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise RuntimeError(f"{command[0]} failed with exit code {done.returncode}:\n{tail}")


def _index_targets() -> list[str]:
    """Ask apt which Debian repositories of our suite this machine uses."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(CODENAME)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"]
    text = subprocess.run([*command, "Created-By: Packages"], capture_output=True, text=True, check=False).stdout
    suites = (SUITE, SUITE + "-updates", SUITE + "-security")
    lines = []
    for row in text.splitlines():
        origin, codename, uri, release, component = row.split("|")
        if origin == "Debian" and codename in suites:
            lines.append(f"deb {uri} {release} {component}")
    return sorted(set(lines))


def apt_sources() -> list[str]:
    """Sources for mmdebstrap: this machine's own, else none (mmdebstrap's default mirror).

    A fresh machine has no package lists, and without them apt does not know
    the origin of its repositories.
    """
    sources = _index_targets()
    if not sources:
        subprocess.run(["apt-get", "update", "--quiet"], capture_output=True, check=False)
        sources = _index_targets()
    return sources


def _link(root: Path, path: str, target: str) -> None:
    """Make a symbolic link below ROOT, replacing what is there."""
    link = root / path
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _build_debian(root: Path) -> None:
    """Bootstrap Debian and give it what the package of a node would give it."""
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--include=" + ",".join(PACKAGES)]
    _run([*command, SUITE, str(root), *apt_sources()])
    _run(["chroot", str(root), "groupadd", "--system", "polkadot"])
    user = ["useradd", "--system", "--gid", "polkadot", "--home-dir", "/home/polkadot", "--create-home"]
    _run(["chroot", str(root), *user, "--shell", "/usr/sbin/nologin", "polkadot"])
    for unit in MASKED:
        _link(root, "etc/systemd/system/" + unit, "/dev/null")
    wants = "etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
    _link(root, wants, "/lib/systemd/system/systemd-networkd.service")
    (root / "etc/apt/sources.list").write_text("", encoding="utf-8")
    for name in ("etc/machine-id", "etc/resolv.conf"):
        (root / name).unlink(missing_ok=True)


def debian_layer() -> Path:
    """The Debian part with the user polkadot."""
    return _layer("debian", _key(SUITE, platform.machine(), *PACKAGES, *MASKED, "1"), _build_debian)


def wasmtime_layer(machine: str) -> Path:
    """The wheel, unpacked for MACHINE (x86_64 or aarch64); it needs no compiler."""

    def build(root: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        platforms = [f"--platform=manylinux{tag}_{machine}" for tag in ("1", "2014")]
        pip += ["--only-binary=:all:", "--no-compile", *platforms, "--target", str(root / NODE_DIR)]
        _run([*pip, "--root-user-action=ignore", f"wasmtime=={WASMTIME}"])

    return _layer("wasmtime", _key(WASMTIME, machine, NODE_DIR), build)


def _node_sources() -> list[Path]:
    """The files that make up the stand-in node."""
    return [SUPPORT / name for name in _NODE_FILES] + sorted((SUPPORT / "polkadot_node").glob("*.py"))


def _build_node(root: Path) -> None:
    """Install the node where a package would."""
    for source in _node_sources():
        target = root / NODE_DIR / source.relative_to(SUPPORT)
        if source.suffix == ".service":
            target = root / "usr/lib/systemd/system" / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o644)
    launcher = root / "usr/bin/polkadot"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(_LAUNCHER, encoding="utf-8")
    launcher.chmod(0o755)
    defaults = root / "etc/default/polkadot"
    defaults.parent.mkdir(parents=True)
    defaults.write_text(_DEFAULTS, encoding="utf-8")
    wants = "etc/systemd/system/multi-user.target.wants/polkadot.service"
    _link(root, wants, "/lib/systemd/system/polkadot.service")
    for directory, _directories, _files in os.walk(root):
        os.chmod(directory, 0o755)


def node_layer() -> Path:
    """The stand-in node, its unit (enabled) and /etc/default/polkadot."""
    contents = [item for path in _node_sources() for item in (path.name, path.read_bytes())]
    return _layer("node", _key(_LAUNCHER, _DEFAULTS, *contents, "1"), _build_node)


def layers() -> list[Path]:
    """All layers for this machine, lowest first."""
    return [debian_layer(), wasmtime_layer(platform.machine()), node_layer()]


def clean() -> None:
    """Remove every cached layer; not while hosts run on them."""
    shutil.rmtree(cache_dir(), ignore_errors=True)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Root file system of the test hosts.")
    parser.add_argument("command", choices=("build", "path", "clean"))
    command = parser.parse_args().command
    if command == "clean":
        clean()
    else:
        print(*(layers() if command == "build" else [cache_dir()]), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
