# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one playbook of this project with what ``make`` was given, by an argument list and never by a shell.

Usage: run_playbook.py NAME. The environment holds INVENTORY (default: this machine), ARGS, extra arguments for
ansible-playbook in shell quoting, QUERY, a question to the report in JMESPath, and PIECES, reports to merge in shell quoting.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "playbooks" / "collections"))

from ansible_collections.aarch64.validator.plugins.plugin_utils._query import QueryError, checked  # noqa: E402

PROGRESS = "aarch64.validator.fleet"
LOCAL_INVENTORY = "inventory/local.yml"
CHANGING = ("remediate", "deliver", "revert")
REPLAY = "memory_pool_facts_dir"  # with it, audit judges files and asks no host


def privileges(
    playbook: str, is_root: bool, has_sudo: bool, sudo_asks: bool, has_terminal: bool
) -> tuple[list[str], str]:
    """Arguments that get root on this machine for a playbook, and what to tell the user about it."""
    if is_root:
        return [], ""
    if has_sudo and not sudo_asks:
        return ["--become"], ""
    if playbook not in CHANGING:
        return [], "Not root: what only root can read is left out and named in the report."
    if has_sudo and has_terminal:
        return ["--become", "--ask-become-pass"], ""
    message = "Neither root nor sudo: nothing is changed, this shows what would be. Run it as root to apply it."
    return ["--check", "--diff"], message


def command(playbook: str, inventory: str, extra: list[str], extra_privileges: list[str]) -> list[str]:
    """The argument list of ansible-playbook."""
    program = str(Path(sys.executable).parent / "ansible-playbook")
    return [program, "-i", inventory, *extra_privileges, f"{ROOT}/playbooks/{playbook}.yml", *extra]


def question(query: str) -> list[str]:
    """Arguments that hand a question over as it stands: ``!unsafe`` keeps Ansible from taking any of it for a template.

    Every character but the harmless ones is written as YAML writes it by number. Raises QueryError for a question that is
    wrong whatever the hosts say, before any of them is asked.
    """
    if not query:
        return []
    checked(query)
    return ["-e", f'{{"memory_pool_query": {as_it_stands(query)}}}']


def as_it_stands(text: str) -> str:
    """A text in YAML of which Ansible takes no part for a template."""
    return '!unsafe "{}"'.format("".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else f"\\U{ord(letter):08x}"
        for letter in text))


def pieces(given: str) -> list[str]:
    """Arguments that name the reports to merge. Raises ValueError for quotes that do not end, and where there is none."""
    words = shlex.split(given)
    if not words:
        raise ValueError("nothing is given")
    return ["-e", f'{{"memory_pool_pieces": [{", ".join(map(as_it_stands, words))}]}}']


def asks_hosts(playbook: str, extra: list[str]) -> bool:
    """Whether a host is asked at all; a merge and a replay read files, for which nobody need be root."""
    return playbook != "merge" and not any(REPLAY in word for word in extra)


def main() -> None:
    """Become ansible-playbook, told what the environment asks for; or say which part of that is not valid."""
    playbook = sys.argv[1]
    inventory = os.environ.get("INVENTORY") or LOCAL_INVENTORY
    try:
        extra = shlex.split(os.environ.get("ARGS", ""))
    except ValueError as error:
        valid = "arguments of ansible-playbook, such as '--check --diff'"
        sys.exit(f"ARGS: {os.environ['ARGS']!r} is not valid ({error}); give {valid}")
    try:
        asked = question(os.environ.get("QUERY", ""))
    except QueryError as error:
        sys.exit(f"QUERY: {error}")
    if playbook == "merge":
        try:
            asked += pieces(os.environ.get("PIECES", ""))
        except ValueError as error:
            valid = "report.json of each run, directories that hold them, or patterns such as 'slices/*/report.json'"
            sys.exit(f"PIECES: {os.environ.get('PIECES', '')!r} is not valid ({error}); give {valid}")
    extra_privileges: list[str] = []
    if inventory == LOCAL_INVENTORY and asks_hosts(playbook, extra):
        has_sudo = shutil.which("sudo") is not None
        sudo_asks = has_sudo and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode != 0  # nosec B607
        extra_privileges, message = privileges(playbook, os.geteuid() == 0, has_sudo, sudo_asks, sys.stdin.isatty())
        if message:
            print(message, flush=True)
    os.chdir(ROOT)
    others = os.environ.get("ANSIBLE_CALLBACKS_ENABLED", "").split(",")
    os.environ["ANSIBLE_CALLBACKS_ENABLED"] = ",".join([*(name for name in others if name), PROGRESS])
    arguments = command(playbook, inventory, asked + extra, extra_privileges)
    os.execv(arguments[0], arguments)  # a list of words  # nosec B606


if __name__ == "__main__":
    main()
