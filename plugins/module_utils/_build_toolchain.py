# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cargo builds a source, and what it lacks to do so. Private to this collection.

A toolchain of rustup is used by its own programs and never through rustup's stand-ins, which would download what a
toolchain file names. Nothing is installed: what is missing is named, with the command that gets it.
"""

from __future__ import annotations

import os
import re
import shutil
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._child import NoAnswer, ask
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._toml import parse_toml
from ansible_collections.aarch64.validator.plugins.module_utils._toolchain import release, toolchain_files

SECONDS = 60  # the first start of a compiler from a slow disk
CHANNEL = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
NUMBERED = re.compile(r"\A([0-9]+)\.([0-9]+)(?:\.([0-9]+))?\Z")
RUSTUP = "https://rustup.rs"
_CARGO_HOMES = ("~/.cargo/bin", "/usr/local/cargo/bin", "/opt/cargo/bin")
_RUSTUP_HOMES = ("~/.rustup", "/usr/local/rustup", "/opt/rustup")
_DEBIAN = {"aarch64": "arm64", "x86_64": "amd64", "riscv64gc": "riscv64"}
_CROSS_LINKERS = {"aarch64-unknown-linux-gnu": ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
                  "x86_64-unknown-linux-gnu": ("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu")}


class BuildError(Exception):
    """Why there is no build, as one message for the operator, without secrets; options stand in it as ``O(dir)``."""

    def __init__(self, message: str, log: t.Sequence[str] = (), actions: t.Sequence[str] = ()) -> None:
        super().__init__(redact_text(message))
        self.log = [redact_text(line) for line in log]  # the end of what cargo has said
        self.actions = list(actions)  # what was changed all the same


class Toolchain(t.NamedTuple):
    """The programs that build, and why they."""

    channel: str  # what is asked for, such as 1.88.0 or stable
    asked_by: str  # the toolchain file, or the option
    file: dict | None  # channel, targets, components and profile of the toolchain file
    name: str | None  # what rustup calls it; None for a cargo without rustup
    cargo: str
    rustc: str
    version: str  # ``1.63.0 (commit, date)`` as the compiler says it
    host: str  # its own triple


def find_toolchain(source: str, fallback: str, cargo: str | None) -> Toolchain:
    """The toolchain for a source directory. fallback is the channel where the source asks for none. Raises BuildError."""
    path, file = toolchain_file(source)
    asked = (file or {}).get("channel")
    channel, asked_by = (asked, path) if asked else (fallback, "O(toolchain)")
    program = find_cargo(cargo, channel)
    if os.path.basename(os.path.realpath(program)) == "rustup":
        name, directory = installed_toolchain(channel, asked_by, file)
        cargo_path, rustc = os.path.join(directory, "bin/cargo"), os.path.join(directory, "bin/rustc")
    else:
        # /usr/bin/cargo may be a link to a versioned program, whose compiler is still the one beside the link.
        name, cargo_path, rustc = None, program, os.path.join(os.path.dirname(program), "rustc")
    for path in (cargo_path, rustc):
        if not os.access(path, os.X_OK):
            raise BuildError(f"{os.path.basename(path)} is missing: {path} is no program. {how_to_get(channel)}")
    version, host = compiler_version(rustc)
    if name is None and not satisfies(version, channel):
        raise BuildError(f"{rustc} is Rust {version.split()[0]}, but {asked_by} asks for {channel}. {how_to_get(channel)}")
    return Toolchain(channel, asked_by, file, name, cargo_path, rustc, version, host)


def toolchain_file(source: str) -> tuple:
    """``(path, {channel, targets, components, profile})`` of the toolchain file that counts for a source, or two times None.

    Raises BuildError for one that cannot be followed: without it, another compiler would build than the source asks for.
    """
    unread = []  # type: list[dict]
    files = toolchain_files([source], unread)
    if unread:
        raise BuildError("{path} cannot be read ({reason}), and the source is built with the toolchain that it asks for"
                         .format(**unread[0]))
    if not files:
        return None, None
    path, file = files[0]["path"], {key: value for key, value in files[0].items() if key != "path"}
    with open(path, encoding="utf-8", errors="replace") as stream:
        elsewhere = parse_toml(stream.read()).get(("toolchain", "path"))
    if elsewhere:
        raise BuildError(f"{path} asks for the toolchain in {elsewhere} by its path, which is not followed; name a channel there")
    if not any(file.values()) or (file["channel"] is not None and not CHANNEL.match(file["channel"])):
        raise BuildError(f"{path} asks for {file['channel'] or 'no toolchain'}, and rustup would refuse it too; write a channel "
                         'there, such as: [toolchain] and below it channel = "1.88.0"')
    return path, file


def find_cargo(asked: str | None, channel: str) -> str:
    """The path of cargo: the one asked for, else of PATH or of the usual homes. Raises BuildError."""
    if asked:
        if not (os.path.isfile(asked) and os.access(asked, os.X_OK)):
            raise BuildError(f"O(cargo): {asked} is no program; give the path of cargo, or leave it out to have it found")
        return os.path.abspath(asked)
    places = os.environ.get("PATH", os.defpath).split(os.pathsep) + [os.path.expanduser(path) for path in _CARGO_HOMES]
    found = shutil.which("cargo", path=os.pathsep.join(places))
    if found is None:
        raise BuildError("cargo is missing: it is neither in PATH nor in {}. {}".format(
            " or ".join(_CARGO_HOMES), how_to_get(channel)))
    return os.path.abspath(found)


def how_to_get(channel: str) -> str:
    """One sentence on how a toolchain comes to a host."""
    return (f"Get it from the packages of the distribution (cargo and rustc), or install rustup (its package, or {RUSTUP}) "
            f"and run: rustup toolchain install {channel}")


def installed_toolchain(channel: str, asked_by: str, file: dict | None) -> tuple:
    """``(name, directory)`` of the toolchain that rustup has for a channel. Raises BuildError."""
    homes = [os.environ["RUSTUP_HOME"]] if os.environ.get("RUSTUP_HOME") else [os.path.expanduser(path) for path in _RUSTUP_HOMES]
    have = []
    for home in homes:
        directory = os.path.join(home, "toolchains")
        names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
        name = chosen(names, channel)
        if name:
            return name, os.path.join(directory, name)
        have += names
    targets = "".join(f" --target {target}" for target in (file or {}).get("targets") or [])
    components = "".join(f" --component {component}" for component in (file or {}).get("components") or [])
    installed = ", ".join(have) or "none"
    raise BuildError(f"the toolchain {channel}, which {asked_by} asks for, is not installed (installed: {installed}). "
                     f"Get it with: rustup toolchain install {channel}{targets}{components}")


def chosen(names: list, channel: str) -> str | None:
    """Of the toolchains of rustup the one that serves a channel: its very name, or the channel for this host."""
    if channel in names:
        return channel
    own = os.uname().machine
    matching = [name for name in names if name.startswith(f"{channel}-{own}-")]
    return matching[0] if matching else None


def satisfies(version: str, channel: str) -> bool:
    """Whether a compiler without rustup is what a channel means: a release, or any of the same kind."""
    found = release(version.split()[0]) or ""
    match = NUMBERED.match(channel)
    if match:
        wanted = [part for part in match.groups() if part is not None]
        return found.split("-")[0].split(".")[:len(wanted)] == wanted and "-" not in found
    kind = next((name for name in ("nightly", "beta") if channel.startswith(name)), None)
    return ("-" + kind) in found if kind else channel == "stable" and "-" not in found


def compiler_version(rustc: str) -> tuple:
    """``(version, host triple)`` as the compiler says them. Raises BuildError."""
    output = answer_of([rustc, "--version", "--verbose"])
    first = output.splitlines()[0] if output else ""
    host = re.search(r"^host: (\S+)$", output, re.MULTILINE)
    if not first.startswith("rustc ") or host is None:
        raise BuildError(f"{rustc} does not say what it is: {first or 'no output'}")
    return first[len("rustc "):], host.group(1)


def answer_of(arguments: list) -> str:
    """What a program prints. Raises BuildError where it fails."""
    try:
        answer = ask(arguments, SECONDS, {"LC_ALL": "C"})
    except NoAnswer as error:
        raise BuildError(str(error)) from error
    if answer.status != 0:
        complaint = (answer.errors.strip() or f"exit status {answer.status}").splitlines()[0]
        raise BuildError(f"{' '.join(arguments)}: {complaint}")
    return answer.output


def check_targets(found: Toolchain, target: str, rustflags: list) -> None:
    """The standard library of the target, and of those that the toolchain file names, must be there. Raises BuildError."""
    for wanted in [target] + [name for name in (found.file or {}).get("targets") or [] if name != target]:
        flags = rustflags if wanted == target else []
        try:
            directory = answer_of([found.rustc, *flags, "--print", "target-libdir", "--target", wanted]).strip()
        except BuildError as error:
            if not flags:
                raise BuildError(f"O(target): {found.rustc} does not know {wanted} ({error})") from None
            raise BuildError(f"O(rustflags): {found.rustc} does not take them ({error})") from None
        # Only these two are of every target; what has no operating system has no std.
        names = os.listdir(directory) if os.path.isdir(directory) else []
        if not any(name.startswith(("libcore-", "libstd-")) for name in names):
            raise BuildError(missing_target(found, wanted))


def missing_target(found: Toolchain, target: str) -> str:
    """How to get the standard library of a target."""
    if found.name is not None:
        way = f"rustup target add {target} --toolchain {found.name}"
    else:
        machine = _DEBIAN.get(target.split("-")[0], target.split("-")[0])
        way = (f"apt-get install libstd-rust-dev:{machine} (Debian, after dpkg --add-architecture {machine} and apt-get update), "
               f"or with rustup: rustup target add {target}")
    return f"the standard library for {target} is missing beside {found.rustc}. Get it with: {way}"


def cross_linker(found: Toolchain, target: str, asked: str | None) -> str | None:
    """The linker for a target that is not the host's own; None where cargo's own choice is right. Raises BuildError."""
    if asked:
        path = shutil.which(asked)
        if path is None:
            raise BuildError(f"O(linker): {asked} is no program in PATH; give its name or path, or leave it out")
        return path
    if target.split("-")[0] == found.host.split("-")[0]:
        return None
    name, package = _CROSS_LINKERS.get(target, (None, None))
    if name is None:
        raise BuildError(f"O(linker): give one for {target}, since the toolchain is of {found.host}")
    path = shutil.which(name)
    if path is None:
        raise BuildError(f"{name}, which links for {target}, is missing. Get it with: apt-get install {package} (Debian)")
    return path
