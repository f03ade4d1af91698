# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about the program of a node and what it was built with. None can refuse a memory pool. Private to this collection."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import format_human
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import BLOCKER, RISK
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._rule import HOST, SERVICE, Subject, rule
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._state import log_evidence, program_of

BINFMT = "https://docs.kernel.org/admin-guide/binfmt-misc.html"
ELF = "https://man7.org/linux/man-pages/man5/elf.5.html"
GONE = "No such file or directory"
SYMBOLS = "https://sourceware.org/glibc/wiki/FAQ"
JEMALLOC = "https://github.com/jemalloc/jemalloc/issues/467"
ADVISORY = "https://github.com/advisories/GHSA-jhxm-h53p-jm7w"
RUSTUP = "https://rust-lang.github.io/rustup/overrides.html"
FIXED_WASMTIME = (36, 0, 7)  # GHSA-jhxm-h53p-jm7w, a miscompile of aarch64 (autonomys/subspace#3848)
FIRST_RUST, RUST_TRAIN = datetime.date(2015, 5, 15), datetime.timedelta(weeks=6)  # 1.0, and one release every six weeks
STALE_AFTER = datetime.timedelta(days=365)


def _program(subject: Subject) -> dict:
    return program_of(subject.facts, subject.service)


def _severity(subject: Subject) -> dict:
    """What would stop a node is a blocker only for one that does not run."""
    return {"severity": RISK if (subject.service or {}).get("active") else BLOCKER}


def version_tuple(text: str | None) -> tuple:
    """``36.0.7`` as (36, 0, 7); empty where there is none."""
    numbers = []
    for part in (text or "").split("-")[0].split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


@rule("foreign-architecture", SERVICE, BINFMT)
def foreign_architecture(subject: Subject) -> t.Iterator[tuple]:
    """The program was built for another machine.

    Shows: ``Exec format error``, or it runs slowly under qemu-user.
    Do: a program for this machine. No Linux arm64 build of the node is published, so build it.
    """
    machine, own = _program(subject).get("machine"), subject.facts["host"].get("machine")
    if machine and own and machine != own:
        path = (subject.service or {})["binary"]
        yield f"{path} is built for {machine}, this host is {own}", [f"binaries.machine = {machine}"], _severity(subject)
    elif "foreign-architecture" in subject.log:
        yield f"the program of {subject.name} does not fit this machine", log_evidence(
            {"foreign-architecture": subject.log["foreign-architecture"]})


@rule("program-unusable", SERVICE, ELF)
def program_unusable(subject: Subject) -> t.Iterator[tuple]:
    """The program file of a service is damaged, gone, or no program at all.

    Shows: ``Exec format error``, ``No such file or directory``, or nothing while the old program still runs: a file that
    was replaced under a running node counts at its next start only.
    Why: a download or a copy that broke off, a page of an error in place of the program, a full disk, a removed package.
    Do: install the program again and compare its checksum, before anything restarts the node.
    """
    error, path = _program(subject).get("error"), (subject.service or {}).get("binary")
    unreadable = {item["path"] for item in subject.facts.get("unread") or [] if item["reason"] != GONE}
    if error and path not in unreadable:
        yield f"{path} cannot be started: {error}", [f"binaries.error = {error}"], _severity(subject)


@rule("libc-mismatch", SERVICE, SYMBOLS)
def libc_mismatch(subject: Subject) -> t.Iterator[tuple]:
    """The program wants another C library than there is where it runs: on this host, or in its container or root directory.

    Shows: ``version `GLIBC_2.38' not found``, or "not found" for a file that is there (its loader is missing).
    Why: it was built on a newer distribution, or for musl on a glibc host, or the reverse. An Alpine image has musl alone.
    Do: build on the oldest distribution of the fleet, or upgrade the host. For a container, take an image with the C library
    that the program was built for, such as debian:stable-slim for glibc.
    """
    program, service = _program(subject), subject.service or {}
    libc = service.get("libc") or subject.facts.get("libc") or {}
    wanted, has = program.get("glibc_wanted"), libc.get("version")
    kinds = program.get("libc"), libc.get("name")
    path, where = service.get("binary"), _root_text(service)
    if kinds == ("glibc", "glibc") and wanted and has and version_tuple(wanted) > version_tuple(has):
        evidence = [f"glibc_wanted = {wanted}", f"libc.version = {has}"]
        yield f"{path} wants glibc {wanted}, {where} has {has}", evidence, _severity(subject)
    elif _has_no_loader(subject, program, kinds):
        evidence = [f"binaries.libc = {kinds[0]}"]
        if program.get("interpreter_found") is False:
            evidence.append("its loader {} is not there".format(program["interpreter"]))
        yield f"{path} wants {kinds[0]}, {where} has {kinds[1] or 'none of it'}", evidence, _severity(subject)
    elif "libc-mismatch" in subject.log:
        evidence = log_evidence({"libc-mismatch": subject.log["libc-mismatch"]})
        yield f"{subject.name} wants another C library than this host has", evidence


def _has_no_loader(subject: Subject, program: dict, kinds: tuple) -> bool:
    """Whether a program finds no loader of its C library: by the file, or, where nobody looked, by the names of both."""
    if kinds[0] in (None, "static") or program.get("machine") not in (None, subject.facts["host"].get("machine")):
        return False
    if program.get("interpreter_found") is None:
        return kinds[1] is not None and kinds[0] != kinds[1]
    return not program["interpreter_found"]


def _root_text(service: dict) -> str:
    """Where a service finds its files."""
    if service.get("container"):
        return "its container"
    return "its root directory" if service.get("own_root") or service.get("root_directory") else "this host"


