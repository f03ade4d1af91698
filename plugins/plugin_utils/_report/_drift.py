# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed since an earlier report. Pure; private to this collection."""

from __future__ import annotations

from ansible_collections.aarch64.validator.plugins.plugin_utils._policy import differences
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._build import SCHEMA
from ansible_collections.aarch64.validator.plugins.plugin_utils._report._values import plain, telling
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import SEVERITIES
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import value_text

VALUES = ("wanted", "configured", "live")
MAYBE_TEXT = (str, type(None))
VALUE = (int, float, str, type(None))
# What this module reads of a finding and of a setting in the earlier report, and of which kinds that is.
FINDING = {"id": str, "service": MAYBE_TEXT, "severity": str, "summary": str}
SETTING = {"service": MAYBE_TEXT, "setting": str, **dict.fromkeys(VALUES, VALUE), "ok": bool}


def checked_baseline(report: object) -> dict:
    """The earlier report. Raises ValueError for anything else, with what is wrong with it."""
    if not isinstance(report, dict) or "schema" not in report:
        raise ValueError("is no report")
    if report["schema"] != SCHEMA:
        raise ValueError("is of schema {!r}, this version writes schema {}".format(report["schema"], SCHEMA))
    hosts = report.get("hosts")
    if not isinstance(hosts, list) or not all(_is_host(entry) for entry in hosts):
        raise ValueError("has a list of hosts that is not whole")
    return report


