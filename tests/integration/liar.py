# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python of a host that somebody else has taken over: whatever module it is given, it answers a lie.

Its own name says which, before a dot. Real facts to be spoilt lie in facts.json beside it, and what must never come to be is the
file owned.
"""

from __future__ import annotations

import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(sys.argv[0]))
OWNED = os.path.join(HERE, "owned")
JINJA = "{{ lookup('ansible.builtin.pipe', 'touch " + OWNED + "') }}"
SCREEN = "\x1b[2J\x1b]0;title\x07\x9b2J\u202e\u2067"
EVIL = JINJA + "<script>alert(1)</script>" + SCREEN + "=cmd|'/c calc'!A1\r\n@SUM(1){% raw %}"
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
    elif kind == "large":  # just below what is refused
        told["unread"] = [{"path": "/x", "reason": "A" * 1000}] * 15000
    elif kind == "deep":
        return '{"changed": false, "ansible_facts": {"aarch64_memory": ' + "[" * 500 + "]" * 500 + "}}"
    elif kind == "typed":
        told["services"] = {"polkadot.service": "a text"}
    elif kind == "lists":
        return {"changed": "{{ 1 }}", "ansible_facts": [1], "actions": {"a": 1}}
    elif kind == "silent":
        return {"changed": False}
    elif kind == "mistyped":
        return {"failed": True, "ansible_facts": {"aarch64_memory": [1]}}
    elif kind == "values":
        return '{"changed": false, "ansible_facts": {"aarch64_memory": [' + "[]," * (5 << 20) + "[]]}}"
    elif kind == "words":
        return "no JSON at all " + EVIL
    elif kind == "drawing":
        return {"changed": True, "actions": [SCREEN], "notes": [SCREEN], SCREEN: SCREEN, "warnings": [SCREEN],
                "_ansible_" + SCREEN: SCREEN, "deprecations": [{"msg": SCREEN, "version": SCREEN}, SCREEN],
                "diff": [{"before": SCREEN, "after": SCREEN + "\n", "before_header": SCREEN, "after_header": SCREEN},
                         {"prepared": SCREEN}],
                "add_host": {"host_name": SCREEN}, "ansible_facts": {"aarch64_memory": told, SCREEN: SCREEN}}
    elif kind == "junk":
        return SCREEN + "\n" + json.dumps({"changed": False, "ansible_facts": {"aarch64_memory": told}}) + "\n" + SCREEN
    overriding = OVERRIDE if kind in ("override", "jinja") else {}
    return {"changed": False, "actions": [], "notes": [], "add_host": {"host_name": "evil", "groups": ["validators"]},
            "ansible_facts": dict(overriding, aarch64_memory=told)}


def without_end(kind: str) -> None:
    """Say nothing, or one thing for ever."""
    if kind == "mute":
        time.sleep(300)  # longer than anybody waits here; then nothing is left of it
    while kind == "dripping":
        print("{", end="", flush=True)
        time.sleep(1)
    while kind == "endless":
        os.write(1, b"[" * (1 << 16))
    while kind == "complaining":
        os.write(2, b"A" * (1 << 16))


if __name__ == "__main__":
    without_end(os.path.basename(sys.argv[0]).split(".")[0])
    said = answer(os.path.basename(sys.argv[0]).split(".")[0])
    print(said if isinstance(said, str) else json.dumps(said))
