# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Rust toolchains a host has, by their files; nothing is executed. Private to this collection.

Where versions lie: in the channel manifest that rustup keeps inside a toolchain, in the ``.comment`` of bin/rustc (a
release is compiled by itself), in dpkg's status, and in the name by which rustup introduces itself to servers.
Homes belong to their users: only regular files are read, and not much of them.
"""

from __future__ import annotations

import glob
import os
import re
import stat

from ansible_collections.aarch64.validator.plugins.module_utils._elf import binary_facts
from ansible_collections.aarch64.validator.plugins.module_utils._elf_strings import windows
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_text
from ansible_collections.aarch64.validator.plugins.module_utils._toml import parse_toml

MAX_TOOLCHAINS = 50
_MAX_TOML = 1 << 18
_MAX_MANIFEST = 4 << 20  # that of 1.95 has 1 MB
_MAX_DPKG = 16 << 20
_MAX_PROGRAM = 64 << 20  # rustup 1.29 has 20 MB
_SHARED_HOMES = (("/usr/local/rustup", "/usr/local/cargo"), ("/opt/rustup", "/opt/cargo"))  # the first is that of Docker's rust
_FALLBACK = "/etc/rustup/settings.toml"  # rustup's own, for users who chose no default
_STANZA = re.compile(r"\nPackage: ((rustc|cargo|rustup)(-[0-9]+\.[0-9]+|-web|-mozilla)?)\n((?:.+\n?)*)")
_AGENT = re.compile(rb"rustup/([0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.]+)?) \(")
# Begins with plain text, which is found many times faster than the beginning of a line.
_PACKAGE = re.compile(r'\n\[pkg\.(rustc|cargo)\]\s*\nversion\s*=\s*"([^"\s]+)')
_RELEASE = re.compile(r"(?:[0-9]+:)?([0-9]+\.[0-9]+(?:\.[0-9]+)?(?:-(?:beta|nightly|dev)(?:\.[0-9]+)?)?)")
_TRIPLE = r"[a-z0-9_]+(?:-[a-z0-9_.]+){1,3}"
_CHANNEL = r"(?:stable|beta|nightly|[0-9]+\.[0-9]+(?:\.[0-9]+)?(?:-beta(?:\.[0-9]+)?)?)(?:-[0-9]{4}-[0-9]{2}-[0-9]{2})?"
_NAME = re.compile(r"\A(" + _CHANNEL + r")(?:-(" + _TRIPLE + r"))?\Z")


def toolchain_facts(homes: dict, sources: list, unread: list, root: str = "") -> dict:
    """Toolchains by user, those of the system, and what source directories ask for.

    ``{users: {name: {rustup, default, toolchains}}, system: {rustc, cargo, rustup, host, source, default, toolchains},
    files: [{path, channel, targets, components, profile}]}``; homes are home directories by user. ``rustup`` of a user
    is None or ``{version, home, profile, overrides}``; a toolchain is ``{name, channel, host, rustc, cargo}``. Releases
    are as ``--version`` prints them, without commit and date; None for what could not be told. ``source`` is ``dpkg``,
    ``binary`` or None. What is missing is normal, what may not be read is added to unread.
    """
    fallback = _settings(_text(root + _FALLBACK, unread, _MAX_TOML) or "").get(("default_toolchain",))
    users = {name: _home_facts(os.path.join(home, ".rustup"), os.path.join(home, ".cargo"), fallback, unread)
             for name, home in homes.items() if home.startswith("/") and "\0" not in home}
    return {"users": users, "system": _system_facts(root, fallback, unread), "files": toolchain_files(sources, unread)}


def _home_facts(rustup_home: str, cargo_home: str, fallback: str | None, unread: list) -> dict:
    """``{rustup, default, toolchains}`` of one installation by rustup."""
    names = _names(os.path.join(rustup_home, "toolchains"), unread)[:MAX_TOOLCHAINS]
    text = _text(os.path.join(rustup_home, "settings.toml"), unread, _MAX_TOML)
    version = rustup_version(os.path.join(cargo_home, "bin/rustup"), unread)
    if text is None and version is None and not names:
        return {"rustup": None, "default": None, "toolchains": []}
    settings = _settings(text or "")
    overrides = {key[1]: value for key, value in settings.items() if len(key) == 2 and key[0] == "overrides"}
    paths = [os.path.join(rustup_home, "toolchains", name) for name in names]
    return {
        "rustup": {"version": version, "home": rustup_home, "profile": settings.get(("profile",)), "overrides": overrides},
        "default": settings.get(("default_toolchain",)) or fallback,
        "toolchains": [toolchain(path, unread) for path in paths if os.path.isdir(path)],
    }


def _settings(text: str) -> dict:
    """What a settings.toml sets, by key; all of rustup's are texts."""
    return {key: value for key, value in parse_toml(text).items() if isinstance(value, str)}


