# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that several files of this directory use."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _health
from health_node import Server


@pytest.fixture
def serve() -> t.Iterator[t.Callable]:
    servers = []

    def start(answer: t.Callable, **options: t.Any) -> Server:
        servers.append(Server(answer, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_health, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(_health, "GRACE_SECONDS", 0.5)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
