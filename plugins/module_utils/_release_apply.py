# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module node_release: from a copied release to a service that starts it. Private to this collection."""

from __future__ import annotations

import os
import pwd
import re
import stat

from ansible_collections.aarch64.validator.plugins.module_utils import _release_link as links
from ansible_collections.aarch64.validator.plugins.module_utils._atomic import check_directory, check_way, copy_labels
from ansible_collections.aarch64.validator.plugins.module_utils._build_result import sha256_of
from ansible_collections.aarch64.validator.plugins.module_utils._child import NoAnswer, ask
from ansible_collections.aarch64.validator.plugins.module_utils._difference import difference
from ansible_collections.aarch64.validator.plugins.module_utils._drop_in import read_only_reason
from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager, missing_systemd, unusable_unit
from ansible_collections.aarch64.validator.plugins.module_utils._node import RELEASES
from ansible_collections.aarch64.validator.plugins.module_utils._provisional import forget, provisional, remember
from ansible_collections.aarch64.validator.plugins.module_utils._read import read_link
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._service_limits import down_needs_restart
from ansible_collections.aarch64.validator.plugins.module_utils._services import exec_start
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.module_utils._state import load_state
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import unit_name
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import Refusal, refuse, to_revert

PROPERTIES = ["Id", "LoadState", "ActiveState", "SubState", "Result", "MainPID", "ExecStart", "User", "DynamicUser",
              "RootDirectory", "RootImage"]
SECONDS = 30
NAME = re.compile(r"\A[A-Za-z0-9_][A-Za-z0-9._-]*\Z")
_DIGEST = re.compile(r"\A[0-9a-f]{64}\Z")


def present(manager: Manager, parameters: dict, dry: bool) -> dict:
    """Have a service start a release; the result of the module.

    Raises Refusal, OptionError, ManagerError, ValueError or OSError.
    """
    unit, release, files = unit_name(parameters["unit"], "unit"), parameters["release"], parameters["files"]
    check_names(release, files)
    refuse(missing_systemd())
    properties = manager.show(unit, PROPERTIES)
    refuse(unusable_unit(unit, properties))
    link = exec_start(properties)[0]
    target = os.path.join(RELEASES, release, files[0]["name"])
    reason = reason_to_stay(properties, link, files[0]["name"])
    if reason:
        return dict(outcome(properties, link, target, False), reason=reason, restart_required=False, program=None)
    check_directory(os.path.dirname(target))
    changes = read_link(link) != target
    before = described(link)
    if changes:
        refuse(read_only_reason(link))
    if not dry:
        try:
            check_files(release, files)
            if changes:
                open_directories(release)
                try_program(target, properties)
        except (Refusal, OSError):
            links.remove_unused(release)
            raise
        if changes:
            apply_switch(link, target, release, parameters["provisional"])
    return dict(outcome(properties, link, target, changes), diff=difference(link, before, f"link to {target}\n"))


def check_names(release: str, files: list) -> None:
    """Raises OptionError for names that lead elsewhere."""
    if not NAME.match(release):
        raise OptionError("release", release, "the name of a release, as in its manifest")
    for file in files:
        if not NAME.match(file["name"]) or not _DIGEST.match(file["sha256"]):
            raise OptionError("files", "{} {}".format(file["name"], file["sha256"]), "names of files, each with its SHA-256")
    if not files:
        raise OptionError("files", files, "one file or more, that of the node first")


def reason_to_stay(properties: dict, link: str, name: str) -> str | None:
    """Why a service cannot start a release, whatever is in it."""
    unit = properties["Id"]
    if properties.get("RootDirectory") or properties.get("RootImage"):
        return f"{unit}: its program lies in a root directory of its own; deliver the release there yourself"
    if os.path.basename(link) != name:
        return f"{unit}: starts {link or 'nothing'}, which is not called {name}"
    if os.path.lexists(link) and not os.path.islink(link) and not os.path.isfile(link):
        return f"{unit}: {link} is no file"
    try:
        check_directory(os.path.dirname(link))
    except PermissionError as error:
        return f"{unit}: {error.strerror}; deliver the release there yourself, or give that directory to root"
    except OSError as error:
        return f"{unit}: {error.filename}: {error.strerror}"
    return None


