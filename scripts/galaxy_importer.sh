#!/usr/bin/env bash
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Look at the built collection as Galaxy does when it is uploaded: galaxy_importer.sh [TARBALL]
# Without a tarball, one is built of what git knows here. Ends with 77 where a Python is missing. The environment is kept in the
# user's cache.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/pythons.sh

controller=$(controller_for "$NEWEST_CORE") || exit
environment=${XDG_CACHE_HOME:-$HOME/.cache}/aarch64-validator/galaxy-importer
venv_for "$environment" "$controller" "ansible-core~=$NEWEST_CORE.0" "galaxy-importer>=0.4.44"
export PATH=$environment/bin:$PATH
unset ANSIBLE_CONFIG

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive=${1:-}
if [ -z "$archive" ]; then
    scripts/build.sh "$work" >/dev/null
    archive=$(echo "$work"/*.tar.gz)
fi
archive=$(realpath "$archive")

cat >"$work/galaxy-importer.cfg" <<'SETTINGS'
[galaxy-importer]
LOG_LEVEL_MAIN = INFO
RUN_FLAKE8 = True
RUN_ANSIBLE_DOC = True
RUN_ANSIBLE_LINT = True
CHECK_REQUIRED_TAGS = True
CHECK_RUNTIME_YAML = True
CHECK_CHANGELOG = True
REQUIRE_V1_OR_GREATER = True
SETTINGS
cd "$work"
HOME=$work GALAXY_IMPORTER_CONFIG=$work/galaxy-importer.cfg python -m galaxy_importer.main "$archive" >"$work/said" 2>&1 || {
    tail -n 40 "$work/said"
    exit 1
}
# It reads documentation in YAML as if it were Python, and wants operators before a line break, which PEP 8 wants after it.
if grep -E "^(WARNING|ERROR)" "$work/said" | grep -vE '\.yml:[0-9:]* E999 | W503 '; then
    echo "galaxy-importer warns of the above" >&2
    exit 1
fi
tail -n 1 "$work/said"
