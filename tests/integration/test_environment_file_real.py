# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command lines that we tell from files are those that a real systemd gives to processes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import HostHandle, MakeFleet
from service_host import COLLECTION, LIBRARY, install

from environment_cases import CASES, Case

pytestmark = pytest.mark.nspawn

UNITS = "/etc/systemd/system"
RESULTS = "/run/argv"
# Notes its own argv, under the name of its unit.
PROGRAM = f"""
import json, re
name = re.search("[^/]*[.]service$", open("/proc/self/cgroup").read(), re.MULTILINE).group()
argv = open("/proc/self/cmdline", newline="").read().split(chr(0))[:-1]
json.dump(argv, open("{RESULTS}/" + name, "w"))
"""
TELL = f"""
import json, sys
from {COLLECTION.replace("/", ".")}.module_utils._exec_start import next_command_line
from {COLLECTION.replace("/", ".")}.module_utils._unit_files import read_files
unread = []
units = {{name: read_files(["{UNITS}/" + file], unread) for name, file in json.load(sys.stdin).items()}}
told = {{name: next_command_line(name, files, unread) for name, files in units.items()}}
print(json.dumps([told, unread]))
"""
COLLECT = f"import json, os; print(json.dumps({{n: json.load(open('{RESULTS}/' + n)) for n in os.listdir('{RESULTS}')}}))"
WRITE = "import json, sys; [open(path, 'w', newline='').write(text) for path, text in json.load(sys.stdin).items()]"


def unit_name(name: str, case: Case) -> str:
    """Every case gets a unit of its own, unless it asks for a certain name."""
    return f"{name}.service" if case.unit == "argv.service" else case.unit


def unit_text(name: str, case: Case) -> str:
    """The unit of a case."""
    lines = ["[Service]", "Type=oneshot", *case.lines, f"EnvironmentFile=-/etc/default/argv-{name}", f"ExecStart={case.command}"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def results(make_fleet: MakeFleet) -> dict[str, Any]:
    """By unit: the argv of its process, and what we say of it."""
    handle = HostHandle(make_fleet("argv-1"), "argv-1")
    install(handle)
    units = {unit_name(name, case): unit_text(name, case) for name, case in CASES.items()}
    files = {f"{UNITS}/{unit}": text for unit, text in units.items()}
    files.update({f"/etc/default/argv-{name}": case.file for name, case in CASES.items() if case.file})
    files["/opt/argv.py"] = PROGRAM
    handle.inside("mkdir", "-p", RESULTS)
    handle.inside("python3", "-c", WRITE, input=json.dumps(files))
    handle.inside("systemctl", "daemon-reload")
    for unit in units:
        handle.inside("sh", "-c", 'systemctl start -- "$1" || true', "sh", unit)
    environment = ("env", f"PYTHONPATH={LIBRARY}")
    told, unread = json.loads(
        handle.inside(*environment, "python3", "-B", "-c", TELL, input=json.dumps({unit: unit for unit in units})))
    assert unread == []
    version = int(handle.inside("systemctl", "--version").split()[1])
    shown = {unit: handle.inside("systemctl", "show", "--property=ExecStart", "--value", "--", unit) for unit in units}
    given = json.loads(handle.inside("python3", "-c", COLLECT))
    return {"shown": shown, "given": given, "told": told, "version": version}


def test_units_have_names_of_their_own() -> None:
    names = [unit_name(name, case) for name, case in CASES.items()]
    assert len(set(names)) == len(names) >= 25


@pytest.mark.parametrize("name", CASES)
def test_process_has_the_argv_that_we_tell(results: dict[str, Any], name: str) -> None:
    case = CASES[name]
    unit = unit_name(name, case)
    told = results["told"][unit]
    given = results["given"].get(unit)
    assert (told and told["arguments"]) == given
    if told:
        assert results["shown"][unit].startswith("{ path=" + told["program"] + " ;")
    if results["version"] == 252:
        assert given == (None if case.argv is None else [*case.argv0, *case.argv])
