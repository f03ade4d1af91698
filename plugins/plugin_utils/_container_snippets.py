# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's container as it should be started, in the form of each runtime. Pure; private to this collection.

Only what this collection judges is in there; ports, data and the node's own arguments are the operator's to add.
"""

from __future__ import annotations

import shlex
import typing as t

import yaml

from ansible_collections.aarch64.validator.plugins.module_utils._node import STRATEGY_FLAG
from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNLIMITED, OptionError, larger
from ansible_collections.aarch64.validator.plugins.plugin_utils._container_settings import (
    NOTHING_HELPS,
    engine_size,
    quantity,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._forecast import forecasts
from ansible_collections.aarch64.validator.plugins.plugin_utils._policy import checked_policy
from ansible_collections.aarch64.validator.plugins.plugin_utils._settings import LIMITS, RECREATE, wanted_shm_size
from ansible_collections.aarch64.validator.plugins.plugin_utils._sound import sound_facts

IMAGE = "localhost/polkadot:latest"
NAME = "polkadot"
NODE_LABEL = "aarch64.validator/address-space-bits"
ENOUGH_BITS = "48"
LEAST_MEMORY = 8 << 30  # as paritytech.chain gives validators
USER = 1000
_ALLOWED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@"


class Wanted(t.NamedTuple):
    """What the container has to have. Limits by name are ``(soft, hard)``."""

    image: str
    shm: int
    limits: dict
    memory: int | None  # None: leave it without a limit
    arguments: list


def snippets(facts: dict, policy: dict, node: str | None = None, image: str = IMAGE) -> dict:
    """``{docker_run, compose, quadlet, kubernetes, lxc, notes}``: texts, and a list of sentences.

    node is a key of ``processes`` or ``services`` of the facts; without one the first node that is in a container counts, then
    the first node at all. Raises OptionError for a node that is not there, and for what cannot be an image.
    """
    if not isinstance(image, str) or not image or image[0] in "-./:@" or any(letter not in _ALLOWED for letter in image):
        raise OptionError("image", image, "the name of an image such as docker.io/parity/polkadot:v1.20.0")
    checked, sound = checked_policy(policy), sound_facts(facts)
    known = {**sound["processes"], **sound["services"]}
    if node is not None and node not in known:
        raise OptionError("node", node, "one of: " + (", ".join(sorted(known)) or "no node was found on this host"))
    contained = [name for name in sorted(known) if known[name].get("container")]
    chosen = node or next(iter(contained + sorted(known)), None)
    service = known.get(chosen or "") or {}
    forecast = forecasts(sound, checked)[chosen or "host"]
    lacks_room = forecast["bound"] == "address-space" and forecast["engines_fit"] < forecast["engines_needed"]
    wanted = Wanted(
        image=image, shm=wanted_shm_size(sound, checked)[0],
        limits={name: (checked["limit_" + name], _hard(service, name, checked["limit_" + name])) for name in LIMITS},
        memory=_memory(service, wanted_shm_size(sound, checked)[0]),
        arguments=[STRATEGY_FLAG, RECREATE] if lacks_room and checked["node_strategy"] == "auto" else [])
    return {
        "docker_run": docker_run(wanted), "compose": compose(wanted), "quadlet": quadlet(wanted),
        "kubernetes": kubernetes(wanted), "lxc": lxc(wanted), "notes": notes(wanted, forecast["why"] if lacks_room else None),
    }


def docker_run(wanted: Wanted) -> str:
    """One command line, which Podman takes as well."""
    words = ["docker", "run", "--detach", f"--name={NAME}", f"--shm-size={engine_size(wanted.shm)}"]
    words += [word for name, pair in wanted.limits.items() for word in ("--ulimit", f"{name}={_pair(pair, '-1')}")]
    words += [f"--memory={engine_size(wanted.memory)}"] if wanted.memory else []
    words += ["--security-opt", "no-new-privileges", wanted.image, *wanted.arguments]
    return " ".join(map(shlex.quote, words)) + "\n"


def compose(wanted: Wanted) -> str:
    """A Compose file."""
    service = {
        "image": wanted.image, "container_name": NAME, "shm_size": engine_size(wanted.shm),
        "ulimits": {name: {"soft": soft, "hard": hard} for name, (soft, hard) in wanted.limits.items()},
        "security_opt": ["no-new-privileges:true"],
    }  # type: dict[str, t.Any]
    if wanted.memory:
        service["mem_limit"] = engine_size(wanted.memory)
    if wanted.arguments:
        service["command"] = wanted.arguments
    return _yaml({"services": {NAME: service}})


def quadlet(wanted: Wanted) -> str:
    """A unit for ``/etc/containers/systemd/polkadot.container``; ShmSize= needs Podman 4.7."""
    ulimits = "".join(f"PodmanArgs=--ulimit={name}={_pair(pair, '-1')}\n" for name, pair in wanted.limits.items())
    memory = f"PodmanArgs=--memory={engine_size(wanted.memory)}\n" if wanted.memory else ""
    arguments = f"Exec={' '.join(wanted.arguments)}\n" if wanted.arguments else ""
    return (f"[Unit]\nDescription=Polkadot node\n\n[Container]\nImage={wanted.image}\nContainerName={NAME}\n"
            f"ShmSize={engine_size(wanted.shm)}\n{ulimits}{memory}NoNewPrivileges=true\n{arguments}\n"
            "[Service]\nRestart=always\nRestartSec=120\n\n[Install]\nWantedBy=multi-user.target\n")


def kubernetes(wanted: Wanted) -> str:
    """A StatefulSet of one: two nodes with the same keys must never run. Ulimits are the node's, not a manifest's."""
    labels = {"app.kubernetes.io/name": NAME}
    mounts = [{"name": "shm", "mountPath": "/dev/shm"}]
    container = {
        "name": NAME, "image": wanted.image, "volumeMounts": mounts,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }  # type: dict[str, t.Any]
    if wanted.arguments:
        container["args"] = wanted.arguments
    if wanted.memory:
        container["resources"] = {"limits": {"memory": quantity(wanted.memory)}}
    pod = {
        "nodeSelector": {NODE_LABEL: ENOUGH_BITS},
        "terminationGracePeriodSeconds": 120,
        "securityContext": {"runAsNonRoot": True, "runAsUser": USER, "fsGroup": USER,
                            "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": quantity(wanted.shm)}}],
    }
    if wanted.arguments:
        del pod["nodeSelector"]  # without pools any kernel does
    spec = {"serviceName": NAME, "replicas": 1, "selector": {"matchLabels": dict(labels)},
            "template": {"metadata": {"labels": dict(labels)}, "spec": pod}}
    metadata = {"name": NAME, "labels": dict(labels)}
    return _yaml({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec})


def lxc(wanted: Wanted) -> str:
    """Lines for the configuration of the container, on Proxmox ``/etc/pve/lxc/ID.conf`` (there with ``:`` for ``=``)."""
    lines = [f"lxc.prlimit.{name} = {_pair(pair, 'unlimited')}" for name, pair in wanted.limits.items()]
    lines += [f"lxc.mount.entry = tmpfs dev/shm tmpfs rw,nosuid,nodev,size={wanted.shm},mode=1777,create=dir 0 0"]
    lines += [f"lxc.cgroup2.memory.max = {wanted.memory}"] if wanted.memory else []
    return "\n".join(lines) + "\n"


def notes(wanted: Wanted, why: str | None) -> list:
    """What the texts do not say themselves."""
    told = ["a container that runs keeps what it has: these count for one that is made anew",
            "with Kubernetes, nofile and memlock are those of the node's container runtime: LimitNOFILE= and LimitMEMLOCK= of "
            "containerd.service or crio.service",
            "an engine that restarts containers does so at once, but an authority has to stay down for 120 seconds: leave "
            "restarts to systemd, as the Quadlet unit does"]
    if wanted.arguments:
        told.insert(0, f"{why}; {NOTHING_HELPS}, so the node is started with {' '.join(wanted.arguments)}")
    else:
        told.append(f"kubectl label node NAME {NODE_LABEL}={ENOUGH_BITS} for each node whose kernel has {ENOUGH_BITS} bits of "
                    "address space (audit shows them); others would refuse the node's memory pools")
    if wanted.memory:
        told.append("what lies in /dev/shm counts against the memory limit, so that it is in there")
    return told


def _hard(service: dict, name: str, soft: int) -> int:
    """The hard limit: never lower than what the node has."""
    live = ((service.get("limits") or {}).get("live") or {}).get(name) or {}
    return soft if live.get("hard") is None else larger(live["hard"], soft)


def _memory(service: dict, shm: int) -> int | None:
    """For a container that has a memory limit of its own: enough of it, and /dev/shm besides."""
    limit = (service.get("cgroup") or {}).get("limit")
    source = ((service.get("container") or {}).get("from") or {}).get("memory")
    if limit in (None, UNLIMITED) or source not in ("container", "pod"):
        return None
    return max(limit, LEAST_MEMORY + shm)


def _pair(pair: tuple, unlimited: str) -> str:
    return ":".join(unlimited if value == UNLIMITED else str(value) for value in pair)


def _yaml(content: dict) -> str:
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=False)
