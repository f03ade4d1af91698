# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffs show what changes, and nothing else of files in which others keep secrets."""

from __future__ import annotations

import json

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils._difference import (
    difference,
    key_difference,
    line_difference,
)
from ansible_collections.aarch64.validator.plugins.module_utils._redact import HIDDEN

FSTAB = ("curlftpfs#ftp://bob:S3CRET@h /ftp fuse rw 0 0\n//nas/x /nas cifs user=bob%S3CRET,pw=S3CRET,token=S3CRET 0 0\n{}"
         "https://bob:S3CRET@dav/ /dav davfs rw 0 0\n# S3CRET")


@pytest.mark.parametrize(("before", "after", "old", "new"), [
    (FSTAB.format("tmpfs /dev/shm tmpfs size=1G 0 0\n"), FSTAB.format("tmpfs /dev/shm tmpfs size=2G 0 0\n"),
     "tmpfs /dev/shm tmpfs size=1G 0 0\n", "tmpfs /dev/shm tmpfs size=2G 0 0\n"),
    (FSTAB.format(""), FSTAB.format("") + "\ntmpfs /dev/shm tmpfs size=2G 0 0\n", "", "tmpfs /dev/shm tmpfs size=2G 0 0\n"),
    (FSTAB.format("tmpfs /dev/shm tmpfs size=1G 0 0\n"), FSTAB.format(""), "tmpfs /dev/shm tmpfs size=1G 0 0\n", ""),
    ("", "tmpfs /dev/shm tmpfs size=2G 0 0\n", "", "tmpfs /dev/shm tmpfs size=2G 0 0\n"),
    (None, "a\n", "", "a\n"), ("a\n", None, "a\n", ""),
    ("a\na\n", "a\n", "a\n", ""), ("x b\r\n", "x c\r\n", "x b\r\n", "x c\r\n"),
])
def test_of_fstab_the_line_that_changes_is_shown(before, after, old, new):
    shown, = line_difference("/etc/fstab", before, after)
    assert (shown["before"], shown["after"]) == (old, new), "a diff has to show what changes, and no line of somebody else"


@pytest.mark.parametrize(("before", "after", "old", "new"), [
    ('{"log-opts": {"splunk-token": "S3CRET"}, "default-shm-size": "64M"}',
     '{"log-opts": {"splunk-token": "S3CRET"}, "default-shm-size": "2G"}',
     {"default-shm-size": "64M"}, {"default-shm-size": "2G"}),
    ('{"proxies": {"http-proxy": "http://user:S3CRET@proxy"}}',
     '{"proxies": {"http-proxy": "http://user:S3CRET@proxy"}, "default-shm-size": "2G"}', {}, {"default-shm-size": "2G"}),
    (None, '{"default-shm-size": "2G"}', {}, {"default-shm-size": "2G"}),
    ('{"default-shm-size": "2G"}', None, {"default-shm-size": "2G"}, {}),
])
def test_of_settings_the_keys_that_change_are_shown(before, after, old, new):
    shown, = key_difference("/etc/docker/daemon.json", before, after)
    assert [json.loads(shown[side] or "{}") for side in ("before", "after")] == [old, new]


def test_settings_that_cannot_be_read_are_not_shown():
    shown, = key_difference("/x", '{"token": S3CRET', "{}")
    assert "S3CRET" not in str(shown) and shown["before"] != shown["after"]


@pytest.mark.parametrize("command", [
    '"--node-key" "S3CRET"', "'--node-key' S3CRET", '"--suri" "//S3CRET"', r"--node-key\x20S3CRET", '"--node-key=S3 CRET"',
    r'--node-key "S3\"CRET"', r"--node\x2dkey S3CRET", '--no"de-ke"y=S3CRET', '"--node-key" \\\n "S3CRET"',
    '--node\\x2dkey \\\n S3CRET',
])
def test_no_way_to_quote_shows_a_secret_of_a_unit(command):
    after = f"[Service]\nExecStart=\nExecStart=/usr/bin/polkadot --name val {command}\nLimitNOFILE=5\n"
    shown, = difference("/x.conf", None, after)
    assert "S3" not in shown["after"] and "CRET" not in shown["after"], f"a secret would be shown: {shown['after']}"
    assert HIDDEN in shown["after"] and "LimitNOFILE=5\n" in shown["after"] and "ExecStart=\n" in shown["after"]


def test_a_unit_without_secrets_is_shown_as_it_is():
    text = "[Service]\nExecStart=\nExecStart=/usr/bin/polkadot --name 'a b' \\\n  --x\nExecStart=\"broken\n"
    assert difference("/x.conf", None, text)[0]["after"] == text


def test_a_change_of_a_secret_is_told_without_it():
    shown, = difference("/x.conf", "[Service]\nExecStart=/n --node-key S3CRET\n", "[Service]\nExecStart=/n --node-key T3CRET\n")
    assert shown["before"] != shown["after"] and "3CRET" not in str(shown), "a change looks like none, or shows a secret"


@pytest.mark.parametrize("function", [difference, line_difference, key_difference])
def test_no_change_is_no_difference(function):
    assert function("/x", "{}", "{}") == [] == function("/x", None, None)
