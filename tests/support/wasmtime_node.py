# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small stand-in for a Polkadot-SDK node, built on real Wasmtime engines.

It has the command line, the RPC, the log lines and the deaths that this
collection looks at, and no blockchain.  What matters is real: each runtime
gets an engine of PyPI's `wasmtime` with the pooling allocator, a runtime
upgrade makes the next one before it drops the oldest, and where the kernel
refuses the reservation the node dies with Wasmtime's own reason in
Substrate's wording.

Usage: python3 wasmtime_node.py --validator --chain polkadot
A runtime upgrade: SIGUSR1, or the JSON-RPC method test_runtimeUpgrade.
Test knobs, each also read from the environment with the prefix
WASMTIME_NODE_: --engine-guard (ENGINE_GUARD), --engine-slots (ENGINE_SLOTS).
From the environment alone: HIDE_STRATEGY, PEER_ID, PEERS, SYNCING, STALLED,
NO_SESSION_KEYS, VERSION.
"""

from __future__ import annotations

import resource
import signal
import sys
import threading
import time
import typing as t

from polkadot_node.chain import Chain
from polkadot_node.cli import Options, Side, parse, version_line
from polkadot_node.engines import EngineError, Executor
from polkadot_node.rpc import Rpc, serve

_RECOMMENDED_NOFILE = 10_000
_IDLE_SECONDS = 5
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


def log(text: str) -> None:
    """Print a line as Substrate's logger does."""
    print(time.strftime("%Y-%m-%d %H:%M:%S"), text, file=sys.stderr, flush=True)


def die(reason: str) -> t.NoReturn:
    """End as a Substrate binary does whose service could not go on."""
    print(f"Error: {reason}", file=sys.stderr, flush=True)
    sys.stderr.flush()
    raise SystemExit(1)


def engine_reason(error: EngineError) -> str:
    """Substrate's wording for an engine that Wasmtime refused."""
    return f"cannot create the wasmtime engine: {error}"


def die_of_engine(error: EngineError) -> t.NoReturn:
    """End with the one line that operators search the web for."""
    die(f'Service(Application(Application(VersionInvalid("{engine_reason(error)}"))))')


def raise_nofile() -> None:
    """Raise the soft descriptor limit to the hard one, as real nodes do, and warn if it is low."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < _RECOMMENDED_NOFILE:
        log(
            "Low open file descriptor limit configured for the process. "
            f"Current value: {hard}, recommended value: {_RECOMMENDED_NOFILE}."
        )


class Node:
    """The main thread's work: engines are only ever created here.

    Creating one forks (see engines.py), and a fork is safest while no other
    thread is inside Wasmtime, hence the lock.
    """

    def __init__(self, options: Options) -> None:
        """Create the first engines, then the chain and the RPC."""
        sides: list[Side] = [options.side] + ([options.relay] if options.relay else [])
        self.executors = [Executor(side.engine, side.cache_size) for side in sides]
        self.chain = Chain(options)
        self.rpc = Rpc(self.chain, self.executors, self.request_upgrade)
        self._requests: list[tuple[int, threading.Event, dict[str, int]]] = []

    def request_upgrade(self, executor: int) -> int:
        """Have the main thread upgrade EXECUTOR and wait for the new spec version."""
        done = threading.Event()
        result: dict[str, int] = {}
        self._requests.append((executor, done, result))
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        if not done.wait(30) or "spec_version" not in result:
            raise RuntimeError("the runtime upgrade failed")
        return result["spec_version"]

    def upgrade(self, executor: int = 0) -> int:
        """Enact a runtime upgrade; a node that cannot make the engine does not survive it."""
        try:
            with self.rpc.wasm_lock:
                spec_version = self.executors[executor].upgrade()
        except EngineError as exc:
            log(f'Cannot create a runtime error=Other("{engine_reason(exc)}")')
            die_of_engine(exc)
        log(f"✨ Runtime upgraded to {spec_version}, {self.executors[executor].engines} engines alive")
        return spec_version

    def handle_upgrades(self) -> None:
        """Serve the waiting RPC requests, or the bare signal if there are none."""
        if not self._requests:
            self.upgrade()
        while self._requests:
            executor, done, result = self._requests.pop(0)
            try:
                result["spec_version"] = self.upgrade(executor)
            finally:
                done.set()

    def idle(self) -> None:
        """Log the line by which operators see that a node lives."""
        chain = self.chain
        log(
            f"💤 Idle ({chain.state['peers']} peers), best: #{chain.best} "
            f"({chain.block_hash(chain.best)[:10]}), finalized #{chain.finalized}"
        )

    def run(self) -> None:
        """Wait for signals until one ends the node."""
        while True:
            caught = signal.sigtimedwait(_SIGNALS, _IDLE_SECONDS)
            if caught is None:
                self.idle()
            elif caught.si_signo == signal.SIGUSR1:
                self.handle_upgrades()
            else:
                return


def main(arguments: list[str] | None = None) -> int:
    """Run the node until SIGTERM."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    log("Parity Polkadot")
    log(f"✌️  version {version_line().partition(' ')[2]}")
    log(f"📋 Chain specification: {options.side.chain.capitalize()}")
    log(f"🏷  Node name: {options.name}")
    log(f"👤 Role: {'AUTHORITY' if options.authority else 'FULL'}")
    raise_nofile()
    try:
        node = Node(options)
        serve(node.rpc, options.rpc_port, options.prometheus_port)
    except EngineError as exc:
        die_of_engine(exc)
    except OSError as exc:
        die(f"{exc.strerror} (os error {exc.errno})")
    log(f"🏷  Local node identity is: {node.chain.peer_id}")
    log(f"Running JSON-RPC server: addr=127.0.0.1:{options.rpc_port}")
    node.run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
