#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a node with cargo and make a release of it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_build
short_description: Build a node with cargo and make a release of it
version_added: 1.0.0
description:
  - Builds binaries of a Rust workspace with the toolchain that its toolchain file asks for, and puts them into a directory of
    their own, with a manifest that says what they are and from what they were made.
  - Artefacts of earlier builds stay, so that a build is quick, unless they were made by another toolchain, for another target,
    or with other features, flags or variables. Then all of them are removed first, once the names that were asked for are known
    to be there and all dependencies have been fetched. What was built from the same inputs is not built again.
  - A build goes on when the connection breaks, and is shown while it does. The next run follows what it finds running, or goes
    on where an interrupted build stopped.
  - For aarch64, C(JEMALLOC_SYS_WITH_LG_PAGE=16) is set, so that one binary runs on kernels with pages of 4, 16 and 64 KiB.
  - Nothing is downloaded but what cargo itself needs for C(Cargo.lock). A missing toolchain is named, with the command that
    gets it.
options:
  source:
    description: Directory of the workspace, with C(Cargo.toml), C(Cargo.lock) and a toolchain file if it has one.
    type: path
    required: true
  dir:
    description:
      - Build directory. It holds the artefacts of cargo (C(cargo/)), what they were made from (C(record.json)), the log of the
        last build (C(build.log)) and the releases (C(releases/)). Must not be shared with other tools.
    type: path
    required: true
  binaries:
    description: Names of the binaries, that of the node first.
    type: list
    elements: str
    required: true
  package:
    description: Package that has them. By default cargo looks in all members of the workspace.
    type: str
  revision:
    description: Commit, tag or branch that must be checked out in O(source).
    type: str
  features:
    description: Features to build with.
    type: list
    elements: str
    default: []
  default_features:
    description: Whether the default features are built too.
    type: bool
    default: true
  profile:
    description: Profile of cargo, such as V(release) or V(production).
    type: str
    default: release
  target:
    description: Target triple. By default that of the toolchain itself.
    type: str
  toolchain:
    description: Channel of the toolchain where the source has no toolchain file.
    type: str
    default: stable
  cargo:
    description:
      - Path of cargo. By default it is looked for in E(PATH), C(~/.cargo/bin), C(/usr/local/cargo/bin) and C(/opt/cargo/bin).
      - If it is rustup's, the program of the wanted toolchain is used.
    type: path
  linker:
    description: Linker for another machine. By default the one that Debian's cross compilers bring, such as
      C(aarch64-linux-gnu-gcc).
    type: str
  rustflags:
    description: Flags for rustc, each in an entry of its own.
    type: list
    elements: str
    default: []
  environment:
    description:
      - Further variables of the build. They are written into the manifest, so keep secrets out of them.
      - Compilers, wrappers and flags that the session names, as in E(CC), E(CFLAGS) or E(RUSTC_WRAPPER), do not reach the build;
        those that are wanted belong here.
    type: dict
    default: {}
  jobs:
    description: How many compilers run at once. By default as many as there are processors.
    type: int
  clean:
    description: Whether all artefacts are removed first and the build is done again. Compares the result with what was there.
    type: bool
    default: false
  allow_dirty:
    description: Whether a source is built that is no git tree, or that has changes which no revision has.
    type: bool
    default: false
  min_free:
    description: How much has to be free in the build directory for a build to begin.
    type: str
    default: 10G
  timeout:
    description: Seconds after which a build is ended.
    type: int
    default: 14400
  hosts:
    description:
      - Facts of M(aarch64.validator.memory_facts) by the names of the hosts that are to run the result, which then names those
        that cannot. Empty facts stand for a host of which nothing is known. They stay on the controller.
    type: dict
    default: {}
  fetched_to:
    description: Directory on the controller to which a next task fetches the release. Only shown, with the way to deliver it.
    type: path
  wait:
    description: Seconds after which a line is shown of what the build is at.
    type: int
    default: 25
  continue:
    description: Used within; the build to follow.
    type: dict
    default: {}
  names:
    description: What the names of these options begin with in messages, such as V(node_build_) for the variables of the role.
    type: str
    default: ""
attributes:
  check_mode:
    description: Can run in check mode and return what would be built and what removed first, and whatever is missing for it.
    support: full
  diff_mode:
    description: Shows no differences.
    support: none
notes:
  - Run it as an ordinary user. Building a source runs programs of its authors.
