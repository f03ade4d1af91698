#!/usr/bin/env bash
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Run ansible-test sanity of one ansible-core: sanity.sh [VERSION [--test NAME ...]]
# The collection is copied to where ansible-test wants it. Environments are kept in the user's cache.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/pythons.sh

version=${1:-$USUAL_CORE}
shift || true
controller=$(controller_for "$version") || exit

cache=${XDG_CACHE_HOME:-$HOME/.cache}/aarch64-validator
venv_for "$cache/sanity-$version" "$controller" "ansible-core~=$version.0"

# ansible-test looks for each target's Python in PATH, by its name.
pythons=$cache/sanity-$version/pythons
mkdir -p "$pythons"
for target in "${HOST_PYTHONS[@]}" 3.14; do
    if found=$(python_at "$target"); then ln -sf "$found" "$pythons/python$target"; fi
done

# Its own home, so that the user's is left alone. A stand-in for the one file that it would fetch from another server.
home=$cache/sanity-$version/home
requirements=$("$cache/sanity-$version/bin/python" -c 'import ansible_test; print(*ansible_test.__path__)')/_internal/python_requirements.py
mkdir -p "$home/.ansible/test/cache"
sed -n "s/.*pip='\([0-9.]*\)'.*/\1/p" "$requirements" | while read -r pip; do
    cp scripts/get_pip.py "$home/.ansible/test/cache/get_pip_${pip//./_}.py"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/ansible_collections/aarch64/validator
mkdir -p "$root"
git ls-files -z --cached --others --exclude-standard -- . ':!playbooks/collections' |
    while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done |
    tar --null --files-from=- --create | tar --extract --directory "$root"
cd "$root"
unset ANSIBLE_CONFIG
HOME=$home PATH=$cache/sanity-$version/bin:$pythons:$PATH ansible-test sanity --requirements --color no "$@"
