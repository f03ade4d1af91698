# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What log text is explained as. The lines themselves are in log_lines.yml."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.filter.explain import FilterModule
from ansible_collections.aarch64.validator.plugins.plugin_utils import _signatures
from ansible_collections.aarch64.validator.plugins.plugin_utils._pool_layout import GIB, KIB, MIB, decode, layout_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import DEFAULTS
from ansible_collections.aarch64.validator.plugins.plugin_utils._signature_advice import ADVICE
from ansible_collections.aarch64.validator.plugins.plugin_utils._signature_table import SIGNATURES

settings.register_profile("explain", deadline=None)  # a busy machine is no failure
settings.load_profile("explain")
explain = FilterModule().filters()["explain"]
LINES = yaml.safe_load((Path(__file__).parent / "log_lines.yml").read_text(encoding="utf-8"))
FAILURES, LOOK_ALIKES = LINES["failures"], LINES["look_alikes"]
KEYS = {"signature", "cause", "explains", "errno", "bytes", "layout", "advice"}
TITLE = "cannot create the wasmtime engine: failed to create memory pool mapping: mmap failed to reserve 0x6080000000 bytes"
# Text that no signature has a word of; any of it must leave results as they are.
NOISE = st.lists(st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters='"{:'), max_size=40), max_size=8)


def short(case: dict) -> str:
    return case["log"][:60]


def what(results: list) -> list:
    return [{key: result[key] for key in ("cause", "explains", "errno", "bytes", "layout")} for result in results]


def expected(case: dict) -> list:
    if not case["cause"]:
        return []
    return [{"cause": case["cause"], "explains": case.get("explains", False), "errno": case.get("errno"),
             "bytes": case.get("bytes"), "layout": case.get("layout")}]


def test_there_are_enough_lines():
    assert len(FAILURES) >= 60 and len(LOOK_ALIKES) >= 25


@pytest.mark.parametrize("case", FAILURES + LOOK_ALIKES, ids=short)
def test_line(case):
    results = explain(case["log"])
    assert what(results) == expected(case), "an operator would be told a wrong cause, or one failure twice"
    for result in results:
        assert set(result) == KEYS
        assert result["advice"].endswith(".") and ". " not in result["advice"], "the advice is one sentence"


@pytest.mark.parametrize("case", FAILURES + LOOK_ALIKES, ids=short)
def test_lines_as_a_list(case):
    assert explain(case["log"].split("\n")) == explain(case["log"])


def test_no_look_alike_explains():
    assert not [case for case in LOOK_ALIKES for result in explain(case["log"]) if result["explains"]]


def test_every_signature_is_tested():
    seen = {result["signature"] for case in FAILURES + LOOK_ALIKES for result in explain(case["log"])}
    repeats = {signature.id for signature in SIGNATURES if signature.follows}
    untested = {signature.id for signature in SIGNATURES} - seen - repeats
    assert untested <= {"fixed-address", "foreign-loader", "shm-read-only"}, "no line in log_lines.yml shows these"


def test_follower_alone_is_reported():
    for text, cause in (("Failed with result 'oom-kill'.", "oom-killed"), ("Bad system call (core dumped)", "syscall-filtered"),
                        ("oom-kill:constraint=CONSTRAINT_NONE", "oom-killed"), ("Pod state: OOMKilled", "oom-killed"),
                        ("FATAL ERROR: Out of memory trying to allocate internal tcmalloc data", "address-space-too-small")):
        assert [result["cause"] for result in explain(text)] == [cause]


@pytest.mark.parametrize(("text", "cause"), [
    ("ape error: ./phi-2.llamafile: prog mmap failed w/ errno 12", "address-space-too-small"),
    ("qemu-x86_64-static: Could not open '/lib64/ld-linux-x86-64.so.2': No such file or directory", "foreign-architecture"),
    ("rosetta error: failed to open elf at /lib64/ld-linux-x86-64.so.2", "foreign-architecture"),
    ("cannot open /dev/shm/queue: Read-only file system", "shm-read-only"),
])
def test_rarer_lines(text, cause):
    assert [result["cause"] for result in explain(text)] == [cause]


def test_every_cause_has_advice_and_known_ids_keep_their_meaning():
    causes = {signature.cause for signature in SIGNATURES}
    causes |= {cause for signature in SIGNATURES for cause in signature.by_errno.values() if cause}
    assert causes <= set(ADVICE)
    for cause in causes & set(DEFAULTS):
        assert _signatures._result("x", cause, None, None)["explains"] is DEFAULTS[cause][1]


def test_text_alone_does_not_decide_between_kernel_and_limit():
    advice = explain(TITLE)[0]["advice"]
    assert "Gather facts" in advice and "LimitAS" in advice and "recreate-instance-copy-on-write" in advice


