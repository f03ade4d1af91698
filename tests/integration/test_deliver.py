# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that were really built, delivered to real hosts: switched, gated, undone and reverted."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import node_crate_builds as crate
import pytest
from conftest import HostHandle, Playbook
from fleet import shaping
from fleet.state import Fleet

from ansible_collections.aarch64.validator.plugins.module_utils import _build_result

pytestmark = [pytest.mark.nspawn, pytest.mark.skipif(bool(crate.MISSING), reason=crate.MISSING)]
LINK = "/usr/bin/polkadot"
RELEASES = "/usr/local/lib/aarch64-validator"
STATE = "/var/lib/aarch64-validator"
# What these hosts have already, so that nothing but the release is changed.
SETTINGS = {"memory_pool_limit_nofile": 1024, "memory_pool_limit_memlock": 8192, "memory_pool_restart_delay": 1,
            "memory_pool_gate_timeout": 40, "memory_pool_min_free": "10M", "memory_pool_shm_size": "1G",
            "memory_pool_exclusive_group": "", "memory_pool_serial": [1, 2]}


class Builds(t.NamedTuple):
    """Directories of releases."""

    good: Path
    broken: Path
    too_new: Path


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Builds:
    directory = tmp_path_factory.mktemp("builds")
    source = crate.checkout(directory / "source")
    good, broken = (crate.built(source, directory / "build", features=features)["directory"] for features in ([], ["broken"]))
    return Builds(Path(good), Path(broken), linked_with_tomorrow(directory))


def linked_with_tomorrow(directory: Path) -> Path:
    """A release whose program wants a symbol of glibc 2.99, as one that was linked on a newer distribution would."""
    (directory / "versions").write_text("GLIBC_2.99 { tomorrow; };\n")
    (directory / "tomorrow.c").write_text("int tomorrow(void) { return 0; }\n")
    (directory / "main.c").write_text("int tomorrow(void);\nint main(void) { return tomorrow(); }\n")
    library, program = directory / "libtomorrow.so", directory / "polkadot"
    version = f"-Wl,--version-script={directory / 'versions'}"
    shared = ["gcc", "-shared", "-fPIC", "-Wl,-soname,libm.so.6", version]
    subprocess.run([*shared, "-o", library, directory / "tomorrow.c"], check=True)
    subprocess.run(["gcc", "-o", program, directory / "main.c", library], check=True)
    record = {"source": str(directory), "inputs": {"target": "x86_64-unknown-linux-gnu"}, "revision": "f" * 40, "dirty": False}
    made = _build_result.release(str(directory / "build"), {"polkadot": str(program)}, record, [], "not run here")
    return Path(made["path"])


Deliver = t.Callable[..., t.Tuple[int, str, t.Dict[str, t.Any]]]


@pytest.fixture
def deliver(playbook: Playbook, tmp_path: Path) -> Deliver:
    def run(name: str, release: Path | None, *arguments: str) -> tuple[int, str, dict[str, t.Any]]:
        variables = {**SETTINGS, **({"memory_pool_release": str(release)} if release else {})}
        done = playbook(name, "-e", json.dumps(variables), *arguments)
        path = tmp_path / "report/report.json"
        report = json.loads(path.read_text()) if path.exists() else {"hosts": []}
        return done.returncode, done.stdout + done.stderr, {entry["name"]: entry for entry in report["hosts"]}

    return run


def program(host: HostHandle) -> str:
    """What the live node runs."""
    return host.inside("readlink", "/proc/{}/exe".format(host.show("MainPID")["MainPID"])).strip()


def seen(host: HostHandle) -> str:
    """The path that the service starts, and all that a delivery leaves."""
    look = f"stat -c '%n %i %F %a %U %s %Y' {LINK}; sha256sum {LINK}; ls -la /usr/bin/.polkadot* {RELEASES} {STATE} 2>&1 || true"
    return host.inside("sh", "-c", look) + host.checksums()


