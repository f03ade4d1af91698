#!/usr/bin/env bash
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Run the test tiers, fast ones first:
# test.sh [lint|unit|pythons|sanity|docs|browser|chain|arm64|rotating|integration|crash|fuzz|sanity-all|versions|importer|arm64-all ...].
# Without a name: lint to chain. CORE=2.17, PYTHONS="3.7 3.8" and PART=1/6 have sanity, pythons and integration do just that.
set -euo pipefail
cd "$(dirname "$0")/.."
# Tiers that make environments of their own do without it.
# shellcheck disable=SC1091  # made by make_venv.sh
if [ -e .venv-test/bin/activate ]; then . .venv-test/bin/activate; fi
. scripts/pythons.sh
export ANSIBLE_CONFIG=$PWD/ansible.cfg

# Debian packages with compilers for programs that tests read.
COMPILERS="gcc libc6-dev musl-tools binutils gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
# Those that build a crate.
RUST="cargo rustc git gcc libc6-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static"
# Those that the tiers with real hosts need, with container engines, and those with real arm64 kernels besides.
HOST_PACKAGES="systemd-container mmdebstrap openssh-client openssh-server iproute2 strace util-linux"
# Real container engines.
ENGINE_PACKAGES="docker.io docker-compose podman runc lxc util-linux"
GUEST_PACKAGES="qemu-system-arm qemu-user-static mmdebstrap arch-test openssh-client e2fsprogs kmod cpio \
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross linux-source-6.1 gcc libc6-dev make flex bison bc libelf-dev libssl-dev xz-utils"

