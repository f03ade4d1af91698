# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of container engines and names of containers, bent: what is edited stays what it was but for the edit."""

from __future__ import annotations

import contextlib
import json
from unittest import mock

import pytest

from ansible_collections.aarch64.validator.plugins.module_utils import (
    _bisect_evidence,
    _cgroup,
    _confinement,
    _container_defaults,
    _container_id,
    _docker_engine,
    _docker_plan,
    _json_edit,
    _podman_apply,
    _podman_conf,
    _procfs,
    _read,
    _trial_container,
)
from ansible_collections.aarch64.validator.plugins.module_utils._child import Answer
from fuzzing import Target, fuzz, summary
from host_texts import MOUNTINFO, STRACE

INPUTS = 7000
DAEMON_JSON = (
    '{\n    "labels": ["kept=yes"],\n    "log-opts" : {"max-size": "10m"},\n    "default-ulimits": {\n'
    '        "core": {"Name": "core", "Hard": 0, "Soft": 0}\n    },\n    "shutdown-timeout": 3\n}\n',
    '{"default-shm-size":"64M","debug":true}', '{\r\n\t"default-ulimits": {},\r\n\t"a": [1, 2.5e3, null]\r\n}\r\n', "{}", "")
CONTAINERS_CONF = (
    '[containers]\ndefault_ulimits = ["nofile=1024:2048", "nproc=2000:2000"]\nshm_size = "65536k"\n[engine]\nruntime = "runc"\n',
    _podman_conf.render({"shm_size": "2147483648", "default_ulimits": ["nofile=65535:65535"]}))
ID = "0123456789abcdef" * 4
POD = "12345678-1234-1234-1234-123456789abc"
CGROUPS = (
    f"0::/system.slice/docker-{ID}.scope\n", f"12:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}\n",
    f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container\n",
    f"0::/kubepods.slice/kubepods-burstable-pod{POD.replace('-', '_')}.slice/cri-containerd-{ID}.scope\n",
    "0::/lxc.payload.node\\x2d1/system.slice/polkadot.service\n", "0::/machine.slice/systemd-nspawn@a.service/payload\n")
MOUNTS = (
    MOUNTINFO, f"700 600 254:1 /var/lib/docker/containers/{ID}/hosts /etc/hosts rw - ext4 /dev/vda1 rw\n"
    f"701 600 0:9 /var/lib/kubelet/pods/{POD}/etc-hosts /etc/hosts rw - ext4 /dev/vda1 rw\n"
    "702 600 0:44 / /proc/cpuinfo rw - fuse.lxcfs lxcfs rw\n"
    f"703 600 0:45 /containers/overlay-containers/{ID}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw\n")
LIMITS = {"nofile": {"soft": 65535, "hard": 1 << 20}, "memlock": {"soft": -1, "hard": -1}}


def daemon_json(text: str) -> None:
    """Where a text can be used at all, each edit is valid, changes one key alone, and can be taken back."""
    before = _json_edit.parse_object(text)
    _docker_plan.shm_of(before)
    _docker_plan.ulimits_of(before)
    sized = _docker_plan.new_text(text, 2 << 30, {})
    after = _json_edit.parse_object(sized)
    assert _docker_plan.shm_of(after) == 2 << 30, "not what it says"
    assert _rest(after, _docker_plan.SHM) == _rest(before, _docker_plan.SHM), "another key has changed"
    assert _docker_plan.new_text(sized, 2 << 30, {}) == sized, "a second edit changes something"
    limited = _docker_plan.new_text(sized, None, LIMITS)
    found = _json_edit.parse_object(limited)
    assert {name: _docker_plan.ulimits_of(found)[name] for name in LIMITS} == LIMITS, "not what it says"
    assert _rest(found, _docker_plan.ULIMITS) == _rest(after, _docker_plan.ULIMITS), "another key has changed"
    others = {name: value for name, value in (before.get(_docker_plan.ULIMITS) or {}).items() if name not in LIMITS}
    assert {name: value for name, value in found[_docker_plan.ULIMITS].items() if name not in LIMITS} == others
    written = _docker_plan.values_of(limited)
    back = _json_edit.parse_object(_docker_plan.ours_removed(limited, text, written))
    assert back == before, "cannot be taken back"
    assert _outline(text, before) in ("", _outline(sized, before)), "the layout of other keys has changed"


def _rest(settings: dict, key: str) -> str:
    return json.dumps({name: value for name, value in settings.items() if name != key})


def _outline(text: str, keys: dict) -> str:
    """The text of all members that are not ours, as they are written."""
    if not text.strip(" \t\r\n"):
        return ""
    return "\0".join(text[one.start:one.value_end] for one in _json_edit.members(text)
                     if one.key in keys and one.key not in _docker_plan.FLAGS)


def flags(text: str) -> None:
    """Flags of an engine."""
    given = {_docker_plan.SHM: [text], _docker_plan.ULIMITS: text.split()}
    _docker_plan.flags_suffice(1 << 30, {"nofile": 65535}, given)
    for thousand in (1000, 1024):
        size = _container_defaults.parse_units(text, thousand)
        assert size is None or size >= 0


def containers_conf(text: str) -> None:
    """Whatever other files say, ours says what it has to, and is known again."""
    values, _sources = _podman_conf.effective([("/a", text), ("/b", CONTAINERS_CONF[0])])
    _podman_conf.is_ours(text)
    before, _sources = _podman_conf.effective([("/a", text)])
    _podman_conf.shm_of(before)
    _podman_conf.ulimits_of(before)
    own = _podman_conf.new_values({}, values, 2 << 30, {"nofile": LIMITS["nofile"]})
    written = _podman_conf.render(own)
    assert _podman_conf.is_ours(written), "would not be taken back"
    assert _podman_conf.shm_of(_podman_conf.values_of(written)) == 2 << 30
    assert _podman_conf.ulimits_of(_podman_conf.values_of(written))["nofile"] == LIMITS["nofile"]
    assert _read.encode(written)