@rule("page-size-unsupported", SERVICE, JEMALLOC)
def page_size_unsupported(subject: Subject) -> t.Iterator[tuple]:
    """The program cannot run on pages of this size.

    Shows: ``<jemalloc>: Unsupported system page size``, then ``memory allocation of N bytes failed``.
    Why: jemalloc has the largest page size compiled in; a binary built on a 4K kernel aborts on 16K or 64K pages. No
    environment variable helps.
    Do: rebuild with ``JEMALLOC_SYS_WITH_LG_PAGE=16``, which runs on 4K, 16K and 64K pages. Booting a 4K kernel instead
    (``kernel=kernel8.img`` on a Raspberry Pi 5) brings 39 bits of address space, and with them the refused pool.
    """
    program, size = _program(subject), subject.facts["kernel"].get("page_size") or 0
    path = (subject.service or {}).get("binary")
    built_for, alignment = program.get("jemalloc_page_size"), program.get("page_alignment")
    if built_for and built_for < size:
        summary = "jemalloc in {} was built for pages of {}, this kernel has {}; rebuild with JEMALLOC_SYS_WITH_LG_PAGE=16"
        evidence = [f"jemalloc_page_size = {built_for}", f"kernel.page_size = {size}", *_trap(subject)]
        yield summary.format(path, format_human(built_for), format_human(size)), evidence, _severity(subject)
    elif alignment and alignment < size:
        summary = f"segments of {path} are aligned to {format_human(alignment)}, this kernel has pages of {format_human(size)}"
        yield summary, [f"page_alignment = {alignment}", f"kernel.page_size = {size}"], _severity(subject)
    elif "page-size-unsupported" in subject.log:
        evidence = log_evidence({"page-size-unsupported": subject.log["page-size-unsupported"]}) + _trap(subject)
        yield f"{subject.name} cannot run on pages of {format_human(size)}; rebuild with JEMALLOC_SYS_WITH_LG_PAGE=16", evidence


def _trap(subject: Subject) -> list:
    """The cure that would bring the other fault."""
    if subject.facts["kernel"].get("page_size") == 16384:
        return ["do not boot the 4K kernel (kernel8.img) instead: it has 39 bits of address space, too few for memory pools"]
    return []


@rule("wasmtime-miscompile", SERVICE, ADVISORY)
def wasmtime_miscompile(subject: Subject) -> t.Iterator[tuple]:
    """Wasmtime before 36.0.7 compiles wrong code for aarch64.

    Shows: nothing, or a node that disagrees with others. The version stands in the program file.
    Why: GHSA-jhxm-h53p-jm7w. A pool of 194 or 386 GiB is of Wasmtime 8, which is older too.
    Do: a node release with Wasmtime 36.0.7 or newer (polkadot-sdk#11793).
    """
    if subject.facts["host"].get("machine") != "aarch64":
        return
    version = ((subject.service or {}).get("node") or {}).get("wasmtime_version")
    if version and version_tuple(version) < FIXED_WASMTIME:
        summary = f"{subject.name} has Wasmtime {version}, which miscompiles on aarch64; 36.0.7 is fixed"
        yield summary, [f"node.wasmtime_version = {version}"]


@rule("toolchain-stale", HOST, RUSTUP)
def toolchain_stale(subject: Subject) -> t.Iterator[tuple]:
    """The Rust compiler of this host is more than a year old.

    Shows: the newest ``rustc`` found. New releases of the node may not build.
    Do: ``rustup update stable``.
    """
    today = (subject.facts["host"].get("time") or "")[:10]
    versions = [version_tuple(toolchain.get("rustc")) for _user, toolchain in _toolchains(subject)]
    system = ((subject.facts.get("toolchain") or {}).get("system") or {}).get("rustc")
    newest = max([version for version in [*versions, version_tuple(system)] if len(version) >= 2], default=None)
    if newest is None or not today or newest[0] != 1:
        return
    released = FIRST_RUST + RUST_TRAIN * newest[1]
    if datetime.date.fromisoformat(today) - released > STALE_AFTER:
        text = ".".join(str(number) for number in newest)
        yield f"the newest Rust compiler here is {text}, of {released:%B %Y}", [f"toolchain: rustc {text}"]


@rule("toolchain-mismatch", HOST, RUSTUP)
def toolchain_mismatch(subject: Subject) -> t.Iterator[tuple]:
    """A Rust toolchain is not the one that the source or the machine asks for.

    Shows: the channel in ``rust-toolchain.toml`` is not installed, or a toolchain runs on another machine's code.
    Do: ``rustup show`` in the source directory, then ``rustup toolchain install`` what it names.
    """
    own = subject.facts["host"].get("machine")
    for user, toolchain in _toolchains(subject):
        machine = (toolchain.get("host") or "").split("-")[0]
        if machine and own and machine != own:
            name = toolchain["name"]
            yield f"toolchain {name} of {user} is for {machine}, this host is {own}", [f"toolchain: {name}"]
    installed = {toolchain.get("channel") for _user, toolchain in _toolchains(subject)}
    for wanted in (subject.facts.get("toolchain") or {}).get("files") or []:
        channel = wanted.get("channel")
        if channel and installed and channel not in installed:
            evidence = ["installed: " + ", ".join(sorted(map(str, installed)))]
            yield "{} wants Rust {}, which is not installed".format(wanted["path"], channel), evidence


def _toolchains(subject: Subject) -> list:
    users = (subject.facts.get("toolchain") or {}).get("users") or {}
    return [(user, toolchain) for user, held in sorted(users.items()) for toolchain in held.get("toolchains") or []]
