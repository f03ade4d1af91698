# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which container a process is in, from text as real hosts have it, and that no text breaks the readers of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.aarch64.validator.plugins.module_utils._cgroup import parse_cgroup
from ansible_collections.aarch64.validator.plugins.module_utils._confinement import (
    capability_names,
    is_rootless,
    parse_id_map,
    user_namespace,
)
from ansible_collections.aarch64.validator.plugins.module_utils._container_facts import group_owner
from ansible_collections.aarch64.validator.plugins.module_utils._container_id import (
    Place,
    combined,
    name_of_containerenv,
    place_of_cgroup,
    place_of_cgroups,
    place_of_marks,
    place_of_mounts,
    pod_of_cgroup,
)
from ansible_collections.aarch64.validator.plugins.module_utils._procfs import parse_mountinfo

ID = "00a0d1bb0aacc1e1dbdbd7f89559117e896fb7f4f248a79f0a4664633370a2dc"
OTHER_ID = "f" * 64
UID = "8f3c1a52-6b0d-4e0a-9d52-0c7b1f2e9a11"
UNDERSCORES = UID.replace("-", "_")
STATIC = "5dc24fbc1cc72e9f5a53ee8f5d1c3d4b"
USER = "/user.slice/user-1000.slice/user@1000.service"

# path -> runtime, id, pod, unit, user
CGROUPS = {
    f"/docker/{ID}": ("docker", ID, None, None, None),
    f"/system.slice/docker-{ID}.scope": ("docker", ID, None, None, None),
    f"/system.slice/docker-{ID}.scope/init.scope": ("docker", ID, None, None, None),
    f"{USER}/user.slice/docker-{ID}.scope": ("docker", ID, None, None, 1000),
    f"/machine.slice/libpod-{ID}.scope/container": ("podman", ID, None, None, None),
    f"/libpod_parent/libpod-{ID}": ("podman", ID, None, None, None),
    f"/machine.slice/machine-libpod_pod_{OTHER_ID}.slice/libpod-{ID}.scope": ("podman", ID, None, None, None),
    f"{USER}/user.slice/libpod-{ID}.scope/container": ("podman", ID, None, None, 1000),
    f"/system.slice/polkadot.service/libpod-payload-{ID}": ("podman", ID, None, "polkadot.service", None),
    f"{USER}/app.slice/polkadot.service/libpod-payload-{ID}": ("podman", ID, None, "polkadot.service", 1000),
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORES}.slice/cri-containerd-{ID}.scope": (
        "containerd", ID, UID, None, None),
    f"/kubepods.slice/kubepods-pod{UNDERSCORES}.slice/cri-containerd-{ID}.scope": ("containerd", ID, UID, None, None),
    f"/kubepods/besteffort/pod{UID}/{ID}": ("containerd", ID, UID, None, None),
    f"/kubepods/pod{STATIC}/{ID}": ("containerd", ID, STATIC, None, None),
    f"/kubepods/burstable/pod{UID}/crio-{ID}": ("cri-o", ID, UID, None, None),
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORES}.slice/crio-{ID}.scope/container": (
        "cri-o", ID, UID, None, None),
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORES}.slice/docker-{ID}.scope": (
        "docker", ID, UID, None, None),
    f"/system.slice/containerd.service/kubepods-burstable-pod{UNDERSCORES}.slice:cri-containerd:{ID}": (
        "containerd", ID, UID, "containerd.service", None),
    # kind: a node of Kubernetes that is a container of Docker itself; the inner one is the node's
    f"/system.slice/docker-{OTHER_ID}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
    f"kubelet-kubepods-burstable-pod{UNDERSCORES}.slice/cri-containerd-{ID}.scope": ("containerd", ID, UID, None, None),
    f"/system.slice/nerdctl-{ID}.scope": ("containerd", ID, None, None, None),
    f"/default/{ID}": ("containerd", ID, None, None, None),
    "/lxc.payload.val-1": ("lxc", "val-1", None, None, None),
    "/lxc.payload.val-1/system.slice/polkadot.service": ("lxc", "val-1", None, None, None),
    "/lxc/101/ns/system.slice/polkadot.service": ("lxc", "101", None, None, None),
    "/machine.slice/systemd-nspawn@val\\x2d1.service/payload/system.slice/polkadot.service": (
        "systemd-nspawn", "val-1", None, None, None),
    "/machine.slice/machine-val\\x2d1.scope/payload": ("systemd-nspawn", "val-1", None, None, None),
    "/system.slice/val-1.service/payload": ("systemd-nspawn", None, None, "val-1.service", None),
    "/system.slice/val-1.service/payload/system.slice/polkadot.service": ("systemd-nspawn", None, None, "val-1.service", None),
    "/system.slice/crun-val-1.scope": ("unknown", "val-1", None, None, None),
}
NO_CONTAINER = (
    "/", "", "/system.slice/polkadot.service", "/system.slice/docker.service", "/init.scope", "/../..",
    f"{USER}/app.slice/app-org.gnome.Terminal.slice/vte-spawn-{UID}.scope", "/user.slice/user-0.slice/session-3.scope",
    f"/machine.slice/libpod-conmon-{ID}.scope", "/lxc.monitor.val-1", "/kubepods.slice/kubelet.service", "/payload",
    "/user.slice/payload", f"/{ID}",
    "/process_api/5375bdf3e8ef251728e4010229bbf342",
)
# Taken from real containers; the line numbers are cut down.
PODMAN_MOUNTS = f"""\
3759 3723 0:217 / / rw,nodev,relatime - overlay overlay rw,lowerdir=/x,upperdir=/y,workdir=/z
3765 3759 254:0 /var/lib/containers/storage/overlay-containers/{ID}/userdata/hostname /etc/hostname rw - ext4 /dev/vda rw
3767 3761 0:216 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=64000k
"""
ROOTLESS_MOUNTS = f"1 0 0:41 /containers/overlay-containers/{ID}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw,uid=1000\n"
DOCKER_MOUNTS = f"""\
700 600 0:63 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A
712 700 8:1 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/sda1 rw
"""
POD_MOUNTS = f"""\
900 800 8:1 /var/lib/kubelet/pods/{UID}/etc-hosts /etc/hosts rw,relatime - ext4 /dev/sda1 rw
901 800 8:1 /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{ID}/hostname /etc/hostname rw - ext4 /dev/sda1 rw
"""
CRIO_MOUNTS = POD_MOUNTS.replace(f"/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{ID}/hostname",
                                 f"/run/containers/storage/overlay-containers/{ID}/userdata/hostname")
