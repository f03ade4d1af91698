# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Examples of all plugins and pages: Ansible takes them, modules take their options, and what needs no root is run here.

tests/integration/test_examples.py runs the others, on a host with a node. A new plugin is found with no edit here.
"""

from __future__ import annotations

import configparser
import importlib
import os
import subprocess
import sys
from pathlib import Path

import doc_examples
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

ROOT = doc_examples.ROOT
EXAMPLES = doc_examples.examples()
TEXTS = doc_examples.plugin_examples()
MODULE_USES = [pytest.param(module, options, id=f"{name}:{module}:{number}") for name, items in EXAMPLES.items()
               for number, (module, options) in enumerate(doc_examples.uses(items), 1)]
HOST = "rpc1"


class Declared(Exception):
    """What a module declares of its options, taken before it does anything."""


def ansible_playbook(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(directory / "hosts.yml"), *arguments]
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    own.update({"ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks/collections"), "ANSIBLE_LOCALHOST_WARNING": "false"})
    return subprocess.run(command, cwd=directory, env={**own, **environment}, capture_output=True, text=True, check=False)


@pytest.fixture
def place(tmp_path):
    """A directory with the files that examples read, and an inventory of this machine under the names that they use."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "memory_pool_serial": [1, "25%"]}
    hosts = dict.fromkeys((HOST, "rpc2", "validator1"), local)
    inventory = {"validators": {"hosts": hosts}, "build_host": {"hosts": {HOST: None}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    return doc_examples.place(tmp_path)


def test_every_plugin_has_examples():
    plugins = {f"modules/{path.stem}" for path in (ROOT / "plugins/modules").glob("*.py")}
    plugins |= {f"filter/{path.stem}" for path in (ROOT / "plugins/filter").glob("*.yml")}
    plugins |= {f"callback/{path.stem}" for path in (ROOT / "plugins/callback").glob("*.py")}
    assert plugins == set(TEXTS)
    for name, text in TEXTS.items():
        assert f"aarch64.validator.{name.split('/')[1]}" in text, f"{name}: its examples never use it"


def test_ansible_takes_every_example(place):
    """The loader of Ansible reads them: modules and roles are found, keywords are right, templates are whole."""
    files = [doc_examples.write(place, name, doc_examples.as_plays(items, HOST)) for name, items in EXAMPLES.items()]
    done = ansible_playbook(place, "--syntax-check", *files)
    assert done.returncode == 0, done.stderr[-4000:] + f"\nexamples were laid out as {files}"
    assert all(f"playbook: {file}" in done.stdout for file in files)


def declared(module: str, monkeypatch) -> dict:
    """What a module declares of its options; one that runs on the controller has only its documentation."""
    source = importlib.import_module(f"ansible_collections.aarch64.validator.plugins.modules.{module}")
    if not hasattr(source, "AnsibleModule"):
        return {"argument_spec": {name: {key: value for key, value in option.items() if key in (
            "type", "elements", "choices", "required", "default")} for name, option in
            yaml.safe_load(source.DOCUMENTATION)["options"].items()}}

    def declare(**options: object) -> None:
        options.pop("supports_check_mode", None)
        raise Declared(options)

    monkeypatch.setattr(source, "AnsibleModule", declare)
    with pytest.raises(Declared) as seen:
        source.main()
    return seen.value.args[0]


@pytest.mark.parametrize(("module", "options"), MODULE_USES)
def test_module_takes_the_options_of_the_example(module, options, monkeypatch):
    given = {name: value for name, value in options.items() if "{{" not in str(value)}
    spec = declared(module, monkeypatch)
    templated = set(options) - set(given)
    assert templated <= set(spec["argument_spec"]), "an option that the module does not have"
    for name in templated:  # what it will be is not known here
        spec["argument_spec"][name] = {"type": "raw"}
        given[name] = "later"
    checked = ModuleArgumentSpecValidator(**spec).validate(given)
    assert checked.error_messages == []


def test_examples_that_need_no_root_are_run(place):
    files = [doc_examples.write(place, name, doc_examples.trial(name, items, HOST, place / "told"))
             for name, items in EXAMPLES.items() if doc_examples.can_be_tried(name) and not doc_examples.needs_a_node(items)]
    assert len(files) > 10
    done = ansible_playbook(place, "--check", *files)
    failed = [path.read_text() for path in sorted((place / "told").iterdir())]
    assert failed == [], "\n".join(failed)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr


@pytest.mark.parametrize("name", [name for name in TEXTS if name.startswith("callback/")])
def test_example_of_a_callback_is_a_configuration_that_ansible_takes(name, place):
    """Ansible warns of a callback that it cannot load."""
    file = place / "ansible.cfg"
    file.write_text("\n".join(line[2:] for line in TEXTS[name].strip().splitlines() if line != "# ansible.cfg:") + "\n")
    configuration = configparser.ConfigParser()
    configuration.read(file)
    assert configuration["defaults"]["callbacks_enabled"] == f"aarch64.validator.{name.split('/')[1]}"
    (place / "play.yml").write_text(yaml.safe_dump([{"name": "Nothing", "hosts": HOST, "gather_facts": False, "tasks": []}]))
    done = ansible_playbook(place, "play.yml", ANSIBLE_CONFIG=str(file))
    assert done.returncode == 0 and "WARNING" not in done.stderr + done.stdout, done.stdout + done.stderr
    file.write_text(file.read_text().replace("validator.", "validator.no_"))
    assert "WARNING" in ansible_playbook(place, "play.yml", ANSIBLE_CONFIG=str(file)).stderr, "Ansible would not have said it"
