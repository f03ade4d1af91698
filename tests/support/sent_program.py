# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What memory_facts is sent as."""

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.aarch64.validator.plugins.module_utils._wanted import ARGUMENT_SPEC
from ansible_collections.aarch64.validator.plugins.plugin_utils._one_program import program


def validated(**options: object) -> dict[str, object]:
    """The options with their defaults, as Ansible hands them over."""
    return dict(ArgumentSpecValidator(ARGUMENT_SPEC).validate(options).validated_parameters)


def sent(**options: object) -> bytes:
    """The program for these options."""
    return program(validated(**options))
