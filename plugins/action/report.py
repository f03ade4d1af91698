# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the report of a run and say how it ends. Documentation: plugins/modules/report.py."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import tempfile
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.plugin_utils._policy import checked_policy
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import (
    FAILING,
    build_report,
    complaint,
    host_entry,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._recorded import (
    DIRECTORY,
    SUFFIX,
    file_name,
    host_name,
    recorded_outcome,
    refused,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._terminal import terminal_lines

MODES = ("diagnose", "remediate", "verify", "revert", "audit")
# Variables that the role leaves on each host.
OUTCOME_VARIABLES = ("diagnosis", "assessment", "facts", "changes", "notes", "pending", "failure")

display = Display()


class ActionModule(ActionBase):
    """Collects one outcome per host, live or recorded, writes report.json and prints the summary."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _validation, options = self.validate_argument_spec(argument_spec={
            "mode": {"type": "str", "choices": list(MODES), "required": True},
            "dir": {"type": "path", "required": True},
            "fail_on": {"type": "str", "choices": list(FAILING), "default": "blocked"},
            "policy": {"type": "dict", "default": {}},
            "hosts": {"type": "list", "elements": "str"},
            "facts_dir": {"type": "path"},
        }, required_one_of=[["hosts", "facts_dir"]])
        replay = options["facts_dir"] is not None
        if replay:
            outcomes = recorded(options["facts_dir"], options["hosts"], options["policy"])
        else:
            outcomes = [(name, outcome(task_vars["hostvars"], name)) for name in options["hosts"]]
        entries = [host_entry(name, told) for name, told in outcomes]
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        report = build_report(entries, options["policy"], options["mode"], self._task.check_mode, now)
        path = write_json(report, options["dir"], "report.json")
        if options["mode"] == "audit" and not replay:
            write_facts(entries, options["dir"])
        show(report, path)
        reason = complaint(report, options["fail_on"])
        result = {"changed": False, "path": path, "summary": report["summary"]}
        if reason:
            result.update(failed=True, msg=reason)
        return result


def outcome(hostvars: t.Mapping[str, t.Any], name: str) -> dict[str, t.Any]:
    """What the role left on a host; each host's variables are read once."""
    variables = hostvars[name]
    return {key: variables.get("memory_pool_" + key) for key in OUTCOME_VARIABLES}


def recorded(directory: str, hosts: list[str] | None, policy: dict[str, t.Any]) -> list[tuple[str, dict[str, t.Any]]]:
    """Name and outcome of each host whose facts lie in the directory; of these hosts only, where they are given."""
    try:
        checked_policy(policy)  # one that cannot be used is said once, not of each host
    except OptionError as error:
        raise AnsibleActionFail(str(error)) from None
    files = [file for file in fact_files(directory) if hosts is None or host_name(file.name) in hosts]
    if not files:
        raise unusable(directory, f"holds no *{SUFFIX}" + ("" if hosts is None else " of a host of this run"))
    return [(host_name(file.name), judged(file, policy)) for file in files]


def fact_files(directory: str) -> list[Path]:
    """Regular files alone: a link could stand for any file of the controller."""
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except OSError as error:
        raise unusable(directory, f"cannot be read ({error.strerror})") from None
    return [Path(directory, name) for name in names if name.endswith(SUFFIX) and not name.startswith(".")]


def unusable(directory: str, problem: str) -> AnsibleActionFail:
    """What an operator is told of a directory without facts."""
    return AnsibleActionFail(
        f"memory_pool_facts_dir: {directory!r} {problem}; give a directory with a file of facts for each host, "
        f"as the playbook audit writes it: {DIRECTORY}/ in memory_pool_report_dir"
    )


def judged(file: Path, policy: dict[str, t.Any]) -> dict[str, t.Any]:
    """The outcome of one file."""
    try:
        return recorded_outcome(file.name, file.read_bytes(), policy)
    except OSError as error:
        return refused(file.name, f"cannot be read ({error.strerror})")


def write_facts(entries: list[dict[str, t.Any]], directory: str) -> None:
    """Keep the facts of each host that gave some; of others, older facts stay: they are the last that is known."""
    for entry in entries:
        if entry["facts"]:
            write_json(entry["facts"], os.path.join(directory, DIRECTORY), file_name(entry["name"]))


def write_json(value: dict[str, t.Any], directory: str, name: str) -> str:
    """Write one file, whole or not at all, and give its path."""
    path = os.path.join(os.path.abspath(os.path.expanduser(directory)), name)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(path), prefix=".report-", delete=False) as stream:
            json.dump(value, stream, indent=1, sort_keys=True, default=str)
        os.replace(stream.name, path)
    except OSError as error:
        raise AnsibleActionFail(
            f"memory_pool_report_dir: {directory!r} cannot be written ({error.strerror}); give a directory that you may write"
        ) from None  # ansible-core would add the message of the cause to this one
    return path


def show(report: dict[str, t.Any], path: str) -> None:
    """Print the summary."""
    width = shutil.get_terminal_size((100, 24)).columns
    display.display("")
    for text, colour in terminal_lines(report, width, display.verbosity > 0):
        display.display(text, color=colour)
    display.display("")
    display.display("report: " + path)
