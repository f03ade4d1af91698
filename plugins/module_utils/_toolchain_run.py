# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask Rust toolchains for their releases by executing them, each as the user it belongs to. Private to this collection.

Only on request: these are programs in the homes of users. The compiler inside a toolchain is executed and never
rustup's stand-in for it, which would obey a toolchain file and might download what that names.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._child import NoAnswer, ask
from ansible_collections.aarch64.validator.plugins.module_utils._toolchain import release

if t.TYPE_CHECKING:
    import pwd

_SECONDS = 10
_HOST = re.compile(r"^host: (\S+)$", re.MULTILINE)
_SYSTEM_DIRECTORIES = ("/usr/bin", "/usr/local/bin")


def executed(facts: dict, accounts: dict, unread: list) -> dict:
    """The facts of toolchain_facts() with what the programs themselves say laid over them.

    accounts are those of the users in the facts; those of the system run as nobody's in particular, the caller.
    """
    users = {name: dict(held, toolchains=[
        dict(toolchain, **_answers(_directory(held, toolchain), accounts.get(name), unread))
        for toolchain in held["toolchains"]]) for name, held in facts["users"].items()}
    system = dict(facts["system"])
    for directory in _SYSTEM_DIRECTORIES:
        if _is_rustup(os.path.join(directory, "rustc")):
            continue
        found = _answers(directory, None, unread)
        system.update(found)
        if found:
            break
    return dict(facts, users=users, system=system)


def _directory(held: dict, toolchain: dict) -> str:
    home = (held.get("rustup") or {}).get("home") or ""
    return os.path.join(home, "toolchains", toolchain["name"], "bin")


def _is_rustup(path: str) -> bool:
    return os.path.basename(os.path.realpath(path)) == "rustup"


def _answers(directory: str, account: pwd.struct_passwd | None, unread: list) -> dict:
    """``{rustc, host, cargo}`` as far as the programs of a directory answer."""
    found = {}
    compiler = _answer([os.path.join(directory, "rustc"), "--version", "--verbose"], account, unread)
    builder = _answer([os.path.join(directory, "cargo"), "--version"], account, unread)
    host = _HOST.search(compiler)
    for name, value in (("rustc", _version(compiler)), ("host", host.group(1) if host else None), ("cargo", _version(builder))):
        if value:
            found[name] = value
    return found


def _version(text: str) -> str | None:
    """What follows the name in ``rustc 1.95.0 (59807616e 2026-04-14)``."""
    return release(text.partition(" ")[2])


def _answer(arguments: list, account: pwd.struct_passwd | None, unread: list) -> str:
    if not os.path.isfile(arguments[0]):
        return ""
    try:
        answer = ask(arguments, _SECONDS, {"LC_ALL": "C"}, account)
    except NoAnswer as error:
        unread.append({"path": arguments[0], "reason": str(error)})
        return ""
    if answer.status != 0:
        unread.append({"path": arguments[0], "reason": f"exit status {answer.status}"})
        return ""
    return answer.output
