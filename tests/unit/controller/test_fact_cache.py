# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit can be judged again from a fact cache, and verify never looks into one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_replay import ROOT, audit

from ansible_collections.aarch64.validator.plugins.plugin_utils._report._recorded import cached
from facts_factory import node_facts

FACTS = node_facts()
OLD = json.dumps({"aarch64_memory": FACTS, "distribution": "Debian"}).encode()
NEW = json.dumps({"__payload__": OLD.decode()}).encode()
HOSTS = ("val-1", "val-2")
PAGE = (ROOT / "docs/scale.md").read_text()


@pytest.mark.parametrize(("file", "content", "prefix", "host"), [
    ("val-1", OLD, "", "val-1"),
    ("fleet_val-1", OLD, "fleet_", "val-1"),
    ("hosts1_a", OLD, "", "hosts1_a"),
    ("s1_val-1", NEW, "", "val-1"),
    ("fleet_s1_val-1", NEW, "fleet_", "val-1"),
    ("fleet_s1_val-1", NEW, "", "val-1"),
    ("s1_hosts1_a", NEW, "", "hosts1_a"),
    ("s1_val\x1b[2J", NEW, "", "val%1B%5B2J"),
])
def test_file_of_a_cache(file, content, prefix, host):
    assert cached(file, content, prefix) == (host, FACTS)


@pytest.mark.parametrize("content", [
    b"", b"\xff", b"[]", b"1", b'{"distribution": "Debian"}', b'{"__payload__": "{}"}', b'{"__payload__": "no"}',
    b'{"__payload__": 1}', b"[" * 100000,
])
def test_file_without_these_facts_is_passed_over(content):
    assert cached("val-1", content, "") is None


def configured(directory: Path, **options: str) -> Path:
    """A directory whose configuration has a fact cache, and an inventory that is this machine twice."""
    settings = {"fact_caching": "jsonfile", "fact_caching_connection": str(directory / "cache"), **options}
    (directory / "ansible.cfg").write_text("[defaults]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (directory / "hosts.json").write_text(json.dumps({"validators": {"hosts": dict.fromkeys(HOSTS, host)}}))
    return directory


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """A directory with a cache that an audit has filled, and what the audit said."""
    directory = configured(tmp_path_factory.mktemp("cached"), fact_caching_prefix="fleet_")
    said = audit(directory, "-i", "hosts.json", memory_pool_shm_size="1000T")
    assert said.status == 0 and len(list((directory / "cache").iterdir())) == len(HOSTS), said.output
    return directory, said


def test_replay_from_a_cache_says_what_the_audit_said(live, tmp_path):
    directory, said = live
    configured(tmp_path, fact_caching_prefix="fleet_")  # before ansible-core 2.19 nothing in the name parts prefix and host
    again = audit(tmp_path, memory_pool_facts_dir=str(directory / "cache"), memory_pool_shm_size="1000T")
    assert again.status == 0, again.output
    assert again.report["hosts"] == said.report["hosts"]
    (tmp_path / "hosts").write_text("[validators]\nval-2\n")
    one = audit(tmp_path, "-i", "hosts", "--limit", "val-2", memory_pool_facts_dir=str(directory / "cache"))
    assert [entry["name"] for entry in one.report["hosts"]] == ["val-2"], one.output


def test_bad_facts_in_a_cache_hide_no_other_host(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/val-1").write_bytes(OLD)
    (tmp_path / "cache/val-2").write_text('{"aarch64_memory": {"schema": 7}}')
    (tmp_path / "cache/val-3").write_text('{"distribution": "Debian"}')
    (tmp_path / "cache/val-4").symlink_to("val-1")
    again = audit(tmp_path, memory_pool_facts_dir="cache")
    assert {entry["name"]: entry["verdict"] for entry in again.report["hosts"]} == {"val-1": "healthy", "val-2": "failed"}
    assert again.status == 2 and "val-2 cannot be judged (" in again.output


def test_verify_asks_the_host_whatever_the_cache_says(live, tmp_path):
    """A cache in which /dev/shm is tiny, and that no host would have."""
    configured(tmp_path, fact_caching_prefix="fleet_")
    (tmp_path / "cache").mkdir()
    facts = live[1].report["hosts"][0]["facts"]
    for file in (live[0] / "cache").iterdir():
        kernel = dict(facts["kernel"], release="cached")
        forged = {"aarch64_memory": dict(facts, shm=dict(facts["shm"], size=4096), kernel=kernel)}
        marked = "__payload__" in file.read_text()
        content = {"__payload__": json.dumps(forged)} if marked else forged
        (tmp_path / "cache" / file.name).write_text(json.dumps(content))
    replayed = audit(tmp_path, memory_pool_facts_dir="cache", memory_pool_shm_size="1M", memory_pool_report_dir="replayed")
    assert "shm-too-small" in replayed.output, "the forged cache is not one that Ansible would take"
    done = audit(tmp_path, "-i", "hosts.json", playbook=str(ROOT / "playbooks/verify.yml"), memory_pool_shm_size="1M",
                 memory_pool_fail_on="never")
    assert done.status == 0, done.output
    for entry in done.report["hosts"]:
        assert entry["facts"]["kernel"]["release"] == facts["kernel"]["release"]
        assert entry["facts"]["shm"]["size"] == facts["shm"]["size"]
        assert "shm-too-small" not in [finding["id"] for finding in entry["findings"]]


def test_export_of_any_cache_as_the_page_has_it(live, tmp_path):
    """What stands in docs/scale.md for caches that are no files; here it is tried with one that is."""
    (play,) = re.findall(r"^```yaml\n(- name: Export.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "export.yml").write_text(play)
    configured(tmp_path, fact_caching_prefix="fleet_", fact_caching_connection=str(live[0] / "cache"))
    # Hosts that cannot be reached: nobody asks them.
    (tmp_path / "hosts").write_text("[validators]\n" + "".join(f"{name} ansible_host=192.0.2.1\n" for name in HOSTS))
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "hosts", "export.yml"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    again = audit(tmp_path, memory_pool_facts_dir="exported", memory_pool_shm_size="1000T")
    assert again.report["hosts"] == live[1].report["hosts"], again.output
