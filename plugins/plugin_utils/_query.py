# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a report, in JMESPath. Pure; private to this collection."""

from __future__ import annotations

import difflib
import json
import typing as t

from ansible_collections.aarch64.validator.plugins.plugin_utils._query_paths import PathError, check_paths

try:
    from jmespath import exceptions, functions  # type: ignore[import-untyped]
    from jmespath.parser import Parser  # type: ignore[import-untyped]

    HAS_JMESPATH = True
except ImportError:  # the rest of the collection works without it
    Parser = object
    HAS_JMESPATH = False

MOST_SHOWN = 400
NESTED = "the expression is nested too deeply"
EXAMPLE = "hosts[?verdict=='blocked'].name"


class QueryError(ValueError):
    """A question that cannot be answered; the message ends with the expression and a mark below the place."""


class _Parser(Parser):
    """Notes of each name and each function where it stands, which the tree of JMESPath forgets."""

    _CACHE: t.ClassVar[dict] = {}  # of its own: the trees differ from those that others make

    def _token_nud_unquoted_identifier(self, token: dict) -> dict:
        return dict(super()._token_nud_unquoted_identifier(token), start=token["start"])

    def _token_nud_quoted_identifier(self, token: dict) -> dict:
        return dict(super()._token_nud_quoted_identifier(token), start=token["start"], quoted=True)

    def _token_led_lparen(self, left: dict) -> dict:
        return dict(super()._token_led_lparen(left), start=left.get("start"))


def answer(report: object, expression: object) -> t.Any:
    """What the expression says of the report. Raises QueryError, also for a path that no host has.

    The report may be of any types that stand for those of JSON; it is taken as plain ones, which JMESPath insists on.
    """
    if not isinstance(report, dict):
        raise QueryError(f"the input is of type {type(report).__name__}; give a report, as report.json holds it")
    # With an indent json asks each container for what it holds, as containers of ansible-core that fill themselves late need it.
    return plain_answer(json.loads(json.dumps(report, default=str, indent=1)), expression)


def plain_answer(document: dict, expression: object) -> t.Any:
    """The same, for a report of plain types."""
    parsed = checked(expression)
    expression = str(expression)
    try:
        if document.get("hosts") != []:  # of no host nothing is known
            check_paths(parsed.parsed, document)
        return parsed.search(document)
    except PathError as error:
        raise QueryError(_marked(str(error), expression, error.start)) from None
    except RecursionError:
        raise QueryError(NESTED) from None
    except (ValueError, TypeError) as error:  # a value that a function, or a slice, cannot take
        raise QueryError(_marked(_of_function(str(error)), expression, None)) from None


def checked(expression: object) -> t.Any:
    """The parsed expression. Raises QueryError for what is wrong with any report."""
    if not HAS_JMESPATH:
        raise QueryError("this needs the Python library jmespath on the controller; run: pip install jmespath")
    if not isinstance(expression, str) or not expression.strip():
        raise QueryError(f"the expression is empty or no text; give one such as {EXAMPLE}")
    text = str(expression)  # of a plain type too
    try:
        parsed = _parsed(text)
        _check_functions(parsed.parsed, text)
    except RecursionError:
        raise QueryError(NESTED) from None
    return parsed


def answer_text(found: object) -> str:
    """An answer as people and programs read it; nothing in it can drive a terminal."""
    return json.dumps(found, indent=1, sort_keys=True).replace("\x7f", "\\u007f")


def _parsed(expression: str) -> t.Any:
    try:
        return _Parser().parse(expression)
    except exceptions.IncompleteExpressionError:
        raise QueryError(_marked("the expression is not complete", expression, len(expression))) from None
    except exceptions.LexerError as error:
        hint = "; to compare, write ==" if error.lexer_value == "=" else ""
        raise QueryError(_marked(f"{error.message}{hint}", expression, error.lexer_position)) from None
    except exceptions.ParseError as error:
        is_number = error.token_type == "NUMBER"  # noqa: S105  a kind of token
        hint = f"; a number is written between backticks: `{error.token_value}`" if is_number else ""
        text = f"{error.token_value!r} cannot stand here{hint}" if error.token_value is not None else error.msg
        raise QueryError(_marked(text, expression, error.lex_position)) from None


def _check_functions(node: t.Any, expression: str) -> None:
    """JMESPath itself complains of a function only when it comes to call it, so never on an empty list."""
    if node.get("type") == "function_expression":
        known = sorted(functions.Functions.FUNCTION_TABLE)
        name = node["value"]
        if name not in known:
            close = difflib.get_close_matches(name, known, 3)
            hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(known)}"
            raise QueryError(_marked(f"there is no function {name}; {hint}", expression, node.get("start")))
    for child in node.get("children") or ():
        if isinstance(child, dict):
            _check_functions(child, expression)


def _of_function(message: str) -> str:
    """The message of JMESPath, which may hold half a report."""
    missing = 'received: "null"' in message
    half = MOST_SHOWN // 2
    shown = message if len(message) <= MOST_SHOWN else f"{message[:half]} ... {message[-half:]}"
    return shown + ("; where a value may be missing, ask for it first: NAME && function(NAME, ...)" if missing else "")


def _marked(text: str, expression: str, position: int | None) -> str:
    """The message, the line of the expression that is meant, and a mark below the place."""
    if position is None:
        return f"{_shown(text)}\n  {_shown(expression)}"
    begin = expression.rfind("\n", 0, position) + 1
    line = expression[begin:].split("\n", 1)[0]
    return f"column {position - begin + 1}: {_shown(text)}\n  {_shown(line)}\n  {' ' * (position - begin)}^"


def _shown(text: str) -> str:
    """One character for each, so that the mark stays below its place."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
