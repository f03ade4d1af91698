# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether each path of a JMESPath expression leads anywhere in a document. Pure; private to this collection.

JMESPath answers null where a name is not there, so that a slip of the pen looks like a healthy fleet. Here the parsed
expression is walked over the document, with all elements of a list taken at once and filters letting everything pass:
a name that none of the values has which it is asked of is a slip. Where there is no value at all, nothing can be said.
"""

from __future__ import annotations

import difflib
import json
import re
import typing as t

MOST_KEYS, LONGEST_KEY = 5000, 100  # that are looked through for a likely name
MOST_VISITED = 5000
CONSTANTS = ("null", "true", "false")
ORDERING = ("lt", "lte", "gt", "gte")


class PathError(ValueError):
    """A path that leads nowhere, with where its last name stands in the expression."""

    def __init__(self, message: str, start: int | None) -> None:
        super().__init__(message)
        self.start = start


class Place(t.NamedTuple):
    """All values that an expression can have at one point."""

    values: list
    path: str | None = None  # how they are reached from the document; None for what the expression itself has made
    gathered: bool = False  # the one value is a list that a projection made: path leads to its elements
    start: int | None = None  # where the last name of the path stands


UNKNOWN = Place([])


def check_paths(tree: dict, document: dict) -> None:
    """Raises PathError for the first path that leads nowhere."""
    _visit(tree, Place([document], ""))


def _visit(node: dict, place: Place) -> Place:
    return _VISITORS[node["type"]](node, place)


def _field(node: dict, place: Place) -> Place:
    name, start = node["value"], node.get("start")
    path = None if place.gathered else _joined(place.path, name)
    mappings = [value for value in place.values if isinstance(value, dict)]
    found = [value[name] for value in mappings if name in value]
    if not found and any(mappings):
        raise PathError(f"{_nobody(path, name)}{_hint(name, mappings, node.get('quoted', False))}", start)
    wrong = _first(place.values, dict) if not mappings else None
    if wrong is not None:
        help_text = "; take its elements first: " + _elements_of(place) if isinstance(wrong, list) else ""
        raise PathError(f"{_nobody(path, name)}: {_subject(place)} is {_kind(wrong)}{help_text}", start)
    return Place(found, path, start=start)


def _elements(place: Place, suffix: str = "[]") -> Place:
    """The elements of lists, or with the suffix ``.*`` the values of mappings."""
    wanted = list if suffix == "[]" else dict
    holders = [value for value in place.values if isinstance(value, wanted)]
    wrong = _first(place.values, wanted) if not holders else None
    if wrong is not None:
        other = ".*" if suffix == "[]" else "[]"
        hint = f"; write {other} in place of {suffix}" if isinstance(wrong, (list, dict)) else ""
        raise PathError(f"{_subject(place)} is {_kind(wrong)}, not {_kind(wanted())}{hint}", place.start)
    values = [item for holder in holders for item in (holder.values() if isinstance(holder, dict) else holder)]
    path = place.path if place.gathered or place.path is None else place.path + suffix
    return Place(values, path, start=place.start)


def _gather(place: Place) -> Place:
    return place._replace(values=[place.values], gathered=True)


def _projection(node: dict, place: Place) -> Place:
    left, right = node["children"]
    return _gather(_visit(right, _elements(_visit(left, place))))


def _value_projection(node: dict, place: Place) -> Place:
    left, right = node["children"]
    return _gather(_visit(right, _elements(_visit(left, place), ".*")))


def _filter_projection(node: dict, place: Place) -> Place:
    left, right, condition = node["children"]
    elements = _elements(_visit(left, place))
    _visit(condition, elements)
    return _gather(_visit(right, elements))


def _flatten(node: dict, place: Place) -> Place:
    elements = _elements(_visit(node["children"][0], place))
    inner = [value for value in elements.values if isinstance(value, list)]
    path = elements.path + "[]" if inner and elements.path is not None else elements.path
    merged = [item for value in elements.values for item in (value if isinstance(value, list) else [value])]
    return _gather(elements._replace(values=merged, path=path))


def _index_expression(node: dict, place: Place) -> Place:
    left, *rest = node["children"]
    place = _visit(left, place)
    for step in rest:
        elements = _elements(place)
        place = elements if step["type"] == "index" else _gather(elements)
    return place


def _chain(node: dict, place: Place) -> Place:
    for child in node["children"]:
        place = _visit(child, place)
    return place


def _either(node: dict, place: Place) -> Place:
    places = [_visit(child, place) for child in node["children"]]
    return _union(places)


def _union(places: list) -> Place:
    same = all(one[1:3] == places[0][1:3] for one in places)
    values = [value for one in places for value in one.values]
    return places[0]._replace(values=values) if same else Place(values)


def _multi_select_list(node: dict, place: Place) -> Place:
    return Place([_union([_visit(child, place) for child in node["children"]]).values])


def _multi_select_dict(node: dict, place: Place) -> Place:
    made = [(pair["value"], _visit(pair["children"][0], place).values) for pair in node["children"]]
    return Place([{name: value} for name, values in made for value in values or [None]])


def _comparator(node: dict, place: Place) -> Place:
    places = [_visit(child, place) for child in node["children"]]
    for child, other in zip(node["children"], places[::-1]):
        if child["type"] == "literal" and node["value"] in ORDERING:
            _check_order(child["value"])
        elif child["type"] == "literal":
            _check_equality(child["value"], other)
    return UNKNOWN


def _check_order(value: t.Any) -> None:
    if isinstance(value, str):
        number = f"; write `{value}`" if re.fullmatch(r"-?\d+", value) else ""
        raise PathError(f"a text such as {value!r} is neither less nor more than anything, numbers alone are{number}", None)


def _check_equality(value: t.Any, place: Place) -> None:
    """What is never equal: a list and a single value, a number or truth and the text that is written like it."""
    known = [other for other in place.values if other is not None]
    if not known or value is None or isinstance(value, (list, dict)):
        return
    if all(isinstance(other, list) for other in known):
        hint = f"; ask whether it holds one: contains(LIST, {_literal(value)})"
        raise PathError(f"{_subject(place)} is a list, which never equals {_kind(value)}{hint}", place.start)
    pattern, wanted = (r"true|false", (bool,)) if isinstance(known[0], bool) else (r"-?\d+", (int, float))  # type: tuple[str, tuple]
    if isinstance(value, str) and re.fullmatch(pattern, value) and all(isinstance(other, wanted) for other in known):
        raise PathError(f"{_subject(place)} is {_kind(known[0])}, which never equals a text; write `{value}`", place.start)


def _literal(value: str | float) -> str:
    return f"'{value}'" if isinstance(value, str) else f"`{json.dumps(value)}`"


def _test(node: dict, place: Place) -> Place:
    _chain_all(node["children"], place)
    return UNKNOWN


def _chain_all(nodes: list, place: Place) -> list:
    return [_visit(node, place) for node in nodes if node["type"] != "expref"]


def _function(node: dict, place: Place) -> Place:
    """A function that gives back what it was given is followed; of what another makes nothing is known."""
    name, arguments = node["value"], node["children"]
    given = _chain_all(arguments, place)
    references = [argument["children"][0] for argument in arguments if argument["type"] == "expref"]
    if references and given:
        elements = _elements(given[0])
        mapped = [_visit(reference, elements) for reference in references]
        return {"map": _gather(mapped[0]), "sort_by": given[0]}.get(name, elements)
    if not given:
        return UNKNOWN
    if name in ("reverse", "sort", "to_array", "not_null", "merge"):
        if name == "to_array" and not any(isinstance(value, list) for value in given[0].values):
            return _gather(given[0])
        return _union(given)
    if name == "values":
        return _gather(_elements(given[0], ".*"))
    return _elements(given[0]) if name in ("max", "min") else UNKNOWN


_VISITORS = {
    "field": _field,
    "projection": _projection,
    "value_projection": _value_projection,
    "filter_projection": _filter_projection,
    "flatten": _flatten,
    "index_expression": _index_expression,
    "subexpression": _chain,
    "pipe": _chain,
    "or_expression": _either,
    "and_expression": _either,
    "not_expression": _test,
    "comparator": _comparator,
    "function_expression": _function,
    "multi_select_list": _multi_select_list,
    "multi_select_dict": _multi_select_dict,
    "literal": lambda node, _place: Place([node["value"]]),
    "current": lambda _node, place: place,
    "identity": lambda _node, place: place,
    "expref": lambda _node, _place: UNKNOWN,
}  # type: dict[str, t.Callable[[dict, Place], Place]]


def _first(values: list, wanted: type) -> object:
    """A value of another kind than the wanted one. What is empty or null tells nothing, but for an empty list."""
    return next((value for value in values if not isinstance(value, wanted) and value is not None and value != {}), None)


def _kind(value: object) -> str:
    kinds = {list: "a list", dict: "a mapping", str: "a text", bool: "true or false"}
    return kinds.get(type(value), "a number")


def _written(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else json.dumps(name)


def _joined(path: str | None, name: str) -> str | None:
    return None if path is None else f"{path}.{_written(name)}".lstrip(".")


def _subject(place: Place) -> str:
    if place.path is None:
        return "what comes before"
    if place.gathered:
        return "the list of " + (place.path or "all")
    return place.path or "the report"


def _nobody(path: str | None, name: str) -> str:
    """The report as a whole, its hosts, or what the expression made has no such thing."""
    if path is None:
        return f"nothing here has {_written(name)}"
    return f"no host has {path[len('hosts[].'):]}" if path.startswith("hosts[].") else f"the report has no {path}"


def _elements_of(place: Place) -> str:
    """How to go on from a list. Of what a projection made, JMESPath projects only the names that directly follow."""
    return f"({place.path or '...'})[]" if place.path is None or place.gathered else f"{place.path}[]"


def _hint(name: str, mappings: list, quoted: bool) -> str:
    if name in CONSTANTS and not quoted:
        return f"; write `{name}`"
    keys = sorted({key for mapping in mappings for key in mapping if len(key) <= LONGEST_KEY})
    close = [_written(key) for key in difflib.get_close_matches(name, keys[:MOST_KEYS], 3)]
    elsewhere = [path for path in [_elsewhere(name, mappings)] if path]
    if close or elsewhere:
        return "; did you mean {}?".format(" or ".join(close + elsewhere))
    if quoted:
        return f"; a text is written in single quotes: '{json.dumps(name)[1:-1]}'"
    known = ", ".join(_written(key) for key in keys[:12]) + (" ..." if len(keys) > 12 else "")
    return f"; known there: {known}"


def _elsewhere(name: str, mappings: list) -> str | None:
    """The shortest path that leads to this name from one of the first values."""
    waiting = [(mapping, "") for mapping in mappings[:20]]  # type: list[tuple[t.Any, str]]
    for value, path in waiting:  # grows on the way
        if isinstance(value, dict) and name in value:
            return f"{path}.{_written(name)}".lstrip(".")
        if len(waiting) < MOST_VISITED:
            steps = value.items() if isinstance(value, dict) else ()
            waiting += [(inner, f"{path}.{_written(key)}") for key, inner in steps if isinstance(inner, (dict, list))]
            waiting += [(inner, path + "[]") for inner in (value[:5] if isinstance(value, list) else ())]
    return None