def check_files(release: str, files: list) -> None:
    """Every file must be there as its manifest says, and stay so. Raises Refusal, OSError."""
    for file in files:
        path = os.path.join(RELEASES, release, file["name"])
        check_way(path)
        if not os.path.isfile(path):
            raise Refusal(f"{path} is not there; copy the release first. Nothing was switched")
        status = os.lstat(path)
        if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or not stat.S_ISREG(status.st_mode):
            raise Refusal(f"{path} could be changed by another user; copy the release again. Nothing was switched")
        if sha256_of(path) != file["sha256"]:
            raise Refusal(f"{path} is not the file that its manifest names (SHA-256 differs); nothing was switched")


def open_directories(release: str) -> None:
    """The user of the service has to get at the files, whatever the umask of the session was."""
    for path in (RELEASES, os.path.join(RELEASES, release)):
        os.chmod(path, 0o755)  # noqa: S103 - it is to be run by other users  # nosec B103


def try_program(target: str, properties: dict) -> None:
    """A program that cannot even say its version must not take the place of one that works. Raises Refusal."""
    try:
        answer = ask([target, "--version"], SECONDS, {"LC_ALL": "C"}, account_of(properties))
    except NoAnswer as error:
        raise Refusal(f"{error}; nothing was switched") from error
    if answer.status != 0:
        said = (answer.errors.strip().splitlines() or [f"exit status {answer.status}"])[-1]
        raise Refusal(f"{target} cannot run here: {redact_text(said)}; nothing was switched")


def account_of(properties: dict) -> pwd.struct_passwd | None:
    """As whom a service runs; None for root and for users that exist only while it runs."""
    user = properties.get("User", "")
    if properties.get("DynamicUser") == "yes" or user in ("", "root", "0"):
        return None
    try:
        return pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        return None


def apply_switch(link: str, target: str, release: str, trial: bool) -> None:
    """Switch, and remember how to undo that."""
    state = load_state(links.STATE)
    entry = state.get(link)
    if entry is not None and links.release_of(read_link(link)) is None:
        entry = None  # somebody, such as a package, has put something else there since: that is what a revert gives back
        links.forget_stale(link)
    before = read_link(link)
    if trial:
        known = provisional(links.STATE).get(link)
        fresh = links.release_of(before) != release
        record = {"before": before, "after": target, "entry": entry, "fresh": fresh}
        # Of several switches in a row the first place counts.
        remember(links.STATE, link, dict(known, after=target) if known and known["after"] == before else record)
    if os.path.exists(link):
        copy_labels(os.path.realpath(link), target)
    links.switch(link, target, entry or links.first_entry(link))


def outcome(properties: dict, link: str, target: str, changes: bool) -> dict:
    """The result of the module."""
    pid = int(properties.get("MainPID") or 0)
    live = (read_link(f"/proc/{pid}/exe") or "") if pid else ""
    return {
        "changed": changes,
        "actions": [f"{link}: now a link to {target}"] if changes else [],
        "notes": [],
        "reason": None,
        "link": link,
        "program": target,
        "restart_required": live != target if pid else down_needs_restart(properties, changes),
        "diff": [],
    }


def described(link: str) -> str:
    """What is at a path, for a diff."""
    before = read_link(link)
    return f"link to {before}\n" if before is not None else "a file\n" if os.path.lexists(link) else "nothing\n"


def reverted(_manager: Manager, _parameters: dict, dry: bool) -> dict:
    """Undo every delivery; the result of the module."""
    known = sorted(to_revert(load_state, links.STATE))
    result = links.take_back(dry)
    if known and not dry:
        forget(links.STATE, known)
    return dict(result, diff=[])
