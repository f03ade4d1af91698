# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the report of a run and say how it ends. Documentation: plugins/modules/report.py."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import typing as t
from pathlib import Path

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.plugin_utils._policy import checked_policy
from ansible_collections.aarch64.validator.plugins.plugin_utils._query import QueryError, answer_text, checked, plain_answer
from ansible_collections.aarch64.validator.plugins.plugin_utils._report import _spool
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._baseline import read_baseline
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import (
    FAILING,
    build_report,
    complaint,
    host_entry,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._csv import hosts_csv
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._drift import with_drift
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._files import check_writable, located, remove, write_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._html import report_html
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._junit import junit_xml
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._kept_facts import (
    FactStore,
    KeptFacts,
    pretty,
    report_chunks,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._merge_reports import (
    duplicates_complaint,
    identities,
    merge_reports,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._metrics import metrics_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._piece_files import REPORT, read_pieces
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._recorded import DIRECTORY, file_name
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._replay import recorded
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._sarif import sarif_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._terminal import terminal_lines
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._text import clean

KEPT = ("audit", "diagnose")  # what the action audit has kept on disk
MODES = ("diagnose", "remediate", "verify", "revert", "audit")
# Variables that the role leaves on each host.
OUTCOME_VARIABLES = (
    "diagnosis", "assessment", "facts", "changes", "undone", "notes", "pending", "pending_until", "skipped", "failure",
    "identities")
# The files beside report.json, each made from the report alone.
FORMATS = {
    "hosts.csv": hosts_csv, "junit.xml": junit_xml, "report.sarif": sarif_text, "metrics.prom": metrics_text,
    "report.html": report_html,
}
FOR_ALL = ("metrics.prom",)  # read by another user, who scrapes it; the others hold what hosts told and are for their owner
QUERY_FILE = "query.json"

display = Display()


class ActionModule(ActionBase):
    """Collects an outcome per host, live or recorded, or merges reports; writes the report in all its forms and prints it."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _validation, options = self.validate_argument_spec(argument_spec={
            "mode": {"type": "str", "choices": list(MODES)},
            "dir": {"type": "path", "required": True},
            "fail_on": {"type": "str", "choices": list(FAILING), "default": "blocked"},
            "policy": {"type": "dict", "default": {}},
            "hosts": {"type": "list", "elements": "str"},
            "facts_dir": {"type": "path"},
            "pieces": {"type": "list", "elements": "path"},
            "baseline": {"type": "path"},
            "query": {"type": "str"},
            "only_check": {"type": "bool", "default": False},
        }, required_one_of=[["hosts", "facts_dir", "pieces"], ["mode", "pieces"]],
            mutually_exclusive=[["pieces", "hosts"], ["pieces", "facts_dir"], ["pieces", "mode"]])
        baseline = read_baseline(options["baseline"], options["fail_on"])
        if options["only_check"]:
            return check(options)
        store = FactStore(constants.DEFAULT_LOCAL_TMP)
        report = self.merged(options, store) if options["pieces"] is not None else self.told(options, task_vars, store)
        report = with_drift(report, baseline) if baseline else report
        try:
            path = write_text(report_chunks(report), options["dir"], REPORT)
        except AnsibleActionFail:
            show(report)  # what was found and done on hosts must not be lost with the file
            raise
        files = [path, *write_formats(report, options["dir"])]
        if report["mode"] == "audit" and options["facts_dir"] is None:
            write_facts(report["hosts"], options["dir"])
        show(report, path)
        result = {"changed": False, "path": path, "files": files, "summary": report["summary"]}
        reasons = [complaint(report, options["fail_on"]), duplicates_complaint(report, options["fail_on"])]
        try:
            result.update(answered(path, options["query"], options["dir"]))
        except QueryError as error:
            reasons.insert(0, f"memory_pool_query: {error}")
        reason = "\n".join(reason for reason in reasons if reason)
        if reason:
            result.update(failed=True, msg=reason)
        return result

    def told(self, options: dict[str, t.Any], task_vars: dict[str, t.Any], store: FactStore) -> dict[str, t.Any]:
        """The report of what hosts told, in this run or in an earlier one. One host at a time is in memory as a whole."""
        if options["facts_dir"] is not None:
            outcomes = recorded(options["facts_dir"], options["hosts"], options["policy"])
        elif options["mode"] in KEPT:
            outcomes = ((name, *audited(task_vars["hostvars"], name)) for name in options["hosts"])
        else:
            outcomes = ((name, outcome(task_vars["hostvars"], name), None) for name in options["hosts"])
        entries = []
        for name, told, text in outcomes:
            entry = dict(host_entry(name, told), identities=identities(told))
            entries.append(store.entry(dict(entry, facts=store.keep(entry["facts"], text))))
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        policy = json.loads(json.dumps(options["policy"], default=str))
        return build_report(entries, policy, options["mode"], self._task.check_mode, now)

    def merged(self, options: dict[str, t.Any], store: FactStore) -> dict[str, t.Any]:
        """One report of those that other runs wrote."""
        try:
            return merge_reports(read_pieces(options["pieces"], located(options["dir"], REPORT), store.hook))
        except ValueError as error:
            raise AnsibleActionFail(f"memory_pool_pieces: {error}") from None


def check(options: dict[str, t.Any]) -> dict[str, t.Any]:
    """What can be said of the options before any host is asked. Raises AnsibleActionFail."""
    try:
        checked_policy(options["policy"])
        if options["query"]:
            checked(options["query"])
    except OptionError as error:
        raise AnsibleActionFail(str(error)) from None
    except QueryError as error:
        raise AnsibleActionFail(f"memory_pool_query: {error}") from None
    check_writable(options["dir"])
    return {"changed": False}


def audited(hostvars: t.Mapping[str, t.Any], name: str) -> tuple[dict[str, t.Any], str | None]:
    """What the action audit left on disk of a host, or what the role left on the host."""
    return _spool.kept(name) or (outcome(hostvars, name), None)


def outcome(hostvars: t.Mapping[str, t.Any], name: str) -> dict[str, t.Any]:
    """What the role left on a host; each host's variables are read once."""
    variables = hostvars[name]
    return {key: variables.get("memory_pool_" + key) for key in OUTCOME_VARIABLES}


def write_formats(report: dict[str, t.Any], directory: str) -> list[str]:
    """Write the files beside report.json and give their paths; one that cannot be made costs none of the others."""
    written = []
    for name, build in FORMATS.items():
        try:
            written.append(write_text(build(report), directory, name, 0o644 if name in FOR_ALL else 0o600))
        except Exception as error:  # whatever it is, the report itself is there and says how the run ends
            display.warning(f"{name} could not be written: {type(error).__name__}: {error}")
            remove(directory, name)
    return written


def answered(path: str, query: str | None, directory: str) -> dict[str, t.Any]:
    """Answer the question to a report, with the facts of all hosts, in a file and as the last thing that is printed."""
    remove(directory, QUERY_FILE)
    if not query:
        return {}
    answer = plain_answer(json.loads(Path(path).read_bytes()), query)
    text = answer_text(answer)
    write_text(text + "\n", directory, QUERY_FILE)
    display.display(text)
    return {"answer": answer}


def write_facts(entries: list[dict[str, t.Any]], directory: str) -> None:
    """Keep the facts of each host that gave some; of others, older facts stay: they are the last that is known."""
    for entry in entries:
        facts = entry["facts"]
        if facts:
            text = facts.text() if isinstance(facts, KeptFacts) else pretty(facts)
            write_text(text, os.path.join(directory, DIRECTORY), file_name(entry["name"]))


def show(report: dict[str, t.Any], path: str | None = None) -> None:
    """Print the summary, and where the report lies."""
    width = shutil.get_terminal_size((100, 24)).columns
    display.display("")
    for text, colour in terminal_lines(report, width, display.verbosity > 0):
        display.display(text, color=colour)
    for item in report.get("duplicate_identities", []):
        display.display("")
        display.display("one node on two hosts: " + clean(item["text"]), color="red")
    display.display("")
    if path:
        display.display("report: " + path)
