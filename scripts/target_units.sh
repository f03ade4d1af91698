#!/usr/bin/env bash
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Run the unit tests of target code on every Python of a target that is here: target_units.sh [VERSION ...]
# Ends with 77 where one is missing. Environments are kept in the user's cache.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/pythons.sh

versions=("$@")
[ ${#versions[@]} -gt 0 ] || versions=("${HOST_PYTHONS[@]}")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/aarch64-validator
missing=()
for version in "${versions[@]}"; do
    if ! python=$(python_at "$version"); then
        missing+=("$version")
        continue
    fi
    echo "--- Python $version"
    venv_for "$cache/units-$version" "$python" pytest hypothesis pyyaml
    "$cache/units-$version/bin/pytest" -q -p no:cacheprovider tests/unit/target
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "left out: unit tests on Python ${missing[*]}, which this machine does not have"
    exit 77
fi