def toolchain(path: str, unread: list) -> dict:
    """``{name, channel, host, rustc, cargo}`` of one toolchain; one that was linked by hand has no channel."""
    name = os.path.basename(path)
    rustlib = os.path.join(path, "lib/rustlib")
    match = _NAME.match(name)
    manifest = _text(os.path.join(rustlib, "multirust-channel-manifest.toml"), unread, _MAX_MANIFEST) or ""
    versions = dict(_PACKAGE.findall("\n" + manifest))
    rustc, cargo = (os.path.join(path, "bin", program) for program in ("rustc", "cargo"))
    compiler = _program(rustc, unread)
    return {
        "name": name,
        "channel": match.group(1) if match else None,
        "host": (match.group(2) if match else None) or _host(rustlib, compiler.get("machine"), unread),
        "rustc": release(versions.get("rustc")) or compiler.get("rust") if compiler else None,
        "cargo": cargo_release(versions.get("cargo")) if os.path.exists(cargo) else None,
    }


def release(text: str | None) -> str | None:
    """The release within a version such as ``1.95.0 (59807616e 2026-04-14)`` or Debian's ``1.63.0+dfsg1-2``."""
    match = _RELEASE.match(text or "")
    return match.group(1) if match else None


def cargo_release(text: str | None) -> str | None:
    """What ``cargo --version`` says: the crate cargo 0.96.0 calls itself 1.95.0 (since 0.27; newer packages say so too)."""
    found = release(text)
    match = re.match(r"0\.([0-9]{1,9})(.*)", found or "")
    return f"1.{int(match.group(1)) - 1}{match.group(2)}" if match and int(match.group(1)) >= 27 else found


def _program(path: str, unread: list) -> dict:
    """binary_facts() of a compiler; empty where there is none, or it is rustup that stands in for one."""
    if not os.path.exists(path) or os.path.basename(os.path.realpath(path)) == "rustup":
        return {}
    return binary_facts(path, unread)


def _host(rustlib: str, machine: str | None, unread: list) -> str | None:
    """The triple of a toolchain: the one it has a library for; of several, the one for the machine of its compiler."""
    triples = [name for name in _names(rustlib, unread) if os.path.isdir(os.path.join(rustlib, name, "lib"))]
    if len(triples) > 1:
        triples = [name for name in triples if machine and name[:3] == machine[:3]]
    return triples[0] if len(triples) == 1 else None


def rustup_version(path: str, unread: list) -> str | None:
    """The release of a rustup program, from the name it gives itself in requests; None also where there is none."""
    if not os.path.exists(path):
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            size = min(status.st_size, _MAX_PROGRAM) if stat.S_ISREG(status.st_mode) else 0
            for _offset, _owned, content in windows(lambda offset, length: os.pread(descriptor, length, offset), [(0, size)]):
                match = _AGENT.search(content)
                if match:
                    return match.group(1).decode()
        finally:
            os.close(descriptor)
    except OSError as error:
        unread.append({"path": path, "reason": os.strerror(error.errno or 0)})
    return None


