# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds of a real crate with the machine's own cargo: once, anew only where it must be, and what stops them."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import node_crate_builds as crate
import pytest
import rootfs
from conftest import SUPPORT
from fleet.state import FleetError
from guest import debs
from node_crate_builds import built, commit

from ansible_collections.aarch64.validator.plugins.module_utils._build_toolchain import BuildError
from facts_factory import host_facts

pytestmark = pytest.mark.skipif(bool(crate.MISSING), reason=crate.MISSING)
ROOT = SUPPORT.parent.parent
WAITS = """
fn main() {
    while !std::path::Path::new(&std::env::var("GO_ON").unwrap()).exists() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
"""


Rebuild = t.Callable[..., "subprocess.CompletedProcess[str]"]
Releases = t.Callable[[], t.List[str]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return crate.checkout(tmp_path / "source")


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    def names() -> list[str]:
        directory = tmp_path / "build/releases"
        return sorted(os.listdir(directory)) if directory.exists() else []
    return names


@pytest.fixture
def rebuild(source: Path, tmp_path: Path) -> Rebuild:
    """Run the playbook on this machine, for the host old-1 of an inventory."""
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {"build_host": {"hosts": {"here": here}},
                 "validators": {"hosts": {"old-1": {}}}}
    (tmp_path / "inventory.json").write_text(json.dumps(inventory))

    def run(*arguments: str, **variables: t.Any) -> subprocess.CompletedProcess[str]:
        settings = {"node_build_source": str(source), "node_build_dir": str(tmp_path / "build"), "node_build_cargo": crate.CARGO,
                    "node_build_binaries": crate.BINARIES, "node_build_min_free": "10M",
                    "node_build_facts_dir": str(tmp_path / "facts"),
                    "node_build_releases_dir": str(tmp_path / "fetched"), **variables}
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(tmp_path / "inventory.json"), "playbooks/rebuild.yml"]
        return subprocess.run([*command, "-e", json.dumps(settings), *arguments], cwd=ROOT, capture_output=True, text=True,
                              check=False, env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")})

    return run


def test_built_checked_and_fetched_once(rebuild: Rebuild, releases: Releases, tmp_path: Path) -> None:
    old = host_facts(host={"machine": platform.machine()}, libc={"name": "glibc", "version": "2.17"})
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts/old-1.json").write_text(json.dumps(old))
    refused = rebuild()
    assert refused.returncode == 2 and releases() == []
    assert "old-1 has glibc 2.17" in refused.stdout + refused.stderr, "the host must be named before hours go by"

    first = rebuild(node_build_allow_newer_libc=True)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "can run on 0 of 1 host whose facts were recorded" in first.stdout
    name, = releases()
    fetched = tmp_path / "fetched" / name
    manifest = json.loads((fetched / "manifest.json").read_text())
    assert re.search(rf"old-1 cannot run it: {name}/polkadot wants glibc 2\.[0-9]+, this host has 2\.17", first.stdout)
    assert name.split("-")[1] == manifest["revision"][:12] and not manifest["dirty"]
    node = manifest["binaries"][0]
    program = str(tmp_path / "build/releases" / name / "polkadot")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    assert f"on pages of {os.sysconf('SC_PAGE_SIZE')}" in said and said.strip() == node["version"]
    assert (fetched / "polkadot").read_bytes() == Path(program).read_bytes()
    assert (node["facts"]["machine"], node["facts"]["libc"], node["size"]) == (
        platform.machine(), "glibc", (fetched / "polkadot").stat().st_size)

    log = tmp_path / "build/build.log"
    before = log.stat().st_mtime_ns
    again = rebuild(node_build_allow_newer_libc=True)
    assert again.returncode == 0 and "changed=0" in again.stdout, "a second run has to do nothing"
    assert (log.stat().st_mtime_ns, releases()) == (before, [name]), "cargo was started again for nothing"
    assert f"{name} is there already" in again.stdout and f"memory_pool_release={fetched}" in again.stdout
    predicted = rebuild("--check", node_build_allow_newer_libc=True, node_build_features=["broken"])
    assert "are removed first: features: broken, before none" in predicted.stdout and releases() == [name]


def test_cleaned_only_where_the_inputs_have_changed(source: Path, tmp_path: Path, releases: Releases) -> None:
    directory = tmp_path / "build"
    first = built(source, directory)
    assert first["changed"] and not first["cleaned"]
    (source / "README.md").write_text("More words.\n")
    commit(source)
    newer = built(source, directory)
    assert newer["changed"] and not newer["cleaned"], "another revision of the same inputs needs no clean build"

    feature = built(source, directory, features=["broken"])
    assert feature["cleaned"] and "features: broken, before none" in feature["actions"][0]
    assert built(source, directory, features=["polkadot/broken"])["cleaned"], "a feature of another package, by its name"
    assert built(source, directory, features=["broken"])["cleaned"]
    assert not built(source, directory, features=["broken"])["changed"]

    version = first["manifest"]["inputs"]["rustc"].split()[0]
    channels = []
    for channel in (version, version.rpartition(".")[0]):
        (source / "rust-toolchain.toml").write_text(f'[toolchain]\nchannel = "{channel}"\n')
        commit(source)
        changed = built(source, directory)
        assert changed["cleaned"] and f"toolchain file: channel={channel}" in changed["actions"][0]
        assert not built(source, directory)["cleaned"], "one change of the toolchain file had two clean builds follow"
        channels.append(changed["manifest"]["inputs"]["channel"])
    assert channels == [version, version.rpartition(".")[0]]

    once_more = built(source, directory, clean=True)
    assert once_more["cleaned"] and once_more["reproducible"], "two builds from the same inputs were not compared, or differ"
    (directory / "record.json").unlink()
    commit(source)
    lost = built(source, directory)
    assert lost["cleaned"] and "nothing says" in lost["actions"][0]
    (directory / "releases" / lost["manifest"]["release"] / "polkadot").write_bytes(b"damaged")
    assert built(source, directory)["changed"], "a damaged release was taken for a good one"


def without_hosts(name: str, release: str, report: Path) -> str:
    """What a playbook says of a release that it refuses before any host is asked."""
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "nobody.invalid,", f"playbooks/{name}.yml", "-e",
               json.dumps({"memory_pool_hosts": "all", "memory_pool_report_dir": str(report), "memory_pool_release": release})]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False,
                         env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")})
    output = run.stdout + run.stderr
    assert run.returncode != 0 and "UNREACHABLE" not in output, output
    return output


