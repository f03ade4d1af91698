# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module startup_trace: from options to a trial and its result. Private to this collection."""

from __future__ import annotations

import contextlib
import os
import pwd
import tempfile
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import (
    _startup_command,
    _startup_direct,
    _startup_systemd,
    _startup_unit,
    _strace,
)
from ansible_collections.aarch64.validator.plugins.module_utils._atomic import check_directory
from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager, missing_systemd, unusable_unit
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_arguments, redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from ansible_collections.aarch64.validator.plugins.module_utils._startup_direct import Account
from ansible_collections.aarch64.validator.plugins.module_utils._startup_process import Job, Outcome, StartupError, Workspace
from ansible_collections.aarch64.validator.plugins.module_utils._startup_rpc import free_ports
from ansible_collections.aarch64.validator.plugins.module_utils._startup_unit import checked_limits, limit_options
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import LIMIT_PROPERTIES, is_running_here, unit_name

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

DEFAULT_DIRECTORY = "/var/cache"  # on a disk, and not hidden by PrivateTmp= as /tmp and /var/tmp are
QUESTION_SECONDS = 10  # for --version and --help
TEXT_LINES = 5


class Plan(t.NamedTuple):
    """What is asked for, before anything has been run."""

    arguments: list
    unit: _startup_unit.Unit | None
    user: str | None
    settings: list
    environment: dict
    limits: dict
    sandboxed: bool
    through_systemd: bool
    notes: list


