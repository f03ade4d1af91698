# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of all plugins and pages, as they stand there, and plays that try them.

Nothing here names a plugin: what is in the directories is found.
"""

from __future__ import annotations

import ast
import json
import re
import typing as t
from pathlib import Path

import yaml
from report_fleets import fleet_report

from facts_factory import node_facts, release_manifest

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "aarch64.validator."
PAGES = [ROOT / "README.md", *sorted((ROOT / "roles").glob("*/README.md")), *sorted((ROOT / "docs").glob("*.md"))]
BLOCK_PARTS = ("block", "rescue", "always")


def place(directory: Path) -> Path:
    """Lay out the files that examples read in this directory of the controller, and ``told`` for what fails in a trial."""
    fleet = json.dumps(fleet_report(2), ensure_ascii=False)  # the first two hosts are healthy
    files = {
        "polkadot.log": "mmap failed to reserve 0x6080000000 bytes\nCannot allocate memory (os error 12)\n",
        "releases/polkadot-1a2b3c4d5e6f-0123abcd/manifest.json": json.dumps(release_manifest()),
        "slices/1/report.json": fleet,
        "validator-report/facts/validator1.json": json.dumps(node_facts()),
        "validator-report/report.json": fleet,
    }
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    (directory / "told").mkdir()
    return directory


def plugin_examples() -> dict[str, str]:
    """The text below EXAMPLES of each plugin, by ``kind/name``."""
    found = {}
    for path in sorted((ROOT / "plugins").glob("*/*")):
        kind = path.parent.name
        if path.suffix == ".yml":
            found[f"{kind}/{path.stem}"] = yaml.safe_load(path.read_text())["EXAMPLES"]
        elif path.suffix == ".py" and kind not in ("module_utils", "plugin_utils", "doc_fragments"):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "EXAMPLES":
                    found[f"{kind}/{path.stem}"] = ast.literal_eval(node.value)
    return found


def page_examples() -> dict[str, list[dict]]:
    """Blocks of plays or tasks in the pages, by ``page:number``; other YAML, such as variables, is none."""
    found = {}
    for path in PAGES:
        for number, text in enumerate(re.findall(r"^```yaml\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL), 1):
            for document in yaml.safe_load_all(text):
                if isinstance(document, list) and all(isinstance(item, dict) and "name" in item for item in document):
                    found[f"{path.relative_to(ROOT)}:{number}"] = document
    return found


def examples() -> dict[str, list[dict]]:
    """The tasks and plays of each plugin's examples and of the pages; those of a callback are no YAML."""
    found = {name: yaml.safe_load(text) for name, text in plugin_examples().items()}
    return {name: items for name, items in found.items() if items} | page_examples()


def tasks_of(items: list[dict]) -> t.Iterator[dict]:
    """All tasks, those of plays and blocks too; no plays and no blocks."""
    for item in items:
        parts = [part for part in (*BLOCK_PARTS, "tasks", "pre_tasks", "post_tasks", "handlers") if part in item]
        for part in parts:
            yield from tasks_of(item[part])
        if not parts and "hosts" not in item:
            yield item


def uses(items: list[dict]) -> list[tuple[str, dict]]:
    """Each use of a module of this collection: its name, and the arguments as they stand there."""
    return [(key[len(COLLECTION):], value or {}) for task in tasks_of(items) for key, value in task.items()
            if key.startswith(COLLECTION)]


def can_be_tried(name: str) -> bool:
    """Whether an example is of a module or a filter; a page shows plays for hosts of its reader."""
    return name.startswith(("modules/", "filter/"))


def needs_a_node(items: list[dict]) -> bool:
    """Whether it asks for root, or for what a machine without a node may not have: a service, a program, healthy hosts."""
    asked = any(set(options) & {"unit", "services", "source", "hosts"} for _module, options in uses(items))
    return asked or needs_root(items)


def needs_root(items: list[dict]) -> bool:
    """Whether any part of it asks for root."""
    return any(item.get("become") for item in items) or any(
        needs_root(item[part]) for item in items for part in (*BLOCK_PARTS, "tasks") if part in item)


def as_plays(items: list[dict], host: str) -> list[dict]:
    """The example as plays; loose tasks go into a play on this host."""
    plays = [dict(item) for item in items if "hosts" in item]
    loose = [item for item in items if "hosts" not in item]
    if loose:
        plays.insert(0, {"name": "The tasks of an example", "hosts": host, "gather_facts": False, "tasks": loose})
    return plays


def write(directory: Path, name: str, plays: list[dict]) -> str:
    """Write the plays of an example; the name of the file."""
    file = name.replace("/", "-") + ".yml"
    (directory / file).write_text(yaml.safe_dump(plays))
    return file


def trial(name: str, items: list[dict], host: str, told: Path) -> list[dict]:
    """Plays that try an example; a task that fails is written into a file of the directory ``told``, and the next plays go on."""
    plays = as_plays(items, host)
    if "hosts" not in items[0]:
        text = name + ": {{ ansible_failed_task.name }}: {{ ansible_failed_result.msg | default(ansible_failed_result) }}"
        note = {"name": "Tell what failed", "check_mode": False, "become": False, "delegate_to": "localhost",
                "ansible.builtin.copy": {"content": text, "dest": str(told / name.replace("/", "-")), "mode": "0600"}}
        plays[0]["tasks"] = [{"name": "Forget what others have gathered", "ansible.builtin.meta": "clear_facts"},
                             {"name": name, "block": plays[0]["tasks"], "rescue": [note]}]
    return plays
