# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of ``docker run`` and ``podman run`` that restrict a container. Pure; private to this collection.

Only these may be given to a throw-away container. No option that brings in files, networks, devices or names of others is
among them, so that a trial has nothing of a live node.
Source: docker-run(1), podman-run(1).
"""

from __future__ import annotations

import re
import typing as t

_MEMORY = "a leak in the program is no longer stopped before it takes the memory of everything else on the host"

# What it costs to leave an option out, the likeliest to stop a node first.
OPTIONS = {
    "--security-opt": "the container loses that protection: a filter of system calls, a profile, or the ban on new privileges",
    "--cap-drop": "a program that runs as root in the container has these capabilities again, within its namespaces",
    "--read-only": "the program may change the files of its container, also its own programs",
    "--user": "the program runs as the user of the image, which is often root",
    "--memory": _MEMORY,
    "--memory-swap": _MEMORY,
    "--pids-limit": "the container may start threads and processes until the host has no room for more",
    "--ulimit": "the container has the limits of the engine in place of this one",
    "--shm-size": "the container has the default of the engine, usually 64 MiB",
    "--tmpfs": "the program sees the files of the image there",
    "--userns": "the users of the container are users of the host, if the engine does not map them by itself",
    "--ipc": "the container has the engine's default for shared memory and message queues",
    "--cgroupns": "the container has the engine's default view of control groups",
    "--cpus": "the container may use every processor to the full",
    "--runtime": "the container shares the kernel of the host as the engine's default runtime lets it",
    "--group-add": "the program has the groups of the image only",
    "--sysctl": "the container has the defaults of the kernel in its namespaces",
    "--umask": "files of the program have the engine's default modes",
}
_SHORT = {"-u": "--user", "-m": "--memory"}
_FLAGS = ("--read-only",)
# Every container has it unless told otherwise, so that it is tried as if it were an option.
DEFAULT_FILTER = "--security-opt=seccomp=(default)"
_NO_FILTER = "--security-opt=seccomp=unconfined"
_SHARED = re.compile(r"=(?:host|container:|ns:|shareable)")

_BY_STATUS = {137: ("--memory", "--memory-swap"), 159: ("--security-opt",), 126: ("--user", "--security-opt"),
              125: ("--runtime", "--userns", "--security-opt", "--ulimit")}
_BY_TEXT = (
    (re.compile(r"Read-only file system|os error 30"), ("--read-only",)),
    (re.compile(r"memfd|Operation not permitted|os error 1\)|Bad system call"), ("--security-opt", "--cap-drop")),
    (re.compile(r"Permission denied|os error 13"), ("--user", "--cap-drop", "--security-opt")),
    (re.compile(r"Cannot allocate memory|os error 12|out of memory|Killed", re.IGNORECASE), ("--ulimit", "--memory")),
    (re.compile(r"No space left|os error 28|Bus error"), ("--shm-size", "--tmpfs")),
    (re.compile(r"Too many open files|File too large"), ("--ulimit",)),
    (re.compile(r"can't start new thread|Resource temporarily unavailable"), ("--pids-limit", "--ulimit")),
)


def checked_options(options: t.Sequence) -> list:
    """Options in one form, ``--name=value``. Raises ValueError for one that is not known to only restrict."""
    return [_checked(str(option)) for option in options]


def _checked(option: str) -> str:
    name, equals, value = option.partition("=")
    name = _SHORT.get(name, name)
    if name not in OPTIONS or (name not in _FLAGS and not value) or "\0" in option or "\n" in option:
        raise ValueError(f"options: {option!r} is not an option that restricts; give each as one word such as --cap-drop=ALL, "
                         "of " + ", ".join(OPTIONS))
    if _SHARED.search(option):
        raise ValueError(f"options: {option!r} would share something with others")
    return name + equals + value


def restrictions(options: list) -> list:
    """What can be relaxed, the likeliest to stop a node first."""
    filtered = any(option.startswith(("--security-opt=seccomp", "--runtime")) for option in options)
    given = options + ([] if filtered else [DEFAULT_FILTER])
    names = list(OPTIONS)
    return list(dict.fromkeys(sorted(given, key=lambda option: names.index(option.partition("=")[0]))))


def given_options(options: list, relaxed: t.Collection) -> list:
    """Options of a start in which these are relaxed, in their order."""
    return [option for option in options if option not in relaxed] + ([_NO_FILTER] if DEFAULT_FILTER in relaxed else [])


def suspects(start: dict, in_force: t.Collection) -> list:
    """Options in force that the end of a start and what it printed point to."""
    names = list(_BY_STATUS.get(start["exit_status"] or 0, ()))
    names += [name for pattern, found in _BY_TEXT if any(pattern.search(line) for line in start["lines"]) for name in found]
    return [option for name in dict.fromkeys(names) for option in in_force if option.partition("=")[0] == name]


def cost(option: str) -> str:
    """One sentence: what it costs to relax an option."""
    if option == DEFAULT_FILTER:
        return "The container may make every system call, so that all of the kernel's interface is open to attack."
    text = OPTIONS[option.partition("=")[0]]
    return text[:1].upper() + text[1:] + "."


def relaxation(option: str) -> str:
    """What to do with the option, for people."""
    return _NO_FILTER if option == DEFAULT_FILTER else "without " + option
