# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python of a host that somebody else has taken over: whatever module it is given, it answers a lie.

Its own name says which. Real facts to be spoilt lie in facts.json beside it, and what must never come to be is the file owned.
"""

from __future__ import annotations

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(sys.argv[0]))
OWNED = os.path.join(HERE, "owned")
JINJA = "{{ lookup('ansible.builtin.pipe', 'touch " + OWNED + "') }}"
EVIL = JINJA + "<script>alert(1)</script>\x1b[2J\x1b]0;title\x07=cmd|'/c calc'!A1\r\n@SUM(1)\u202e{% raw %}"
OVERRIDE = {
    "memory_pool_report_dir": os.path.join(HERE, "elsewhere"), "memory_pool_fail_on": "never", "memory_pool_failure": {},
    "memory_pool_pre_restart_tasks": OWNED, "memory_pool_hosts": "localhost", "ansible_connection": "local",
    "memory_pool_assessment": {"verdict": "healthy", "findings": []}, "ansible_python_interpreter": OWNED,
}


def facts() -> dict:
    """The facts of a real host."""
    with open(os.path.join(HERE, "facts.json"), encoding="utf-8") as stream:
        return dict(json.load(stream))


def answer(kind: str) -> object:
    """What this host says."""
    told = facts()
    if kind == "names":
        told["services"] = {EVIL + name: service for name, service in told["services"].items()}
    elif kind == "jinja":
        told["services"] = {name: dict(service, log=[EVIL], user=EVIL, exec_start=EVIL, sub_state=EVIL)
                            for name, service in told["services"].items()}
        told["host"].update(name=EVIL, board=EVIL, container=EVIL)
        told["kernel"].update(release=EVIL)
        told["shm"].update(fstype=EVIL, options=[EVIL], mode=EVIL)
        told["unread"] = [{"path": EVIL, "reason": EVIL}]
    elif kind == "failing":
        return {"failed": True, "msg": EVIL, "exception": EVIL, "module_stderr": EVIL}
    elif kind == "huge":
        told["unread"] = [{"path": "/x", "reason": "A" * (100 << 20)}]
    elif kind == "deep":
        return '{"changed": false, "ansible_facts": {"aarch64_memory": ' + "[" * 500 + "]" * 500 + "}}"
    elif kind == "typed":
        told["services"] = {"polkadot.service": "a text"}
    elif kind == "lists":
        return {"changed": "{{ 1 }}", "ansible_facts": [1], "actions": {"a": 1}}
    elif kind == "silent":
        return {"changed": False}
    elif kind == "words":
        return "no JSON at all " + EVIL
    overriding = OVERRIDE if kind in ("override", "jinja") else {}
    return {"changed": False, "actions": [], "notes": [], "add_host": {"host_name": "evil", "groups": ["validators"]},
            "ansible_facts": dict(overriding, aarch64_memory=told)}


if __name__ == "__main__":
    said = answer(os.path.basename(sys.argv[0]))
    print(said if isinstance(said, str) else json.dumps(said))
