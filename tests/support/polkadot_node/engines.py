# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real Wasmtime engines, created the way a Polkadot-SDK executor creates them.

The pooling allocator reserves its memories with one anonymous PROT_NONE
mapping per engine.  Everything this collection diagnoses hangs on that
mapping, so it is never imitated here: the C library maps it, or refuses.
"""

from __future__ import annotations

import os
import resource
import signal
import typing as t
from collections import OrderedDict
from dataclasses import dataclass

from wasmtime import Config, Engine, Instance, Module, Store
from wasmtime import _bindings as ffi

GIB = 1 << 30
MIB = 1 << 20
GUARDS = {"2GiB": 2 * GIB, "32MiB": 32 * MIB}
STRATEGIES = (
    "pooling-copy-on-write",
    "recreate-instance-copy-on-write",
    "pooling",
    "recreate-instance",
)
FIRST_SPEC_VERSION = 1_003_000

# One data segment, so that an instance has an initial memory image, and one
# export per runtime call that the RPC server really makes.
_RUNTIME_WAT = """
(module
  (memory (export "memory") 20)
  (data (i32.const 1024) "meta\\0e")
  (func (export "Core_version") (result i32) i32.const {spec_version})
  (func (export "Metadata_metadata") (result i32) i32.const 1024))
"""


class EngineError(Exception):
    """Wasmtime refused an engine; the text is its own error chain, joined."""


@dataclass(frozen=True)
class EngineSettings:
    """What decides the size and the kind of an engine's reservation."""

    strategy: str = STRATEGIES[0]
    guard: int = GUARDS["32MiB"]
    slots: int = 64

    @property
    def pooling(self) -> bool:
        """Whether this strategy reserves a pool at all."""
        return self.strategy.startswith("pooling")

    @property
    def copy_on_write(self) -> bool:
        """Whether initial memory images are mapped instead of copied."""
        return self.strategy.endswith("copy-on-write")


def _config(settings: EngineSettings) -> Config:
    """Build a Config; pooling needs the C names, as the wheel wraps none of it."""
    config = Config()
    ffi.wasmtime_config_memory_guard_size_set(config.ptr(), settings.guard)
    ffi.wasmtime_config_memory_init_cow_set(config.ptr(), settings.copy_on_write)
    if settings.pooling:
        pool = ffi.wasmtime_pooling_allocation_config_new()
        ffi.wasmtime_pooling_allocation_config_total_memories_set(pool, settings.slots)
        ffi.wasmtime_pooling_allocation_config_total_core_instances_set(pool, settings.slots)
        ffi.wasmtime_pooling_allocation_config_total_tables_set(pool, settings.slots)
        # Fibre stacks are for async hosts; sc_executor has none.
        ffi.wasmtime_pooling_allocation_config_total_stacks_set(pool, 0)
        ffi.wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, 1)
        ffi.wasmtime_pooling_allocation_config_max_memory_size_set(pool, 4 * GIB)
        ffi.wasmtime_pooling_allocation_strategy_set(config.ptr(), pool)
        ffi.wasmtime_pooling_allocation_config_delete(pool)
    return config


def error_chain(panic: str) -> str:
    """Join the error that a Rust panic printed into the one line that nodes log.

    The first line carries the outermost error behind the panic's own words,
    the numbered lines after "Caused by:" carry the rest.
    """
    head, _separator, causes = panic.partition("Caused by:")
    lines = [line.strip() for line in head.splitlines() if line.strip()]
    if not lines:
        return "the engine died without a word"
    chain = [lines[-1].rpartition("value: ")[2]]
    for line in causes.splitlines():
        text = line.strip()
        number, colon, rest = text.partition(": ")
        if colon and number.isdigit():
            chain.append(rest)
        elif text and not causes.strip().startswith("0:"):
            chain.append(text)
        if (not text or text.startswith("stack backtrace")) and len(chain) > 1:
            break
    return ": ".join(chain)


def _try_in_child(settings: EngineSettings) -> None:
    """Create the engine in a forked child first, and raise what it died of.

    The C API aborts the process where Rust nodes return an error.  A fork has
    the same address space, reservations included, and the same limits, so
    what the child meets is what this process would meet.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 2)
        os.environ["RUST_BACKTRACE"] = "0"
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGABRT, signal.SIG_DFL)
        Engine(_config(settings))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8", errors="replace") as stream:
        text = stream.read()
    _child, status = os.waitpid(child, 0)
    if status != 0:
        raise EngineError(error_chain(text))


def create_engine(settings: EngineSettings) -> Engine:
    """Create an engine, or raise EngineError with Wasmtime's own reason."""
    _try_in_child(settings)
    return Engine(_config(settings))


class Runtime:
    """One runtime version: its engine and its compiled module."""

    def __init__(self, spec_version: int, settings: EngineSettings) -> None:
        """Compile the runtime in an engine of its own, as sc_executor does."""
        self.spec_version = spec_version
        self.engine = create_engine(settings)
        self.module = Module(self.engine, _RUNTIME_WAT.format(spec_version=spec_version))

    def call(self, function: str) -> tuple[int, bytes]:
        """Instantiate the module, call FUNCTION, return its value and 5 bytes of memory."""
        store = Store(self.engine)
        exports = Instance(store, self.module, []).exports(store)
        value = t.cast("t.Callable[..., int]", exports[function])(store)
        memory = t.cast("t.Any", exports["memory"])
        return value, bytes(memory.read(store, 1024, 1029))


class Executor:
    """An LRU cache of runtimes, each with its own engine."""

    def __init__(self, settings: EngineSettings, cache_size: int) -> None:
        """Start with the one runtime that the chain has now."""
        self.settings = settings
        self.cache_size = cache_size
        self._cache: OrderedDict[int, Runtime] = OrderedDict()
        self._insert(FIRST_SPEC_VERSION)

    @property
    def newest(self) -> Runtime:
        """The runtime that RPC calls run in."""
        return self._cache[next(reversed(self._cache))]

    @property
    def engines(self) -> int:
        """How many engines are alive."""
        return len(self._cache)

    def upgrade(self) -> int:
        """Enact the next runtime and return its spec version."""
        spec_version = self.newest.spec_version + 1
        self._insert(spec_version)
        return spec_version

    def _insert(self, spec_version: int) -> None:
        """Create first and evict afterwards: the peak is the cache size plus one."""
        self._cache[spec_version] = Runtime(spec_version, self.settings)
        while len(self._cache) > self.cache_size:
            self._cache.popitem(last=False)
