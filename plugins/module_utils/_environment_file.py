# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that systemd sets for a service, and what they do to its arguments. Private to this collection.

Sources: systemd.exec(5), systemd.service(5) "COMMAND LINES", systemd.syntax(7), systemd.unit(5) "SPECIFIERS"; where they
are silent, what systemd 252 did (tests/integration/test_environment_file_real.py). _exec_start reads units with this.
"""

from __future__ import annotations

import re

BLANKS = " \t\n\r"
UNIT, ENVIRONMENT, VALUE = "unit", "environment", "value"  # where words are split; each has its own view of backslashes
_NAME = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*\Z")
_KEY = re.compile(r"([^\n\r][^=\n\r]*)(=?)")
_COMMENT = re.compile(r"[^\n\r]*")
_CONTINUED_COMMENT = re.compile(r"(?:\\[^\0]|[^\\\n\r])*")
_ESCAPE = re.compile(r"x([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})")
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " ", "\\": "\\", '"': '"', "'": "'"}
_VARIABLE = re.compile(r"\$(?:(\$)|\{([^}:]*)(\}?))")
# What specifiers stand for in every unit of the system manager.
_SPECIFIERS = {"%": "%", "t": "/run", "S": "/var/lib", "C": "/var/cache", "L": "/var/log", "E": "/etc", "T": "/tmp",
               "V": "/var/tmp", "h": "/root", "u": "root", "U": "0", "g": "root", "G": "0"}
_SPECIFIER = re.compile(r"%(.)", re.DOTALL)
_NO_SPECIFIERS = "ceFkKOQrRxXzZ0123456789"  # up to systemd 257


def parse_environment_file(text: str, comments_continue: bool = False) -> dict:
    """Variables of an EnvironmentFile=, by name. A file with a NUL is refused as a whole, as systemd does.

    comments_continue: systemd before v254 took the line after a comment that ends in a backslash for comment too.
    """
    values = {}  # type: dict[str, str]
    at = 0
    comment = _CONTINUED_COMMENT if comments_continue else _COMMENT
    text = "" if "\0" in text else text
    while at < len(text):
        if text[at] in BLANKS:
            at += 1
            continue
        if text[at] in "#;":
            at = max(at + 1, _end(comment.match(text, at)))
            continue
        match = _KEY.match(text, at)
        name, at = match.group(1).rstrip(BLANKS) if match else "", max(at + 1, _end(match))
        if match and match.group(2):
            value, at = _file_value(text, at)
            if _NAME.match(name):  # "export A=b" sets nothing
                values[name] = value
    return values


def _end(match: re.Match | None) -> int:
    return match.end() if match else 0


def _file_value(text: str, at: int) -> tuple:
    """``(value, position after it)``. Quotes count only before the first plain character; blanks at the end are cut."""
    value = []  # type: list[str]
    quote, plain, kept = "", False, 0
    while at < len(text):
        char, at = text[at], at + 1
        following = text[at:at + 1]
        if quote and char == quote:
            quote = ""
        elif char == "\\" and quote != "'":
            at += 1
            if quote:
                value.append("" if following == "\n" else following if following in '"\\`$' else char + following)
            else:
                plain = True
                value.append("" if following in "\n\r" else following)
            kept = len(value)
        elif not quote and char in "\n\r":
            break
        elif not quote and not plain and char in "'\"":
            quote = char
        elif quote or plain or char not in BLANKS:
            plain = plain or not quote
            value.append(char)
            kept = kept if plain and char in BLANKS else len(value)
    return "".join(value[:kept]), at


def parse_environment_directive(values: list, unit: str = "") -> dict:
    """Variables that the values of all ``Environment=`` lines of a unit set, in order; an empty value resets."""
    variables = {}  # type: dict[str, str]
    for line in values:
        if not line.strip(BLANKS):
            variables.clear()
        for word in _words(line, ENVIRONMENT):
            try:
                name, equals, value = with_specifiers(word, unit).partition("=")
            except ValueError:
                continue
            if equals and _NAME.match(name):
                variables[name] = value
    return variables


def _words(text: str, mode: str) -> list:
    """All words up to the first that systemd cannot read."""
    words = []  # type: list[str]
    at = 0
    while True:
        try:
            word, at = next_word(text, at, mode)
        except ValueError:
            return words
        if word is None:
            return words
        words.append(word)


def next_word(text: str, at: int, mode: str) -> tuple:
    """``(word without its quotes, where the next begins)``, the word None at the end. Raises ValueError.

    In a unit file backslashes are C escapes, and unknown ones stay, but are an error in Environment=. In the value
    of a variable they only take away the meaning of what follows, and a quote left open is no error.
    """
    at = skip_blanks(text, at)
    if at >= len(text):
        return None, at
    word = bytearray()
    quote = ""
    while at < len(text):
        char, at = text[at], at + 1
        if char == "\\":
            piece, at = _escaped(text, at, mode, quote)
            word += piece
        elif quote and char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        elif not quote and char in BLANKS:
            break
        else:
            word += char.encode("utf-8", "replace")
    if quote and mode != VALUE:
        raise ValueError("a quote is left open")
    return word.decode("utf-8", "replace"), skip_blanks(text, at)


def skip_blanks(text: str, at: int) -> int:
    """The position of the first character from here on that is no blank."""
    while at < len(text) and text[at] in BLANKS:
        at += 1
    return at


def _escaped(text: str, at: int, mode: str, quote: str) -> tuple:
    """``(bytes, position after it)`` of what follows a backslash."""
    char = text[at:at + 1]
    if mode == VALUE:
        return char.encode("utf-8", "replace"), at + 1
    match = _ESCAPE.match(text, at)
    if char and char in _LETTERS:
        return _LETTERS[char].encode(), at + 1
    if match:
        code = int(match.group(2), 8) if match.group(2) else int(match.group(1) or match.group(3) or match.group(4), 16)
        if code and (match.group(1) or match.group(2)):
            return bytes([code]), match.end()
        if code and code < 0x110000 and not 0xD800 <= code < 0xE000:
            return chr(code).encode(), match.end()
    if mode == ENVIRONMENT or (quote and not char):
        raise ValueError("an escape that systemd does not know")
    return ("\\" + char).encode("utf-8", "replace"), at + 1


def with_specifiers(word: str, unit: str = "") -> str:
    """A word with its ``%`` specifiers filled in; those that only the manager can tell stay as they are.

    Raises ValueError for letters that are no specifier: systemd refuses the word, and with it the command.
    """
    known = dict(_SPECIFIERS)
    if unit:
        stem = unit.rpartition(".")[0] or unit
        prefix, _at, instance = stem.partition("@")
        known.update(n=unit, N=stem, p=prefix, i=instance, j=prefix.rpartition("-")[2])
        known.update(I=_unescaped(instance), P=_unescaped(prefix), J=_unescaped(known["j"]))

    def value(match: re.Match) -> str:
        if match.group(1) in _NO_SPECIFIERS:
            raise ValueError("an unknown specifier: " + match.group())
        return known.get(match.group(1), match.group())
    return _SPECIFIER.sub(value, word)


def _unescaped(name: str) -> str:
    """A part of a unit name as the path it stands for; see systemd-escape(1)."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match.group(1), 16)), name.replace("-", "/"))


def expand(arguments: list, environment: dict) -> list:
    """Arguments with their variables filled in, as systemd does at the start of a process.

    ``$NAME`` as a word of its own becomes the words of its value, none if it is unset; quotes in the value hold words
    together. ``${NAME}`` is replaced within its word. ``$$`` is a dollar sign.
    """
    expanded = []  # type: list[str]
    for argument in arguments:
        if argument.startswith("$") and argument[1:2] not in ("{", "$"):
            expanded += _words(environment.get(argument[1:], ""), VALUE)
        else:
            expanded.append(_VARIABLE.sub(lambda match: _replacement(match, environment), argument))
    return expanded


def _replacement(match: re.Match, environment: dict) -> str:
    if match.group(1):
        return "$"
    return environment.get(match.group(2), "") if match.group(3) else match.group()
