# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts kept in files, one for each host, to be judged again with no host at hand. Pure; private to this collection."""

from __future__ import annotations

import hashlib
import json
import typing as t
import urllib.parse

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts

SUFFIX = ".json"
LONGEST = 250  # a file system takes names of 255 bytes
SUM = 16  # characters of a checksum, which stand for the rest of a longer name
DIRECTORY = "facts"  # within memory_pool_report_dir
CACHED = "aarch64_memory"  # the name of these facts among those of a host
# Since ansible-core 2.19 a fact cache holds the facts of a host as a text in this field, and its key begins with this mark.
PAYLOAD = "__payload__"
MARK = "s1_"


def file_name(host: str) -> str:
    """The file of a host. No name of a host leads out of the directory, hides there, or shares the file of another.

    One that is too long for a file is cut, and ends in a checksum; a name that is whole has no ``~``.
    """
    quoted = urllib.parse.quote(host, safe="").replace("~", "%7E")
    quoted = "%2E" + quoted[1:] if quoted.startswith(".") else quoted
    if len(quoted) > LONGEST:
        quoted = quoted[:LONGEST - SUM - 1] + "~" + hashlib.sha256(quoted.encode()).hexdigest()[:SUM]
    return quoted + SUFFIX


def host_names(hosts: t.Iterable[str] | None) -> t.Callable[[str], str]:
    """host_name, for these hosts also where their names were cut, which cannot be read back."""
    known = {file_name(host): host for host in hosts or ()}
    return lambda file: known.get(file) or host_name(file)


def host_name(file: str) -> str:
    """The host of a file; file_name backwards, for a name that was not cut. What could drive a terminal stays encoded."""
    return _printable(urllib.parse.unquote(file[:-len(SUFFIX)]))


def _printable(name: str) -> str:
    return name if name.isprintable() else urllib.parse.quote(name)


def cached(file: str, content: bytes, prefix: str) -> tuple | None:
    """Host and facts of a file of the cache plugin jsonfile, whatever version of ansible-core wrote it.

    None for a file that holds no facts of this collection: a cache has those of all playbooks.
    """
    try:
        held = json.loads(content)
        marked = isinstance(held, dict) and isinstance(held.get(PAYLOAD), str)
        held = json.loads(held[PAYLOAD]) if marked else held
    except (ValueError, RecursionError):
        return None
    if not isinstance(held, dict) or CACHED not in held:
        return None
    name = file[len(prefix):] if file.startswith(prefix) else file
    return _printable(name.partition(MARK)[2] if marked and MARK in name else name), held[CACHED]


def recorded_outcome(file: str, content: bytes, policy: dict) -> dict:
    """What the role would have left for this host, or the failure that tells why it cannot be judged."""
    try:
        facts = json.loads(content)
    except (ValueError, RecursionError) as error:
        return refused(file, f"is no JSON ({error})")
    return facts_outcome(file, facts, policy)


def facts_outcome(file: str, facts: t.Any, policy: dict) -> dict:
    """The same, of facts that were read from a file."""
    try:
        return {"facts": facts, "assessment": assess_facts(facts, policy)}
    except ValueError as error:
        return refused(file, f"cannot be judged ({error})")
    # A file may come from any version or hand; whatever is wrong with one must not hide the others.
    except Exception as error:
        return refused(file, f"cannot be judged ({type(error).__name__}: {error})")


def refused(file: str, problem: str) -> dict:
    """The outcome of a host whose file cannot be used."""
    message = f"{file} {problem}; give a file as the playbook audit writes it into {DIRECTORY}/"
    return {"failure": {"task": "Judge recorded facts", "message": message, "unreachable": False}}
