# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines of nodes, journal lines, and what must never leave a host."""

from __future__ import annotations

import json

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils._journal import (
    engine_bytes_of,
    journal_command,
    parse_journal,
    relevant_lines,
)
from ansible_collections.aarch64.validator.plugins.module_utils._node import is_node_program, node_facts
from ansible_collections.aarch64.validator.plugins.module_utils._redact import redact_arguments, redact_text
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import (
    configured_limits,
    parse_show,
    unit_name,
)


@pytest.mark.parametrize(("path", "node"), [
    ("/usr/bin/polkadot", True), ("/opt/polkadot-v1.20.2", True), ("/opt/bin/subspace-node", True), ("polkadot-parachain", True),
    ("/usr/bin/node", False), ("/usr/bin/node_exporter", False), ("/usr/bin/redis-server", False), ("", False),
    ("/usr/bin/polkadot-prometheus-exporter", False),
])
def test_known_programs(path, node):
    assert is_node_program(path) is node


@pytest.mark.parametrize(("arguments", "facts"), [
    (["polkadot"], ("full", 1, ["pooling-copy-on-write"], [2])),
    (["polkadot", "--validator", "--runtime-cache-size", "4"], ("validator", 1, ["pooling-copy-on-write"], [4])),
    (["polkadot", "--wasmtime-instantiation-strategy=recreate-instance"], ("full", 1, ["recreate-instance"], [2])),
    (["p", "--collator", "--runtime-cache-size=3", "--", "--wasmtime-instantiation-strategy", "pooling"],
     ("collator", 2, ["pooling-copy-on-write", "pooling"], [3, 2])),
    (["p", "--collator"], ("collator", 2, ["pooling-copy-on-write"] * 2, [2, 2])),
    (["p", "--runtime-cache-size"], ("full", 1, ["pooling-copy-on-write"], [2])),
    (["p", "--", "--validator"], ("full", 2, ["pooling-copy-on-write"] * 2, [2, 2])),
])
def test_node_facts(arguments, facts):
    found = node_facts(arguments)
    assert (found["role"], found["executors"], found["strategy"], found["runtime_cache_size"]) == facts


SECRET = "0xdeadbeefcafe"


@pytest.mark.parametrize("arguments", [
    ["--node-key", SECRET], ["--node-key=" + SECRET], ["--password", SECRET], ["--suri", SECRET],
    ["--telemetry-url", f"wss://user:{SECRET}@host/submit"], ["--keystore-password=" + SECRET], ["--api-token", SECRET],
])
def test_secrets_are_hidden(arguments):
    shown = redact_arguments(["polkadot", *arguments, "--name", "val"])
    assert SECRET not in " ".join(shown)
    assert shown[-2:] == ["--name", "val"]
    assert SECRET not in redact_text("ExecStart=/usr/bin/polkadot " + " ".join(arguments) + " --name val")


PHRASE = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"


@pytest.mark.parametrize(("line", "kept"), [
    (f"/usr/bin/polkadot --suri {PHRASE} --name val", "--name val"),  # as systemd prints it, without its quotes
    (f'/usr/bin/polkadot --password "{SECRET} and {SECRET}" --name val', "--name val"),
    (f"/usr/bin/polkadot --suri '//Alice {SECRET}' --name val", "--name val"),
    (f"--telemetry-url wss://{SECRET}@host:1/submit 0", "@host:1/submit 0"),
    (f"ws://user:a@{SECRET}@host/x", "@host/x"),
    (f"https://host/v2?network=polkadot&api_key={SECRET}&x=1", "network=polkadot"),
    (f"/usr/bin/docker run -e ANYTHING={SECRET} --shm-size=2g parity/polkadot", "--shm-size=2g parity/polkadot"),
    (f"/usr/bin/docker run --env ANYTHING={SECRET} parity/polkadot", "parity/polkadot"),
    (f"/usr/bin/podman run --env=ANYTHING={SECRET} parity/polkadot", "parity/polkadot"),
    (f"/usr/bin/podman run -e 'ANYTHING={SECRET} {SECRET}' parity/polkadot", "parity/polkadot"),
    (f"Environment=KEYSTORE_PASSWORD={SECRET} RUST_LOG=info", "RUST_LOG=info"),
    (f'POLKADOT_NODE_KEY="{SECRET} {SECRET}" RUST_LOG=info', "RUST_LOG=info"),
])
def test_secrets_in_text_are_hidden(line, kept):
    shown = redact_text(line)
    assert SECRET not in shown and not set(PHRASE.split()) & set(shown.split()), "a secret would be reported"
    assert kept in shown, "what is no secret is lost"


