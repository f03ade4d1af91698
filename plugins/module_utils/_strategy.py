# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the option for the instantiation strategy belongs in a command line, and the drop-in that puts it there.

Pure functions; private to this collection. Sources: sc-cli (arg_enums.rs, import_params.rs) and cumulus' polkadot-parachain
(cli.rs) of the Polkadot SDK, systemd.service(5).
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._exec_start import exec_commands, service_lists
from ansible_collections.aarch64.validator.plugins.module_utils._node import DEFAULT_STRATEGY, STRATEGY_FLAG, node_facts
from ansible_collections.aarch64.validator.plugins.module_utils._strategy_source import is_split
from ansible_collections.aarch64.validator.plugins.module_utils._unit_lines import continues

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils._strategy_source import Command, Place, Source

STRATEGIES = ("recreate-instance-copy-on-write", "recreate-instance")  # those without a pool
DROP_IN_FILE = "60-aarch64-validator-strategy.conf"
SEPARATOR = "--"
# With it, a collator asks a relay chain node elsewhere and has no second executor.
_REMOTE_RELAY = "--relay-chain-rpc-url"
_HEADER = "# Written by aarch64.validator (node_strategy). Its revert playbook removes this file.\n"
_DROP_IN = re.compile(
    re.escape(_HEADER) + r"# Made from an ExecStart= with the SHA-256 ([0-9a-f]{64})\n"
    r"\[Service\]\nExecStart=\n(?:ExecStart=.+\n)+\Z")


class Executor(t.NamedTuple):
    """One executor of a node: what it is given now, and where in the text it could be given a strategy."""

    name: str  # node, or parachain and relay chain
    given: str | None
    argument: int  # the argument that gives it, or else the one that decides where it could be given
    after: int | None  # the argument after which the option can be inserted; None where the text offers no place
    opens: bool = False  # whether the separator has to be inserted as well

    @property
    def words(self) -> list:
        """What comes before the value of the option."""
        return [SEPARATOR, STRATEGY_FLAG] if self.opens else [STRATEGY_FLAG]


def is_pooling(strategy: str) -> bool:
    """Whether a strategy reserves the address space of a whole pool."""
    return strategy.startswith("pooling")


def executors(command: Command, takes_relay_arguments: bool = False) -> list:
    """The executors of a node with this command line. takes_relay_arguments: its --help says so."""
    flat = [(index, word) for index, words in enumerate(command.words) for word in words][1:]
    cut = next((at for at, (_index, word) in enumerate(flat) if word == SEPARATOR), None)
    if cut is None:
        relay = _relay_without_separator(command, [word for _index, word in flat], takes_relay_arguments)
        first = _executor("parachain" if relay else "node", flat, 0, 0)
        return [first, relay] if relay else [first]
    index = flat[cut][0]
    # A separator inside of a variable with more behind it leaves no place in the text.
    after = index if flat[cut + 1:cut + 2] == [] or flat[cut + 1][0] != index else None
    relay_words = flat[cut + 1:]
    end = next((at for at, (_index, word) in enumerate(relay_words) if word == SEPARATOR), len(relay_words))
    return [_executor("parachain", flat[:cut], 0, 0), _executor("relay chain", relay_words[:end], index, after)]


def _executor(name: str, words: list, argument: int, after: int | None) -> Executor:
    for at, (index, word) in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag == STRATEGY_FLAG:
            following = words[at + 1][1] if words[at + 1:] else ""
            return Executor(name, value if equals else following, index, after)
    return Executor(name, None, argument, after)


def _relay_without_separator(command: Command, words: list, takes_relay_arguments: bool) -> Executor | None:
    """The second executor of a collator whose command line says nothing about it."""
    if node_facts([""] + words)["role"] != "collator" or any(word.startswith(_REMOTE_RELAY) for word in words):
        return None
    split = [] if ":" in command.prefixes else [at for at, argument in enumerate(command.arguments) if is_split(argument)]
    last = len(command.arguments) - 1
    # Behind a variable that may bring a separator itself one day, another one would keep the node from starting.
    after = last if takes_relay_arguments and not split else None
    return Executor("relay chain", None, split[-1] if split else last, after, opens=True)


def subcommand(command: Command) -> str | None:
    """The first argument, if it is no option: options of a node's own do not apply to it, or not before it."""
    arguments = command.argv[1:2]
    return arguments[0] if arguments and not arguments[0].startswith("-") else None


def amended_text(source: Source, command: Command, chosen: list, strategy: str, unit: str) -> str | None:
    """The drop-in that gives the strategy to these executors of a command; None where that cannot be done safely.

    What was inserted is checked by reading the drop-in again: nothing else may have changed.
    """
    values = [line["value"] for line in source.lines]
    wanted = [exec_commands(value, unit) for value in values]
    position = [other for other in source.commands if other.line == command.line].index(command)
    for executor in sorted(chosen, key=lambda executor: executor.after, reverse=True):
        words = executor.words + [strategy]
        values[command.line] = _inserted(values[command.line], command.ends[executor.after], " ".join(words))
        wanted[command.line][position]["arguments"][executor.after + 1:executor.after + 1] = words
    text = render(values, source.digest)
    try:
        read = [exec_commands(value, unit) for value in service_lists([("", text)])["ExecStart"]]
    except ValueError:
        return None
    # U+FFFD stands for bytes that are no UTF-8.
    return text if _meaning(read) == _meaning(wanted) and "\ufffd" not in text else None


def _inserted(text: str, at: int, words: str) -> str:
    return text[:at] + ("" if text[at - 1:at].isspace() else " ") + words + (" " if text[at:] else "") + text[at:]


def _meaning(lines: list) -> list:
    names = ("program", "arguments", "prefixes")
    return [[[command[name] for name in names] for command in line] for line in lines]


def render(values: list, digest: str) -> str:
    """The text of our drop-in."""
    # A value may end in a backslash that continued nothing, because a blank came after it.
    lines = ["ExecStart=" + value + (" " if continues(value) else "") + "\n" for value in values]
    return f"{_HEADER}# Made from an ExecStart= with the SHA-256 {digest}\n[Service]\nExecStart=\n" + "".join(lines)


def made_from(text: str) -> str | None:
    """The digest of the source of a drop-in as render() writes it, or None for any other text."""
    match = _DROP_IN.match(text)
    return match.group(1) if match else None


def strategies_of(argv: list) -> list:
    """The strategy of each executor of a node with these arguments."""
    return list(node_facts(argv)["strategy"])


def left_executor(executor: Executor, place: Place) -> dict:
    """An executor that keeps a pool, for the result of the module."""
    return {"executor": executor.name, "strategy": executor.given or DEFAULT_STRATEGY, "path": place.path, "line": place.line}
