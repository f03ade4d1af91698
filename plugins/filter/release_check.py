# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters: whether a release is of use, and to which hosts."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.aarch64.validator.plugins.plugin_utils._release_check import older_libc, recorded_facts, release_check


def _telling(function: t.Callable) -> t.Callable:
    """The function with its complaints as an operator is to see them."""
    def call(*arguments: t.Any) -> t.Any:
        try:
            return function(*arguments)
        except ValueError as error:
            raise AnsibleFilterError(str(error)) from error
    return call


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict:
        return {function.__name__: _telling(function) for function in (release_check, recorded_facts, older_libc)}
