# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which secrets are hidden in the text of a host, what is left of it, and how long that takes."""

from __future__ import annotations

import json
import random
import shlex
import time

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils._redact import (
    HIDDEN,
    is_secret_name,
    redact_arguments,
    redact_text,
)

PHRASE = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
# Each with what must be left of it.
MUST_HIDE = [
    # options, as units, shells and systemd write them
    ("--node-key S3CRET --name val", "--name val"), ("--node-key=S3CRET --name val", "--name val"),
    ('"--node-key" "S3CRET" --name val', "--name val"), ("'--node-key' S3CRET --name val", "--name val"),
    ("'--node-key' 'S3CRET' --name val", "--name val"), ('"--suri" "//S3CRET" --name val', "--name val"),
    (r"--node-key\x20S3CRET --name val", "--name val"), (r"--node-key\sS3CRET --name val", "--name val"),
    (r"--node-key\x20S3\x20CRET --name val", "--name val"), ('"--node-key=S3 CRET" --name val', "--name val"),
    ("'--node-key=S3 CRET' --name val", "--name val"), (r'--node-key "S3\"CRET" --name val', "--name val"),
    (r"--node-key 'S3\'CRET' --name val", ""), ('--node-key=S3"C RE"T --name val', "--name val"),
    ('--node-key "S3"CRET --name val', "--name val"), (r"--node-key S3\ CRET --name val", "--name val"),
    ("--node-key \\\n    S3CRET \\\n    --name val", "--name val"),
    ("--node-key \\\n# a comment\n    S3CRET --name val", "--name val"), ("--node-key\0S3CRET\0--name\0val", "--name\0val"),
    ("--mnemonic S3CRET --name val", "--name val"), ("--private-key S3CRET --name val", "--name val"),
    ("--api-key=S3CRET --name val", "--name val"), ("--seed S3CRET --name val", "--name val"),
    ("--pass S3CRET --name val", "--name val"), ("--Keystore_Password S3CRET --name val", "--name val"),
    ("-token S3CRET --name val", "--name val"), ("--authtoken S3CRET --name val", "--name val"),
    ("--password --node-key S3CRET --name val", "--name val"), ("--password -S3CRET", ""),
    (f"--suri {PHRASE} --name val", "--name val"), (f'sh -c "polkadot --suri \'{PHRASE}\' --name val"', "--name val"),
    ('sh -c "polkadot --node-key S3CRET" --name val', '" --name val'), ('ARGS="--node-key S3CRET --name val"', '--name val"'),
    ('sh -c "polkadot --node-key=S3CRET --name val"', '--name val"'),
    ('5" disk --node-key "S3 CRET" --name val', "--name val"), ("it's --node-key 'S3 CRET' --name val", "--name val"),
    ("- --node-key\n- S3CRET\n- --name\n- val", "--name"),
    # JSON, and JSON in JSON
    ('["--node-key","S3CRET","--name","val"]', '"--name","val"]'), ('["--node-key", "S3 CRET", "--name"]', '"--name"]'),
    ("['--node-key', 'S3CRET', '--name']", "'--name']"), (r'{"m": "[\"--node-key\",\"S3 CRET\",\"--name\"]"}', r"\"--name\"]"),
    (r'{"m": "x --node-key S3CRET"}, "kept"', '"kept"'), ('{"password":"S3 CRET","name":"val"}', '"name":"val"}'),
    (r'{"m":"{\"password\":\"S3 CRET\",\"name\":\"val\"}"}', r"\"name\":\"val\"}"), ('{"seed": S3CRET, "name": 1}', '"name": 1}'),
    ('"log-opts": {"splunk-token": "S3CRET", "max-size": "10m"}', '"max-size": "10m"}'),
    ('"secrets": ["S3CRET", "S3CRET"], "a"', '"a"'),
    ('{"nodeKey": "S3CRET", "name": "val"}', '"name": "val"'), ('node_key: Some("S3 CRET") }', " }"),
    (r'{"m": "--password=\"S3 CRET\""}, "kept"', '"kept"'),
    # variables, headers, prose
    ("KEYSTORE_PASSWORD=S3CRET RUST_LOG=info", "RUST_LOG=info"), ('"KEYSTORE_PASSWORD=S3 CRET" RUST_LOG=info', "RUST_LOG=info"),
    ("password=S3CRET RUST_LOG=info", "RUST_LOG=info"), ("api_token = 'S3 CRET' # kept", "# kept"),
    ("POLKADOT_NODE_KEY='S3 CRET' RUST_LOG=info", "RUST_LOG=info"), ("password: S3CRET, name: val", "name: val"),
    ("Authorization: Bearer S3CRET", "Authorization:"), ("authorization: Basic S3CRET==", ""),
    ('curl -H "Authorization: Bearer S3CRET" https://host/x', "https://host/x"), ("X-Api-Key: S3CRET", "X-Api-Key"),
    ('{"Authorization": "Bearer S3CRET", "Accept": "x"}', '"Accept": "x"'), ("with bearer S3CRETs of theirs", "of theirs"),
    (f"Secret phrase `{PHRASE.replace('drive', 'S3CRET')}` is account:", "is account:"),
    ("Secret seed:  0xS3CRET", "Secret seed:"),
    ("Secret Key URI `//S3CRET` is account:", "is account:"), ("Private key: S3CRET", "Private key:"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nS3CRET\nS3CRET\n-----END OPENSSH PRIVATE KEY-----\nkept", "kept"),
    ("docker run -e ANYTHING=S3CRET --shm-size=2g", "--shm-size=2g"), ('docker run "-e" "ANYTHING=S3 CRET" --rm', "--rm"),
    ('["run","-e","ANYTHING=S3 CRET","--rm"]', '"--rm"]'), ("systemd-run --setenv=ANYTHING=S3CRET --pipe", "--pipe"),
    ('docker run -e "ANYTHING=S3 CRET" --rm', "--rm"), ('docker run -e ANYTHING="S3 CRET" --rm', "--rm"),
    # URLs
    ("wss://user:S3CRET@host/x", "@host/x"), ("https://S3CRET:x-oauth-basic@github.com/x", "@github.com/x"),
    ("https://u:S3/CRET@host/x", "@host/x"), (r"https:\/\/u:S3CRET@host\/x", r"@host\/x"),
    ("curlftpfs#ftp://bob:S3CRET@h /m", "@h /m"),
    ("http_proxy=bob:S3CRET@proxy:3128 A=b", "@proxy:3128 A=b"), ("https://h/?x=1&token=S3CRET&y=2", "&y=2"),
    ("https://h/?api_key=S3CRET&y=2", "?api_key="), ("with ghp_S3CRETaaaaaaaaaaaaaa there", "there"),
]


@pytest.mark.parametrize(("text", "kept"), MUST_HIDE, ids=lambda value: value[:60])
def test_a_secret_is_hidden(text, kept):
    shown = redact_text(text)
    assert not any(part in shown for part in ("S3", "CRET", "drive", "obey", "walk")), f"a secret would be reported: {shown}"
    assert HIDDEN in shown and kept in shown, f"what is no secret is lost: {shown}"
    assert redact_text(shown) == shown, "what was hidden once is changed by a second time"


@pytest.mark.parametrize("text", [
    "--node-key-file /data/key --node-key-type ed25519 --name val", "--password-interactive --validator --name val",
    "--password-filename /etc/keys/pass --keystore-path /data", "--unsafe-force-node-key-generation --validator",
    "KEYSTORE_PASSWORD_FILE=/run/secrets/x", "--no-password --validator", "--wasmtime-instantiation-strategy pooling",
    "docker run --user 1000:1000 --env-file /etc/node.env parity/polkadot:v1.20.0@sha256:abcdef", "--seed-nodes a,b --validator",
    "--bootnodes /dns/boot.example/tcp/30333/p2p/12D3KooW", "--telemetry-url 'wss://telemetry.example/submit 0'",
    "http://[::1]:9944/x@y", "http://127.0.0.1:9944/path@x", '{"ss58Format":42,"tokenDecimals":10,"tokenSymbol":"DOT"}',
    "measuring=5 monkey=1 bypass=yes tokenizer=3", "unexpected token: found 3", "secret::Key and token::Kind",
    "Error: failed to create memory pool mapping: mmap failed to reserve 0x6080000000 bytes: Cannot allocate memory",
    "Invalid/incorrect password: Permission denied, please try again.",
    "2026-01-01 wrong password", "the bearer of news", "curl -endpoint=here -u x",
    "polkadot.service: Failed with result 'oom-kill'.",
    "LimitNOFILE=1024:19000", "tmpfs /dev/shm tmpfs rw,size=2G 0 0", "author_rotateKeys session keys",
    "key=value --key-type babe",
    '"-----BEGIN CERTIFICATE-----"', "a-e X=1", "\\", '"', "", "--node-key", '"--node-key"',
])
def test_what_is_no_secret_stays(text):
    assert redact_text(text) == text, "an operator needs this to see what is wrong"


@pytest.mark.parametrize(("arguments", "shown"), [
    (["--node-key", "S3CRET", "--name", "val"], ["--node-key", HIDDEN, "--name", "val"]),
    (["--mnemonic", PHRASE, "--name"], ["--mnemonic", HIDDEN, "--name"]),
    (["--api-key=S3CRET"], ["--api-key=" + HIDDEN]), (["--password-interactive", "--validator"],) * 2,
    (["--password-filename", "/x", "--validator"],) * 2, (["--node-key-type=ed25519"],) * 2,
    (["--password", "--node-key", "S3CRET", "--x"], ["--password", HIDDEN, HIDDEN, "--x"]),
    (["-e", "ANYTHING=S3 CRET", "x=y"], ["-e", "ANYTHING=" + HIDDEN, "x=y"]),
    (["sh", "-c", "exec node --suri '//S3 CRET' --name val"], ["sh", "-c", f"exec node --suri '{HIDDEN}' --name val"]),
    (["curl", "-H", "Authorization: Bearer S3CRET"], ["curl", "-H", "Authorization: " + HIDDEN]),
])
def test_arguments(arguments, shown):
    assert redact_arguments(arguments) == shown


def test_names():
    assert is_secret_name("--keystore-password") and is_secret_name("API_TOKEN") and is_secret_name("splunk-token")
    assert not is_secret_name("--name") and not is_secret_name("tokenizer") and not is_secret_name("--password-file")


HOSTILE = ["password", "--password ", "--password=", "--password \"", "--password '", "--password \\\"", "-", "\\", "\"",
           "'", "`", "://",
           "a://b:", "@", "=", "&key", "?token=", "proxy=", "proxy=a:", "bearer ", "eyJaaaaaaaaaa.", "-e ", "-e A=\"", "-e A='\\",
           "--env=\"A=", "-----BEGIN PRIVATE KEY-----", "secret phrase `", "authorization: ", "\"token\": [",
           "\"token\":\"", " ", "\n",
           "\\\n#", "-e \\\n#", "--token \\\n#", "a", "abcdef ", "--seed abcdef abcdef ", "token='\\'", "pass=x\"y ",
           "pass=x'y\\\" ",
           "{\\\"secret\\\":\\\"", "\\\\\\\"secret\\\\\\\":\\\\\\\"x", "--suri --suri=",
           "--suri '\"'\"'", "'\"'\"'--suri=x", "--suri 'x'\"", "--suri \"x\"'y", "[]", "- ", "\t", ":", ";", "\0",
           "secret=\\"]


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_text_of_somebody_else_does_not_take_minutes(piece):
    """Four times the text may take four times as long, not sixteen times; what takes next to no time is not compared."""
    def seconds(size: int) -> float:
        text = "x " + (piece * size)[:size]
        times = []
        for _attempt in range(3):
            begin = time.process_time()
            redact_text(text)
            times.append(time.process_time() - begin)
        return min(times)

    small, large = seconds(50_000), seconds(200_000)
    assert large < 0.3 or large < 8 * small, f"{large:.2f} s instead of {small:.2f} s for four times the text"
    assert large < 5, f"{large:.2f} s for 200,000 characters"


SECRETS = ["S3CRET", "//S3CRET", "S3 CRET", 'S3"CRET', "S3'CRET", "S3\\CRET", "S3=CRET", "S3,CRET",
           "S3@CRET:x", "S3;CRET", "S3}CRET",
           "S3$CRET", "-S3CRET", "S3`CRET", 'S3\\"CRET', "S3 'CRET' x", "#S3CRET"]
OTHERS = ["--validator", "--name", "val", "it's", "a b", '5"', "--chain=polkadot", "{x}", "-e", "A=b", "/dns/x"]


def shell_join(words):
    """shlex.join, which Python 3.7 does not have."""
    return " ".join(map(shlex.quote, words))


WRITTEN = {
    "as a shell reads it": shell_join, "as Python prints it": repr, "in JSON": json.dumps,
    "in JSON without blanks": lambda words: json.dumps(words, separators=(",", ":")),
    "in JSON in JSON": lambda words: json.dumps({"m": json.dumps(words)}),
    "in a log line in JSON": lambda words: json.dumps({"MESSAGE": shell_join(words), "x": "y"}),
    "for another shell": lambda words: "sh -c " + shlex.quote(shell_join(words)),
    "for another shell, in JSON": lambda words: json.dumps(["sh", "-c", shell_join(words)]),
    "in a unit": lambda words: "ExecStart=" + " ".join(
        '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_no_secret_is_left_of_any_command_line(how):
    """Secrets with quotes of their own, between other words, in every way in which a command line is written."""
    source = random.Random(how)
    for number in range(1500):
        flag, secret = source.choice(["--node-key", "--suri", "-password", "--api-token"]), SECRETS[number % len(SECRETS)]
        given = [f"{flag}={secret}"] if source.random() < 0.5 else [flag, secret]
        words = ["/usr/bin/polkadot", *source.choices(OTHERS, k=source.randrange(3)), *given, *source.choices(OTHERS, k=2)]
        shown = redact_text(WRITTEN[how](words))
        assert "S3" not in shown and "CRET" not in shown, f"of {WRITTEN[how](words)} is shown: {shown}"
        assert shown.startswith(WRITTEN[how](words)[:8])


def test_journal_of_megabytes():
    text = json.dumps({"words": ["--node-key", "S3CRET", "imported block 123 0xabcdef"] * 20_000})
    begin = time.process_time()
    assert "S3CRET" not in redact_text(text)
    assert time.process_time() - begin < 5
