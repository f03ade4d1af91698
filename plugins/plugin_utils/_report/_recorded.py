# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts kept in files, one for each host, to be judged again with no host at hand. Pure; private to this collection."""

from __future__ import annotations

import json
import urllib.parse

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts

SUFFIX = ".json"
DIRECTORY = "facts"  # within memory_pool_report_dir


def file_name(host: str) -> str:
    """The file of a host. No name of a host leads out of the directory, hides there, or shares the file of another."""
    quoted = urllib.parse.quote(host, safe="").replace("~", "%7E")
    return ("%2E" + quoted[1:] if quoted.startswith(".") else quoted) + SUFFIX


def host_name(file: str) -> str:
    """The host of a file; file_name backwards. What could drive a terminal stays encoded."""
    name = urllib.parse.unquote(file[:-len(SUFFIX)])
    return name if name.isprintable() else urllib.parse.quote(name)


def recorded_outcome(file: str, content: bytes, policy: dict) -> dict:
    """What the role would have left for this host, or the failure that tells why it cannot be judged."""
    try:
        facts = json.loads(content)
    except (ValueError, RecursionError) as error:
        return refused(file, f"is no JSON ({error})")
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
