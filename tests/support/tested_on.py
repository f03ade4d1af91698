# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/tested-on.md: what a run of the arm64 tests saw, one row for each kernel."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

if t.TYPE_CHECKING:
    from pathlib import Path

HEAD = """# Tested on

Real arm64 kernels under qemu, with real Wasmtime. Written by `make test-arm64`; every figure was seen by that run.

*Engines* are engines of 194, 258 and 386 GiB that fit into one process, at most three tried, measured by Wasmtime itself. The
forecast of `assess` was the same in every cell, or the run would have failed. The first three are of a position-independent
program, as nodes are, the others of one that is not.

| kernel | page size | bits | engines | verdict before | what was changed | verdict after | after a reboot |
|---|---|---|---|---|---|---|---|
"""


@dataclass
class Figures:
    """What was seen on one kernel."""

    kernel: str
    values: dict[str, str] = field(default_factory=dict)

    def row(self) -> str:
        """The row of this kernel."""
        names = ("release", "page_size", "va_bits", "engines", "before", "changed", "after", "rebooted")
        return "| " + " | ".join(self.values.get(name, "not seen") for name in names) + " |"


def write_page(page: Path, figures: Figures) -> None:
    """Put the row of a kernel into the page, in place of its older one."""
    rows = {}
    if page.exists():
        rows = {line.split("|")[1].strip(): line for line in page.read_text(encoding="utf-8").splitlines()
                if line.startswith("|") and not line.startswith(("| kernel", "|---"))}
    rows[figures.values.get("release", figures.kernel)] = figures.row()
    page.write_text(HEAD + "\n".join(rows[name] for name in sorted(rows)) + "\n", encoding="utf-8")
