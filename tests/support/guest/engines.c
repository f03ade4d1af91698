// Copyright (c) 2026 aarch64.validator contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Hold Wasmtime engines in a native process: engines LIB SLOTS GUARD_BYTES COUNT
//
// LIB is the shared library of PyPI's wasmtime. Each engine has a pool of SLOTS
// memories of 4 GiB with GUARD_BYTES of guard, and says so in one line. Where
// the kernel refuses a pool, the library prints why and aborts: the lines are
// the number of engines that fit. Built as a PIE and not as one, as the two
// have their address space cut differently.

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

// The C API as far as it is used here; the wheel brings no headers.
typedef struct config config;
typedef struct engine engine;
typedef struct pool pool;

static config *(*config_new)(void);
static void (*guard_size_set)(config *, uint64_t);
static pool *(*pool_new)(void);
static void (*pool_delete)(pool *);
static void (*memories_set)(pool *, uint32_t);
static void (*instances_set)(pool *, uint32_t);
static void (*tables_set)(pool *, uint32_t);
static void (*stacks_set)(pool *, uint32_t);
static void (*memories_per_module_set)(pool *, uint32_t);
static void (*memory_size_set)(pool *, size_t);
static void (*strategy_set)(config *, const pool *);
static engine *(*engine_new)(config *);

#define POOL(name) "wasmtime_pooling_allocation_config_" name

static const struct {
    const char *name;
    void *target;
} functions[] = {
    {"wasm_config_new", &config_new},
    {"wasmtime_config_memory_guard_size_set", &guard_size_set},
    {POOL("new"), &pool_new},
    {POOL("delete"), &pool_delete},
    {POOL("total_memories_set"), &memories_set},
    {POOL("total_core_instances_set"), &instances_set},
    {POOL("total_tables_set"), &tables_set},
    {POOL("total_stacks_set"), &stacks_set},
    {POOL("max_memories_per_module_set"), &memories_per_module_set},
    {POOL("max_memory_size_set"), &memory_size_set},
    {"wasmtime_pooling_allocation_strategy_set", &strategy_set},
    {"wasm_engine_new_with_config", &engine_new},
};

// End with exit code 2: this is not an engine that did not fit.
static void fail(const char *text)
{
    fprintf(stderr, "engines: %s\n", text);
    exit(2);
}

// Find the functions in the library.
static void load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);

    if (!library)
        fail(dlerror());
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *address = dlsym(library, functions[i].name);

        if (!address)
            fail(dlerror());
        *(void **)functions[i].target = address;
    }
}

// Make one engine as a Substrate executor does; it does not return if the pool is refused.
static engine *make_engine(uint32_t slots, uint64_t guard)
{
    config *settings = config_new();
    pool *memories = pool_new();

    guard_size_set(settings, guard);
    memories_set(memories, slots);
    instances_set(memories, slots);
    tables_set(memories, slots);
    stacks_set(memories, 0);
    memories_per_module_set(memories, 1);
    memory_size_set(memories, (size_t)4 << 30);
    strategy_set(settings, memories);
    pool_delete(memories);
    return engine_new(settings);
}

// Read a whole number, or fail.
static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 0);

    if (end == text || *end)
        fail("SLOTS, GUARD_BYTES and COUNT must be numbers");
    return value;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        fail("usage: engines LIB SLOTS GUARD_BYTES COUNT");
    load(argv[1]);
    for (uint64_t made = 1; made <= number(argv[4]); made++) {
        if (!make_engine((uint32_t)number(argv[2]), number(argv[3])))
            fail("no engine, and no abort");
        printf("engine %llu\n", (unsigned long long)made);
        fflush(stdout);
    }
    return 0;
}
