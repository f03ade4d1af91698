# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disk of the guests: Debian for arm64, the node, and programs that hold engines.

It is made of the layers of rootfs.py where those do not depend on the
machine, and of layers of its own; the last one is the disk itself, with the
keys that reach a guest which was started from it.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import rootfs
from fleet.lifecycle import FSTAB

from . import debs

PACKAGES = (*rootfs.PACKAGES, "kmod", "udev")
MASKED = (*rootfs.MASKED, "fstrim.timer", "serial-getty@ttyAMA0.service", "systemd-networkd-wait-online.service")
DISK_SIZE = "1300M"
# Where the programs of engines.c are, and what to give them as LIB.
ENGINES = {"engines-pie": ("-fPIE", "-pie"), "engines-nopie": ("-fno-pie", "-no-pie")}
LIBRARY = "/usr/local/lib/libwasmtime.so"
_ENGINES_SOURCE = Path(__file__).resolve().parent / "engines.c"
_NSPAWN = "usr/bin/systemd-nspawn"
_GCC = ("aarch64-linux-gnu-gcc", "-O2", "-Wall", "-Wextra", "-Werror")
_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_BINFMT_RULE = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
# By the driver: a dummy device of some test must not get the address.
_NETWORK = """\
[Match]
Driver=virtio_net

[Link]
RequiredForOnline=no

[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
LinkLocalAddressing=no
"""
# Nothing on the disk is older than what was installed: no caches to be built at every boot.
_UPDATED = ("etc/.updated", "var/.updated")


@dataclass(frozen=True)
class Image:
    """The disk, and what ssh must know of it."""

    disk: Path
    private_key: Path
    host_key: str


def register_emulator() -> None:
    """Have this machine's kernel run arm64 programs, which maintainer scripts start."""
    if not (_BINFMT / "register").exists():
        rootfs._run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT)])
    if not (_BINFMT / "qemu-aarch64").exists():
        (_BINFMT / "register").write_text(_BINFMT_RULE.read_text(encoding="utf-8").strip(), encoding="utf-8")


def _build_debian(root: Path) -> None:
    """Bootstrap Debian as the root of the nspawn hosts is, with udev, as there is hardware here."""
    register_emulator()
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--architectures=arm64"]
    rootfs._run([*command, "--include=" + ",".join(PACKAGES), rootfs.SUITE, str(root), *rootfs.apt_sources()])
    rootfs._run(["chroot", str(root), "groupadd", "--system", "polkadot"])
    user = ["useradd", "--system", "--gid", "polkadot", "--home-dir", "/home/polkadot", "--create-home"]
    rootfs._run(["chroot", str(root), *user, "--shell", "/usr/sbin/nologin", "polkadot"])


def debian_layer() -> Path:
    """Debian for arm64 with the user polkadot; four minutes, as an emulator runs its scripts."""
    return rootfs._layer("guest-debian", rootfs._key(rootfs.SUITE, *PACKAGES, "1"), _build_debian)


def _build_engines(root: Path) -> None:
    """Compile the programs that hold engines."""
    target = root / "usr/local/bin"
    target.mkdir(parents=True)
    for name, flags in ENGINES.items():
        rootfs._run([*_GCC, *flags, "-o", str(target / name), str(_ENGINES_SOURCE)])


def _build_nspawn(root: Path) -> None:
    """Take the one program out of its package: it needs no script of it, and no other package."""
    with tempfile.TemporaryDirectory(prefix=".nspawn-", dir=rootfs.cache_dir()) as directory:
        unpacked = debs.Repository(rootfs.SUITE, Path(directory)).unpack("systemd-container")
        (root / "usr/bin").mkdir(parents=True)
        shutil.copy(unpacked / _NSPAWN, root / _NSPAWN)


def nspawn_layer() -> Path:
    """systemd-nspawn, the smallest container runtime there is for a guest."""
    return rootfs._layer("guest-nspawn", rootfs._key(rootfs.SUITE, _NSPAWN, "1"), _build_nspawn)


def engines_layer() -> Path:
    """The programs of engines.c, as a PIE and not as one."""
    key = rootfs._key(_ENGINES_SOURCE.read_bytes(), *_GCC, repr(ENGINES), "1")
    return rootfs._layer("guest-engines", key, _build_engines)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file into the root."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def _configure(root: Path, public_key: str) -> None:
    """Make the root boot fast and be reached by ssh; the node is there, and off."""
    for unit in MASKED:
        rootfs._link(root, "etc/systemd/system/" + unit, "/dev/null")
    wants = root / "etc/systemd/system/multi-user.target.wants"
    rootfs._link(wants, "systemd-networkd.service", "/lib/systemd/system/systemd-networkd.service")
    (wants / "polkadot.service").unlink()
    library = next((root / rootfs.NODE_DIR).glob("wasmtime/linux-aarch64/*.so"))
    rootfs._link(root, LIBRARY.lstrip("/"), "/" + str(library.relative_to(root)))
    _write(root / "etc/systemd/network/10-virtio.network", _NETWORK)
    _write(root / "etc/fstab", FSTAB)
    _write(root / "etc/hosts", "127.0.0.1 localhost\n")
    _write(root / "etc/apt/sources.list", "")
    _write(root / "etc/machine-id", "0" * 31 + "1\n", 0o444)
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    _write(root / "root/.ssh/authorized_keys", public_key, 0o600)
    for name in _UPDATED:
        _write(root / name, f"TIMESTAMP_NSEC={time.time_ns()}\n")


def _build_image(target: Path, layers: list[Path]) -> None:
    """Stack the layers in a directory and make a file system of it."""
    key = target / "id_ed25519"
    rootfs._run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "guest", "-f", str(key)])
    with tempfile.TemporaryDirectory(prefix=".guest-root-", dir=rootfs.cache_dir()) as directory:
        root = Path(directory)
        root.chmod(0o755)
        for layer in layers:
            rootfs._run(["cp", "-a", "--reflink=auto", f"{layer}/.", str(root)])
        _configure(root, key.with_suffix(".pub").read_text(encoding="utf-8"))
        shutil.copyfile(root / "etc/ssh/ssh_host_ed25519_key.pub", target / "host_key.pub")
        rootfs._run(["mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", str(root), str(target / "disk.ext4"), DISK_SIZE])


def _inputs() -> str:
    """Hash the configuration of the disk; the layers are told by their names."""
    return rootfs._key(*MASKED, DISK_SIZE, _NETWORK, FSTAB, *_UPDATED, LIBRARY, "1")


def image() -> Image:
    """The disk, from the cache or made now."""
    layers = [debian_layer(), rootfs.wasmtime_layer("aarch64"), rootfs.node_layer(), engines_layer(), nspawn_layer()]
    key = rootfs._key(_inputs(), *(layer.name for layer in layers))
    directory = rootfs._layer("guest-image", key, lambda target: _build_image(target, layers))
    return Image(
        disk=directory / "disk.ext4",
        private_key=directory / "id_ed25519",
        host_key=(directory / "host_key.pub").read_text(encoding="utf-8").strip(),
    )