def test_order_and_number_of_separate_failures():
    log = "\n".join(f"2026-11-21 03:12:0{second} {text}" for second, text in enumerate((
        "Ran out of free WASM instances", TITLE, "Too many open files (os error 24)", TITLE)))
    assert [result["cause"] for result in explain(log)] == [
        "free-wasm-instances", "address-space-too-small", "nofile-limit", "address-space-too-small"]


def test_failure_after_failure_is_reported_each_time():
    for line in ("a.service: Main process exited, code=killed, status=31/SYS", TITLE, "oom-kill:constraint=CONSTRAINT_NONE"):
        assert len(explain([f"Nov 21 03:12:0{second} host systemd[1]: {line}" for second in range(3)])) == 3


@pytest.mark.parametrize("value", [None, 5, b"text", {"a": 1}, True])
def test_wrong_input_is_named(value):
    with pytest.raises(AnsibleFilterError, match=f"the input is of type {type(value).__name__}; give a text, or a list"):
        explain(value)


def test_wrong_item_is_named():
    with pytest.raises(AnsibleFilterError, match="item 2 of the list is of type int; give a text"):
        explain(["text", 5])


WRAPPINGS = {
    "colours": lambda line: "\x1b[31m" + line.replace("failed to", "\x1b[1mfailed\x1b[0m to", 1) + "\x1b[0m",
    "journal short": lambda line: "Nov 21 03:12:00 host polkadot[99]: " + line,
    "journal without host": lambda line: "Nov 21 03:12:00 polkadot[99]: " + line,
    "journal short-iso": lambda line: "2026-11-21T03:12:00+0000 host polkadot[99]: " + line,
    "journal short-precise": lambda line: "Nov 21 03:12:00.123456 host polkadot[99]: " + line,
    "journal short-full": lambda line: "Sat 2026-11-21 03:12:00 UTC host polkadot[99]: " + line,
    "journal short-unix": lambda line: "1795230720.123456 host polkadot[99]: " + line,
    "journal short-monotonic": lambda line: "[12345.678901] host polkadot[99]: " + line,
    "journal cat": lambda line: line,
    "journal json": lambda line: json.dumps({"MESSAGE": line, "_PID": "99", "PRIORITY": "3"}),
    "journal json bytes": lambda line: json.dumps({"MESSAGE": list(("\x1b[31m" + line).encode()), "_PID": "99"}),
    "journal json compact bytes": lambda line: json.dumps({"MESSAGE": list(line.encode()), "_PID": "99"}, separators=(",", ":")),
    "facts of this collection": lambda line: "2026-11-21T03:12:00Z polkadot[99]: " + line,
    "substrate": lambda line: "2026-11-21 03:12:00 " + line,
    "substrate in journal": lambda line: "Nov 21 03:12:00 host polkadot[99]: 2026-11-21 03:12:00.123 ERROR main sc: " + line,
    "docker json-file": lambda line: json.dumps({"log": line + "\n", "stream": "stderr", "time": "2026-11-21T03:12:00.1Z"}),
    "docker compose": lambda line: "subspace-node    | " + line,
    "kubernetes cri": lambda line: "2026-11-21T03:12:00.123456789Z stderr F " + line,
    "kubectl": lambda line: "[pod/polkadot-0/node] " + line,
    "tracing": lambda line: "2026-11-21T03:12:00.904061Z ERROR runtime: " + line,
    "tracing json": lambda line: json.dumps({"timestamp": "2026-11-21T03:12:00Z", "fields": {"message": line}}),
    "windows line end": lambda line: line + "\r",
    "bytes of sse": lambda line: "data: " + json.dumps({"MESSAGE": line}),
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("text", [
    TITLE + ": Cannot allocate memory (os error 12)",
    "failed to create memory pool mapping\n\nCaused by:\n    0: mmap failed to reserve 0x6080000000 bytes\n"
    "    1: Cannot allocate memory (os error 12)",
], ids=["one line", "block"])
def test_wrapping_makes_no_difference(wrapping, text):
    wrapped = "\n".join(WRAPPINGS[wrapping](line) for line in text.split("\n"))
    assert what(explain(wrapped)) == what(explain(TITLE + ": Cannot allocate memory (os error 12)"))


def test_long_lines_that_container_engines_cut_are_joined():
    parts = ["2026-11-21T03:12:00Z stderr P cannot create the wasmtime engine: failed to create memory p",
             "2026-11-21T03:12:00Z stderr F ool mapping: mmap failed to reserve 0x6080000000 bytes"]
    assert what(explain(parts)) == what(explain(TITLE))


def test_other_writers_in_between_change_nothing():
    for case in FAILURES:
        if "Caused by" in case["log"] and "\n    " in case["log"]:
            mixed = [part for line in case["log"].split("\n") for part in (
                "Nov 21 03:12:00 host polkadot[9]: " + line, "Nov 21 03:12:00 host cron[5]: (root) CMD (run-parts)")]
            assert what(explain(mixed)) == expected(case)


@given(st.one_of(st.text(), st.lists(st.text())))
def test_any_text_is_explained_without_an_exception(text):
    assert isinstance(explain(text), list)


PIECES = st.sampled_from([
    "mmap(", "NULL, ", "414464344064", ", PROT_NONE", ") = -1 ENOMEM", " <unfinished ...>", "<... mmap resumed>", "[pid 1] ",
    "\n", "Caused by:", "0: ", "failed to create memory pool mapping", "mmap failed to reserve 0x", "6080000000 bytes",
    "(os error 12)", '{"MESSAGE": ', '"', "}", "[1,2]", "\x1b[", "31m", "2026-11-21 03:12:00 ", "host a[1]: ", "stdout P ",
    "2026-11-21T03:12:00Z ", "RLIMIT_AS, {rlim_cur=", "ulimit -v ", "99999999999999999999", "LimitAS=", "9999999999999999P",
    "Max address space ", " | "])


@given(st.lists(PIECES, max_size=30).map("".join))
def test_damaged_logs_are_explained_without_an_exception(text):
    assert isinstance(explain(text), list)


@given(st.sampled_from(FAILURES + LOOK_ALIKES), NOISE, NOISE)
def test_noise_around_a_failure_changes_nothing(case, before, after):
    lines_before, lines_after = ([f"2026-11-21 03:12:00 {line}" for line in noise] for noise in (before, after))
    if explain(lines_before) or explain(lines_after):
        return
    assert what(explain(lines_before + case["log"].split("\n") + lines_after)) == expected(case)


@pytest.mark.parametrize("line", [
    "2026-11-21 03:12:00 Idle (40 peers), best: #17199078", "wasmtime wasmtime", "Caused by:", "  indented wasmtime", '"wasmtime',
    "mmap(NULL, 1 <unfinished ...>", "[pid 1] <... mmap resumed>) = 0x1", "failed to create memory pool mapping",
    "0: wasmtime", ""])
def test_work_grows_with_the_log_and_no_faster(line, monkeypatch):
    searched = []
    plain = _signatures._search
    monkeypatch.setattr(_signatures, "REMEMBERED_LENGTH", 0)  # nothing is remembered, so all work is counted
    monkeypatch.setattr(_signatures, "_search", lambda text, only: searched.append(len(text)) or plain(text, only))
    work = []
    for count in (500, 1000):
        searched.clear()
        explain([line] * count)
        work.append(sum(searched))
    assert work[1] <= 2.5 * work[0] + 1000, "ten megabytes of such lines would keep an operator waiting"
    assert work[1] <= 1000 * (len(line) + 1) * 12


def test_a_line_of_megabytes_is_no_trouble():
    for word in ("wasmtime ", ") ", "mmap failed to reserve 0x", "failed to create a pool ", "/dev/shm ", "type=1326 ",
                 "avc: denied { "):
        assert explain(word * 100_000) == []


class TestDecode:
    @pytest.mark.parametrize(("size", "text"), [
        (0x3080000000, "32 x (4 GiB + 2 GiB) + 2 GiB = 194 GiB"),
        (0x6080000000, "64 x (4 GiB + 2 GiB) + 2 GiB = 386 GiB"),
        (0x4082000000, "64 x (4 GiB + 32 MiB) + 32 MiB = 258.03 GiB"),
        (0x5dc80000000, "1000 x (4 GiB + 2 GiB) + 2 GiB = 6002 GiB"),
        (0x3efd2000000, "1000 x (4 GiB + 32 MiB) + 32 MiB = 4031.28 GiB"),
        (0x104000000, "1 x (4 GiB + 32 MiB) + 32 MiB = 4.06 GiB"),
        (0x200000000, "1 x (4 GiB + 2 GiB) + 2 GiB = 8 GiB"),
        (100 * (256 * MIB + 64 * KIB) + 64 * KIB, "100 x (256 MiB + 64 KiB) + 64 KiB = 25.01 GiB"),
    ])
    def test_known(self, size, text):
        assert layout_text(decode(size)) == text

    @pytest.mark.parametrize("size", [0, -1, 1, 4096, 0x61a80000, 2101248000, GIB, 4 * GIB, 256 * GIB, 1 << 46, 1 << 80])
    def test_no_pool(self, size):
        assert decode(size) is None

    @given(st.integers(1, 10_000), st.sampled_from([2 * GIB, 32 * MIB]))
    def test_any_number_of_slots(self, slots, guard):
        size = slots * (4 * GIB + guard) + guard
        layout = decode(size)
        assert layout["slots"] * (layout["slot_bytes"] + layout["guard_bytes"]) + layout["guard_bytes"] == size
        if (size - 2 * GIB) % (6 * GIB) or (size - 32 * MIB) % (4 * GIB + 32 * MIB):  # one size has two layouts in each 43
            assert (layout["slots"], layout["guard_bytes"]) == (slots, guard)

    def test_generation(self):
        assert decode(0x4082000000)["generation"] == "Polkadot SDK with Wasmtime 28 or newer"
        assert decode(77 * 6 * GIB + 2 * GIB)["generation"] == "Wasmtime up to 27"
