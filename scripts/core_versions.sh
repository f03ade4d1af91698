#!/usr/bin/env bash
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Run sanity, unit tests and the scenario chain with each ansible-core: core_versions.sh [--record] [VERSION ...]
# With --record, what was seen becomes a row of docs/tested-on.md. Ends with 77 where a Python is missing. Needs root.
# Environments are kept in the user's cache.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/pythons.sh

record=
if [ "${1:-}" = --record ]; then
    record=yes
    shift
fi
versions=("$@")
[ ${#versions[@]} -gt 0 ] || versions=("${CORES[@]}")
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
export ANSIBLE_CONFIG=$PWD/ansible.cfg NO_COLOR=1

# step NAME COMMAND...: run it with its output in a file, and show that only if it fails.
step() {
    local name=$1
    shift
    if ! "$@" >"$logs/$name" 2>&1; then
        tail -n 60 "$logs/$name"
        echo "ansible-core $version: $name failed" >&2
        exit 1
    fi
}

chain() {
    (cd extensions && molecule test -s chain)
}

# Removed in a later ansible-core: what works today would not work there.
nothing_deprecated() {
    if grep --no-filename --after-context=8 --max-count=3 "DEPRECATION WARNING" "$logs"/*; then
        echo "ansible-core $version: the collection uses what is deprecated" >&2
        exit 1
    fi
}

missing=()
for version in "${versions[@]}"; do
    controller=$(controller_for "$version") || {
        code=$?
        [ $code = 77 ] || exit $code
        missing+=("$version")
        continue
    }
    rm -f "$logs"/*
    environment=${XDG_CACHE_HOME:-$HOME/.cache}/aarch64-validator/core-$version
    venv_for "$environment" "$controller" "ansible-core~=$version.0" --requirement requirements-test.txt
    core=$("$environment/bin/python" -c 'import ansible.release; print(ansible.release.__version__)')
    python=$("$environment/bin/python" -c 'import platform; print(platform.python_version())')
    echo "--- ansible-core $core on Python $python"
    step sanity scripts/sanity.sh "$version"
    (
        export PATH=$environment/bin:$PATH ANSIBLE_LOG_PATH=$logs/ansible
        step units pytest -q -p no:cacheprovider tests/unit
        step chain chain
    )
    nothing_deprecated
    sanity="$(grep -c '^Running sanity test' "$logs/sanity") tests"
    units=$(tail -n 1 "$logs/units" | sed 's/ in .*//; s/, [0-9]* warnings\?//')
    steps=$(sed -n 's/.*actions=\([0-9]*\) .*/\1 steps/p' "$logs/chain")
    echo "sanity: $sanity; units: $units; chain: $steps"
    if [ -n "$record" ]; then
        "$environment/bin/python" tests/support/tested_on.py "$core" "$python" "$sanity" "$units" "$steps"
    fi
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "left out: ansible-core ${missing[*]}, for which this machine has no Python"
    exit 77
fi
