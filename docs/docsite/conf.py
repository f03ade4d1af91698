# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx configuration of the docs site; scripts/build_docs.py lays out its source."""

from __future__ import annotations

import typing as t

from docutils import nodes

project = "aarch64.validator"
author = "aarch64.validator contributors"
copyright = "2026, aarch64.validator contributors"  # noqa: A001  the name that Sphinx reads

extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
# The lexer of YAML with Jinja does not know all quotes of YAML; it then colours what it knows.
suppress_warnings = ["misc.highlighting_failure"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]

html_theme = "furo"
html_title = "aarch64.validator"
html_show_sphinx = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_theme_options = {"source_repository": "https://github.com/aarch64-validator/aarch64.validator"}
pygments_style = "default"  # its colours have the contrast that a light page needs
pygments_dark_style = "github-dark"

# Pages of others are looked at by `scripts/build_docs.py --external`, which needs the internet.
linkcheck_anchors = False
linkcheck_timeout = 20
linkcheck_ignore = [r"https://github\.com/aarch64-validator/.*", r"http://127\.0\.0\.1.*", r"https://alertmanager\.example\.org.*"]

ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
# Labels of the pages of Ansible that plugin pages name.
LABELS = {
    "action_plugins": "plugins/action.html",
    "ansible_collections.ansible.builtin.jsonfile_cache": "collections/ansible/builtin/jsonfile_cache.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "callback_plugins": "plugins/callback.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def ansible_page(_app: t.Any, _environment: t.Any, node: t.Any, content: t.Any) -> nodes.reference | None:
    """A link to the page of Ansible that has this label; None if it has none."""
    page = LABELS.get(node.get("reftarget"))
    return nodes.reference("", "", content, refuri=ANSIBLE + page, internal=False) if page else None


def setup(app: t.Any) -> None:
    """Called by Sphinx."""
    app.connect("missing-reference", ansible_page)