LXC_MOUNTS = "40 30 0:35 /proc/meminfo /proc/meminfo rw,nosuid,nodev,relatime - fuse.lxcfs lxcfs rw,user_id=0\n"
NSPAWN_MOUNTS = "50 40 0:24 /systemd/nspawn/propagate/val-1 /run/host/incoming ro - tmpfs tmpfs rw,mode=755\n"
MOUNTS = {
    PODMAN_MOUNTS: ("podman", ID, None), ROOTLESS_MOUNTS: ("podman", ID, None), DOCKER_MOUNTS: ("docker", ID, None),
    POD_MOUNTS: ("containerd", None, UID), CRIO_MOUNTS: ("cri-o", None, UID), LXC_MOUNTS: ("lxc", None, None),
    NSPAWN_MOUNTS: ("systemd-nspawn", "val-1", None),
}
ALL_USERS = "         0          0 4294967295\n"
ROOTLESS_USERS = "         0       1000          1\n         1     100000      65536\n"
LXC_USERS = "         0     100000      65536\n"


@pytest.mark.parametrize("path", CGROUPS)
def test_a_control_group_names_its_container(path):
    place = place_of_cgroup(path)
    assert (place.runtime, place.id, place.pod, place.unit, place.user) == CGROUPS[path]
    assert path.startswith(place.path)


@pytest.mark.parametrize("path", NO_CONTAINER)
def test_what_is_no_container_is_not_taken_for_one(path):
    assert place_of_cgroup(path) is None


def test_one_controller_that_names_the_container_is_enough():
    text = f"9:name=systemd:/docker/{ID}\n4:memory:/docker/{ID}\n1:cpu:/\n0::/\n"
    assert place_of_cgroups(parse_cgroup(text).values()).id == ID
    assert place_of_cgroups(parse_cgroup("0::/\n").values()) is None


@pytest.mark.parametrize("text", MOUNTS, ids=[values[0] + str(number) for number, values in enumerate(MOUNTS.values())])
def test_mounts_name_a_container_that_its_control_group_hides(text):
    place = place_of_mounts(parse_mountinfo(text))
    assert (place.runtime, place.id, place.pod) == MOUNTS[text]


def test_mounts_of_a_plain_host_name_none():
    assert place_of_mounts(parse_mountinfo("24 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n")) is None


