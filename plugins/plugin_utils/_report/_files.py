# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a report on the controller: whole or not at all. Private to this collection."""

from __future__ import annotations

import contextlib
import os
import tempfile
import typing as t

from ansible.errors import AnsibleActionFail


def located(directory: str, name: str) -> str:
    """Where a file of the report lies."""
    return os.path.join(os.path.abspath(os.path.expanduser(directory)), name)


def write_text(text: str | t.Iterable[str], directory: str, name: str, mode: int = 0o600) -> str:
    """Write one file, whole or not at all, and give its path. Raises AnsibleActionFail for a directory that takes none."""
    path = located(directory, name)
    draft = None
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        number, draft = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".report-")
        with open(number, "w", encoding="utf-8", newline="") as stream:
            os.fchmod(number, mode)
            stream.writelines([text] if isinstance(text, str) else text)
        os.replace(draft, path)
    except OSError as error:
        if draft:
            with contextlib.suppress(OSError):
                os.unlink(draft)
        raise AnsibleActionFail(
            f"memory_pool_report_dir: {directory!r} cannot be written ({error.strerror}); give a directory that you may write"
        ) from None  # ansible-core would add the message of the cause to this one
    return path


def remove(directory: str, name: str) -> None:
    """A file of an earlier run must not pass for one of this report."""
    with contextlib.suppress(OSError):
        os.unlink(located(directory, name))
