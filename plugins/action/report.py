# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the report of a run and say how it ends. Documentation: plugins/modules/report.py."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import tempfile
import typing as t
from pathlib import Path

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.plugin_utils._policy import checked_policy
from ansible_collections.aarch64.validator.plugins.plugin_utils._query import QueryError, answer_text, plain_answer
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import (
    FAILING,
    build_report,
    complaint,
    host_entry,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._csv import hosts_csv
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._drift import checked_baseline, with_drift
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._html import report_html
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._junit import junit_xml
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._merge_reports import (
    duplicates_complaint,
    identities,
    merge_reports,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._metrics import metrics_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._piece_files import REPORT, read_pieces
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._recorded import (
    DIRECTORY,
    SUFFIX,
    cached,
    facts_outcome,
    file_name,
    host_name,
    recorded_outcome,
    refused,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._sarif import sarif_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._terminal import terminal_lines
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._text import clean

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
        }, required_one_of=[["hosts", "facts_dir", "pieces"], ["mode", "pieces"]],
            mutually_exclusive=[["pieces", "hosts"], ["pieces", "facts_dir"], ["pieces", "mode"]])
        baseline = read_baseline(options["baseline"], options["fail_on"])
        merge = options["pieces"] is not None
        report = merged(options["pieces"], options["dir"]) if merge else self.told(options, task_vars)
        text = json_text(with_drift(report, baseline) if baseline else report)
        report = json.loads(text)  # plain values: those of hosts are of types of ansible-core that other libraries do not take
        path = write_text(text, options["dir"], REPORT)
        files = [path, *write_formats(report, options["dir"])]
        if report["mode"] == "audit" and options["facts_dir"] is None:
            write_facts(report["hosts"], options["dir"])
        show(report, path)
        result = {"changed": False, "path": path, "files": files, "summary": report["summary"]}
        reasons = [complaint(report, options["fail_on"]), duplicates_complaint(report, options["fail_on"])]
        try:
            result.update(answered(report, options["query"], options["dir"]))
        except QueryError as error:
            reasons.insert(0, f"memory_pool_query: {error}")
        reason = "\n".join(reason for reason in reasons if reason)
        if reason:
            result.update(failed=True, msg=reason)
        return result

    def told(self, options: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """The report of what hosts told, in this run or in an earlier one."""
        if options["facts_dir"] is not None:
            outcomes = recorded(options["facts_dir"], options["hosts"], options["policy"])
        else:
            outcomes = [(name, outcome(task_vars["hostvars"], name)) for name in options["hosts"]]
        entries = [dict(host_entry(name, told), identities=identities(told)) for name, told in outcomes]
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return build_report(entries, options["policy"], options["mode"], self._task.check_mode, now)


def merged(pieces: list[str], directory: str) -> dict[str, t.Any]:
    """One report of those that other runs wrote."""
    try:
        return merge_reports(read_pieces(pieces, located(directory, REPORT)))
    except ValueError as error:
        raise AnsibleActionFail(f"memory_pool_pieces: {error}") from None


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
    files = regular_files(directory)
    own = [file for file in files if file.suffix == SUFFIX]
    if own:
        told = [(host_name(file.name), judged(file, policy)) for file in own if hosts is None or host_name(file.name) in hosts]
    else:
        told = [(name, facts_outcome(name, facts, policy)) for name, facts in cache(files) if hosts is None or name in hosts]
    if not told:
        raise unusable(directory, f"holds no *{SUFFIX}" + ("" if hosts is None else " of a host of this run"))
    return told


def cache(files: list[Path]) -> t.Iterator[tuple[str, t.Any]]:
    """Host and facts of each file that is one of a fact cache."""
    prefix, origin = constants.config.get_config_value_and_origin("CACHE_PLUGIN_PREFIX")
    for file in files:
        with contextlib.suppress(OSError):
            found = cached(file.name, file.read_bytes(), "" if origin == "default" else prefix)
            if found:
                yield found


def regular_files(directory: str) -> list[Path]:
    """Regular files alone: a link could stand for any file of the controller."""
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except OSError as error:
        raise unusable(directory, f"cannot be read ({error.strerror})") from None
    return [Path(directory, name) for name in names if not name.startswith(".")]


def unusable(directory: str, problem: str) -> AnsibleActionFail:
    """What an operator is told of a directory without facts."""
    return AnsibleActionFail(
        f"memory_pool_facts_dir: {directory!r} {problem}; give a directory with a file of facts for each host, "
        f"as the playbook audit writes it: {DIRECTORY}/ in memory_pool_report_dir, or the directory of a jsonfile fact cache"
    )


def judged(file: Path, policy: dict[str, t.Any]) -> dict[str, t.Any]:
    """The outcome of one file."""
    try:
        return recorded_outcome(file.name, file.read_bytes(), policy)
    except OSError as error:
        return refused(file.name, f"cannot be read ({error.strerror})")


def read_baseline(path: str | None, fail_on: str) -> dict[str, t.Any] | None:
    """The earlier report, read before anything is written: it may be the very file that this run replaces."""
    valid = "give report.json of an earlier run"
    if path is None:
        if fail_on == "drift":
            raise AnsibleActionFail(f"memory_pool_fail_on: drift needs memory_pool_baseline; {valid}")
        return None
    try:
        return checked_baseline(json.loads(Path(path).read_bytes()))
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except RecursionError:
        problem = "is no JSON (nested too deeply)"
    except ValueError as error:
        problem = f"is no JSON ({error})" if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)) else str(error)
    raise AnsibleActionFail(f"memory_pool_baseline: {path!r} {problem}; {valid}")


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


def answered(report: dict[str, t.Any], query: str | None, directory: str) -> dict[str, t.Any]:
    """Answer the question, in a file and as the last thing that is printed."""
    remove(directory, QUERY_FILE)
    if not query:
        return {}
    answer = plain_answer(report, query)
    text = answer_text(answer)
    write_text(text + "\n", directory, QUERY_FILE)
    display.display(text)
    return {"answer": answer}


def remove(directory: str, name: str) -> None:
    """A file of an earlier run must not pass for one of this report."""
    with contextlib.suppress(OSError):
        os.unlink(located(directory, name))


def write_facts(entries: list[dict[str, t.Any]], directory: str) -> None:
    """Keep the facts of each host that gave some; of others, older facts stay: they are the last that is known."""
    for entry in entries:
        if entry["facts"]:
            write_text(json_text(entry["facts"]), os.path.join(directory, DIRECTORY), file_name(entry["name"]))


def json_text(value: dict[str, t.Any]) -> str:
    """One value as JSON for people."""
    return json.dumps(value, indent=1, sort_keys=True, default=str)


def located(directory: str, name: str) -> str:
    """Where a file of the report lies."""
    return os.path.join(os.path.abspath(os.path.expanduser(directory)), name)


def write_text(text: str, directory: str, name: str, mode: int = 0o600) -> str:
    """Write one file, whole or not at all, and give its path."""
    path = located(directory, name)
    draft = None
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        number, draft = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".report-")
        with open(number, "w", encoding="utf-8", newline="") as stream:
            os.fchmod(number, mode)
            stream.write(text)
        os.replace(draft, path)
    except OSError as error:
        if draft:
            with contextlib.suppress(OSError):
                os.unlink(draft)
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
    for item in report.get("duplicate_identities", []):
        display.display("")
        display.display("one node on two hosts: " + clean(item["text"]), color="red")
    display.display("")
    display.display("report: " + path)
