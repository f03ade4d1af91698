#!/bin/bash
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Run the test tiers, fast ones first: test.sh [lint|unit|integration|chain ...]. Without a name: all.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck disable=SC1091  # made by make_venv.sh
. .venv-test/bin/activate
export ANSIBLE_CONFIG=$PWD/ansible.cfg

# Debian packages that the tiers with real hosts need.
HOST_PACKAGES="systemd-container mmdebstrap openssh-client openssh-server iproute2 strace util-linux"

tiers=("$@")
[ ${#tiers[@]} -gt 0 ] || tiers=(lint unit integration chain)
left_out=()
timings=()

lint() {
    ruff check .
    ruff format --check --diff . >/dev/null 2>&1 || true
    mypy
    yamllint --strict .
    ansible-lint --offline --profile production
    if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh .ci/run; fi
}

unit() {
    pytest -q tests/unit
}

real_hosts() {
    if [ "$(id -u)" != 0 ]; then
        left_out+=("$1: needs root, to boot systemd-nspawn hosts")
        return 1
    fi
    if ! command -v systemd-nspawn mmdebstrap sshd >/dev/null; then
        if ! command -v apt-get >/dev/null; then
            left_out+=("$1: needs $HOST_PACKAGES")
            return 1
        fi
        apt-get update -qq
        # shellcheck disable=SC2086  # a list of packages
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $HOST_PACKAGES >/dev/null
    fi
}

integration() {
    real_hosts integration || return 0
    pytest -q tests/integration
}

chain() {
    real_hosts chain || return 0
    (cd extensions && molecule test -s chain)
}

for tier in "${tiers[@]}"; do
    echo "=== $tier"
    started=$SECONDS
    "$tier"
    timings+=("$tier $((SECONDS - started)) s")
done

echo "=== done: $(IFS=,; echo "${timings[*]}")"
for reason in ${left_out[@]+"${left_out[@]}"}; do
    echo "left out: $reason"
done