def cgroups(text: str) -> None:
    """A container as its control group names it."""
    place = _container_id.place_of_cgroups(_cgroup.parse_cgroup(text).values())
    assert json.dumps(_container_id.combined([place, None]))


def mounts(text: str) -> None:
    """A container as its mounts and its marks name it."""
    places = [_container_id.place_of_mounts(_procfs.parse_mountinfo(text)),
              _container_id.place_of_marks(False, text, None), _container_id.place_of_marks(True, None, text)]
    assert json.dumps(_container_id.combined(places))
    _container_id.name_of_containerenv(text)


def refusals(text: str) -> None:
    """What a trace of a failing start points to."""
    trace = _bisect_evidence.RefusalTrace()
    for line in text.split("\n"):
        trace.feed(line)
    properties = {"SystemCallFilter": text, "InaccessiblePaths": text, "RestrictAddressFamilies": "AF_UNIX"}
    start = {"refusals": trace.all_refusals(), "signal": None, "exit_status": 1, "lines": text.split("\n")}
    for name in _bisect_evidence.suspects(start, properties):
        _bisect_evidence.wanted(name, trace.all_refusals(), properties)


class Engine:
    """The connection to an engine that answers this, whatever it is asked."""

    status = 200

    def __init__(self, text: str) -> None:
        self.text = text

    def request(self, *_request: object) -> None:
        """Nothing is sent."""

    def getresponse(self) -> Engine:
        """The same answer to all."""
        return self

    def read(self, _most: int) -> bytes:
        """The text, as a socket has it."""
        return self.text.encode("utf-8", "surrogateescape")

    def close(self) -> None:
        """Nothing was opened."""


def docker(text: str) -> None:
    """What an engine answers on its socket is what is asked of it, or an error in words."""
    connected = mock.patch.object(_docker_engine, "_Connection", return_value=Engine(text))
    with connected, mock.patch.object(_trial_container, "seen_of", return_value={}):
        api = _docker_engine.Api("/run/docker.sock")
        trial = _docker_engine.Trial(api)
        for ask in (api.running, trial.told_shm, lambda: trial.seen({})):
            with contextlib.suppress(_trial_container.TrialError):
                assert json.dumps(ask())


def podman(text: str) -> None:
    """What Podman prints, and says on a failure."""
    for status in (0, 125):
        asked = mock.patch.object(_podman_apply, "ask", return_value=Answer(status, text, text))
        with asked, mock.patch.object(_trial_container, "seen_of", return_value={}):
            assert all(isinstance(name, str) for name in _podman_apply.running("podman"))
            trial = _podman_apply.Trial("podman")
            with contextlib.suppress(_trial_container.TrialError):
                trial.seen({})


def id_maps(text: str) -> None:
    """Maps of users of a process, its own and those of whoever reads."""
    for other in (text, "0 0 4294967295", None):
        userns = _confinement.user_namespace(text, other, other)
        assert json.dumps(userns)
        assert _confinement.is_rootless(userns, text, None) in (True, False)
    assert _confinement.outside_id(_confinement.parse_id_map(text), 0) is None or "0" in text


DOCKER = (
    json.dumps({"Id": ID, "Warnings": [], "HostConfig": {"ShmSize": 67108864}, "State": {"Pid": 4711}}),
    json.dumps([{"Names": ["/node"], "Id": ID}, {"Names": []}]),
    '{"status":"x"}\n{"errorDetail":{"message":"no"},"error":"no"}\n',
    '{"message":"No such container"}')

TARGETS = (
    Target("daemon.json", daemon_json, DAEMON_JSON, (_json_edit.BrokenJson, _docker_plan.Wrong)),
    Target("flags of an engine", flags, ["2G", "64m nofile=1024:2048 memlock=-1", "1.5 GiB"], (), 0.5),
    Target("containers.conf", containers_conf, CONTAINERS_CONF),
    Target("container of a control group", cgroups, CGROUPS),
    Target("container of mounts", mounts, [*MOUNTS, f'engine="podman-4.3.1"\nname="node"\nid="{ID}"\n']),
    Target("refused calls", refusals, [STRACE], (), 0.5),
    Target("answers of Docker", docker, DOCKER),
    Target("output of Podman", podman, ["4711\n", "node\nother\n", "Error: crun: Operation not permitted\n"], (), 0.5),
    Target("maps of users", id_maps, ["         0     100000      65536\n", "0 0 4294967295\n", "0 1000 1\n1 100000 65536\n"]),
)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_what_is_documented(target: Target) -> None:
    assert fuzz(target, INPUTS) >= INPUTS * target.share / 2


def test_samples_are_edited() -> None:
    """The samples are settings that an engine takes, so that bent ones often are."""
    for text in DAEMON_JSON:
        daemon_json(text)
    assert _podman_conf.ulimits_of(_podman_conf.values_of(CONTAINERS_CONF[0]))["nproc"] == {"soft": 2000, "hard": 2000}
    named = [_container_id.place_of_cgroups(_cgroup.parse_cgroup(text).values()) for text in CGROUPS]
    assert [place and place.runtime for place in named] == ["docker", "docker", "podman", "containerd", "lxc", "systemd-nspawn"]


def test_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """Says what the tests before it have tried."""
    with capsys.disabled():
        print("\n" + summary())
