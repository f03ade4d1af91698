# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: arguments as clap would take and refuse them.

Options that a Polkadot-SDK node has keep their names.  The knobs that only
tests need also come from the environment, so that a unit's ExecStart can look
exactly like the packaged one.
"""

from __future__ import annotations

import argparse
import os
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

from .engines import GUARDS, STRATEGIES, EngineSettings

STRATEGY_FLAG = "--wasmtime-instantiation-strategy"
USAGE = "Usage: polkadot [OPTIONS]"

_FLAGS = (
    "--validator",
    "--collator",
    "--no-prometheus",
    "--no-telemetry",
    "--no-hardware-benchmarks",
    "--no-mdns",
    "--dev",
    "--rpc-external",
    "--unsafe-rpc-external",
    "--prometheus-external",
    "--insecure-validator-i-know-what-i-do",
)
_VALUES = (
    "--chain",
    "--name",
    "--pruning",
    "--state-pruning",
    "--blocks-pruning",
    "--sync",
    "--db-cache",
    "--database",
    "--port",
    "--listen-addr",
    "--public-addr",
    "--bootnodes",
    "--telemetry-url",
    "--rpc-methods",
    "--rpc-cors",
    "--rpc-max-connections",
    "--max-runtime-instances",
    "--log",
    "--node-key-file",
)
_STRATEGY_HELP = {
    "pooling-copy-on-write": "Instances from a pool, memory images mapped copy-on-write",
    "recreate-instance-copy-on-write": "A new instance per call, memory images mapped copy-on-write",
    "pooling": "Instances from a pool, memory images copied",
    "recreate-instance": "A new instance per call, memory images copied. Very slow",
}


@dataclass(frozen=True)
class Side:
    """One side of ` -- `: a chain with its executor."""

    chain: str
    cache_size: int
    engine: EngineSettings


@dataclass(frozen=True)
class Options:
    """The whole command line."""

    side: Side
    relay: Side | None
    authority: bool
    name: str
    base_path: Path
    rpc_port: int
    prometheus_port: int | None


def knob(name: str, default: str = "") -> str:
    """Read a test knob, for example knob("PEERS") reads WASMTIME_NODE_PEERS."""
    return os.environ.get("WASMTIME_NODE_" + name, default)


def version_line() -> str:
    """What --version prints: program, release and a commit, as a real build does."""
    return "polkadot " + knob("VERSION", "1.99.0-57616e64f64")


class _Parser(argparse.ArgumentParser):
    """An argument parser that fails in clap's words."""

    def error(self, message: str) -> t.NoReturn:
        """Refuse the command line with exit code 2."""
        refuse(message)


def refuse(message: str) -> t.NoReturn:
    """Print a usage error as clap lays it out, and end with exit code 2."""
    print(f"error: {message}\n\n{USAGE}\n\nFor more information, try '--help'.", file=sys.stderr)
    raise SystemExit(2)


def _strategy(text: str) -> str:
    """Accept one of the strategies, refuse another as clap does."""
    if text not in STRATEGIES:
        values = ", ".join(STRATEGIES)
        refuse(f"invalid value '{text}' for '{STRATEGY_FLAG} <STRATEGY>'\n  [possible values: {values}]")
    return text


def _parser() -> argparse.ArgumentParser:
    """Build the parser; an old binary (WASMTIME_NODE_HIDE_STRATEGY) lacks the strategy."""
    parser = _Parser(prog="polkadot", add_help=False, allow_abbrev=False)
    for flag in _FLAGS:
        parser.add_argument(flag, action="store_true")
    for option in _VALUES:
        parser.add_argument(option)
    parser.add_argument("-l", dest="log")
    parser.add_argument("-d", "--base-path", type=Path)
    parser.add_argument("--rpc-port", type=int, default=9944)
    parser.add_argument("--prometheus-port", type=int, default=9615)
    parser.add_argument("--runtime-cache-size", type=int, default=2)
    parser.add_argument("--engine-guard", choices=sorted(GUARDS), default=knob("ENGINE_GUARD", "32MiB"))
    parser.add_argument("--engine-slots", type=int, default=int(knob("ENGINE_SLOTS", "64")))
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("-V", "--version", action="store_true")
    if not knob("HIDE_STRATEGY"):
        parser.add_argument(STRATEGY_FLAG, type=_strategy, default=STRATEGIES[0])
    parser.set_defaults(**{STRATEGY_FLAG[2:].replace("-", "_"): STRATEGIES[0]})
    return parser


def help_text() -> str:
    """Compose --help: a list of options, and the strategies with their values."""
    lines = [version_line(), "", USAGE, "", "Options:"]
    for flag in _FLAGS:
        lines.append(f"      {flag}")
    for option in (*_VALUES, "--base-path", "--rpc-port", "--prometheus-port", "--runtime-cache-size"):
        lines.append(f"      {option} <{option[2:].upper().replace('-', '_')}>")
    if not knob("HIDE_STRATEGY"):
        lines += ["      " + STRATEGY_FLAG + " <STRATEGY>", "          How runtime instances are made", ""]
        lines += [f"          [default: {STRATEGIES[0]}]", "", "          Possible values:"]
        lines += [f"          - {name + ':':<33}{text}" for name, text in _STRATEGY_HELP.items()]
    lines += ["  -h, --help", "  -V, --version"]
    return "\n".join(lines)


def _parse_side(arguments: list[str]) -> argparse.Namespace:
    """Parse one side of ` -- `, refusing what is not known."""
    namespace, unknown = _parser().parse_known_args(arguments)
    if unknown:
        refuse(f"unexpected argument '{unknown[0]}' found")
    if namespace.runtime_cache_size < 1:
        refuse(f"invalid value '{namespace.runtime_cache_size}' for '--runtime-cache-size <SIZE>'")
    return namespace


def _side(namespace: argparse.Namespace) -> Side:
    """Take the executor's settings from parsed arguments."""
    engine = EngineSettings(
        strategy=namespace.wasmtime_instantiation_strategy,
        guard=GUARDS[namespace.engine_guard],
        slots=namespace.engine_slots,
    )
    return Side(namespace.chain or "polkadot", namespace.runtime_cache_size, engine)


def parse(arguments: list[str]) -> Options:
    """Parse a command line; --help and --version end the process, as does an error."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    first = _parse_side(arguments[:cut])
    if first.help or first.version:
        print(help_text() if first.help else version_line())
        raise SystemExit(0)
    has_relay = first.collator or cut < len(arguments)
    return Options(
        side=_side(first),
        relay=_side(_parse_side(arguments[cut + 1 :])) if has_relay else None,
        authority=first.validator or first.collator,
        name=first.name or os.uname().nodename,
        base_path=first.base_path or Path.home() / ".local" / "share" / "polkadot",
        rpc_port=first.rpc_port,
        prometheus_port=None if first.no_prometheus else first.prometheus_port,
    )
