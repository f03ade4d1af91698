// Copyright (c) 2026 aarch64.validator contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

//! A native program in the place of the node: it says what it is, or has the stand-in node do the work as its child.

use std::os::raw::{c_int, c_long};
use std::process::{exit, Command};

const PAGE_SIZE: c_int = 30; // _SC_PAGESIZE of Linux
const NODE: &str = "/usr/lib/polkadot-node/wasmtime_node.py";

extern "C" {
    fn sysconf(name: c_int) -> c_long;
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--version") {
        let page = unsafe { sysconf(PAGE_SIZE) };
        let pages = option_env!("JEMALLOC_SYS_WITH_LG_PAGE").unwrap_or("default");
        println!("polkadot {} on pages of {}, jemalloc {}", env!("CARGO_PKG_VERSION"), page, pages);
        return;
    }
    let asks_for_help = arguments.iter().any(|argument| argument == "--help");
    if cfg!(feature = "broken") && !asks_for_help {
        eprintln!("Error: this build ends at once");
        exit(1);
    }
    match Command::new("/usr/bin/python3").arg(NODE).args(&arguments).status() {
        Ok(status) => exit(status.code().unwrap_or(1)),
        Err(error) => {
            eprintln!("Error: {}: {}", NODE, error);
            exit(1);
        }
    }
}