@pytest.mark.parametrize("name", ["deliver", "verify"])
def test_a_release_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    output = without_hosts(name, f"{tmp_path}/nope", tmp_path)
    assert f"memory_pool_release: {tmp_path}/nope is no release; give a directory" in output, output


def test_a_file_that_the_manifest_does_not_name_is_not_delivered(source: Path, tmp_path: Path) -> None:
    release = built(source, tmp_path / "build")["directory"]
    Path(release, "polkadot-execute-worker").touch()
    output = without_hosts("deliver", release, tmp_path)
    assert "has files that its manifest does not name: polkadot-execute-worker;" in output, output


def test_other_workers_make_another_release(source: Path, tmp_path: Path, releases: Releases) -> None:
    made = [built(source, tmp_path / "build", binaries=binaries)["manifest"] for binaries in (["polkadot"], crate.BINARIES)]
    digest = made[0]["binaries"][0]["sha256"]
    assert digest == made[1]["binaries"][0]["sha256"] and made[0]["release"].endswith(digest[:8])
    assert releases() == sorted(one["release"] for one in made), "a release with workers took the place of that without"
    again = built(source, tmp_path / "build", binaries=["polkadot"])
    assert not again["changed"] and again["manifest"] == made[0]


def refused(source: Path, directory: Path, **options: t.Any) -> str:
    with pytest.raises(BuildError) as error:
        built(source, directory, **options)
    releases = directory / "releases"
    assert not releases.exists() or not os.listdir(releases), "something was released all the same"
    return "\n".join([str(error.value), *error.value.log])