class Startup:
    """One execution of the module."""

    new_trace = _strace.Trace  # what reads the output of strace

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.parameters = module.params
        self.manager = Manager()
        self.left = []  # type: list[str]

    def run(self) -> dict:
        """The result of the module. Raises StartupError, ManagerError, ValueError or OSError."""
        plan = self.plan()
        if self.module.check_mode:
            return self.described(plan)
        if not executable(plan.arguments[0]):
            raise StartupError("command-not-found", f"command: {plan.arguments[0]} is not a program on this host")
        strace = self.tool("strace") if self.parameters["trace"] else None
        result = self.trial(plan, strace, self.account(plan))
        return dict(result, notes=result["notes"] + self.left)

    def plan(self) -> Plan:
        """Read the unit, check the options."""
        limits = checked_limits(self.parameters["limits"])
        if self.parameters["unit"] is None:
            return self.plan_of_command(limits)
        if os.geteuid() != 0:
            raise StartupError("not-root", "a trial of a unit needs root; run this task with become: true")
        reason = missing_systemd()
        if reason:
            raise StartupError("no-systemd", f"unit: {reason}; give command and user instead")
        return self.plan_of_unit(limits)

    def plan_of_command(self, limits: dict) -> Plan:
        """The plan for an argument list of the operator's."""
        systemd = is_running_here() and os.geteuid() == 0
        user = self.parameters["user"]
        settings = ([("User", user)] if user else []) + limit_options(limits)
        return Plan(list(self.parameters["command"]), None, user, settings if systemd else [], self.parameters["environment"],
                    limits, False, systemd, [])

    def plan_of_unit(self, limits: dict) -> Plan:
        """The plan for a unit; its command may be given, its identity, limits and sandbox are its own."""
        name = unit_name(self.parameters["unit"], "unit")
        properties = self.manager.show(name, _startup_unit.PROPERTIES)
        reason = unusable_unit(name, properties)
        if reason:
            raise StartupError("unit", reason)
        for directive in ("RootDirectory", "RootImage"):
            if properties.get(directive):
                raise StartupError("unit", f"{name} has {directive}=, inside of which no trial can be set up; "
                                   "give command and user")
        if properties.get("DynamicUser") == "yes":
            raise StartupError("unit", f"{name} has DynamicUser=yes, so that no directory can be made for its user; "
                               "give command and user")
        unit = _startup_unit.read_unit(self.manager, properties.get("Id", name), properties)
        arguments = list(self.parameters["command"] or _startup_unit.command_line(unit, []))
        if not arguments:
            raise StartupError("unit", f"{name} has no ExecStart; give command")
        user = self.parameters["user"] or properties.get("User") or None
        sandboxed = self.parameters["sandbox"] is not False
        settings = _startup_unit.copied_settings(properties, sandboxed) + limit_options(limits)
        settings += [("User", user)] if user else []
        settings += [("EnvironmentFile", ("-" if missing else "") + path) for path, missing in unit.environment_files]
        changed = f"{unit.name}: its files have changed since systemd read them; this is the trial of what is loaded"
        notes = [changed] if properties.get("NeedDaemonReload") == "yes" else []
        return Plan(arguments, unit, user, settings, self.parameters["environment"], limits, sandboxed, True, notes)

    def directory(self, plan: Plan) -> str:
        """Where the base path is made."""
        directory = self.parameters["directory"] or (DEFAULT_DIRECTORY if os.geteuid() == 0 else tempfile.gettempdir())
        try:
            check_directory(directory, sticky=True)  # else somebody could have another one given to the user of the trial
        except OSError as error:
            raise StartupError("directory", f"directory: {error.strerror}") from error
        real = os.path.realpath(directory)
        if plan.through_systemd and (real + "/").startswith(("/tmp/", "/var/tmp/")):
            raise OptionError("directory", directory, "one outside of /tmp and /var/tmp, which a service has of its own")
        return real

    def tool(self, name: str) -> str:
        """The path of a program. Raises StartupError."""
        path = self.module.get_bin_path(name)
        if not path:
            way_out = f"; install the package {name}, or use trace: false" if name == "strace" else ""
            raise StartupError(f"{name}-missing", f"{name} is not installed on this host{way_out}")
        return str(path)

    def account(self, plan: Plan) -> Account | None:
        """The user of the trial; None for the user who runs this module. Raises StartupError."""
        name = plan.user or (pwd.getpwuid(0).pw_name if plan.unit else None)
        if name is None:
            return None
        try:
            entry = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
        except KeyError:
            raise StartupError("user-missing", f"user: {name} does not exist on this host") from None
        if os.geteuid() not in (0, entry.pw_uid):
            raise StartupError("not-root", f"a trial as {name} needs root; run this task with become: true")
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid) if os.geteuid() == 0 else None

    def trial(self, plan: Plan, strace: str | None, account: Account | None) -> dict:
        """Ask the program for its version and its options, then start it in isolation; the result of the module."""
        asked = {}
        refuse_script(plan)
        if plan.unit or _startup_command.is_node_command(plan.arguments):
            asked = {name: self.ask(plan, "--" + name, account) for name in ("version", "help")}
        with self.workspace(plan, account) as workspace:
            isolated = self.isolate(plan, workspace, asked.get("help"))
            job = self.node_job(plan, workspace, isolated)._replace(stop_on_answer=strace is None)
            outcome = self.execute(plan, workspace, job, strace, account)
        answers = {name: question(answer) for name, answer in asked.items()}
        return dict(self.described(plan, isolated), **dict(measured(outcome, plan), **answers))

    def ask(self, plan: Plan, option: str, account: Account | None) -> Outcome:
        """Run the program with one option that makes it say something and end."""
        with self.workspace(plan, account) as workspace:
            words = plan.arguments[:_startup_command.head_length(plan.arguments)] + [option]
            return self.execute(plan, workspace, self.job(plan, workspace, words), None, account)

    @contextlib.contextmanager
    def workspace(self, plan: Plan, account: Account | None) -> t.Iterator[Workspace]:
        """A directory for one run, since systemd removes it at the end of the run."""
        workspace = Workspace(self.directory(plan), (account.uid, account.gid) if account else None)
        try:
            yield workspace
        finally:
            self.left += workspace.remove()

    def job(self, plan: Plan, workspace: Workspace, arguments: list) -> Job:
        """A run of these words with the identity, the limits and the variables of the plan."""
        environment = dict(plan.environment, HOME=workspace.node, TMPDIR=workspace.node, XDG_DATA_HOME=workspace.node)
        own = plan.unit.environment if plan.unit else {}
        return Job(arguments, plan.user, plan.settings, own, environment, plan.limits, QUESTION_SECONDS)

    def node_job(self, plan: Plan, workspace: Workspace, isolated: _startup_command.Isolated) -> Job:
        """The run of the program itself, and where to ask whether it answers."""
        added = isolated.added
        port = int(added[added.index("--rpc-port") + 1]) if "--rpc-port" in added else None
        return self.job(plan, workspace, isolated.arguments)._replace(seconds=self.parameters["seconds"], rpc_port=port)

    def isolate(self, plan: Plan, workspace: Workspace, answer: Outcome | None) -> _startup_command.Isolated:
        """The command line of the trial; answer is that to ``--help``, if it was asked.

        A program that cannot even say its options is not started: the trial then is that question itself.
        Raises StartupError if the trial would use the base path of a node.
        """
        option = self.parameters["base_path_option"]
        ports = free_ports(4)
        isolated = _startup_command.isolate(
            plan.arguments, workspace.base_paths(), _startup_command.Ports(tuple(ports[:2]), tuple(ports[2:])),
            _startup_command.options_in_help(answer.text if answer else ""), option)
        if answer is None or isolated.base_path:
            return isolated
        if answer.exit_status == 0 or answer.timed_out:
            raise no_base_path(plan.arguments[0], f"has {option} neither in its command line nor in its help")
        head = plan.arguments[:_startup_command.head_length(plan.arguments)]
        return isolated._replace(arguments=head + ["--help"], removed=plan.arguments[len(head):], added=[])

    def execute(self, plan: Plan, workspace: Workspace, job: Job, strace: str | None,
                account: Account | None) -> Outcome:
        """Run one job."""
        if not plan.through_systemd:
            return _startup_direct.Trial(strace, workspace, job, account).run()
        paths = [self.tool(name) for name in ("systemd-run", "flock", "rm", "nsenter")]
        tools = _startup_systemd.Tools(paths[0], paths[1], paths[2], paths[3], strace)
        properties = None
        if plan.unit and plan.sandboxed:
            given = {LIMIT_PROPERTIES[name] + suffix for name in plan.limits for suffix in ("", "Soft")}
            given |= {"User"} if self.parameters["user"] else set()
            properties = {name: value for name, value in plan.unit.properties.items() if name not in given}
        return _startup_systemd.Trial(self.manager, tools, workspace, job, properties, self.new_trace()).run()

    def described(self, plan: Plan, isolated: _startup_command.Isolated | None = None) -> dict:
        """What is, or would be, run."""
        arguments = isolated.arguments if isolated else plan.arguments
        state = plan.unit.properties if plan.unit else {}
        return {
            "changed": False,
            "unit": plan.unit.name if plan.unit else None,
            "command": redact_arguments(arguments),
            "user": plan.user,
            "sandboxed": plan.sandboxed,
            "removed": redact_arguments(isolated.removed) if isolated else [],
            "added": isolated.added if isolated else [],
            "clean_base_path": isolated.base_path if isolated else None,
            "service": {"active_state": state["ActiveState"], "sub_state": state["SubState"], "result": state["Result"],
                        "main_pid": int(state.get("MainPID") or 0)} if state else None,
            "traced": self.parameters["trace"],
            "notes": plan.notes,
        }


