# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into a build: options, command, environment, and why old artefacts must go. Pure; private to this collection."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._build_toolchain import CHANNEL
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils._build_toolchain import Toolchain

# log2 of the largest page that jemalloc can run on: 64 KiB, and so also on 16 KiB and 4 KiB.
LG_PAGE = ("JEMALLOC_SYS_WITH_LG_PAGE", "16")
# What the session may hold and would change a build unseen.
HIDDEN = re.compile(r"\A(?:RUSTFLAGS|CARGO_ENCODED_RUSTFLAGS|CARGO_(?:BUILD|PROFILE|TARGET)_\w*|CARGO_INCREMENTAL|"
                    r"RUSTUP_TOOLCHAIN|RUSTC(?:_(?:WORKSPACE_)?WRAPPER|_BOOTSTRAP)?|CARGO|(?:HOST_|TARGET_)?(?:CC|CXX|AR|C(?:XX|PP)?FLAGS)"
                    r"(?:_[\w-]+)?|LDFLAGS|SKIP_WASM_BUILD|" + LG_PAGE[0] + r")\Z")
# Cargo keeps what these make apart from one another, or makes it anew by itself.
NEVER_STALE = ("binaries", "package", "profile")
_NAME = re.compile(r"\A[A-Za-z0-9_][A-Za-z0-9_-]*\Z")
_FEATURE = re.compile(r"\A[A-Za-z0-9_][A-Za-z0-9_+./?:-]*\Z")
_TRIPLE = re.compile(r"\A[a-z0-9_]+(-[a-z0-9_.]+){1,3}\Z")
_REVISION = re.compile(r"\A[A-Za-z0-9_][A-Za-z0-9_./@+-]*\Z")
_VARIABLE = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*\Z")
_DIRECTORIES = {"dev": "debug", "test": "debug", "bench": "release"}  # where cargo puts what these profiles make
MOST_SECONDS = 7 * 86400


def check_options(options: dict) -> None:
    """Raises OptionError for a value that cargo could take for something else, before anything is started."""
    names = [("package", options["package"]), ("profile", options["profile"])]
    for option, value in names + [("binaries", name) for name in options["binaries"]]:
        if value is not None and not _NAME.match(value):
            raise OptionError(option, value, "a name of letters, digits, _ and -")
    if not options["binaries"] or len(set(options["binaries"])) != len(options["binaries"]):
        raise OptionError("binaries", options["binaries"], "the names of one or more binaries, each once, that of the node first")
    for option, pattern, valid in (
        ("target", _TRIPLE, "a target triple such as aarch64-unknown-linux-gnu"),
        ("toolchain", CHANNEL, "a channel such as stable, or a release such as 1.88.0"),
        ("revision", _REVISION, "a commit, a tag or a branch"),
    ):
        if options[option] and not pattern.match(options[option]):
            raise OptionError(option, options[option], valid)
    for feature in options["features"]:
        if not _FEATURE.match(feature):
            raise OptionError("features", feature, "names of features, one in each entry of the list")
    for flag in options["rustflags"]:
        if not flag or any(character in flag for character in "\0\n\x1f"):
            raise OptionError("rustflags", flag, "flags of rustc, each in an entry of its own, without line breaks")
    for name, value in options["environment"].items():
        if not _VARIABLE.match(str(name)) or any(character in str(value) for character in "\0\n"):
            raise OptionError("environment", redact_text(f"{name}={value}"), "names of variables with texts of one line")
    for option, least, most in (("timeout", 1, MOST_SECONDS), ("wait", 0, 600), ("jobs", 1, 4096)):
        if options[option] is not None and not least <= options[option] <= most:
            raise OptionError(option, options[option], f"a whole number from {least} to {most}")


def inputs_of(options: dict, found: Toolchain, target: str, linker: str | None) -> dict:
    """Everything besides the source that decides what a build makes, as it is recorded."""
    environment = {str(name): str(value) for name, value in options["environment"].items()}
    if target.startswith("aarch64-"):
        environment.setdefault(*LG_PAGE)
    return {
        "channel": found.channel, "toolchain file": found.file, "rustc": found.version, "host": found.host, "target": target,
        "linker": linker, "package": options["package"], "binaries": list(options["binaries"]),
        "features": sorted(set(options["features"])), "default features": options["default_features"],
        "profile": options["profile"], "rustflags": list(options["rustflags"]), "environment": environment,
    }