def test_a_mistyped_name_costs_no_artefacts(source: Path, tmp_path: Path) -> None:
    directory = tmp_path / "build"
    built(source, directory)
    record = (directory / "record.json").read_text()
    shutil.rmtree(directory / "releases")
    for option, value, valid in (
        ("package", "polkadto", "polkadot"), ("binaries", ["polkadot-worker"], "polkadot, polkadot-prepare-worker"),
        ("features", ["brokn"], "broken"), ("profile", "production", "bench, dev, release, test"),
    ):
        message = refused(source, directory, **{option: value}, names="node_build_")
        assert message.startswith(f"node_build_{option}: ") and valid in message, message
    message = refused(source, directory, features=["polkadto-cli/db"])
    assert "polkadto-cli" in message and "Earlier artefacts are still there" in message, message
    assert (directory / "record.json").read_text() == record and os.listdir(directory / "cargo")

    # What only cargo can tell is asked before anything is removed, too.
    with open(source / "Cargo.toml", "a", encoding="utf-8") as stream:
        stream.write('[dependencies]\nbeside = { path = "beside" }\n[profile.production]\ninherits = "release"\n')
    (source / "beside/src").mkdir(parents=True)
    (source / "beside/Cargo.toml").write_text('[package]\nname = "beside"\nversion = "1.0.0"\n')
    (source / "beside/src/lib.rs").touch()
    commit(source)
    message = refused(source, directory, features=["broken"], profile="production")
    assert "Cargo.lock of the source does not fit" in message and "Earlier artefacts are still there" in message, message
    assert (directory / "record.json").read_text() == record and os.listdir(directory / "cargo")
    subprocess.run([crate.CARGO, "generate-lockfile", "--offline"], cwd=source, check=True, capture_output=True)
    commit(source)
    done = built(source, directory, profile="production", binaries=["polkadot"])
    assert done["changed"] and not done["cleaned"], "cargo keeps profiles apart by itself"


