# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of fleets of any size, judged by the real rules from facts as hosts give them, and one that is hostile throughout."""

from __future__ import annotations

import copy
import json
import typing as t
from pathlib import Path

from ansible_collections.aarch64.validator.plugins.plugin_utils._assess import assess_facts
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import build_report, host_entry
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._drift import with_drift
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._recorded import recorded_outcome
from facts_factory import ENGINE_2023, GIB, limits, node_facts

RECORDED = Path(__file__).resolve().parents[1] / "unit/recorded"
KERNELS = ("6.1.0-28-arm64", "6.6.31+rpt-rpi-v8", "5.10.160-rockchip-rk3588", "6.8.0-1018-raspi", "6.12.9-arm64-16k")
BOARDS = ("Raspberry Pi 5 Model B", "Orange Pi 5 Plus", "Ampere Altra", "Rock 5B", None)

EVIL = (
    "</script><img src=x onerror=alert(1)>", "<!--<script>", "]]><svg onload=alert(1)>", "{{7*7}}", "${7*7}", "<!--data-->",
    "<!--script-->", "\x1b[31mred\x1b]0;title\x07", "\u202egpj.exe", "\u2066x\u2069", "a\u2028b\u2029c", "'\"><b>", "&lt;b&gt;",
    "\ud800", "\x00", "javascript:alert(1)",
)


def _service(**limit: int) -> dict:
    return {"limits": {"configured": limits(**limit), "live": limits(**limit), "grantable": {"nofile": 1048576, "memlock": -1}}}


def _kinds() -> list:
    """Facts of hosts with different faults, healthy ones most often."""
    healthy = node_facts()
    recorded = [json.loads(path.read_text()) for path in sorted(RECORDED.glob("*.json"))]
    return [
        healthy, healthy,
        node_facts(_service(**{"as": GIB})),
        node_facts(kernel={"va_bits": 39}),
        node_facts(_service(nofile=1024)),
        healthy,
        node_facts(shm={"size": 64 << 20}),
        node_facts(kernel={"va_bits": 39}, shm={"persistent": 64 << 20}),
        node_facts(_service(memlock=8 << 20, nofile=4096), shm={"size": 64 << 20, "mode": "755"}),
        *recorded,
        healthy,
        node_facts({"pool": {"engine_bytes": ENGINE_2023, "engine_bytes_source": "log", "mapped": [], "pie": True,
                             "largest_reservation": 300 * GIB, "errno": 12, "probed_fit": 0}}, kernel={"va_bits": 39}),
    ]


def fleet_facts(count: int) -> t.Iterator[tuple]:
    """``(name, facts)`` of each host; no two hosts tell quite the same."""
    kinds = _kinds()
    for number in range(count):
        facts = copy.deepcopy(kinds[number % len(kinds)])
        facts["kernel"]["release"] = f"{KERNELS[number % len(KERNELS)]}.{number % 97}"
        facts["host"]["board"] = BOARDS[number % len(BOARDS)]
        facts["shm"]["used"] = number * 4096
        for service in facts["services"].values():
            service["main_pid"] = 1000 + number
        if facts["shm"]["size"] == 64 << 20:
            facts["shm"]["size"] -= 4096 * (number % 5000)
        yield f"val-{number:05}.{('ams', 'fra', 'hel', 'sgp')[number % 4]}.example.org", facts


def fleet_outcomes(count: int) -> t.Iterator[tuple]:
    """``(name, outcome)`` of each host, by way of a recorded file; a few are unreachable or failed."""
    for number, (name, facts) in enumerate(fleet_facts(count)):
        if number % 29 == 4:
            yield name, {"failure": {"task": "Gather", "message": f"unreachable: ssh: connect to host 10.0.{number // 250}."
                                     f"{number % 250} port 22: No route to host", "unreachable": True}}
        elif number % 57 == 8:
            yield name, {"failure": {"task": "Gather", "message": "the connection was lost while facts were gathered",
                                     "unreachable": False}}
        else:
            yield name, recorded_outcome(name + ".json", json.dumps(facts).encode(), {})


def fleet_report(count: int, mode: str = "audit") -> dict:
    """The report of a fleet, as the action plugin hands it to each format: plain values out of JSON."""
    entries = [host_entry(name, outcome) for name, outcome in fleet_outcomes(count)]
    return json.loads(json.dumps(build_report(entries, {}, mode, False, "2026-11-21T08:00:00Z")))


def with_earlier(report: dict) -> dict:
    """The report with what changed since an earlier one, in which the faults lay on other hosts."""
    hosts = report["hosts"]
    judged = [entry for entry in hosts if entry["settings"]]
    earlier = {entry["name"]: judged[(place * 7 + 3) % len(judged)] if place % 6 == 1 else entry
               for place, entry in enumerate(judged)}
    before = [dict(earlier.get(entry["name"], entry), name=entry["name"]) for entry in hosts[:-1]]
    gone = [dict(before[0], name="val-gone.example.org")]
    return with_drift(report, dict(report, hosts=before + gone, generated_at="2026-11-14T08:00:00Z"))


def judged_as(unit: str, facts: dict) -> tuple:
    """Facts and assessment of a node whose service has a name that assess refuses; a report must bear it all the same."""
    return tuple(json.loads(json.dumps(value).replace("polkadot.service", json.dumps(unit)[1:-1]))
                 for value in (facts, assess_facts(facts, {})))


def evil_report() -> dict:
    """A report each of whose texts is hostile."""
    hosts = {}
    for number, text in enumerate(EVIL):
        facts = node_facts({"limits": {"configured": {}, "live": {"nofile": {"soft": 1024, "hard": 1024}}}},
                           kernel={"release": text}, host={"board": text})
        facts, assessment = judged_as(text + ".service", facts)
        for item in assessment["findings"]:
            item.update(summary=text, evidence=[text], reference=text)
        hosts[text] = {"facts": facts, "assessment": assessment, "changes": [text], "notes": [text], "pending": [text]}
        hosts[f"failed {number} {text}"] = {"failure": {"task": None, "message": text, "unreachable": False}}
    entries = [host_entry(name, outcome) for name, outcome in hosts.items()]
    told = build_report(entries, {}, "audit", False, "2026-01-01T00:00:00Z")
    return with_drift(told, dict(copy.deepcopy(told), generated_at=EVIL[0], hosts=told["hosts"][3:]))