def stale_reasons(record: dict | None, inputs: dict, source: str, artefacts: bool, asked: bool) -> list:
    """Why what lies in the build directory must be removed first; empty where it may stay.

    record is what it was made from, as far as that is known; artefacts: whether there is anything at all.
    """
    if not artefacts:
        return []
    if asked:
        return ["asked for"]
    if not record:
        return ["nothing says from what the artefacts there were made"]
    before = dict(record["inputs"], source=record["source"])
    wanted = dict(inputs, source=source)
    return [redact_text(f"{name}: {_text(wanted.get(name))}, before {_text(before.get(name))}")
            for name in sorted(set(before) | set(wanted)) if name not in NEVER_STALE and before.get(name) != wanted.get(name)]


def _text(value: t.Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={_text(one)}" for name, one in sorted(value.items()) if one) or "none"
    if isinstance(value, (list, tuple)):
        return ",".join(str(one) for one in value) or "none"
    return str(value).lower() if isinstance(value, bool) else "none" if value in (None, "") else str(value)


def cargo_command(cargo: str, inputs: dict, target_directory: str, jobs: int | None) -> list:
    """The argument list that builds. It takes the versions of Cargo.lock as they stand there."""
    command = [cargo, "build", "--locked", "--target-dir", target_directory, "--target", inputs["target"],
               "--profile", inputs["profile"]]
    command += ["--package", inputs["package"]] if inputs["package"] else []
    for name in inputs["binaries"]:
        command += ["--bin", name]
    return command + _feature_flags(inputs) + (["--jobs", str(jobs)] if jobs else [])


def _feature_flags(inputs: dict) -> list:
    flags = ["--features", ",".join(inputs["features"])] if inputs["features"] else []
    return flags + ([] if inputs["default features"] else ["--no-default-features"])


def commands_before(cargo: str, inputs: dict) -> list:
    """The argument lists that fetch all dependencies and then, where features of these are wanted, have cargo look for them."""
    commands = [[cargo, "fetch", "--locked", "--target", inputs["target"]]]
    if any("/" in feature for feature in inputs["features"]):
        look = [cargo, "tree", "--locked", "--depth", "0", "--target", inputs["target"]]
        commands.append(look + (["--package", inputs["package"]] if inputs["package"] else []) + _feature_flags(inputs))
    return commands


def build_environment(session: t.Mapping, inputs: dict, found: Toolchain) -> dict:
    """All variables of the build. The directory of the toolchain comes first, so that build scripts find the same one."""
    variables = {name: value for name, value in session.items() if not HIDDEN.match(name)}
    path = os.pathsep.join([os.path.dirname(found.cargo), session.get("PATH") or os.defpath])
    variables.update({"PATH": path, "CARGO_TERM_COLOR": "never", "CARGO_TERM_PROGRESS_WHEN": "never", "LC_ALL": "C.UTF-8"})
    if found.name is not None:
        variables["RUSTUP_TOOLCHAIN"] = found.name
    if inputs["linker"]:
        target = inputs["target"].upper().replace("-", "_").replace(".", "_")
        variables[f"CARGO_TARGET_{target}_LINKER"] = inputs["linker"]
    if inputs["rustflags"]:
        variables["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(inputs["rustflags"])
    variables.update(inputs["environment"])
    return variables


def made_files(inputs: dict, target_directory: str) -> dict:
    """Where cargo leaves each binary, by name."""
    directory = _DIRECTORIES.get(inputs["profile"], inputs["profile"])
    return {name: os.path.join(target_directory, inputs["target"], directory, name) for name in inputs["binaries"]}


def release_name(binaries: list, revision: str | None, dirty: bool, digest: str) -> str:
    """``polkadot-1a2b3c4d5e6f-0123abcd``: the node, the commit, and the beginning of a SHA-256 of its files."""
    parts = [binaries[0], (revision or "")[:12], "dirty" if revision and dirty else "", digest[:8]]
    return "-".join(part for part in parts if part)
