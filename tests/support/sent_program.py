# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts are sent: memory_facts as this collection does it, and other modules as ansible-core does."""

from __future__ import annotations

import functools
from pathlib import Path

from ansible.executor.module_common import modify_module
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, module_loader
from ansible.template import Templar

from ansible_collections.aarch64.validator.plugins.module_utils._wanted import ARGUMENT_SPEC
from ansible_collections.aarch64.validator.plugins.plugin_utils._one_program import program

ROOT = Path(__file__).resolve().parents[2]


@functools.lru_cache(maxsize=None)
def _prepared() -> None:
    """Let ansible-core find modules, which it can be told once in a process."""
    init_plugin_loader([str(ROOT / "playbooks/collections")])


def packed(module: str, options: dict[str, object], python: str) -> bytes:
    """A module as ansible-core sends it."""
    _prepared()
    path = module_loader.find_plugin_with_context(module).plugin_resolved_path
    built = modify_module(module_name=module, module_path=path, module_args=options, templar=Templar(DataLoader()),
                          task_vars={"ansible_python_interpreter": python}, module_compression="ZIP_DEFLATED")
    return bytes(built[0] if isinstance(built, tuple) else built.b_module_data)


def validated(**options: object) -> dict[str, object]:
    """The options with their defaults, as Ansible hands them over."""
    return dict(ArgumentSpecValidator(ARGUMENT_SPEC).validate(options).validated_parameters)


def sent(**options: object) -> bytes:
    """The program for these options."""
    return program(validated(**options))
