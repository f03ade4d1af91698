# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release is what it should be, and which hosts could run it. Private to this collection."""

from __future__ import annotations

import glob
import json
import os

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError, format_human
from ansible_collections.aarch64.validator.plugins.plugin_utils._release import checked_manifest
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._recorded import host_names
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._binary import FIXED_WASMTIME, version_tuple
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._release import misfits
from ansible_collections.aarch64.validator.plugins.plugin_utils._sound import sound_facts

LARGEST_PAGE = 65536  # of a Linux kernel for arm64 (CONFIG_ARM64_64K_PAGES)
MUSL = ("musl: where a pool is refused it says `Out of memory (os error 12)`, which advice on the web does not know; its "
        "programs are position independent like any other, so that no more pools fit; hosts with glibc run only static ones")


def recorded_facts(directory: str, names: list | None = None) -> dict:
    """Facts by host, of the files that an audit has written; of all hosts, or those named.

    Raises ValueError for a file that cannot be used.
    """
    found = {}
    host_of = host_names(names)
    for path in sorted(glob.glob(os.path.join(glob.escape(directory), "*.json"))):
        host = host_of(os.path.basename(path))
        if names is not None and host not in names:
            continue
        try:
            with open(path, encoding="utf-8") as stream:
                facts = json.load(stream)
            found[host] = sound_facts(facts)
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise ValueError(f"{path} holds no recorded facts ({error}); have the playbook audit write them anew") from error
    return found


def older_libc(builder: dict, hosts: dict, target: str) -> list:
    """``["val-1 has glibc 2.36"]``: hosts with an older glibc than the build host, which may not run what is linked there.

    Empty where the build is for another machine, since then it is not linked with the build host's own.
    """
    own = builder.get("libc") or {}
    machine = (builder.get("host") or {}).get("machine")
    if own.get("name") != "glibc" or (target and target.split("-")[0] != machine) or "musl" in target:
        return []
    return [f"{name} has glibc {facts['libc']['version']}" for name, facts in sorted(hosts.items())
            if facts["libc"].get("name") == "glibc" and facts["libc"].get("version")
            and version_tuple(facts["libc"]["version"]) < version_tuple(own.get("version"))]


def release_check(manifest: dict, hosts: dict) -> dict:
    """``{problems, warnings, misfits, unknown}``: why a release is of no use, what to know of it, by host why that cannot.

    hosts are facts by host; those without any are unknown. Raises OptionError for a manifest that cannot be used.
    """
    checked_manifest(manifest, "manifest")
    try:
        return _checked(manifest, hosts)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:  # a part that is not what it should be
        raise OptionError("manifest", repr(error)[:80], "a manifest as node_build writes it") from error


def _checked(manifest: dict, hosts: dict) -> dict:
    """The result of release_check() for a manifest whose names are sound."""
    machine = manifest["inputs"]["target"].split("-")[0]
    problems, warnings = [], []
    for binary in manifest["binaries"]:
        facts, name = binary["facts"], binary["name"]
        if facts.get("machine") != machine:
            problems.append(f"{name} is for {facts.get('machine')}, but it was built for {manifest['inputs']['target']}")
        if machine == "aarch64":
            warnings += _of_arm64(name, facts)
        if facts.get("libc") == "musl" or "musl" in manifest["inputs"]["target"]:
            warnings.append(f"{name}: {MUSL}")
    if manifest["dirty"]:
        warnings.append("no revision says what was built; do not deliver it to nodes that matter")
    found = {name: misfits(sound_facts(facts), manifest) for name, facts in sorted(hosts.items()) if facts}
    return {"problems": problems, "warnings": list(dict.fromkeys(warnings)),
            "misfits": {name: why for name, why in found.items() if why},
            "unknown": sorted(name for name, facts in hosts.items() if not facts)}


def _of_arm64(name: str, facts: dict) -> list:
    """What keeps a program from being one for all arm64 kernels, or makes it a risk on any."""
    warnings = []
    alignment, pages, wasmtime = facts.get("page_alignment"), facts.get("jemalloc_page_size"), facts.get("wasmtime_version")
    if alignment and alignment < LARGEST_PAGE:
        # Without -Wl, whose commas would make three flags of it on a command line of ansible-playbook.
        warnings.append(f"{name}: its segments are aligned to {format_human(alignment)}; kernels with larger pages cannot load "
                        "it (-e node_build_rustflags=-Clink-arg=-z,-Clink-arg=max-page-size=65536)")
    if pages and pages < LARGEST_PAGE:
        warnings.append(f"{name}: its jemalloc runs on pages of {format_human(pages)} at most (JEMALLOC_SYS_WITH_LG_PAGE=16)")
    if wasmtime and version_tuple(wasmtime) < FIXED_WASMTIME:
        fixed = ".".join(str(number) for number in FIXED_WASMTIME)
        warnings.append(f"{name}: wasmtime-miscompile: it has Wasmtime {wasmtime}, which compiles wrong code for aarch64; "
                        f"{fixed} is fixed")
    return warnings
