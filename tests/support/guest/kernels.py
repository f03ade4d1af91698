# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernels of the guests: two that are built, and two of Debian's own.

What matters about a kernel here is its page size and how much address space
a process has.  Debian's kernels have none of the small address spaces, so
those are built from Debian's source.

A cached kernel is taken whatever its version; only where there is none is
the version of the day looked up.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import rootfs

from . import debs

_FRAGMENTS = Path(__file__).resolve().parent / "kernel"
SOURCE = Path("/usr/src/linux-source-6.1.tar.xz")
_MAKE = ("nice", "-n", "10", "make", "ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-")
_IMAGE = "Image"
_INITRD = "initrd"


@dataclass(frozen=True)
class Kernel:
    """One kind of kernel: SUITE and PACKAGE for one of Debian's, nothing for one that is built."""

    name: str
    suite: str = ""
    package: str = ""
    cpu: str = "cortex-a72"

    @property
    def built(self) -> bool:
        """Whether this kernel is built here."""
        return not self.package


@dataclass(frozen=True)
class BootFiles:
    """What qemu loads."""

    image: Path
    initrd: Path | None


KERNELS = {
    kernel.name: kernel
    for kernel in (
        Kernel("va39"),
        Kernel("pg64k"),
        Kernel("va48", "bookworm", "linux-image-cloud-arm64"),
        # The kernel asks whether the processor knows 16K pages; the smaller model does not.
        Kernel("pg16k", "trixie", "linux-image-arm64-16k", "cortex-a76"),
    )
}


def _fragments(kernel: Kernel) -> list[Path]:
    """The configuration of a kernel that is built, to be merged over tinyconfig."""
    return [_FRAGMENTS / "arm-vm.config", _FRAGMENTS / f"{kernel.name}.config"]


def _options(fragment: Path) -> list[str]:
    """The options of a fragment; its comments decide nothing."""
    lines = fragment.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("CONFIG_")]


def _inputs(kernel: Kernel) -> str:
    """Hash what a kernel is made from, but for the version."""
    if kernel.built:
        return rootfs._key(*_MAKE, *(line for path in _fragments(kernel) for line in _options(path)), "1")
    return rootfs._key(kernel.suite, kernel.package, debs.INITRD_KEY, "1")


def cached(kernel: Kernel) -> Path | None:
    """The newest kernel of this kind in the cache, if there is one."""
    found = rootfs.cache_dir().glob(f"guest-{kernel.name}-{_inputs(kernel)}-*")
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _source_version() -> str:
    """The version of Debian's source package on this machine."""
    command = ["dpkg-query", "--show", "--showformat=${Version}", "linux-source-6.1"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _configure(kernel: Kernel, source: Path, make: list[str]) -> None:
    """Merge the fragments over tinyconfig, and see that they were taken."""
    rootfs._run([*make, "tinyconfig"])
    merge = ["env", "-C", str(source), "scripts/kconfig/merge_config.sh", "-m", ".config"]
    rootfs._run([*merge, *map(str, _fragments(kernel))])
    rootfs._run([*make, "olddefconfig"])
    taken = (source / ".config").read_text(encoding="utf-8").splitlines()
    refused = [line for line in _options(_fragments(kernel)[-1]) if line not in taken]
    if refused:
        raise RuntimeError(f"this kernel source does not take {', '.join(refused)}")


def _build_from_source(kernel: Kernel, target: Path) -> None:
    """Build a kernel without modules; it needs no initrd."""
    with tempfile.TemporaryDirectory(prefix=".guest-source-", dir=rootfs.cache_dir()) as directory:
        source = Path(directory)
        rootfs._run(["tar", "--extract", "--strip-components=1", f"--directory={source}", f"--file={SOURCE}"])
        make = [*_MAKE, f"--directory={source}", f"--jobs={os.cpu_count()}"]
        _configure(kernel, source, make)
        rootfs._run([*make, "Image.gz"])
        shutil.copyfile(source / "arch/arm64/boot/Image.gz", target / _IMAGE)
        shutil.copyfile(source / ".config", target / "config")


def _build_from_debian(repository: debs.Repository, package: debs.Package, target: Path) -> None:
    """Take the kernel out of Debian's package, and make an initrd of its modules."""
    kernel = repository.unpack(package.name)
    shutil.copyfile(next(kernel.glob("boot/vmlinuz-*")), target / _IMAGE)
    debs.make_initrd(kernel, repository.unpack("busybox-static"), repository.directory / "initrd", target / _INITRD)


def layer(kernel: Kernel) -> Path:
    """The directory of a kernel, from the cache or made now."""
    there = cached(kernel)
    if there is not None:
        return there
    kind = f"guest-{kernel.name}"
    if kernel.built:
        key = f"{_inputs(kernel)}-{_source_version()}"
        return rootfs._layer(kind, key, lambda target: _build_from_source(kernel, target))
    with tempfile.TemporaryDirectory(prefix="aarch64-validator-") as directory:
        repository = debs.Repository(kernel.suite, Path(directory))
        package = repository.resolve(kernel.package)
        key = f"{_inputs(kernel)}-{package.version}"
        return rootfs._layer(kind, key, lambda target: _build_from_debian(repository, package, target))


def files(kernel: Kernel) -> BootFiles:
    """What qemu needs to boot this kernel."""
    directory = layer(kernel)
    initrd = directory / _INITRD
    return BootFiles(directory / _IMAGE, initrd if initrd.exists() else None)
