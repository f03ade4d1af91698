# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the earlier report that a run is compared with. Private to this collection."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._drift import checked_baseline
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._kept_facts import is_entry


def read_baseline(path: str | None, fail_on: str) -> dict[str, t.Any] | None:
    """The earlier report, read before anything is written: it may be the very file that this run replaces."""
    valid = "give report.json of an earlier run"
    if path is None:
        if fail_on == "drift":
            raise AnsibleActionFail(f"memory_pool_fail_on: drift needs memory_pool_baseline; {valid}")
        return None
    try:
        return checked_baseline(json.loads(Path(path).read_bytes(), object_hook=without_facts))
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except RecursionError:
        problem = "is no JSON (nested too deeply)"
    except ValueError as error:
        problem = f"is no JSON ({error})" if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)) else str(error)
    raise AnsibleActionFail(f"memory_pool_baseline: {path!r} {problem}; {valid}")


def without_facts(value: dict[str, t.Any]) -> dict[str, t.Any]:
    """For ``object_hook`` of json: facts are not compared, and those of a fleet need not be in memory."""
    if is_entry(value):
        value["facts"] = {}
    return value
