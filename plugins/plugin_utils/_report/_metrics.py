# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""metrics.prom: what a report says as metrics, in the text format of Prometheus. Pure; private to this collection."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import VERDICTS
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._values import at, plain, unlimited
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import SEVERITIES

PREFIX = "aarch64_validator_"
KINDS = ("wanted", "configured", "live")
LIMITS = {"LimitNOFILE": "nofile", "LimitMEMLOCK": "memlock", "LimitAS": "as"}
SHM = "/dev/shm size"
Samples = t.Iterator[tuple]  # of labels and value


def metrics_text(report: dict) -> str:
    """All metrics. What is not known of a host has no sample."""
    lines = []  # type: list[str]
    for name, text, samples in METRICS:
        lines += [f"# HELP {PREFIX}{name} {text}", f"# TYPE {PREFIX}{name} gauge"]
        known = {}  # type: dict[str, str]  # a file with one sample twice is refused as a whole
        for labels, value in samples(report):
            if value is not None:
                known.setdefault(_labels(labels), _number(value))
        lines += [f"{PREFIX}{name}{labels} {value}" for labels, value in known.items()]
    return "\n".join(lines) + "\n"


def _labels(labels: dict) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return "{" + pairs + "}" if pairs else ""


def _escaped(value: object) -> str:
    return plain(value).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return "+Inf" if unlimited(value) else str(value)


def _hosts(report: dict) -> Samples:
    for verdict in VERDICTS:
        yield {"verdict": verdict}, report["summary"][verdict]


def _verdict(report: dict) -> Samples:
    for entry in report["hosts"]:
        yield {"host": entry["name"], "verdict": entry["verdict"]}, 1


def _left_out(report: dict) -> Samples:
    for entry in report["hosts"]:
        yield {"host": entry["name"]}, int(bool(entry["skipped"]))


def _count(key: str) -> t.Callable[[dict], Samples]:
    def samples(report: dict) -> Samples:
        for entry in report["hosts"]:
            yield {"host": entry["name"]}, len(entry[key])

    return samples


def _findings(report: dict) -> Samples:
    """Of each severity, also where there is none, so that an alert ends; nothing of a host that was not judged."""
    for entry in report["hosts"]:
        for severity in SEVERITIES if entry["settings"] else ():
            count = sum(item["severity"] == severity for item in entry["findings"])
            yield {"host": entry["name"], "severity": severity}, count


def _pool(key: str) -> t.Callable[[dict], Samples]:
    def samples(report: dict) -> Samples:
        for entry in report["hosts"]:
            for service, pool in entry["pools"].items():
                yield {"host": entry["name"], "service": service}, pool.get(key)

    return samples


def _kernel(key: str) -> t.Callable[[dict], Samples]:
    def samples(report: dict) -> Samples:
        for entry in report["hosts"]:
            value = at(entry["facts"], "kernel", key)
            yield {"host": entry["name"]}, value if isinstance(value, int) else None

    return samples


def _shm(report: dict) -> Samples:
    for entry in report["hosts"]:
        for row in entry["settings"]:
            if row["setting"] == SHM:
                # A container has one of its own.
                labels = {"host": entry["name"], **({"service": row["service"]} if row["service"] else {})}
                yield from ((dict(labels, kind=kind), row[kind]) for kind in KINDS)


def _limit(report: dict) -> Samples:
    for entry in report["hosts"]:
        for row in entry["settings"]:
            if row["setting"] in LIMITS:
                labels = {"host": entry["name"], "service": row["service"], "limit": LIMITS[row["setting"]]}
                yield from ((dict(labels, kind=kind), row[kind]) for kind in KINDS)


def _timestamp(report: dict) -> Samples:
    when = datetime.datetime.strptime(report["generated_at"], "%Y-%m-%dT%H:%M:%SZ")
    yield {}, int(when.replace(tzinfo=datetime.timezone.utc).timestamp())


METRICS = (
    ("hosts", "Hosts of the report by verdict.", _hosts),
    ("host_verdict", "1 for the verdict of a host.", _verdict),
    ("host_left_out", "Whether a rollout left a host out, or stopped before its turn.", _left_out),
    ("changes_undone", "Changes of a host that were undone because it was not well with them.", _count("undone")),
    ("restarts_pending", "Services of a host that wait for a restart.", _count("pending")),
    ("findings", "Findings of a host by severity.", _findings),
    ("engine_bytes", "Address space that one engine reserves, in bytes.", _pool("engine_bytes")),
    ("engines_fit", "Engines that a service can map at once.", _pool("engines_fit")),
    ("engines_needed", "Engines that a service needs at the worst moment.", _pool("engines_needed")),
    ("va_bits", "Bits of address space that the kernel gives a process.", _kernel("va_bits")),
    ("page_size_bytes", "Page size of the kernel.", _kernel("page_size")),
    ("shm_bytes", "Size of /dev/shm: wanted, at the next boot (configured), and live.", _shm),
    ("limit", "A limit of a service, wanted, configured and live; +Inf where there is none.", _limit),
    ("report_timestamp_seconds", "When the report was made.", _timestamp),
)  # type: tuple[tuple[str, str, t.Callable[[dict], Samples]], ...]