def no_base_path(program: str, why: str) -> StartupError:
    """The refusal to start something that could use the base path of the running node."""
    return StartupError("base-path", f"{program} {why}, so that a trial could use the data of the running node; "
                        "name the option in base_path_option, or give command")


def refuse_script(plan: Plan) -> None:
    """Raises StartupError for a unit that starts a script, unless that is known to be a node."""
    if plan.unit and not _startup_command.is_node_command(plan.arguments) and _is_script(plan.arguments[0]):
        raise no_base_path(plan.arguments[0], "is a script, which may give options of its own to a node")


def measured(outcome: Outcome, plan: Plan) -> dict:
    """What a trial has shown."""
    trace = outcome.trace
    return {
        "calls": [dict(call, text=redact_text(call["text"])) for call in trace.failures] if trace else [],
        "calls_left_out": trace.left_out if trace else 0,
        "exit_status": outcome.exit_status,
        "signal": outcome.signal,
        "timed_out": outcome.timed_out,
        "seconds": round(outcome.seconds, 1),
        "stderr_lines": [redact_text(line) for line in outcome.lines],
        "limits": outcome.limits,
        "page_size": os.sysconf("SC_PAGE_SIZE"),
        "rpc": _without_secrets(outcome.rpc),
        "notes": plan.notes + outcome.notes,
    }


def _without_secrets(rpc: dict | None) -> dict | None:
    return dict(rpc, error=redact_text(rpc["error"])) if rpc and rpc.get("error") else rpc


def question(answer: Outcome) -> dict:
    """How a program answered to --version or --help."""
    lines = answer.text.split("\n") if answer.exit_status == 0 else answer.lines
    return {"ok": answer.exit_status == 0, "exit_status": answer.exit_status, "signal": answer.signal,
            "timed_out": answer.timed_out, "lines": [redact_text(line) for line in lines if line.strip()][:TEXT_LINES]}


def executable(path: str) -> bool:
    """Whether there is a program at this path or, for a name alone, in a directory of PATH."""
    if "/" in path:
        return os.path.isfile(path) and os.access(path, os.X_OK)
    return any(os.access(os.path.join(directory, path), os.X_OK) for directory in os.get_exec_path())


def _is_script(path: str) -> bool:
    """Whether a program is a text for an interpreter; what cannot be read is none."""
    try:
        with open(path, "rb") as stream:
            return stream.read(2) == b"#!"
    except OSError:
        return False