seealso:
  - module: aarch64.validator.node_release
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Build the node
  aarch64.validator.node_build:
    source: /home/builder/polkadot-sdk
    dir: /home/builder/build
    package: polkadot
    binaries: [polkadot, polkadot-prepare-worker, polkadot-execute-worker]
    profile: production
    target: aarch64-unknown-linux-gnu
  register: built

- name: Name the hosts that cannot run it
  ansible.builtin.debug:
    var: built.check.misfits
"""

RETURN = r"""
done:
  description: Whether the build is over.
  type: bool
  returned: success
  sample: false
progress:
  description: What the build is at, with the last line that cargo has said.
  type: str
  returned: success
  sample: "building for 12 min 3 s: Compiling wasmtime v35.0.0"
next:
  description: Used within; empty when the build is over.
  type: dict
  returned: success
  sample: {}
begun:
  description: What was begun, with what and why, one line for each. Empty where nothing was.
  type: list
  elements: str
  returned: success
  sample: ["Rust 1.88.0 of /usr/bin, since /home/builder/polkadot-sdk/rust-toolchain.toml asks for 1.88.0"]
actions:
  description: What was done, or in check mode would be, one sentence for each.
  type: list
  elements: str
  returned: success
  sample: ["artefacts in /home/builder/build/cargo removed: features: fast-runtime, before none"]
notes:
  description: What an operator should know besides.
  type: list
  elements: str
  returned: success
  sample: ["the same inputs gave the same binaries as before, byte for byte"]
cleaned:
  description: Whether this execution has had the artefacts of earlier builds removed.
  type: bool
  returned: success
  sample: false
check:
  description:
    - What is wrong with the release. With C(problems) this fails; C(warnings) are what to know of it, such as a Wasmtime that
      miscompiles on aarch64; C(misfits) says by host why that cannot run it; C(unknown) names hosts of which nothing is known.
  type: dict
  returned: success
  sample: {"problems": [], "warnings": [], "misfits": {"val-3": ["polkadot wants glibc 2.38, this host has 2.36"]}}
directory:
  description: Directory of the release.
  type: str
  returned: success, null until there is one
  sample: /home/builder/build/releases/polkadot-1a2b3c4d5e6f-0123abcd
manifest:
  description: What C(manifest.json) of the release says.
  type: dict
  returned: success, null until there is one
  sample: {"release": "polkadot-1a2b3c4d5e6f-0123abcd", "revision": "1a2b3c4d5e6f", "binaries": [{"name": "polkadot"}]}
reproducible:
  description: Whether an earlier build from the same inputs had the same binaries. Null where there was none.
  type: bool
  returned: success
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.aarch64.validator.plugins.module_utils._build_apply import build
from ansible_collections.aarch64.validator.plugins.module_utils._build_toolchain import BuildError

TEXTS = ["package", "revision", "target", "linker"]


def main() -> None:
    """Run as Ansible runs it."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "path", "required": True},
            "dir": {"type": "path", "required": True},
            "binaries": {"type": "list", "elements": "str", "required": True},
            "features": {"type": "list", "elements": "str", "default": []},
            "default_features": {"type": "bool", "default": True},
            "profile": {"type": "str", "default": "release"},
            "toolchain": {"type": "str", "default": "stable"},
            "cargo": {"type": "path"},
            "rustflags": {"type": "list", "elements": "str", "default": []},
            "environment": {"type": "dict", "default": {}},
            "jobs": {"type": "int"},
            "clean": {"type": "bool", "default": False},
            "allow_dirty": {"type": "bool", "default": False},
            "min_free": {"type": "str", "default": "10G"},
            "timeout": {"type": "int", "default": 14400},
            "hosts": {"type": "dict", "default": {}},
            "wait": {"type": "int", "default": 25},
            "continue": {"type": "dict", "default": {}},
            "fetched_to": {"type": "path"},
            "names": {"type": "str", "default": ""},
            **{name: {"type": "str"} for name in TEXTS},
        },
        supports_check_mode=True,
    )
    try:
        outcome = build(module.params, module.check_mode)
    except BuildError as error:
        module.fail_json(msg=str(error), log_end=error.log, actions=error.actions, changed=bool(error.actions))
    except OSError as error:
        module.fail_json(msg="{}: {}; nothing was released".format(error.filename or "node_build", error.strerror or error))
    module.exit_json(**outcome)


if __name__ == "__main__":
    main()
