# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings of a trial start (module startup_trace): what the refused calls mean. Pure; private to this collection.

What a single call means is in _strace_calls, and what a line of log means in _signatures, so that a trace or a log from
anywhere is explained in the same way. Added here is what only the trial knows: the limits in force, the page size, and
whether the program went on all the same.
"""

from __future__ import annotations

import re

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, format_human
from ansible_collections.aarch64.validator.plugins.plugin_utils._pool_layout import decode, layout_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import (
    ADVICE,
    BLOCKER,
    DEFAULTS,
    INFO,
    SEVERITIES,
    finding,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._signatures import explain_log
from ansible_collections.aarch64.validator.plugins.plugin_utils._strace_calls import Refusal, judge, parse_call

TOO_SMALL, LIMIT = "address-space-too-small", "address-space-limit"
_MAX_EVIDENCE = 5
_WARNINGS = ("open-files-warning",)  # signatures of lines that a program prints before it goes on
_MAN = "https://man7.org/linux/man-pages/man2/"
REFERENCES = {
    TOO_SMALL: "https://github.com/paritytech/substrate/issues/12538",
    LIMIT: _MAN + "setrlimit.2.html",
    "data-limit": _MAN + "setrlimit.2.html",
    "nofile-limit": _MAN + "setrlimit.2.html",
    "memlock-limit": _MAN + "mlock.2.html",
    "overcommit-strict": "https://docs.kernel.org/mm/overcommit-accounting.html",
    "map-count-low": "https://docs.kernel.org/admin-guide/sysctl/vm.html#max-map-count",
    "page-size-unsupported": "https://github.com/jemalloc/jemalloc/issues/467",
    "wx-denied": "https://github.com/paritytech/polkadot/issues/3512",
    "syscall-filtered": "https://github.com/paritytech/polkadot/issues/7521",
    "userns-restricted": "https://github.com/paritytech/polkadot-sdk/issues/3018",
    "foreign-architecture": _MAN + "execve.2.html",
    "libc-mismatch": "https://sourceware.org/glibc/wiki/FAQ",
    "emulated-or-sandboxed": "https://github.com/google/gvisor/issues/2534",
    "shm-missing": "https://docs.kernel.org/filesystems/tmpfs.html",
    "shm-mode": "https://docs.kernel.org/filesystems/tmpfs.html",
    "shm-read-only": "https://docs.kernel.org/filesystems/tmpfs.html",
    "shm-full": "https://docs.kernel.org/filesystems/tmpfs.html",
}
# Findings whose remedy is to raise a limit of the service.
_LIMIT_REMEDIES = (LIMIT, "memlock-limit", "nofile-limit")
_NUMBER = re.compile(r"\b(?:0x[0-9a-f]+|\d+)\b")
_DOWN = ("failed", "activating")  # activating: it waits for its next try, or is in the middle of it


def trace_findings(trace: dict, unit: str | None) -> list:
    """Findings of what startup_trace returned, worst first, one for each cause.

    unit names the service in them; None for a command that is no service. A call that the program could do without is
    advice: it still ran at the end, and its runtime answered or was not asked. Where no call is known to have failed, as
    without strace, the causes are those that the program printed before it ended.
    """
    calls = {}  # type: dict[str, list]
    for call in trace.get("calls") or []:
        cause = _cause(call, trace)
        if cause in REFERENCES:
            calls.setdefault(cause, []).append(call)
    if trace.get("signal") == "SIGSYS" and "syscall-filtered" not in calls:
        calls["syscall-filtered"] = []
    went_on = lives(trace)
    if not calls and not went_on:
        calls = _printed_causes(trace)
    found = [_finding(cause, refused, trace, unit, went_on) for cause, refused in calls.items()]
    return sorted(found, key=lambda item: SEVERITIES.index(item["severity"]))


def lives(trace: dict) -> bool:
    """Whether the program still ran at the end, and could use its runtime if it was asked."""
    rpc = trace.get("rpc") or {}
    return bool(trace.get("timed_out")) and not rpc.get("error")


def printed(trace: dict) -> list:
    """The lines that a trial printed before it ended, with its answers to questions that it failed."""
    answers = [trace.get(question) or {"ok": True} for question in ("version", "help")]
    return [line for answer in answers if not answer["ok"] for line in answer["lines"]] + (trace.get("stderr_lines") or [])


def _printed_causes(trace: dict) -> dict:
    """By cause, what a program that ended has printed, each in the form of a call that failed."""
    lines = printed(trace)
    found = {}  # type: dict[str, list]
    for result in explain_log(lines) if lines else ():
        refused = {"call": "unknown", "size": result["bytes"]}
        cause = _bounded(result["cause"], refused, trace)
        if cause in REFERENCES and result["signature"] not in _WARNINGS:
            found.setdefault(cause, []).append(dict(refused, text="printed: " + lines[-1]))
    return {cause: refusals[:1] for cause, refusals in found.items()}


def _cause(call: dict, trace: dict) -> str | None:
    """The id of the finding for one call, or None."""
    if call.get("errno") == "SIGSYS":
        return "syscall-filtered"
    refusal = _refusal(call)
    if refusal is None:
        return None
    if refusal.cause == "page-size-unsupported":
        return refusal.cause if _misaligned(call, trace) else None
    return _bounded(refusal.cause, call, trace)


def _bounded(cause: str, call: dict, trace: dict) -> str:
    """A cause, or the limit that is behind it."""
    if cause == TOO_SMALL and _over(call, trace, "as"):
        return LIMIT
    return _commit_cause(call, trace) if cause == "overcommit-refused" else cause


def _refusal(call: dict) -> Refusal | None:
    parsed = parse_call(call.get("text") or "")
    if parsed is None or parsed.errno != call.get("errno"):
        return None
    return judge(parsed)


def _soft(trace: dict, name: str) -> int:
    limit = (trace.get("limits") or {}).get(name) or {}
    return limit.get("soft", UNLIMITED)


def _over(call: dict, trace: dict, name: str) -> bool:
    """Whether a limit in force is lower than what the process held, together with what it asked for, as far as known."""
    limit, size = _soft(trace, name), call.get("size")
    return limit != UNLIMITED and (size is None or (call.get("reserved") or 0) + size > limit)


def _commit_cause(call: dict, trace: dict) -> str:
    """Writable memory is refused by either limit, or by the accounting of the kernel."""
    if _over(call, trace, "as"):
        return LIMIT
    if _soft(trace, "data") != UNLIMITED:
        return "data-limit"
    return LIMIT if _soft(trace, "as") != UNLIMITED else "overcommit-strict"


def _misaligned(call: dict, trace: dict) -> bool:
    """Whether an address, an offset or, for a change of protection, a size is no multiple of the page size."""
    page = trace.get("page_size") or 4096
    parts = (call.get("text") or "").partition("(")[2].rpartition(") = ")[0].split(",")
    last = parts[-1:] if call.get("call") == "mmap" else []
    numbers = [found.group() for part in parts[:1] + last for found in [_NUMBER.search(part)] if found]
    return any(int(number, 0) % page for number in numbers)


def _finding(cause: str, calls: list, trace: dict, unit: str | None, went_on: bool) -> dict:
    default = DEFAULTS[cause][0]
    severity = ADVICE if went_on and default != INFO else BLOCKER if _stopped_by(cause, trace) else default
    who = unit or (trace.get("command") or ["the program"])[0]
    summary = _summary(cause, calls, trace, who) + ("; it went on all the same" if went_on else "")
    evidence = [call["text"] for call in calls[:_MAX_EVIDENCE]] + _more_evidence(cause, calls, trace)
    remedy = "service-limits" if unit and cause in _LIMIT_REMEDIES and not went_on else None
    return finding(cause, summary, evidence, REFERENCES[cause], service=unit, remedy=remedy, severity=severity)


def _stopped_by(cause: str, trace: dict) -> bool:
    """Whether a limit that is a risk elsewhere has ended this trial: the program gave up after writable memory was refused."""
    return cause in ("data-limit", "overcommit-strict") and not trace.get("timed_out")


def _summary(cause: str, calls: list, trace: dict, who: str) -> str:
    call = calls[0] if calls else {}
    size = format_human(call.get("size"))
    limits = {name: format_human(_soft(trace, name)) for name in ("as", "data", "memlock", "nofile")}
    return {
        TOO_SMALL: f"{who} was refused a reservation of {size}: no hole of that size in its address space",
        LIMIT: f"{who} was refused {size} of address space: its limit (LimitAS) is {limits['as']}",
        "data-limit": f"{who} was refused {size} of writable memory: its limit (LimitDATA) is {limits['data']}",
        "overcommit-strict": f"{who} was refused {size} of writable memory: the kernel would not commit so much",
        "memlock-limit": f"{who} could not lock memory: its limit (LimitMEMLOCK) is {limits['memlock']}",
        "nofile-limit": f"{who} ran out of descriptors: its limit (LimitNOFILE) is {_soft(trace, 'nofile')}",
        "map-count-low": f"{who} was refused to split a mapping: it has as many as vm.max_map_count allows",
        "page-size-unsupported": f"{who} cannot run on pages of {trace.get('page_size')} bytes",
        "wx-denied": f"{who} may not make memory executable, without which no WebAssembly can be compiled",
        "syscall-filtered": f"{who} may not call {_filtered(calls)}: a filter refuses it",
        "userns-restricted": f"{who} may not make user namespaces",
        "foreign-architecture": f"{who} is not a program for this machine",
        "libc-mismatch": f"{who} wants another C library than this host has",
        "emulated-or-sandboxed": f"{who} met an emulator or a sandbox between itself and the kernel",
        "shm-missing": f"{who} found no /dev/shm", "shm-mode": f"{who} may not create files in /dev/shm",
        "shm-read-only": f"{who} found /dev/shm read-only", "shm-full": f"{who} found /dev/shm full",
    }[cause]


def _filtered(calls: list) -> str:
    names = sorted({call["call"] for call in calls} - {"unknown"})
    return " and ".join(names) if names else "something (the journal names it: journalctl _AUDIT_TYPE_NAME=SECCOMP)"


def _more_evidence(cause: str, calls: list, trace: dict) -> list:
    evidence = []
    if cause in (TOO_SMALL, LIMIT) and calls:
        layout = decode(calls[0].get("size") or 0)
        evidence += ["{} bytes: {}, {}".format(calls[0]["size"], layout_text(layout), layout["generation"])] if layout else []
        evidence += ["{} were reserved before".format(format_human(calls[0]["reserved"]))] if calls[0].get("reserved") else []
        evidence += [f"Max address space in force: {format_human(_soft(trace, 'as'))}"]
    if cause == "syscall-filtered" and trace.get("signal") == "SIGSYS":
        evidence.append("ended by SIGSYS")
    if cause == "page-size-unsupported":
        evidence.append("page size {}".format(trace.get("page_size")))
    return evidence


def clean_start(trace: dict) -> dict:
    """What a clean start says: ``{conclusion, text}``.

    conclusion: ``program-unusable``, ``start-fails``, ``runtime-fails``, ``data-directory-broken`` or ``starts``.
    """
    who = trace.get("unit") or (trace.get("command") or ["the program"])[0]
    for question in ("version", "help"):
        answer = trace.get(question)
        if answer and not answer["ok"]:
            return {"conclusion": "program-unusable",
                    "text": f"this host cannot run {who} at all: it does not even answer to --{question} ({_end(answer)})"}
    if not trace.get("timed_out"):
        return {"conclusion": "start-fails", "text": (
            f"{who} does not start with an empty base path either ({_end(trace)}), so that its own data are not the cause")}
    error = (trace.get("rpc") or {}).get("error")
    if error:
        return {"conclusion": "runtime-fails", "text": f"{who} starts with an empty base path, but its runtime does not: {error}"}
    service = trace.get("service") or {}
    if service.get("active_state") in _DOWN:
        return {"conclusion": "data-directory-broken", "text": (
            f"{who} starts with an empty base path, and is down with its own: look at its data directory, its keys and the "
            "options that the trial left out")}
    return {"conclusion": "starts", "text": f"{who} starts with an empty base path"}


def _end(answer: dict) -> str:
    if answer.get("signal"):
        return "ended by {}".format(answer["signal"])
    return "no answer in time" if answer.get("timed_out") else "exit status {}".format(answer.get("exit_status"))