tiers=("$@")
[ ${#tiers[@]} -gt 0 ] || tiers=(lint unit pythons sanity docs browser chain)
left_out=()
timings=()

lint() {
    ruff check .
    mypy
    yamllint --strict .
    ansible-lint --offline --profile production
    codespell
    reuse lint --quiet || reuse lint
    antsibull-changelog lint
    antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .
    check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
    check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
    bandit --quiet --configfile pyproject.toml --recursive plugins scripts
    zizmor --quiet --offline --config .github/zizmor.yml .github/workflows
    if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh .ci/run; fi
}

# installed PACKAGES PROGRAM...: whether these programs are here, once their packages are installed.
installed() {
    local packages=$1
    shift
    if type "$@" >/dev/null 2>&1; then return; fi
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then return 1; fi
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of packages
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
}

# needs TIER PURPOSE PACKAGES PROGRAM...: whether a tier can run here.
needs() {
    local tier=$1 purpose=$2 packages=$3
    shift 3
    if [ "$(id -u)" != 0 ]; then
        left_out+=("$tier: needs root, to $purpose")
        return 1
    fi
    if ! installed "$packages" "$@"; then
        left_out+=("$tier: needs $packages")
        return 1
    fi
}

real_hosts() {
    needs "$1" "boot systemd-nspawn hosts" "$HOST_PACKAGES" systemd-nspawn mmdebstrap sshd
}

guests() {
    needs "$1" "build and boot arm64 guests" "$GUEST_PACKAGES" qemu-system-aarch64 qemu-aarch64-static mmdebstrap aarch64-linux-gnu-gcc flex
}

rust() {
    installed "$RUST" cargo rustc git aarch64-linux-gnu-gcc qemu-aarch64-static || left_out+=("$1 tests that build a crate: need $RUST")
}

unit() {
    rust unit
    installed "$COMPILERS" gcc musl-gcc aarch64-linux-gnu-gcc readelf ||
        left_out+=("unit tests of programs that are built for them: need $COMPILERS")
    pytest -q tests/unit
}

# report.html in a real browser; needs no root where there is one.
browser() {
    if ! installed "chromium fonts-liberation" chromium; then
        left_out+=("browser: needs chromium, to open the page of a report")
        return 0
    fi
    pytest -q tests/browser
}

# or_left_out TIER COMMAND...: what ends with 77 has said what it lacks.
or_left_out() {
    local tier=$1 code=0
    shift
    "$@" || code=$?
    if [ "$code" = 77 ]; then
        left_out+=("$tier: not every Python that it needs is here")
    elif [ "$code" != 0 ]; then
        exit "$code"
    fi
}

# Code that runs on hosts, on the oldest and the newest Python of a host; all of them: scripts/target_units.sh
pythons() {
    local named
    read -ra named <<<"${PYTHONS:-}"
    if [ ${#named[@]} -gt 0 ]; then
        scripts/target_units.sh "${named[@]}" # what is asked for by name is not left out: it fails
    else
        or_left_out pythons scripts/target_units.sh "${HOST_PYTHONS[0]}" "${HOST_PYTHONS[-1]}"
    fi
}

sanity() {
    if [ -n "${CORE:-}" ]; then
        scripts/sanity.sh "$CORE"
    else
        or_left_out sanity scripts/sanity.sh "$USUAL_CORE"
    fi
}

# A part of what is left out of every run, another one for the next commit.
rotating() {
    local parts=6 versions=() turn part version
    for version in "${CORES[@]}"; do
        if [ "$version" != "$USUAL_CORE" ]; then versions+=("$version"); fi
    done
    turn=$((16#$(git rev-parse --short=6 HEAD)))
    part=$((turn % parts + 1))/$parts
    version=${versions[turn % ${#versions[@]}]}
    integration "--part=$part"
    or_left_out sanity scripts/sanity.sh "$version"
    left_out+=("integration: but part $part" "sanity: but $USUAL_CORE and $version" "crash, fuzz, versions, importer, arm64-all: make test-full")
}

sanity-all() {
    for version in "${CORES[@]}"; do or_left_out "sanity $version" scripts/sanity.sh "$version"; done
    or_left_out pythons scripts/target_units.sh
}

# Each ansible-core, with real hosts; keeps what was seen.
versions() {
    real_hosts versions || return 0
    or_left_out versions scripts/core_versions.sh --record
}

# What Galaxy looks at when the tarball is uploaded.
importer() {
    or_left_out importer scripts/galaxy_importer.sh
}

docs() {
    if ! installed chromium chromium; then
        left_out+=("docs: needs chromium")
        return 0
    fi
    pytest -q tests/docs tests/galaxy
}

integration() {
    real_hosts integration || return 0
    rust integration
    installed "busybox-static gcc libc6-dev" busybox gcc || left_out+=("integration tests of two faults of hosts: need busybox-static gcc")
    installed "$ENGINE_PACKAGES" dockerd docker docker-compose podman runc lxc-start setpriv ||
        left_out+=("integration tests of containers: need $ENGINE_PACKAGES")
    pytest -q tests/integration ${PART:+"--part=$PART"} "$@"
}

# Every system call, and every way to fail; the tier integration has a part of it.
crash() {
    real_hosts crash || return 0
    CRASH_POINTS=all pytest -q tests/integration/test_crash_*.py
}

# Twenty times the inputs that the tier unit tries on each parser.
fuzz() {
    FUZZ_FACTOR=20 pytest -q tests/unit/*/test_fuzz_*.py
}

chain() {
    real_hosts chain || return 0
    (cd extensions && molecule test -s chain)
}

arm64() {
    guests arm64 || return 0
    ARM64_KERNELS="va39 va48" pytest -q tests/arm64
}

# All four kernels, by molecule as well; keeps what was seen.
arm64-all() {
    guests arm64-all || return 0
    ARM64_KERNELS="va39 va48 pg16k pg64k" pytest -q tests/arm64 --record
    (cd extensions && molecule test -s arm64)
}

for tier in "${tiers[@]}"; do
    echo "=== $tier"
    started=$SECONDS
    "$tier"
    timings+=("$tier $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s")
done

echo "=== done: $(IFS=,; echo "${timings[*]}")"
for reason in ${left_out[@]+"${left_out[@]}"}; do
    echo "left out: $reason"
done
