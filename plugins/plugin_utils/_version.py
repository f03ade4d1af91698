# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of this collection: that of galaxy.yml, which is not part of an installed one. Private to this collection."""

from __future__ import annotations

VERSION = "1.0.0"
