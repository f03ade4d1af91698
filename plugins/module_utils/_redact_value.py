# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a value in free text begins and ends, whatever quotes it has. Pure; private to this collection.

The text may be a command line, a unit file, a log line, JSON, or JSON in JSON, whose quotes have backslashes before them.
"""

from __future__ import annotations

import re

_OPENER = re.compile(r"\\{0,8}[\"'`]")
# A quote inside of a word of a shell that is quoted itself, such as '"'"': its whole run opens and closes.
_RUN = re.compile(r"[\\\"']{1,40}")
_TOKEN = re.compile(r"\\.|[\"'\n]", re.DOTALL)
_OPENS_AFTER = " \t\r\n=([{,:;|&$"
_CLOSES_BEFORE = " \t\r\n\0,])};:&|"
_INSIDE = {
    '"': re.compile(r"(?:[^\"\\\n]+|\\.)*", re.DOTALL),
    "'": re.compile(r"(?:[^'\\\n]+|\\.)*", re.DOTALL),
    "`": re.compile(r"[^`\n]*"),
}
_PLAIN = re.compile(r"(?:[^\s\0\"'\\]+|\\[^\n])+")
# What systemd prints of a command line has lost its quotes: a phrase of 12 to 24 words is one value.
_PHRASE = re.compile(r"[a-z]{3,8}(?: [a-z]{3,8}){11,23}(?![\w-])")
_LIST = re.compile(r"\[[^\]\n]*\]?")
_BARE = re.compile(r"[^\s,}\]]+")
_QUERY = re.compile(r"[^\s&#\"']+")


class Text:
    """A text in which places are asked for from its beginning to its end; so all of them together take one pass."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._quote = ""
        self._tokens = _TOKEN.finditer(text)
        self._next = next(self._tokens, None)
        self._line_end = -1

    def opener_before(self, at: int) -> str:
        """The quote right before a place, with the backslashes that belong to it."""
        head = self.text[max(0, at - 40):at]
        run = head[len(head.rstrip("\\\"'")):]
        if _is_nested(run) or head[-1:] not in ('"', "'", "`"):
            return run if _is_nested(run) else ""
        body = head[:-1]
        return body[max(len(body.rstrip("\\")), len(body) - 8):] + head[-1]

    def opener_at(self, at: int) -> str:
        """The quote that a place begins with, with the backslashes that belong to it."""
        run = _RUN.match(self.text, at)
        match = run if run and _is_nested(run.group()) else _OPENER.match(self.text, at)
        return match.group() if match else ""

    def quote_at(self, at: int) -> str:
        """The quote inside of which a place is, as far as that can be told."""
        while self._next is not None and self._next.start() < at:
            token, start = self._next.group(), self._next.start()
            if token in ("\n", self._quote):
                self._quote = ""
            elif token in ('"', "'") and not self._quote and (start == 0 or self.text[start - 1] in _OPENS_AFTER):
                self._quote = token
            self._next = next(self._tokens, None)
        return self._quote

    def closing(self, at: int, opened: str) -> int:
        """Where what this quote has opened is closed, or else the end of the line."""
        if len(opened) == 1:
            match = _INSIDE[opened].match(self.text, at)
            return match.end() if match else at
        end = self._end_of_line(at)
        if _is_nested(opened):
            return next((run.start() for run in _RUN.finditer(self.text, at, end) if run.group() == opened), end)
        found = self.text.find(opened, at, end) if opened else -1
        while found > 0 and self.text[found - 1] == "\\":  # the quote of a text inside of this one
            found = self.text.find(opened, found + 1, end)
        return end if found < 0 else found

    def value(self, at: int, inside: str) -> tuple:
        """``(start, end)`` of the value that begins there; inside is the quote that is known to be open around it."""
        quote = inside or self.quote_at(at)
        opened = self.opener_at(at)
        if opened and not (opened == quote and self._closes(at + len(opened))):
            end = self.quoted(at + len(opened), opened, quote)
            # Where quotes stand in the middle of it, none is left open.
            return (at if end > self.closing(at + len(opened), opened) else at + len(opened)), end
        phrase = _PHRASE.match(self.text, at)
        return (at, phrase.end()) if phrase else (at, self._word_end(at, quote))

    def quoted(self, at: int, opened: str, quote: str = "") -> int:
        """As closing(), of a word that may go on behind its closing quote; quote is the one around all of it."""
        end = self.closing(at, opened)
        after = end + len(opened)
        if not self.text.startswith(opened, end) or len(opened) > 1 or opened == "`" or self._closes(after):
            return end
        following = self.opener_at(after)
        if following and not _is_nested(following) and (following == quote or "\\" in following):
            return end  # of what is around it
        return self._word_end(after, quote)

    def json_value(self, at: int) -> tuple | None:
        """As value(), of a key in JSON. What an object holds has keys of its own."""
        char = self.text[at:at + 1]
        if char == "{":
            return None
        if self.opener_at(at):
            return self.value(at, "")
        match = (_LIST if char == "[" else _BARE).match(self.text, at)
        return match.span() if match else None

    def query_value(self, at: int) -> tuple:
        """As value(), in the query of a URL."""
        match = _QUERY.match(self.text, at)
        return (at, match.end()) if match else (at, at)

    def _closes(self, after: int) -> bool:
        """Whether a quote that ends there may be a closing one, by what follows."""
        return after >= len(self.text) or self.text[after] in _CLOSES_BEFORE

    def _word_end(self, at: int, quote: str) -> int:
        """Where a word ends that may have quoted parts; at the quote that is open around it."""
        text = self.text
        while True:
            match = _PLAIN.match(text, at)
            if match:
                at = match.end()
                if quote and len(quote) > 1 and quote in match.group():  # the quote around it has backslashes
                    return match.start() + match.group().index(quote)
            char = text[at:at + 1]
            if char not in ('"', "'") or not char or (char == quote and self._closes(at + 1)):
                return at
            at = self.closing(at + 1, char)
            at += text.startswith(char, at)

    def _end_of_line(self, at: int) -> int:
        if at > self._line_end:
            found = self.text.find("\n", at)
            self._line_end = len(self.text) if found < 0 else found
        return self._line_end


def _is_nested(run: str) -> bool:
    return len(run) > 2 and '"' in run and "'" in run
