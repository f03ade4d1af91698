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

# venv_for DIRECTORY PYTHON PACKAGES...: a virtual environment with these packages, made once for each list of them.
venv_for() {
    local directory=$1 python=$2
    shift 2
    if [ "$(cat "$directory/.made-of" 2>/dev/null)" != "$python $*" ]; then
        rm -rf "$directory"
        "$python" -m venv "$directory"
        "$directory/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
        echo "$python $*" >"$directory/.made-of"
    fi
}
