# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports modules from texts in memory. Private to this collection.

``zipimport`` serves a module from an archive on disk and compiles it twice, once to learn its file name (``get_filename()``,
CPython 3.7 to 3.13). On a small host that is most of what an audit costs.
"""

from __future__ import annotations

import typing as t
from importlib.machinery import ModuleSpec


class TextFinder:
    """A finder and loader, for ``sys.meta_path``, of modules whose text is given by full name."""

    def __init__(self, texts: dict) -> None:
        self.texts = texts
        self.packages = {name.rsplit(".", level)[0] for name in texts for level in range(1, name.count(".") + 1)}

    def find_spec(self, name: str, path: t.Any = None, target: t.Any = None) -> ModuleSpec | None:
        """As ``importlib.abc.MetaPathFinder.find_spec()``."""
        if name in self.texts or name in self.packages:
            return ModuleSpec(name, self, origin=name.replace(".", "/") + ".py", is_package=name in self.packages)  # type: ignore[arg-type]
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        """As ``importlib.abc.Loader.create_module()``: the usual kind of module."""

    def exec_module(self, module: t.Any) -> None:
        """As ``importlib.abc.Loader.exec_module()``."""
        # Texts of this collection alone.
        code = compile(self.texts.get(module.__name__, ""), module.__spec__.origin, "exec")
        exec(code, module.__dict__)  # noqa: S102  # nosec B102
