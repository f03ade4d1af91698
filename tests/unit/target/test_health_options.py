# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What node_health is asked: limits, base paths, keys, addresses and options."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import _health, _health_paths, _health_unit
from ansible_collections.aarch64.validator.plugins.module_utils._health_http import parse_endpoint
from ansible_collections.aarch64.validator.plugins.module_utils._health_options import checked
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError
from health_node import PARAMETERS, Node, health

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.mark.parametrize(("wanted", "ok"), [
    ({"nofile": 5}, True), ({"nofile": "infinity"}, False), ({"as": -1}, None), ({}, None),
])
def test_limits_of_the_live_process(wanted, ok):
    options = checked(dict(PARAMETERS, limits=wanted))
    found = _health_unit.limits(7, {"nofile": {"soft": 1024, "hard": 4096}}, options.limits)
    assert found["ok"] is ok
    if ok is False:
        assert found["text"] == "nofile is 1K, wanted infinity"


def place(command_line: str, home: str | None = "/home/p/.local/share", root: str = "") -> t.Any:
    return _health_paths.Place(command_line.split(" "), ["python3", "Polkadot"], home, root, "/srv")


@pytest.mark.parametrize(("command_line", "wanted"), [
    ("polkadot --validator", ["/home/p/.local/share/polkadot"]),
    ("polkadot --base-path /data --name x", ["/data"]),
    ("polkadot --base-path=/data/", ["/data"]),
    ("polkadot -d data", ["/srv/data"]),
    ("polkadot -d/data", ["/data"]),
    ("polkadot --dev", []),
    ("polkadot --dev -d /data", ["/data"]),
    ("para --collator -d /para -- --chain polkadot", ["/para", "/para/polkadot"]),
    ("para --collator -d /para -- -d /relay", ["/para", "/relay"]),
    ("para --tmp -- --chain polkadot", []),
])
def test_base_paths(command_line, wanted):
    assert _health_paths.base_paths(place(command_line), lambda path: path.endswith("/polkadot")) == wanted


def test_base_path_of_nobody():
    assert _health_paths.base_paths(place("polkadot", home=None)) == []


def test_keys_are_names_of_files_that_are_never_opened(tmp_path):
    key, long_key = "6772616e" + "ab" * 32, "62656566" + "cd" * 33
    for number, name in enumerate([key, long_key, "notes.txt", "6772616e" + "ab" * 31, key.upper()]):
        store = tmp_path / "chains" / f"chain-{number % 2}" / "keystore"
        store.mkdir(parents=True, exist_ok=True)
        (store / name).mkdir()  # what cannot be opened as a file
    assert _health_paths.keystore_names(place(f"polkadot -d {tmp_path}")) == ([long_key, key], [])
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / ("00" * 36)).mkdir()
    names, _notes = _health_paths.keystore_names(place(f"polkadot -d /nope --keystore-path {tmp_path}/own"))
    assert names is None, "a base path that is not there has been told wrongly"
    names, _notes = _health_paths.keystore_names(place(f"polkadot -d {tmp_path} --keystore-path {tmp_path}/own"))
    assert names == ["00" * 36, long_key, key]


def test_keys_that_cannot_be_known(tmp_path):
    assert _health_paths.keystore_names(place("polkadot --dev")) == (None, ["its base path cannot be told from its command line"])
    names, notes = _health_paths.keystore_names(place("polkadot -d /gone", root=str(tmp_path)))
    assert names is None and notes == ["/gone: No such file or directory"]


def test_free_space(tmp_path):
    ok, said, value = _health_paths.free_space(place(f"polkadot -d {tmp_path}"), 1)
    assert ok is True and value["path"] == str(tmp_path) and value["free"] > 1 and f"free under {tmp_path}" in said
    assert _health_paths.free_space(place(f"polkadot -d {tmp_path}"), 1 << 62)[0] is False
    assert _health_paths.free_space(place("polkadot -d /gone/too"), 1)[0] is None


def test_a_node_that_was_told_another_port(serve, monkeypatch):
    monkeypatch.setattr(_health, "place_of", lambda _properties: place("polkadot --rpc-port 9945"))
    result = health(serve(Node()).url)
    assert "is told to answer on port 9945 (--rpc-port)" in result["notes"][0]


@pytest.mark.parametrize(("url", "endpoint"), [
    ("http://127.0.0.1:9944", ("127.0.0.1", 9944, "")), ("ws://[::1]:9944/", ("::1", 9944, "")),
    ("http://node.example/rpc/", ("node.example", 80, "/rpc")), ("HTTP://localhost:1", ("localhost", 1, "")),
])
def test_addresses(url, endpoint):
    assert parse_endpoint(url, "rpc_url") == endpoint


@pytest.mark.parametrize(("options", "said"), [
    ({"rpc_url": "https://127.0.0.1:9944"}, "rpc_url: 'https://127.0.0.1:9944' is not valid; give an address such as"),
    ({"rpc_url": "http://me:secret@127.0.0.1"}, "rpc_url: 'http://********@127.0.0.1' is not valid"),
    ({"rpc_url": "127.0.0.1:9944"}, "rpc_url: "), ({"rpc_url": "http://a b:1"}, "rpc_url: "),
    ({"rpc_url": "http://127.0.0.1:99999"}, "rpc_url: "), ({"rpc_url": "http://a:1\r\nX: y"}, "rpc_url: "),
    ({"rpc_url": "http://[::1"}, "rpc_url: "), ({"rpc_url": "http://a/?x"}, "rpc_url: "), ({"rpc_url": ""}, "rpc_url: "),
    ({"readiness_path": "health"}, "readiness_path: 'health' is not valid; give a path"),
    ({"timeout": -1}, "timeout: -1 is not valid; give a whole number from 0 to 86400"),
    ({"slice": 31}, "slice: 31 is not valid; give a whole number from 1 to 30"),
    ({"min_free": "lots"}, "min_free: 'lots' is not valid"),
    ({"checks": []}, "checks: [] is not valid; give one or more of active"),
    ({"checks": ["rpc", "rpc"]}, "checks: ['rpc', 'rpc'] is not valid"),
    ({"limits": {"files": 5}}, "limits: 'files' is not valid; give limits among nofile"),
    ({"limits": {"nofile": None}}, "limits.nofile: None is not valid"),
    ({"unit": "../x"}, "unit: "),
    ({"restarts": -1}, "restarts: -1 is not valid"),
    ({"continue": {"unit": "polkadot.service"}}, "continue: "),
    ({"continue": {"unit": "other.service", "boot": "", "began": 1, "deadline": 2}}, "continue: "),
    ({"continue": {"unit": "polkadot.service", "boot": "", "began": 1, "deadline": "soon"}}, "continue: "),
    ({"continue": {"unit": "polkadot.service", "boot": "", "began": 1, "deadline": 2, "runtime": {}}}, "continue: "),
])
def test_bad_options_name_the_option_the_value_and_what_is_valid(options, said):
    with pytest.raises(OptionError) as error:
        checked(dict(PARAMETERS, **options))
    assert str(error.value).startswith(said) and "secret" not in str(error.value)