def _system_facts(root: str, fallback: str | None, unread: list) -> dict:
    """What distribution packages, /usr/local and installations for all users have."""
    facts = {"rustc": None, "cargo": None, "rustup": None, "host": None, "source": None,
             "default": fallback, "toolchains": []}  # type: dict
    packaged = dpkg_versions(_text(root + "/var/lib/dpkg/status", unread, _MAX_DPKG) or "")
    facts.update(packaged, source="dpkg" if packaged else None)
    compilers = [_program(root + path, unread) for path in ("/usr/bin/rustc", "/usr/local/bin/rustc")]
    compiler = next((compiler for compiler in compilers if compiler), {})  # type: dict
    if not facts["rustc"] and compiler.get("rust"):
        facts.update(rustc=compiler["rust"], source=facts["source"] or "binary")
    facts["rustup"] = facts["rustup"] or rustup_version(root + "/usr/bin/rustup", unread)
    if compiler:
        libraries = [root + "/usr/lib/rustlib", root + "/usr/local/lib/rustlib"]
        libraries += sorted(glob.glob(root + "/usr/lib/rust-*/lib/rustlib"))
        hosts = [_host(path, compiler.get("machine"), unread) for path in libraries]
        facts["host"] = next((host for host in hosts if host), None)
    for rustup_home, cargo_home in _SHARED_HOMES:
        shared = _home_facts(root + rustup_home, root + cargo_home, fallback, unread)
        if shared["rustup"]:
            facts["rustup"] = facts["rustup"] or shared["rustup"]["version"]
            facts["default"] = shared["default"]
            facts["toolchains"] += shared["toolchains"]
    return facts


def dpkg_versions(status: str) -> dict:
    """``{rustc, cargo, rustup}`` of the installed packages, by dpkg's status file; a plain name beats ``rustc-1.80``."""
    found = {}  # type: dict[str, tuple]
    for _package, name, variant, fields in _STANZA.findall("\n" + status):
        version = re.search(r"^Version: (\S+)", fields, re.MULTILINE)
        text = cargo_release(version.group(1)) if version else None
        if text and re.search(r"^Status: \S+ \S+ installed$", fields, re.MULTILINE):
            rank = (not variant, [int(part) for part in re.findall("[0-9]{1,9}", text)], text)
            found[name] = max(found.get(name, rank), rank)
    return {name: rank[2] for name, rank in found.items()}


def toolchain_files(sources: list, unread: list) -> list:
    """The toolchain files that rustup would obey in these directories, each once: the nearest upwards."""
    found = {}  # type: dict[str, dict]
    for source in sources:
        path, text = _nearest_file(os.path.abspath(source), unread)
        if text is not None:
            found[path] = dict(parse_toolchain_file(text, path.endswith(".toml")), path=path)
    return list(found.values())


def _nearest_file(directory: str, unread: list) -> tuple:
    """``(path, text)`` of the file that counts in a directory, the text None if there is none up to the root."""
    while True:
        for name in ("rust-toolchain", "rust-toolchain.toml"):  # of both, rustup takes the first
            path = os.path.join(directory, name)
            text = _text(path, unread, _MAX_TOML)
            if text is not None:
                return path, text
        if directory == os.path.dirname(directory):
            return directory, None
        directory = os.path.dirname(directory)


def parse_toolchain_file(text: str, toml: bool) -> dict:
    """``{channel, targets, components, profile}``; the older form without ``.toml`` may be one line, the channel."""
    lines = text.strip().splitlines()
    if not toml and len(lines) == 1 and "=" not in lines[0] and not lines[0].startswith("["):
        return {"channel": lines[0].strip(), "targets": [], "components": [], "profile": None}
    values = parse_toml(text)
    texts = {name: values.get(("toolchain", name)) for name in ("channel", "profile")}
    lists = {name: values.get(("toolchain", name)) for name in ("targets", "components")}
    facts = {name: value if isinstance(value, str) else None for name, value in texts.items()}  # type: dict
    facts.update({name: value if isinstance(value, list) else [] for name, value in lists.items()})
    return facts


def _names(directory: str, unread: list) -> list:
    """Names in a directory, sorted; none if there is no such directory."""
    try:
        return sorted(name for name in os.listdir(directory) if name.isprintable())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        unread.append({"path": directory, "reason": os.strerror(error.errno or 0)})
        return []


def _text(path: str, unread: list, max_bytes: int) -> str | None:
    """The text of a regular file, None if there is none. A pipe in somebody's home must not stop us."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            unread.append({"path": path, "reason": "not a regular file"})
            return None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        unread.append({"path": path, "reason": getattr(error, "strerror", None) or str(error)})
        return None
    return read_text(path, unread, max_bytes)
