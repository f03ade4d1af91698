#!/usr/bin/env bash
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Build the collection: build.sh DIRECTORY
# Of the files that git knows, as they are now: whatever else lies in a clone, such as an inventory, must not be published.
set -euo pipefail
output=$(realpath "$1")
cd "$(dirname "$0")/.."
git rev-parse --is-inside-work-tree >/dev/null || {
    echo "build.sh: $PWD is no git clone, which alone says what belongs to the collection" >&2
    exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git ls-files -z | while IFS= read -r -d '' file; do if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi; done |
    tar --null --files-from=- --create | tar --extract --directory "$work"
ansible-galaxy collection build "$work" --force --output-path "$output"