def _is_host(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not isinstance(entry.get("verdict"), str):
        return False
    return are_rows(entry.get("findings"), FINDING) and are_rows(entry.get("settings"), SETTING) and all(
        item["severity"] in SEVERITIES for item in entry["findings"])


def are_rows(rows: object, kinds: dict) -> bool:
    """Whether this is a list of mappings that have all these, each of its kind."""
    return isinstance(rows, list) and all(
        isinstance(row, dict) and all(name in row and isinstance(row[name], kind) for name, kind in kinds.items())
        for row in rows)


def with_drift(report: dict, baseline: dict) -> dict:
    """The report with ``drift``, and with ``drift`` in the entry of each host."""
    before = {entry["name"]: entry for entry in baseline["hosts"]}
    names = {entry["name"] for entry in report["hosts"]}
    drift = {
        "generated_at": baseline.get("generated_at"),
        "mode": baseline.get("mode"),
        "version": baseline.get("version"),
        "same_policy": isinstance(baseline.get("policy"), dict) and not differences(baseline["policy"], report["policy"]),
        "hosts_new": sorted(names - set(before)),
        "hosts_gone": sorted(set(before) - names),
    }
    hosts = [dict(entry, drift=host_drift(before.get(entry["name"]), entry)) for entry in report["hosts"]]
    return dict(report, hosts=hosts, drift=drift)


def host_drift(before: dict | None, now: dict) -> dict:
    """``{verdict_before, new, gone, changed, settings}`` of one host.

    Of a host that was not judged in this run nothing is said, since nothing is known; of one that was not judged before
    everything is new.
    """
    drift = {"verdict_before": before["verdict"] if before else None, "new": [], "gone": [], "changed": [], "settings": []}  # type: dict
    if not now["settings"]:
        return drift
    older = before if before and before["settings"] else {"findings": [], "settings": []}
    old, new = (_by(entry["findings"], "id", "service") for entry in (older, now))
    for key in sorted(set(old) | set(new), key=str):
        _compare(old.get(key, []), new.get(key, []), drift)
    if older is before:
        drift["settings"] = _settings(older["settings"], now["settings"])
    return drift


def _by(rows: list, *names: str) -> dict:
    table = {}  # type: dict[tuple, list]
    for row in rows:
        table.setdefault(tuple(row[name] for name in names), []).append(row)
    return table


def _compare(old: list, new: list, drift: dict) -> None:
    """Findings of one id and service. A host may have several, as of two masked units; those are never one that changed."""
    if len(old) == len(new) == 1:
        if _told(old[0]) != _told(new[0]):
            drift["changed"].append(_changed(old[0], new[0]))
        return
    known, there = {_told(item) for item in old}, {_told(item) for item in new}
    drift["new"] += [_short(item) for item in new if _told(item) not in known]
    drift["gone"] += [_short(item) for item in old if _told(item) not in there]


def _told(item: dict) -> tuple:
    return item["severity"], item["summary"]


def _short(item: dict) -> dict:
    return {name: item[name] for name in FINDING}


def _changed(old: dict, new: dict) -> dict:
    worse = SEVERITIES.index(new["severity"]) < SEVERITIES.index(old["severity"])
    return dict(_short(new), worse=worse, before={"severity": old["severity"], "summary": old["summary"]})


def _settings(old: list, new: list) -> list:
    """Settings with another value, or that only one of the reports has."""
    before, now = ({(row["service"], row["setting"]): row for row in rows} for rows in (old, new))
    changed = []
    for key in sorted(set(before) | set(now), key=str):
        values = [{name: table[key][name] for name in (*VALUES, "ok")} if key in table else None for table in (before, now)]
        if values[0] != values[1]:
            changed.append({"service": key[0], "setting": key[1], "before": values[0], "now": values[1]})
    return changed


def drift_texts(entry: dict) -> list:
    """What a person is told of the drift of one host."""
    drift = entry.get("drift")
    if not drift:
        return []
    texts = ["{}: {}".format(word, ", ".join(_name(item) for item in telling(drift[word])))
             for word in ("new", "gone") if telling(drift[word])]
    texts += ["{}: {}, was {}".format("worse" if item["worse"] else "changed", _name(item), plain(_was(item)))
              for item in drift["changed"]]
    return texts + [_setting_text(row) for row in drift["settings"]]


def differs(entry: dict) -> bool:
    """Whether a person is told anything of the drift of one host: what is mere info is not, a host that fell silent is."""
    return entry["drift"]["verdict_before"] != entry["verdict"] or bool(drift_texts(entry))


def fleet_text(report: dict) -> str:
    """What a person is told of the drift of the whole report."""
    drift = report["drift"]
    count = sum(differs(entry) for entry in report["hosts"])
    parts = ["{:,} of {:,} hosts differ".format(count, len(report["hosts"]))]
    parts += [f"{len(drift[key]):,} {word}: {_some(drift[key])}"
              for key, word in (("hosts_new", "new"), ("hosts_gone", "gone")) if drift[key]]
    parts += [] if drift["same_policy"] else ["it was judged by another policy"]
    parts += [] if drift["version"] == report["version"] else ["it was judged by another version of aarch64.validator"]
    when = plain(drift["generated_at"]).replace("T", " ").replace("Z", " UTC")
    return "since the report of {}: {}".format(when, "; ".join(parts))


def _some(names: list) -> str:
    return ", ".join(plain(name) for name in names[:5]) + (" ..." if len(names) > 5 else "")


def _name(item: dict) -> str:
    return plain("{} of {}".format(item["id"], item["service"]) if item["service"] else item["id"])


def _was(item: dict) -> str:
    before = item["before"]
    return before["severity"] if before["severity"] != item["severity"] else before["summary"]


def _setting_text(row: dict) -> str:
    name = plain(row["setting"] if row["service"] is None else "{} {}".format(row["service"], row["setting"]))
    old, new = row["before"], row["now"]
    if old is None or new is None:
        return "setting {}: {}".format(name, "no longer looked at" if new is None else "not looked at before")
    parts = ["{} {} -> {}".format(key, *(plain(value_text(dict(side, setting=row["setting"]), key)) for side in (old, new)))
             for key in VALUES if old[key] != new[key]]
    return "setting {}: {}".format(name, ", ".join(parts) or "now {}".format("ok" if new["ok"] else "not ok"))
