#!/bin/sh
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Write requirements.lock anew: for each Python that a controller may have, the newest releases that requirements.txt allows,
# with the checksums of their files for all machines. Run it from a virtual environment with uv; `make lock` does.
set -eu
cd "$(dirname "$0")/.."
uv --no-config pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes --no-annotate \
    --custom-compile-command "make lock" --output-file requirements.lock requirements.txt
