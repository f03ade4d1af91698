# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have memory_facts reach a host as one program of its own. Private to this collection."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.aarch64.validator.plugins.module_utils._wanted import ARGUMENT_SPEC
from ansible_collections.aarch64.validator.plugins.plugin_utils._answer import GATHERS
from ansible_collections.aarch64.validator.plugins.plugin_utils._bounded_action import BoundedAction
from ansible_collections.aarch64.validator.plugins.plugin_utils._one_program import program

_INTERNAL = "_ansible_"
# What ansible-core packs quickest; of it, nothing but how it would be started is kept.
_SMALLEST = "ansible.builtin.ping"
_FILE = str(Path(__file__).resolve().parents[1] / "modules" / f"{GATHERS}.py")


class GatherAction(BoundedAction):
    """An action whose memory_facts is sent as one program.

    All else is ansible-core's, as for any module: finding the Python of the host, connection, become, environment, reading the
    answer. Options that are not right go to the module itself, which refuses them in ansible-core's words; so does everything
    where ansible-core hands a built module on in a shape that is not known here.
    """

    def _configure_module(self, module_name: str, module_args: dict, task_vars: dict) -> tuple:
        code = self.code(module_args) if module_name.rpartition(".")[2] == GATHERS else None
        if code is not None:
            internal = {name: value for name, value in module_args.items() if name.startswith(_INTERNAL)}
            sent = exchanged(super()._configure_module(_SMALLEST, internal, task_vars), code)
            if sent is not None:
                return (*sent[:-1], _FILE)  # by which the file on the host is named
        return super()._configure_module(module_name, module_args, task_vars)

    def code(self, module_args: dict) -> bytes | None:
        """The program for these arguments; None for wrong ones."""
        options = {name: value for name, value in module_args.items() if not name.startswith(_INTERNAL)}
        checked = ArgumentSpecValidator(ARGUMENT_SPEC).validate(options)
        return None if checked.error_messages else program(checked.validated_parameters)


def exchanged(built: tuple, code: bytes) -> tuple | None:
    """A built module with other code in it; None if it has none that is known here.

    Until ansible-core 2.18 its bytes are a member of the tuple, since 2.19 a field of an object in there.
    """
    for place, part in enumerate(built):
        if isinstance(part, bytes):
            return (*built[:place], _as_script(part, code), *built[place + 1:])
        if isinstance(getattr(part, "b_module_data", None), bytes):
            script = _as_script(part.b_module_data, code)
            return (*built[:place], dataclasses.replace(part, b_module_data=script), *built[place + 1:])
    return None


def _as_script(other: bytes, code: bytes) -> bytes:
    """The code with the first line of the other if that names an interpreter, by which a task with ``async`` is started."""
    first = other.split(b"\n", 1)[0]
    return first + b"\n" + code if first.startswith(b"#!") else code
