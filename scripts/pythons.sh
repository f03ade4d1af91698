# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Sourced by scripts that need several Pythons: those in PATH, then those of pyenv.

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
# where there is none.
controller_for() {
    local candidate candidates
    case $1 in
        2.17) candidates="3.12 3.11 3.10" ;;
        2.18 | 2.19) candidates="3.13 3.12 3.11" ;;
        2.20 | 2.21) candidates="3.14 3.13 3.12" ;;
        *)
            echo "VERSION: '$1' is none of 2.17, 2.18, 2.19, 2.20, 2.21" >&2
            exit 2
            ;;
    esac
    for candidate in $candidates; do
        if python_at "$candidate"; then return; fi
    done
    echo "left out: ansible-core $1 needs one of the Pythons $candidates" >&2
    return 77
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
