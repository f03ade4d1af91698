# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034  # lists for those who source this
# Sourced by scripts that need several releases of ansible-core, or several Pythons: those in PATH, then those of pyenv.
# .github/workflows/test.yml has the same lists; test_versions.py holds them together.

# Releases of ansible-core, oldest first, each with the Pythons that it is run with: the first of them that is here.
CORES_ON=(
    "2.17: 3.12 3.11 3.10"
    "2.18: 3.13 3.12 3.11"
    "2.19: 3.13 3.12 3.11"
    "2.20: 3.14 3.13 3.12"
    "2.21: 3.14 3.13 3.12"
)
CORES=("${CORES_ON[@]%%:*}")
NEWEST_CORE=${CORES[-1]}
USUAL_CORE=2.19 # of every run; the others take turns
# Pythons of hosts, oldest first.
HOST_PYTHONS=(3.7 3.8 3.9 3.10 3.11 3.12 3.13)

# python_at VERSION: the path of a Python such as 3.12; fails where there is none.
python_at() {
    local candidate
    for candidate in "$(command -v "python$1" || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/"python$1"; do
        # A shim of pyenv is there for versions that cannot be started, so each is asked.
        if [ -n "$candidate" ] && "$candidate" -c '' 2>/dev/null; then
            "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
            return
        fi
    done
    return 1
}

# controller_for VERSION: the path of the newest Python here that this ansible-core runs on; fails with 77
# where there is none, with 2 for another release.
controller_for() {
    local row candidate
    for row in "${CORES_ON[@]}"; do
        if [ "${row%%:*}" != "$1" ]; then continue; fi
        for candidate in ${row#*:}; do
            if python_at "$candidate"; then return; fi
        done
        echo "left out: ansible-core $1 needs one of the Pythons${row#*:}" >&2
        return 77
    done
    echo "VERSION: '$1' is none of ${CORES[*]}" >&2
    return 2
}

# venv_for DIRECTORY PYTHON PACKAGES...: a virtual environment with these packages, made once for each list of them.
venv_for() {
    local directory=$1 python=$2 made_of
    shift 2
    made_of="$python $*"
    case "$*" in *--requirement*) made_of+=" $(cat requirements*.txt | sha256sum)" ;; esac
    if [ "$(cat "$directory/.made-of" 2>/dev/null)" != "$made_of" ]; then
        rm -rf "$directory"
        "$python" -m venv "$directory"
        "$directory/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
        echo "$made_of" >"$directory/.made-of"
    fi
}
