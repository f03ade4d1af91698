# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's own arm64 kernels: downloading them, and an initrd of their modules.

apt runs with a configuration of its own, for another architecture and another
suite, from the repositories that this machine uses; its own state is left alone.
"""

from __future__ import annotations

import lzma
import os
import shutil
import typing as t
from dataclasses import dataclass
from pathlib import Path

import rootfs
from fleet.state import FleetError, run

_APT_CONF = """\
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::State "{directory}/state";
Dir::State::status "{directory}/status";
Dir::Cache "{directory}/cache";
Dir::Etc::sourcelist "{directory}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::trusted "/usr/share/keyrings/debian-archive-keyring.gpg";
"""
# What the disk, the network and the root need, and what systemd asks for; built in or modules.
_DRIVERS = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_rng")
_MODULES = (*_DRIVERS, "crc32c_generic", "ext4", "autofs4", "binfmt_misc", "af_packet")
_APPLETS = ("sh", "mount", "insmod", "switch_root", "usleep")
_INIT = """\
#!/bin/sh
mount -t devtmpfs devtmpfs /dev
while read -r module; do
    insmod "/modules/$module"
done </modules/order
until [ -b /dev/vda ]; do
    usleep 50000
done
mount -t ext4 /dev/vda /root
mount -o move /dev /root/dev
exec switch_root /root /sbin/init
"""
INITRD_KEY = "\n".join([_INIT, *_MODULES, *_APPLETS])


@dataclass(frozen=True)
class Package:
    """A package in the version that the repositories have."""

    name: str
    version: str


def _fields(paragraph: str) -> dict[str, str]:
    """Fields of a control paragraph that fit on one line."""
    rows = (line.partition(": ") for line in paragraph.splitlines() if not line.startswith(" "))
    return {name: value for name, _colon, value in rows}


class Repository:
    """Debian for arm64, of one suite, as apt sees it from a directory of ours."""

    def __init__(self, suite: str, directory: Path) -> None:
        """Configure apt and fetch the lists of packages."""
        self.directory = directory
        sources = [line.replace(f" {rootfs.SUITE}", f" {suite}") for line in rootfs.apt_sources()]
        if not sources:
            raise FleetError(f"apt on this machine has no repository of Debian {rootfs.SUITE}")
        (directory / "sources.list").write_text("\n".join(sources) + "\n", encoding="utf-8")
        (directory / "status").touch()
        for name in ("state/lists/partial", "cache/archives/partial"):
            (directory / name).mkdir(parents=True)
        (directory / "apt.conf").write_text(_APT_CONF.format(directory=directory), encoding="utf-8")
        self._apt("apt-get", "update", "--quiet")

    def _apt(self, *command: str) -> str:
        """Run apt with our configuration."""
        environment = {**os.environ, "APT_CONFIG": str(self.directory / "apt.conf")}
        return run(command, env=environment, cwd=self.directory).stdout

    def resolve(self, meta: str) -> Package:
        """Follow a metapackage to the kernel that it depends on now."""
        fields = _fields(self._apt("apt-cache", "show", "--no-all-versions", meta))
        name = next(word for word in fields["Depends"].replace(",", " ").split() if word.startswith("linux-image-"))
        return Package(name, _fields(self._apt("apt-cache", "show", "--no-all-versions", name))["Version"])

    def unpack(self, name: str) -> Path:
        """Download a package and return the directory of its files."""
        self._apt("apt-get", "download", "--quiet", name)
        deb = next(self.directory.glob(f"{name}_*.deb"))
        unpacked = self.directory / name
        run(["dpkg-deb", "--extract", str(deb), str(unpacked)])
        return unpacked


def _module_name(path: str) -> str:
    """The name by which the kernel knows a module file."""
    return Path(path).name.partition(".")[0].replace("-", "_")


def _with_dependencies(modules: Path) -> t.Iterator[Path]:
    """The modules that are wanted, each after those that it needs."""
    rows = (line.partition(":") for line in (modules / "modules.dep").read_text(encoding="utf-8").splitlines())
    needs = {path: needed.split() for path, _colon, needed in rows}
    by_name = {_module_name(path): path for path in needs}
    built_in = {_module_name(path) for path in (modules / "modules.builtin").read_text(encoding="utf-8").split()}
    for name in _MODULES:
        if name in by_name:
            # modules.dep has the last to be loaded first.
            yield from (modules / path for path in [*reversed(needs[by_name[name]]), by_name[name]])
        elif name not in built_in:
            raise FleetError(f"the kernel in {modules} has no {name}")


def _copy_modules(unpacked: Path, target: Path) -> None:
    """Copy the modules, and write down the order in which to load them."""
    library = unpacked / "lib"
    if not library.exists():
        library.symlink_to("usr/lib")
    modules = next(library.glob("modules/*"))
    run(["depmod", "--basedir", str(unpacked), modules.name])
    target.mkdir()
    order: list[str] = []
    for path in _with_dependencies(modules):
        name = path.name.removesuffix(".xz")
        content = path.read_bytes()
        (target / name).write_bytes(lzma.decompress(content) if path.suffix == ".xz" else content)
        order += [name] if name not in order else []
    (target / "order").write_text("\n".join(order) + "\n", encoding="utf-8")


def make_initrd(kernel: Path, busybox: Path, tree: Path, target: Path) -> None:
    """Pack an initrd that loads modules and switches to the root; not compressed, as that is slow to undo."""
    for name in ("bin", "dev", "root"):
        (tree / name).mkdir(parents=True)
    program = next(path for path in (busybox / "bin/busybox", busybox / "usr/bin/busybox") if path.exists())
    shutil.copy(program, tree / "bin/busybox")
    for applet in _APPLETS:
        (tree / "bin" / applet).symlink_to("busybox")
    _copy_modules(kernel, tree / "modules")
    (tree / "init").write_text(_INIT, encoding="utf-8")
    (tree / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    run(["cpio", "--quiet", "--create", "--format=newc", f"--file={target}"], input=names + "\n", cwd=tree)
