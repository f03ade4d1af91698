# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find and read the reports that are to be merged. Reads files; private to this collection."""

from __future__ import annotations

import glob
import json
import os
import typing as t

REPORT = "report.json"
VALID = "give report.json of each run, directories that hold them, or patterns such as 'slices/*/report.json'"


def read_pieces(given: list, own: str, hook: t.Callable[[dict], dict] | None = None) -> list:
    """``[(file, content)]`` of files, directories and patterns, each file once. Raises ValueError.

    A directory stands for its report.json or, where it has none, for each one below it. The file that this run writes, own, is
    passed over there: it is what an earlier merge left. hook is the ``object_hook`` of json.
    """
    files = {}  # type: dict[str, str]
    for text in given:
        found = _expanded(text, os.path.realpath(own))
        if not found:
            raise ValueError(f"{text!r} leads to no file; {VALID}")
        for file in found:
            files.setdefault(os.path.realpath(file), file)
    return [(file, _content(file, hook)) for file in files.values()]


def _expanded(text: str, own: str) -> list:
    """The files that one given text stands for. A name that is there is no pattern."""
    if os.path.isfile(text):
        return [text]
    paths = [text] if os.path.isdir(text) else sorted(glob.glob(text, recursive=True))
    found = [file for path in paths for file in (_below(path) if os.path.isdir(path) else [path])]
    return [file for file in found if os.path.realpath(file) != own]


def _below(directory: str) -> list:
    """The reports of a directory."""
    if os.path.isfile(os.path.join(directory, REPORT)):
        return [os.path.join(directory, REPORT)]
    found = [os.path.join(parent, REPORT) for parent, _directories, names in os.walk(directory) if REPORT in names]
    return sorted(found)


def _content(file: str, hook: t.Callable[[dict], dict] | None) -> object:
    try:
        with open(file, "rb") as stream:
            content = json.load(stream, object_hook=hook)
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except (ValueError, RecursionError) as error:
        problem = f"is no JSON ({error})"
    else:
        return content
    raise ValueError(f"{file!r} {problem}; {VALID}")
