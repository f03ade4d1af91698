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

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import (
    FAILING,
    build_report,
    complaint,
    host_entry,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._terminal import terminal_lines

MODES = ("diagnose", "remediate", "verify", "revert", "audit")
# Variables that the role leaves on each host.
OUTCOME_VARIABLES = ("diagnosis", "assessment", "facts", "changes", "notes", "pending", "failure")

display = Display()


class ActionModule(ActionBase):
    """Collects one outcome per host, writes report.json and prints the summary."""

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
            "hosts": {"type": "list", "elements": "str", "required": True},
        })
        entries = [host_entry(name, outcome(task_vars["hostvars"], name)) for name in options["hosts"]]
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        report = build_report(entries, options["policy"], options["mode"], self._task.check_mode, now)
        path = write_report(report, options["dir"])
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


def write_report(report: dict[str, t.Any], directory: str) -> str:
    """Write report.json, whole or not at all, and give its path."""
    path = os.path.join(os.path.abspath(os.path.expanduser(directory)), "report.json")
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(path), prefix=".report-", delete=False) as stream:
            json.dump(report, stream, indent=1, sort_keys=True, default=str)
        os.replace(stream.name, path)
    except OSError as error:
        raise AnsibleActionFail(
            f"memory_pool_report_dir: {directory!r} cannot be written ({error.strerror}); give a directory that you may write"
        ) from error
    return path


def show(report: dict[str, t.Any], path: str) -> None:
    """Print the summary."""
    width = shutil.get_terminal_size((100, 24)).columns
    display.display("")
    for text, colour in terminal_lines(report, width, display.verbosity > 0):
        display.display(text, color=colour)
    display.display("")
    display.display("report: " + path)