@pytest.mark.parametrize(("marks", "expected"), [
    ((True, None, None), ("docker", None)),
    ((False, "", None), ("podman", None)),
    ((False, f'engine="podman-4.3.1"\nname="validator"\nid="{ID}"\nrootless=0\n', None), ("podman", ID)),
    ((False, None, "systemd-nspawn\n"), ("systemd-nspawn", None)),
    ((False, None, "lxc"), ("lxc", None)),
    ((False, None, "lxc-libvirt"), ("lxc", None)),
    ((False, None, "../../x"), None),
    ((False, None, None), None),
])
def test_marks_in_a_root_directory(marks, expected):
    place = place_of_marks(*marks)
    assert (place and (place.runtime, place.id)) == expected


def test_podman_tells_a_name_that_is_one():
    assert name_of_containerenv('name="validator"\n') == "validator"
    assert name_of_containerenv('name="a b; rm"\n') is None and name_of_containerenv(None) is None


def test_the_better_source_wins_and_the_others_fill_in():
    bare = Place("unknown", "val-1", None, None, None, "/crun-val-1.scope")
    assert combined([bare, place_of_mounts(parse_mountinfo(DOCKER_MOUNTS))])[:2] == ("docker", "val-1")
    by_cgroup = place_of_cgroup(f"/docker/{ID}")
    assert combined([by_cgroup, place_of_mounts(parse_mountinfo(POD_MOUNTS))]).pod == UID
    assert combined([None, None]) is None


@pytest.mark.parametrize(("file", "owner"), [
    (f"/sys/fs/cgroup/kubepods.slice/kubepods-pod{UNDERSCORES}.slice/cri-containerd-{ID}.scope/memory.max", "container"),
    (f"/sys/fs/cgroup/kubepods.slice/kubepods-pod{UNDERSCORES}.slice/memory.max", "pod"),
    ("/sys/fs/cgroup/kubepods.slice/memory.max", "host"),
    ("/sys/fs/cgroup/system.slice/polkadot.service/memory.max", "unit"),
    (None, None),
])
def test_who_set_a_limit(file, owner):
    place = place_of_cgroup(f"/kubepods.slice/kubepods-pod{UNDERSCORES}.slice/cri-containerd-{ID}.scope")
    assert group_owner(file, place) == owner


@pytest.mark.parametrize(("mask", "names"), [
    ("0000000000000000", []),
    ("00000000800405fb", ["cap_chown", "cap_dac_override", "cap_fowner", "cap_fsetid", "cap_kill", "cap_setgid", "cap_setuid",
                          "cap_setpcap", "cap_net_bind_service", "cap_sys_chroot", "cap_setfcap"]),
    ("0000020000000000", ["cap_41"]),
    ("junk", None), (None, None),
])
def test_capabilities_by_name(mask, names):
    assert capability_names(mask) == names


@pytest.mark.parametrize(("uid_map", "own", "root", "rootless"), [
    (ALL_USERS, False, 0, False), (ROOTLESS_USERS, True, 1000, True), (LXC_USERS, True, 100000, False), ("", True, None, False),
])
def test_user_namespaces(uid_map, own, root, rootless):
    userns = user_namespace(uid_map, uid_map, ALL_USERS)
    assert (userns["own"], userns["root_uid"]) == (own, root)
    assert is_rootless(userns, uid_map, None) is rootless
    assert is_rootless(userns, uid_map, 1000) is True and is_rootless(userns, uid_map, 0) is False


def test_a_user_namespace_that_may_not_be_read_is_not_known():
    assert user_namespace(None, None, ALL_USERS) is None and is_rootless(None, None, None) is None


WORDS = st.sampled_from(["/", "docker", "docker-", ID, ".scope", "kubepods", "pod" + UID, "lxc", "lxc.payload.", ":", "\n", "-",
                         "cri-containerd-", "\\x2d", "libpod-", "user@1000.service", "machine-", "x.service", "0", "\0"])
LIKELY = st.lists(WORDS | st.text(max_size=5), max_size=14).map("".join)


@given(LIKELY | st.text(max_size=300))
def test_no_text_breaks_a_reader(text):
    place_of_cgroups(parse_cgroup(text).values())
    place = place_of_cgroup(text)
    assert place is None or (place.runtime and isinstance(place.path, str))
    pod_of_cgroup(text)
    place_of_mounts(parse_mountinfo(text))
    place_of_marks(False, text, text)
    name_of_containerenv(text)
    capability_names(text)
    parse_id_map(text)
    user_namespace(text, text, text)
    is_rootless(user_namespace(text, text, text), text, None)


@given(LIKELY, LIKELY)
def test_no_mount_breaks_a_reader(root, mountpoint):
    place_of_mounts([{"root": root, "mountpoint": mountpoint, "fstype": root, "source": "", "options": [], "super_options": []}])
