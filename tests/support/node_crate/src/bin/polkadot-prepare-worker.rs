// Copyright (c) 2026 aarch64.validator contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

//! A second program that belongs to the node and must be of the same build.

fn main() {
    println!("{}", env!("CARGO_PKG_VERSION"));
}