@pytest.mark.parametrize("words", [
    ["-e", f"ANYTHING={SECRET}"], ["--env", f"ANYTHING={SECRET}"], [f"--env=ANYTHING={SECRET}"], [f"-eANYTHING={SECRET}"],
    ["-e", f"ANYTHING={SECRET} and {SECRET}"], ["--rpc-url", f"wss://{SECRET}@host"], ["--suri", PHRASE],
])
def test_secrets_of_container_engines_are_hidden(words):
    shown = redact_arguments(["/usr/bin/docker", "run", *words, "parity/polkadot", "--validator"])
    assert SECRET not in str(shown) and "drive" not in str(shown) and shown[-2:] == ["parity/polkadot", "--validator"]


def test_node_key_file_is_a_path_and_stays():
    assert redact_arguments(["--node-key-file", "/data/key", "--node-key-type", "ed25519"])[1] == "/data/key"


POOL = "failed to create memory pool mapping"


@pytest.mark.parametrize(("messages", "found"), [
    ([f"cannot create the wasmtime engine: {POOL}: mmap failed to reserve 0x6080000000 bytes: Cannot allocate"], 0x6080000000),
    ([POOL, "Caused by:", "    0: mmap failed to reserve 0x4082000000 bytes", "    1: Cannot allocate memory"], 0x4082000000),
    ([f"{POOL}: mmap failed to allocate 0x3080000000 bytes", f"{POOL}: mmap failed to reserve 0x4082000000 bytes"], 0x4082000000),
    (["failed to create table pool mapping", "mmap failed to allocate 0x61a80000 bytes"], None),
    (["execution error: instantiation: mmap failed to reserve 0x104000000 bytes"], None),
    ([POOL, "a", "b", "c", "d", "mmap failed to reserve 0x4082000000 bytes"], None),
    ([POOL], None),
])
def test_engine_size_from_the_journal(messages, found):
    assert engine_bytes_of(messages) == found


def test_journal_entries():
    lines = [
        json.dumps({"MESSAGE": POOL, "_SYSTEMD_UNIT": "polkadot.service", "_PID": "7", "SYSLOG_IDENTIFIER": "polkadot",
                    "__REALTIME_TIMESTAMP": "1700000000000000"}),
        json.dumps({"MESSAGE": list(POOL.encode()), "UNIT": "polkadot.service"}),
        json.dumps({"MESSAGE": None}), json.dumps([1]), "{broken",
        json.dumps({"MESSAGE": "imported block", "_SYSTEMD_UNIT": "polkadot.service"}),
    ]
    entries = parse_journal("\n".join(lines))
    assert [entry["unit"] for entry in entries] == ["polkadot.service"] * 3
    assert relevant_lines(entries) == [f"2023-11-14T22:13:20Z polkadot[7]: {POOL}", f"? []: {POOL}"]
    assert journal_command(["a.service"], 5)[-2:] == ["--lines=5", "--unit=a.service"]


@pytest.mark.parametrize("before", range(9300, 10100, 7))
def test_secret_that_the_end_of_a_line_cuts_in_two(before):
    hidden = "os error 12 --node-key " + "S3CRET" * 1300 + " "
    message = hidden.ljust(before, ".") + " https://name:" + "S3CRET" * 100 + "@host " + "." * 5000
    line, = relevant_lines(parse_journal(json.dumps({"MESSAGE": message})))
    assert "S3CRET" not in line, "half of a password is shown"
    assert line.startswith("? []: os error 12 --node-key ")
    assert len(line) <= 2000


@pytest.mark.parametrize(("given", "name"), [
    ("polkadot", "polkadot.service"), ("polkadot.service", "polkadot.service"), ("polkadot@1", "polkadot@1.service"),
    ("my.node", "my.node.service"),
])
def test_unit_names(given, name):
    assert unit_name(given, "unit") == name


@pytest.mark.parametrize("given", ["", "a/b", "..", "a..b", "a\nb", "a b", "-x", "polkadot@", "x.timer", None, 3, "a\x00b", "ü"])
def test_bad_unit_names_are_named(given):
    with pytest.raises(ValueError, match=r"^services: .* is not valid; give "):
        unit_name(given, "services")


def test_show_of_two_units():
    units = parse_show("Id=a.service\nExecStart={ x }\nExecStart={ y }\n\nId=b.service\n"
                       "LimitNOFILE=524288\nLimitNOFILESoft=1024\nLimitAS=18446744073709551615\nLimitMEMLOCK=infinity\n")
    assert units[0]["ExecStart"] == "{ x }\n{ y }"
    assert configured_limits(units[1]) == {
        "nofile": {"soft": 1024, "hard": 524288}, "as": {"soft": -1, "hard": -1}, "memlock": {"soft": -1, "hard": -1}}
