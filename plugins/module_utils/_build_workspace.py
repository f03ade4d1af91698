# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a workspace has to build: packages, binaries, features and profiles. Private to this collection.

Cargo would say all this too, but only when the artefacts of hours have been removed for a name that was mistyped.
"""

from __future__ import annotations

import json
import os

from ansible_collections.aarch64.validator.plugins.module_utils._build_toolchain import BuildError, Toolchain
from ansible_collections.aarch64.validator.plugins.module_utils._child import NoAnswer, ask
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.module_utils._toml import parse_toml

SECONDS = 120  # a workspace of some hundred packages on a slow disk
SHOWN = 20
PROFILES = ("bench", "dev", "release", "test")  # cargo's own
_CONFIGURATIONS = (".cargo/config.toml", ".cargo/config")


def check_workspace(found: Toolchain, source: str, options: dict) -> None:
    """Raises OptionError for a package, binary, feature or profile that is not there, BuildError for a broken workspace."""
    workspace = read_workspace(found, source)
    root = workspace["workspace_root"]
    if not os.path.isfile(os.path.join(root, "Cargo.lock")):
        raise BuildError(f"Cargo.lock of the source is missing in {root}; without it nobody knows which versions are built. "
                         "Commit one: cargo generate-lockfile")
    check_names(workspace, options)
    profiles = sorted(set(PROFILES) | own_profiles(source, root))
    if options["profile"] not in profiles:
        raise OptionError("profile", options["profile"], f"one that cargo or {root}/Cargo.toml has: {', '.join(profiles)}")


def read_workspace(found: Toolchain, source: str) -> dict:
    """What ``cargo metadata`` says, without dependencies, so that nothing is downloaded. Raises BuildError."""
    manifest = os.path.join(source, "Cargo.toml")
    command = [found.cargo, "metadata", "--no-deps", "--format-version", "1", "--manifest-path", manifest]
    try:
        answer = ask(command, SECONDS, {"LC_ALL": "C", "RUSTC": found.rustc, "CARGO_TERM_COLOR": "never"})
        if answer.status == 0:
            return json.loads(answer.output)
        said = answer.errors.strip().splitlines() or [f"exit status {answer.status}"]
    except (NoAnswer, ValueError) as error:
        said = [str(error)]
    first = said[0][len("error: "):] if said[0].startswith("error: ") else said[0]
    raise BuildError(f"O(source): cargo cannot read {manifest}: {first}", said[1:])


def check_names(workspace: dict, options: dict) -> None:
    """Raises OptionError for a package, binary or feature that is not of the workspace, with those that are."""
    packages = {package["name"]: package for package in workspace["packages"]}
    wanted = options["package"]
    if wanted is not None and wanted not in packages:
        raise OptionError("package", wanted, "a package of the workspace: " + _some(packages))
    chosen = [packages[wanted]] if wanted is not None else list(packages.values())
    binaries = {target["name"] for package in chosen for target in package["targets"] if "bin" in target["kind"]}
    where = f"package {wanted}" if wanted is not None else "workspace"
    for name in options["binaries"]:
        if name not in binaries:
            raise OptionError("binaries", name, f"binaries of the {where}: {_some(binaries)}")
    features = {feature for package in chosen for feature in package["features"]}
    for feature in options["features"]:
        # A feature of another package, as in polkadot-cli/db, is for cargo to find, by commands_before().
        if "/" not in feature and feature not in features | {"default"}:
            raise OptionError("features", feature, f"features of the {where}: {_some(features)}")


def own_profiles(source: str, root: str) -> set:
    """Profiles that the workspace, or a configuration of cargo that counts for it, defines."""
    paths = [os.path.join(root, "Cargo.toml")]
    directory = source
    while True:
        paths += [os.path.join(directory, name) for name in _CONFIGURATIONS]
        if directory == os.path.dirname(directory):
            break
        directory = os.path.dirname(directory)
    home = os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")
    paths += [os.path.join(home, os.path.basename(name)) for name in _CONFIGURATIONS]
    found = set()
    for path in paths:
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                found |= {key[1] for key in parse_toml(stream.read()) if key[0] == "profile" and len(key) > 2}
        except OSError:
            continue
    return found


def _some(names: object) -> str:
    listed = sorted(names)  # type: ignore[call-overload]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return (", ".join(listed[:SHOWN]) or "it has none") + more