def test_a_git_url_is_cloned_and_left_alone_while_it_is_built(
    rebuild: Rebuild, source: Path, tmp_path: Path, releases: Releases,
) -> None:
    url = {"node_build_source": f"file://{source}", "node_build_binaries": ["polkadot"]}
    first = rebuild("--check", **url)
    assert first.returncode == 0 and "Get the source" in first.stdout and not (tmp_path / "build").exists(), first.stdout
    first = rebuild(**url)
    assert first.returncode == 0 and len(releases()) == 1, first.stdout + first.stderr
    commit(source, "newer")
    clone = tmp_path / "build/source"
    head = crate.head(clone)
    with open(tmp_path / "build/lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        busy = rebuild(**url, node_build_features=["broken"])
    assert busy.returncode == 2 and "another build runs in" in busy.stdout + busy.stderr
    assert crate.head(clone) == head, "another revision came under a build that runs"


def test_what_is_missing_is_named_with_the_way_to_get_it(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "build"
    assert "rustup target add riscv64gc-unknown-linux-gnu" in refused(source, directory, target="riscv64gc-unknown-linux-gnu")
    (source / "Cargo.lock").unlink()
    commit(source)
    assert "Cargo.lock of the source is missing" in refused(source, directory)
    (source / "rust-toolchain").write_text("1.2.0\n")
    commit(source)
    message = refused(source, directory)
    assert "rust-toolchain asks for 1.2.0" in message and "rustup toolchain install 1.2.0" in message
    for text, complaint in (
        ("[toolchain]\nchannel = \n", "asks for no toolchain"), ('[toolchain]\npath = "/opt/rust"\n', "in /opt/rust by its path"),
        ('[toolchain]\nchannel = "1.2; reboot"\n', "rustup would refuse it too"),
    ):
        (source / "rust-toolchain").write_text(text)
        assert complaint in refused(source, directory, allow_dirty=True), "built with another toolchain than was asked for"
    (source / "rust-toolchain").write_text("1.2.0\n")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").symlink_to(shutil.which("git") or "")
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("HOME", str(tmp_path))
    if not any(os.path.exists(path) for path in ("/usr/local/cargo/bin/cargo", "/opt/cargo/bin/cargo")):
        message = refused(source, directory, cargo=None)
        assert message.startswith("cargo is missing") and "rustup toolchain install 1.2.0" in message


def test_a_source_that_no_revision_describes_is_refused(source: Path, tmp_path: Path) -> None:
    directory = tmp_path / "build"
    (source / "src/main.rs").write_text((source / "src/main.rs").read_text() + "// changed\n")
    assert "has changes that no revision has (src/main.rs)" in refused(source, directory)
    dirty = built(source, directory, allow_dirty=True)
    assert "-dirty-" in dirty["manifest"]["release"] and dirty["manifest"]["dirty"]
    shutil.rmtree(directory)
    commit(source)
    (source / "src/bin/unseen.rs").write_text("fn main() {}\n")
    subprocess.run(["git", "-C", str(source), "config", "status.showUntrackedFiles", "no"], check=True)
    assert "(src/bin/unseen.rs)" in refused(source, directory), "git was told to hide what would be built"
    member = crate.checkout(tmp_path / "workspace/node")
    shutil.rmtree(member / ".git")
    (member.parent / "lib.rs").touch()
    subprocess.run(["git", "init", "--quiet", str(member.parent)], check=True)
    commit(member.parent)
    (member.parent / "lib.rs").write_text("// changed\n")
    assert "(lib.rs)" in refused(member, directory), "what lies beside a member is built too"
    if os.geteuid() == 0:
        os.chown(source / ".git", 65534, 65534)
        os.chown(source, 65534, 65534)
        message = refused(source, directory)
        assert "belongs to another user" in message and f"safe.directory {source}" in message, message
    shutil.rmtree(source / ".git")
    assert "is no git tree" in refused(source, directory)
    assert "has no Cargo.toml" in refused(tmp_path, directory)


def test_a_build_directory_that_is_not_ours_is_refused(source: Path, tmp_path: Path) -> None:
    inside = source / "out"
    assert f"{inside} lies in the git tree of {source}" in refused(source, inside), "hours later the tree would be dirty"
    assert not inside.exists()
    (source / ".gitignore").write_text("out/\n")
    commit(source)
    assert built(source, inside)["done"], "git does not look there"

    notes = tmp_path / "shared/cargo/registry/notes"
    notes.parent.mkdir(parents=True)
    notes.write_text("of somebody else")
    message = refused(source, tmp_path / "shared", names="node_build_")
    assert message.startswith("node_build_dir: ") and "holds no artefacts of cargo" in message
    assert notes.read_text() == "of somebody else"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_told(source: Path, tmp_path: Path) -> None:
    directory = tmp_path / "build"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=755", "tmpfs", str(directory)], check=True)
    try:
        assert "min_free wants 10 GiB" in refused(source, directory, min_free="10G")
        message = refused(source, directory, min_free="100k")
        assert message.startswith(f"the disk is full: the build needs more room below {directory}, where 0 MiB"), message
        assert "give another dir" in message
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def status_pid(directory: Path) -> int:
    """The process that watches over a build."""
    return json.loads((directory / "status.json").read_text())["pid"]


def parent_of(pid: str) -> int:
    """The parent of a process; 0 if it is gone."""
    try:
        return int(Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_followed_interrupted_and_limited(source: Path, tmp_path: Path, releases: Releases) -> None:
    directory, go_on = tmp_path / "build", tmp_path / "go-on"
    (source / "build.rs").write_text(WAITS)
    commit(source)
    waiting = {"environment": {"GO_ON": str(go_on)}, "wait": 2}
    begun = built(source, directory, **waiting)
    assert not begun["done"] and begun["progress"].startswith("building for") and "Compiling polkadot" in begun["progress"]
    with pytest.raises(BuildError, match="another build runs in"):
        built(source, directory, **waiting, features=["broken"])
    joined = built(source, directory, **waiting)
    assert joined["next"] == begun["next"] and "running already" in joined["notes"][0], "a second run began a build of its own"

    os.kill(status_pid(directory), signal.SIGKILL)
    message = refused(source, directory, **waiting, **{"continue": begun["next"]})
    assert message.startswith("the build was interrupted") and "Compiling polkadot" in message
    limited = refused(source, directory, **{**waiting, "wait": 60}, timeout=1)
    assert "time limit of 1 seconds" in limited
    begun = built(source, directory, **waiting)
    assert "interrupted goes on" in begun["notes"][0] and not begun["cleaned"]
    cargo = [pid for pid in os.listdir("/proc") if pid.isdigit() and parent_of(pid) == status_pid(directory)]
    os.kill(int(cargo[0]), signal.SIGKILL)
    killed = refused(source, directory, **waiting, **{"continue": begun["next"]}, names="node_build_")
    assert killed.startswith("a compiler was killed") and "node_build_jobs" in killed
    go_on.touch()
    finished = built(source, directory, **{**waiting, "wait": 60})
    assert finished["done"] and not finished["cleaned"]
    assert releases() == [finished["manifest"]["release"]]


def test_a_source_that_does_not_compile(source: Path, tmp_path: Path) -> None:
    (source / "src/main.rs").write_text("fn main() { no }\n")
    commit(source)
    message = refused(source, tmp_path / "build")
    assert message.startswith("cargo failed (exit status 101)") and "cannot find value `no`" in message, "no log was shown"
    assert str(tmp_path / "build/build.log") in message


@pytest.fixture(scope="module")
def arm64_library(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Flags that give rustc the standard library of arm64: Debian's package, beside Debian's own compiler."""
    directory = tmp_path_factory.mktemp("arm64")
    packaged = subprocess.run(["dpkg-query", "-W", "libstd-rust-dev"], capture_output=True, check=False).returncode == 0
    if crate.CARGO != "/usr/bin/cargo" or not packaged:
        pytest.skip("the standard library of Rust for arm64 is had from Debian, for Debian's own compiler alone")
    (directory / "apt").mkdir()
    try:
        repository = debs.Repository(rootfs.SUITE, directory / "apt")
        unpacked = repository.unpack("libstd-rust-dev")
    except FleetError as error:
        pytest.skip(f"the standard library of Rust for arm64 cannot be had here: {error}")
    # Another version than that of the compiler would be refused by the compiler itself.
    return ["--sysroot", str(unpacked / "usr")]


@pytest.mark.skipif(shutil.which("aarch64-linux-gnu-gcc") is None, reason="needs aarch64-linux-gnu-gcc, which links for arm64")
@pytest.mark.skipif(platform.machine() == "aarch64", reason="arm64 is the native target here")
def test_cross_built_for_arm64(source: Path, tmp_path: Path, arm64_library: list[str]) -> None:
    target = "aarch64-unknown-linux-gnu"
    if not os.path.isdir(f"/usr/lib/rustlib/{target}"):
        assert "libstd-rust-dev:arm64" in refused(source, tmp_path / "build", target=target)
    result = built(source, tmp_path / "build", target=target, rustflags=arm64_library)
    node = result["manifest"]["binaries"][0]
    assert (node["facts"]["machine"], node["facts"]["page_alignment"], node["version"]) == ("aarch64", 65536, None)
    assert any("was not run on this build host" in note for note in result["notes"])
    assert result["manifest"]["inputs"]["environment"] == {"JEMALLOC_SYS_WITH_LG_PAGE": "16"}
    if shutil.which("qemu-aarch64-static"):
        program = Path(result["directory"], "polkadot")
        emulated = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu", str(program), "--version"]
        said = subprocess.run(emulated, capture_output=True, text=True, check=True).stdout
        assert said.strip().endswith("jemalloc 16"), "jemalloc would have been built for the pages of the build host"
