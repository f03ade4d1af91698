# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that are known by where they stand or how they look, with no name before them. Pure; private to this collection."""

from __future__ import annotations

import re

# Before the host of a URL: a password, or as some providers have it a token in place of the name.
_URL = re.compile(r"(?<=\w):(?:\\?/){2}((?:[^\s/\"'<>]{1,1000}|[^\s/]{1,1000})@)")
# A password may have a slash in it: what follows the name is then no port.
_SLASHED = re.compile(r"(?<=\w):(?:\\?/){2}([^\s/:@\"'\[]{0,200}:(?![0-9]{1,5}(?:[/?#\s\"'\\]|\Z))[^\s\"'@]{1,300}@)")
_PROXY = re.compile(r"proxy[\"']?\s{0,3}[=:]\s{0,3}[\"']?([^\s/:@\"']{1,200}:[^\s/@\"']{1,200})@", re.IGNORECASE)
_QUERY = re.compile(r"[?&;][\w-]{0,30}(?:key|auth|sig|signature)=([^\s&#\"']+)", re.IGNORECASE)
_BEARER = re.compile(r"(?<![\w-])(?i:bearer)[ \t]{1,20}((?=[a-z._~+/=-]{0,100}[0-9A-Z])[\w.~+/=-]{6,})")
# Tokens of JWT, GitHub, GitLab and Slack.
_TOKEN = re.compile(r"(?<![\w-])((?:eyJ[\w-]{10,}\.[\w-]{6,}|gh[pousr]_|github_pat_|glpat-|xox[abp]-)[\w.-]{10,})")
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----")
_KEY_END = "-----END "
# Each with a text that is in whatever it finds, in small letters: most lines have none of them, which is seen much quicker so.
# Where the second is true, the last character that it finds, the sign before a host, is no part of it.
_SHAPES = (("@", _PROXY, False), ("=", _QUERY, False), ("bearer", _BEARER, False), ("", _TOKEN, False),
           ("@", _URL, True), ("@", _SLASHED, True))


def shaped_spans(text: str) -> list:
    """Where such secrets are, as ``(start, end)``."""
    lowered = text.lower()
    spans = [(match.start(1), match.end(1) - signed)
             for hint, pattern, signed in _SHAPES if hint in lowered for match in pattern.finditer(text)]
    at = 0
    while at < len(text):
        begin = _KEY_BEGIN.search(text, at)
        if begin is None:
            break
        end = text.find(_KEY_END, begin.end())
        at = len(text) if end < 0 else end
        spans.append((begin.end(), at))
    return spans
