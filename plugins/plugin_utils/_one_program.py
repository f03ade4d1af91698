# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of memory_facts as one program, which the Python of a host reads as it is. Private to this collection.

ansible-core packs a module with all that AnsibleModule needs, which a host then compiles anew for each task: that alone
costs it several times what there is to gather, and a directory to unpack it in. The program made here carries this collection's
own files and no others, and writes none. Options are checked on the controller, by ansible-core.
"""

from __future__ import annotations

import base64
import json
import re
import typing as t
import zlib
from pathlib import Path

PACKAGE = "ansible_collections.aarch64.validator.plugins.module_utils"
_FILES = Path(__file__).resolve().parents[1] / "module_utils"
_START = "_gather"
_FINDER = "_import_text"
_IMPORTED = re.compile(rf"^\s*from {re.escape(PACKAGE)}(?:\.(\w+) import| import (\w+))", re.MULTILINE)

# Read by whatever Python a host has, so that one that is too old says so.
_PROGRAM = """\
import base64, json, sys, zlib
if sys.version_info < (3, 7):
    print(json.dumps({{"failed": True, "msg": "Python %s at %s is too old: 3.7 or newer is needed; set "
                     "ansible_python_interpreter" % (sys.version.split()[0], sys.executable)}}))
    sys.exit(1)
texts = json.loads(zlib.decompress(base64.b64decode("{packed}")).decode("utf-8"))
finder = {{"__name__": "finder"}}
exec(compile(texts["{package}.{finder}"], "{finder}.py", "exec"), finder)
sys.meta_path.insert(0, finder["TextFinder"](texts))
from {package}.{start} import answer
said = answer(json.loads(base64.b64decode("{options}").decode("utf-8")))
print(json.dumps(said))
sys.exit(1 if said.get("failed") else 0)
"""


def program(options: dict[str, t.Any]) -> bytes:
    """A Python program that prints, as JSON, what memory_facts answers to these checked options."""
    return _PROGRAM.format(packed=_PACKED, package=PACKAGE, start=_START, finder=_FINDER,
                           options=base64.b64encode(json.dumps(options).encode()).decode()).encode()


def _texts() -> dict[str, str]:
    """The texts of all files that gathering needs, by full name."""
    texts: dict[str, str] = {}
    waiting = [_START, _FINDER]
    while waiting:
        name = waiting.pop()
        if f"{PACKAGE}.{name}" not in texts:
            text = (_FILES / f"{name}.py").read_text(encoding="utf-8")
            texts[f"{PACKAGE}.{name}"] = text
            waiting += [one or other for one, other in _IMPORTED.findall(text)]
    return texts


# At once: ansible-core loads an action before it forks a process for each host.
_PACKED = base64.b64encode(zlib.compress(json.dumps(_texts()).encode(), 9)).decode()
