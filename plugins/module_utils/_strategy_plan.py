# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide what to do about the strategy of a service. Pure functions; private to this collection.

Programs are asked through a function, so that a decision can be made without any.
"""

from __future__ import annotations

import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._node import STRATEGY_FLAG
from ansible_collections.aarch64.validator.plugins.module_utils._strategy import (
    SEPARATOR,
    Executor,
    amended_text,
    executors,
    is_pooling,
    left_executor,
    subcommand,
)
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_help import Help, HelpError

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils._strategy_source import Command, Place, Source


class Programs(t.NamedTuple):
    """How to find out about programs; both raise HelpError."""

    may_be_node: t.Callable[[str], bool]
    ask: t.Callable[[str], Help]


class Decision(t.NamedTuple):
    """What is to become of the drop-in. text is None for no drop-in at all, unless it is to stay as it is (stays)."""

    text: str | None
    stays: bool
    supported: bool | None = None  # whether the program takes the strategy; None where it was not asked
    reason: str | None = None  # why there is no drop-in, or why it stays
    notes: list = []  # noqa: RUF012 - never changed
    left: list = []  # noqa: RUF012 - never changed


def nodes_of(source: Source, programs: Programs) -> list:
    """Those commands that may be nodes. Raises HelpError where none is found, and one could not be looked at."""
    found = []
    failure = None
    for command in source.commands:
        try:
            if programs.may_be_node(command.program):
                found.append(command)
        except HelpError as error:
            failure = error
    if failure is not None and not found:
        raise failure
    return found


def stays(reason: str, supported: bool | None = None, note: str | None = None, left: list | None = None) -> Decision:
    """Nothing is changed, whatever is there."""
    return Decision(None, True, supported, reason, [note] if note else [], left or [])


def decide(source: Source, strategy: str, unit: str, programs: Programs) -> Decision:
    """What to do about a service with these commands."""
    try:
        commands = nodes_of(source, programs)
        if len(commands) > 1:
            commands = [command for command in commands if programs.ask(command.program).known]
    except HelpError as error:
        return stays(f"{unit}: whether it starts a node could not be found out ({error})")
    if not commands:
        return Decision(None, False, False, no_node_reason(source, unit), [ADVICE])
    if len(commands) > 1:
        names = ", ".join(command.program for command in commands)
        return stays(f"{unit}: starts several nodes ({names}), which is left to you", True, ADVICE)
    command = commands[0]
    if len(command.words[0]) != 1:
        return stays(f"{unit}: the name of its process is made of a variable, so that nothing can be inserted safely")
    found = executors(command)
    if all(executor.given is not None for executor in found):
        return given_everywhere(source, command, found, unit, strategy)
    word = subcommand(command)
    if word is not None:
        note = f"{unit}: if it runs a node, give {STRATEGY_FLAG} {strategy} where that subcommand takes it"
        return stays(f"{unit}: its first argument is the subcommand {word!r} and not an option", None, note)
    return ask_and_insert(source, command, strategy, unit, programs)


ADVICE = (f"a node that cannot take {STRATEGY_FLAG} needs a newer release, or a kernel with more address space; "
          "a script has to pass the option on by itself")


def no_node_reason(source: Source, unit: str) -> str:
    """Why nothing is done about a service that starts no node."""
    names = ", ".join(dict.fromkeys(command.program for command in source.commands)) or "no program"
    return f"{unit}: starts {names}, which does not know {STRATEGY_FLAG}"


def ask_and_insert(source: Source, command: Command, strategy: str, unit: str, programs: Programs) -> Decision:
    """The decision about a node that lacks the option for one of its executors at least."""
    try:
        answer = programs.ask(command.program)
    except HelpError as error:
        return stays(f"{unit}: whether its node knows {STRATEGY_FLAG} could not be found out ({error})")
    if not answer.known:
        return Decision(None, False, False, f"{unit}: {command.program} does not know {STRATEGY_FLAG}", [ADVICE])
    if not answer.takes(strategy):
        reason = f"{unit}: {command.program} does not know the strategy {strategy}, only {', '.join(answer.strategies)}"
        return Decision(None, False, False, reason, [ADVICE])
    found = executors(command, answer.relay_arguments)
    chosen = [executor for executor in found if executor.given is None and executor.after is not None]
    rest = [executor for executor in found if executor not in chosen]
    places = [place_of(source, command, executor) for executor in rest]
    notes = [note for executor, place in zip(rest, places) for note in notes_about(executor, place, unit, strategy)]
    left = [left_executor(executor, place) for executor, place in zip(rest, places)
            if executor.given is None or is_pooling(executor.given)]
    if not chosen:
        return Decision(None, False, True, f"{unit}: nothing can be inserted into its command line", notes, left)
    text = amended_text(source, command, chosen, strategy, unit)
    if text is None:
        return stays(f"{unit}: its command line cannot be given another option safely; give it yourself", True)
    return Decision(text, False, True, None, notes, left)


def place_of(source: Source, command: Command, executor: Executor) -> Place:
    """Where an operator can change the strategy of an executor."""
    text = SEPARATOR if executor.given is None and not executor.opens else "" if executor.given is None else STRATEGY_FLAG
    return source.place(command, executor.argument, text)


def given_everywhere(source: Source, command: Command, found: list, unit: str, strategy: str) -> Decision:
    """The decision about a node to which somebody has given strategies already."""
    places = [place_of(source, command, executor) for executor in found]
    where = "; ".join(f"{executor.given} in {place}" for executor, place in zip(found, places))
    reason = (f"{unit}: {STRATEGY_FLAG} is given already, {where}; a second one would keep the node from starting")
    notes = [note for executor, place in zip(found, places) for note in notes_about(executor, place, unit, strategy)]
    left = [left_executor(executor, place) for executor, place in zip(found, places) if is_pooling(executor.given)]
    return Decision(None, False, None, reason, notes, left)


def notes_about(executor: Executor, place: Place, unit: str, strategy: str) -> list:
    """What an operator has to do about an executor that keeps its pool."""
    if executor.given is not None:
        if not is_pooling(executor.given):
            return []
        return [f"{unit}: {executor.name} is given {STRATEGY_FLAG} {executor.given}; change it to {strategy} in {place}"]
    option = f"{STRATEGY_FLAG} {strategy}"
    if executor.opens:
        return [f"{unit}: its relay chain node has no options of its own and keeps its pool; add ' -- {option}' "
                f"at the end of the arguments in {place}"]
    return [f"{unit}: its relay chain node keeps its pool, because the ' -- ' comes from a variable; add '{option}' "
            f"after the ' -- ' in {place}"]