def test_delivered_gated_undone_and_reverted(hosts: list[HostHandle], builds: Builds, deliver: Deliver, fleet: Fleet) -> None:
    before = {host.name: seen(host) for host in hosts}
    pids = {host.name: host.show("MainPID")["MainPID"] for host in hosts}

    status, output, entries = deliver("deliver", builds.too_new)
    assert status == 2
    for host in hosts:
        found = [item["summary"] for item in entries[host.name]["findings"] if item["id"] == "release-not-live"]
        assert len(found) == 1 and "host cannot run it" in found[0] and "wants glibc 2.99, this host has 2.36" in found[0], found
        assert seen(host) == before[host.name], "something was copied to a host that cannot run it"

    status, output, entries = deliver("deliver", builds.good, "--check", "--diff")
    predicted = {name: entry["changes"] for name, entry in entries.items()}
    assert {host.name: seen(host) for host in hosts} == before, output

    status, output, entries = deliver("deliver", builds.good)
    assert status == 0, output[-6000:]
    target = f"{RELEASES}/{builds.good.name}/polkadot"
    for host in hosts:
        assert entries[host.name]["changes"] == predicted[host.name] == [
            f"{LINK}: now a link to {target}", f"{shaping.UNIT}: restarted"]
        assert program(host) == target and host.inside("readlink", LINK).strip() == target
        assert host.rpc("state_getRuntimeVersion")
        assert host.inside("ls", f"{RELEASES}/{builds.good.name}").split() == ["manifest.json", *crate.BINARIES]
    running = {host.name: host.show("MainPID")["MainPID"] for host in hosts}
    assert all(running[name] != pids[name] for name in pids)

    status, output, entries = deliver("deliver", builds.good)
    assert status == 0 and {host.name: host.show("MainPID")["MainPID"] for host in hosts} == running
    assert all(entry["changes"] == [] for entry in entries.values()), "a second run must find nothing to do"

    status, output, entries = deliver("deliver", builds.broken)
    assert status == 2
    failed = [name for name, entry in entries.items() if entry["verdict"] == "failed"]
    assert len(failed) == 1, "the rollout went on after its first host was lost"
    message = entries[failed[0]]["failure"]["message"]
    assert "this build ends at once" in message and f"{LINK}: put back as it was before" in message, message
    assert "started as it was, polkadot.service: healthy" in message, message
    for host in hosts:
        assert program(host) == target and host.inside("ls", RELEASES).split() == [builds.good.name]
        assert (host.show("MainPID")["MainPID"] == running[host.name]) == (host.name not in failed)

    status, output, entries = deliver("revert", None)
    for host in hosts:
        assert any("still runs from it" in note for note in entries[host.name]["notes"]), "workers of a live node were taken away"
        host.inside("systemctl", "restart", shaping.UNIT)
    status, output, entries = deliver("revert", None)
    assert {host.name: seen(host) for host in hosts} == before, "revert has to leave each host byte for byte as it was"
    for host in hosts:
        host.wait_for_node()
        assert program(host) != target


def test_a_release_that_is_none_is_refused(hosts: list[HostHandle], builds: Builds, deliver: Deliver, tmp_path: Path) -> None:
    status, output, _entries = deliver("deliver", None)
    assert status != 0 and "give -e memory_pool_release=DIR" in output
    assert "val-2" not in output and "Diagnose" not in output, "the run went on without a release"
    copy = tmp_path / builds.good.name
    subprocess.run(["cp", "--recursive", str(builds.good), str(copy)], check=True)
    with open(copy / "polkadot", "ab") as stream:
        stream.write(b"tampered")
    status, output, _entries = deliver("deliver", copy)
    assert status != 0 and "is not the file that its manifest names" in output


def test_an_authority_is_no_build_host(hosts: list[HostHandle], playbook: Playbook, builds: Builds) -> None:
    done = playbook("rebuild", "-e", "node_build_on=val-1", "-e", f"node_build_source={builds.good}")
    assert done.returncode == 2 and "val-1 runs an authority" in done.stdout + done.stderr
