# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of node_health, checked. Private to this collection."""

from __future__ import annotations

import re

from ansible_collections.aarch64.validator.plugins.module_utils._health import Options
from ansible_collections.aarch64.validator.plugins.module_utils._health_checks import CHECKS
from ansible_collections.aarch64.validator.plugins.module_utils._health_http import parse_endpoint
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import LIMIT_ROWS
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError, parse_limit, parse_size
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import unit_name

MAX_SECONDS = 86400
MAX_SLICE = 30

_RANGES = {"timeout": (0, MAX_SECONDS), "slice": (1, MAX_SLICE), "min_peers": (0, 10000)}
_PATH = re.compile(r"\A/[!-~]*\Z")
# What next of an earlier execution holds; the first four always.
_STATE = {"unit": str, "boot": str, "began": (int, float), "deadline": (int, float), "restarts": int, "invocation": str,
          "proven": str, "block": int, "block_at": (int, float), "runtime": dict, "advanced": dict}  # type: dict
_ALWAYS = 4


def checked(parameters: dict) -> Options:
    """What to look at. Raises OptionError for what the types of the options let through."""
    for name, (lowest, highest) in _RANGES.items():
        if not lowest <= parameters[name] <= highest:
            raise OptionError(name, parameters[name], f"a whole number from {lowest} to {highest}")
    for name in ("restarts", "since"):
        if parameters[name] is not None and not 0 <= parameters[name] < 1e11:
            raise OptionError(name, parameters[name], "a number, 0 or more")
    path = parameters["readiness_path"]
    if not _PATH.match(path):
        raise OptionError("readiness_path", path, "a path such as /health/readiness")
    checks = parameters["checks"]
    if not checks or len(set(checks)) != len(checks):
        raise OptionError("checks", checks, "one or more of {}, each once".format(", ".join(CHECKS)))
    unit = unit_name(parameters["unit"], "unit")
    return Options(
        unit=unit,
        endpoint=parse_endpoint(parameters["rpc_url"], "rpc_url"),
        readiness_path=path,
        checks=checks,
        timeout=parameters["timeout"],
        slice=parameters["slice"],
        min_peers=parameters["min_peers"],
        min_free=parse_size(parameters["min_free"], "min_free"),
        limits=_limits(parameters["limits"] or {}),
        restarts=parameters["restarts"],
        since=parameters["since"],
        state=_state(parameters["continue"] or {}, unit),
    )


def _limits(wanted: dict) -> dict:
    names = list(LIMIT_ROWS.values())
    for name in wanted:
        if name not in names:
            raise OptionError("limits", name, "limits among {}".format(", ".join(names)))
    return {name: parse_limit("infinity" if str(value) == "-1" else value, f"limits.{name}") for name, value in wanted.items()}


def _state(state: dict, unit: str) -> dict:
    """Raises OptionError for what is not from an earlier execution for the same unit."""
    missing = [name for name in list(_STATE)[:_ALWAYS] if name not in state] if state else []
    wrong = [name for name, value in state.items() if not isinstance(value, _STATE.get(name, ()))]
    if missing or wrong or state.get("unit", unit) != unit:
        raise OptionError("continue", state, f"next as an earlier execution for {unit} on this host has returned it")
    for name in ("runtime", "advanced"):
        if name in state and not {"name", "ok", "text", "value"} <= set(state[name]):
            raise OptionError("continue", state, f"next as an earlier execution for {unit} on this host has returned it")
    return state
