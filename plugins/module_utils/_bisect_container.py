# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module restriction_bisect for options of Docker and Podman. Private to this collection.

Every start is a container of its own, without network and without any volume of the host, and is removed at its end.
"""

from __future__ import annotations

import binascii
import contextlib
import ctypes
import os
import signal
import subprocess
import tempfile
import time
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _bisect, _bisect_report, _container_options
from ansible_collections.aarch64.validator.plugins.module_utils._child import NoAnswer, ask, end
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_arguments, redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._run_name import is_of_the_dead, named
from ansible_collections.aarch64.validator.plugins.module_utils._startup_direct import exit_of
from ansible_collections.aarch64.validator.plugins.module_utils._startup_process import Lines, Pump, StartupError, Tail
from ansible_collections.aarch64.validator.plugins.module_utils._startup_rpc import Asker

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

PREFIX = "aarch64-validator-bisect-"
_ENGINE_SECONDS = 60
_CREATE_SECONDS = 60  # until a container runs
_ENGINE_FAILED = 125  # docker-run(1): the engine itself could not
_PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h


class ContainerBisection:
    """One execution of the module for the options of a container."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.parameters = module.params
        self.options = _container_options.checked_options(module.params["options"])
        self.items = _container_options.restrictions(self.options)
        self.records = []  # type: list[dict]
        self.notes = []  # type: list[str]

    def run(self) -> dict:
        """The result of the module. Raises StartupError, ValueError or OSError."""
        described = {
            "changed": False, "unit": None, "command": redact_arguments(list(self.parameters["command"] or [])),
            "restrictions": [dict(_named(option), path=None, line=None) for option in self.items]}
        if self.module.check_mode:
            return dict(described, conclusion=None, notes=[])
        path = self.module.get_bin_path(self.parameters["engine"])
        if not path:
            raise StartupError("engine-missing", "engine: {engine} is not installed on this host".format(**self.parameters))
        self.engine = str(path)
        self.remove_left_over()
        with _nameless() as variables:
            variables.writelines(f"{name}={value}\n" for name, value in self.parameters["environment"].items())
            variables.flush()
            self.variables = variables.fileno()
            found = _bisect.Search(self.items, self.start, self.suspects, self.parameters["max_starts"]).run()
        return dict(described, **self.result(found))

    def remove_left_over(self) -> None:
        """Remove the containers of runs that were killed. A program may be deaf to what its engine tells it then."""
        for name in self.call(["ps", "--all", "--format={{.Names}}", "--filter=name=" + PREFIX]).split():
            if is_of_the_dead(name, PREFIX):
                self.remove_container(name)

    def suspects(self, relaxed: frozenset, outcome: _bisect.Outcome) -> list:
        """Options in force that the evidence of a failing start points to."""
        return _container_options.suspects(outcome.detail, [option for option in self.items if option not in relaxed])

    def start(self, relaxed: frozenset) -> _bisect.Outcome:
        """One container with these options relaxed."""
        record = self.trial(_container_options.given_options(self.options, relaxed))
        if record["exit_status"] == _ENGINE_FAILED and relaxed.issuperset(self.items):
            raise StartupError("engine", "{} could not start the container: {}".format(
                self.parameters["engine"], "; ".join(record["lines"]) or "it said nothing"))
        record.update(relaxed=sorted(relaxed), instead=[])
        self.records.append(record)
        return _bisect.Outcome(record["good"], record)

    def trial(self, options: list) -> dict:
        """Run a container until it ends, answers, or its time is over; nothing of it is left."""
        name = named(PREFIX) + binascii.hexlify(os.urandom(6)).decode()
        tail, pump = Tail(), Pump()
        process, output = self.launch(name, options)
        pump.add(output, Lines(tail.take).feed)
        asker = None
        try:
            pid = self.pid_of(name, process, pump)
            asker = Asker(self.parameters["rpc_port"]) if pid and os.geteuid() == 0 else None
            begin = time.monotonic()
            in_time = pump.run(begin + self.parameters["seconds"], lambda: self.finished(process, asker, pid))
            seconds = time.monotonic() - begin
            ran_on = not in_time or (asker is not None and said_enough(asker))
            status, by_signal = (None, None) if ran_on else exit_of(process.wait(timeout=_ENGINE_SECONDS))
        finally:
            if asker:
                asker.close()
            self.remove(name, process)
            pump.rest()
            pump.close()
        rpc = asker.result if asker else {}
        return {"good": ran_on and not rpc.get("error"), "refusals": [], "signal": by_signal, "exit_status": status,
                "timed_out": ran_on, "seconds": round(seconds, 1), "lines": [redact_text(line) for line in tail.lines],
                "asked": bool(rpc), "answered": bool(rpc.get("answered")), "rpc_error": rpc.get("error")}

    def launch(self, name: str, options: list) -> tuple:
        """``(the client of the engine, pipe with what the program prints)``."""
        command = [self.engine, "run", "--rm", "--pull=never", "--network=none", "--name=" + name] + options
        command.append(f"--env-file=/proc/self/fd/{self.variables}")
        if self.parameters["base_path"]:
            command.append("--mount=type=tmpfs,tmpfs-mode=1777,destination=" + self.parameters["base_path"])
        command += [self.parameters["image"]] + list(self.parameters["command"] or [])
        reader, writer = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603  # pylint: disable=ansible-bad-function  # a list of words, never a line of text
                command, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, start_new_session=True,
                pass_fds=[self.variables], preexec_fn=_die_with_us)  # noqa: PLW1509 - no threads
        except OSError as error:
            os.close(reader)
            raise StartupError("engine", f"{self.engine}: {error.strerror or error}") from error
        finally:
            os.close(writer)
        return process, reader

    def pid_of(self, name: str, process: subprocess.Popen, pump: Pump) -> int:
        """The first process of the container, when it runs; 0 if it has ended before."""
        deadline = time.monotonic() + _CREATE_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            shown = self.call(["inspect", "--format={{.State.Pid}}", "--", name])
            if shown.strip().isdigit() and int(shown) > 0:
                return int(shown)
            pump.run(time.monotonic() + 0.05, lambda: False)
        if process.poll() is None:
            raise StartupError("engine", f"{self.engine} did not start a container within {_CREATE_SECONDS} seconds")
        return 0

    def finished(self, process: subprocess.Popen, asker: Asker | None, pid: int) -> bool:
        """Whether the program has ended or has answered."""
        if process.poll() is not None:
            return True
        if asker is None:
            return False
        asker.tick(pid)
        return said_enough(asker)

    def remove(self, name: str, process: subprocess.Popen) -> None:
        """Remove a container, and wait for the client of the engine."""
        if process.poll() is None:
            self.remove_container(name)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            end(process)
        if self.call(["ps", "--all", "--quiet", "--filter=name=" + name]).strip():
            self.call(["rm", "--force", "--volumes", "--", name])

    def remove_container(self, name: str) -> None:
        """Kill and remove a container, if it is there."""
        if self.parameters["engine"] == "podman":  # its rm asks the program to end, and waits for that
            self.call(["kill", "--signal=KILL", "--", name])
        self.call(["rm", "--force", "--volumes", "--", name])

    def call(self, words: list) -> str:
        """Output of the engine, empty where it complains."""
        try:
            answer = ask([self.engine] + words, _ENGINE_SECONDS, {"LC_ALL": "C"})
        except NoAnswer as error:
            raise StartupError("engine", str(error)) from error
        return answer.output if answer.status == 0 else ""

    def result(self, found: _bisect.Result) -> dict:
        """The result of the search."""
        directives = [{
            **_named(option), "path": None, "line": None, "assignments": [],
            "evidence": _bisect_report.end_as_evidence(_bisect_report.clearest(self.records, option)),
            "cost": _container_options.cost(option), "relaxation": _container_options.relaxation(option),
            "alone": found.alone.get(option), "together_with": found.together.get(option, []),
        } for option in found.culprits]
        left = _container_options.given_options(self.options, found.culprits)
        return {
            "conclusion": found.conclusion, "directives": directives,
            "relaxation": "".join(option + "\n" for option in left) if directives else None,
            "starts": len(self.records), "tried": [_bisect_report.tried(record) for record in self.records],
            "notes": self.notes + found.notes + _bisect_report.last_notes(self.records, found.conclusion),
        }


def _nameless() -> t.IO[str]:
    """A file without a name, for variables that may hold secrets: the kernel removes it with this process, however that ends."""
    if hasattr(os, "memfd_create"):  # from Python 3.8
        with contextlib.suppress(OSError):
            return os.fdopen(os.memfd_create(PREFIX), "w", encoding="utf-8")
    return tempfile.TemporaryFile("w", encoding="utf-8")


def said_enough(asker: Asker) -> bool:
    """Whether the program has answered, by its runtime or that it has none."""
    return asker.result["answered"] or asker.result["error"] is not None


def _named(option: str) -> dict:
    return dict(zip(("name", "value"), option.partition("=")[::2]))


def _die_with_us() -> None:
    """In the child: the client passes the signal on to the container."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
