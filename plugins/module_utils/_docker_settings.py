# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's settings file on this host, with the engine that reads it. Private to this collection."""

from __future__ import annotations

import os
import shutil
import stat
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils import _docker_plan, _drop_in
from ansible_collections.aarch64.validator.plugins.module_utils._atomic import check_way
from ansible_collections.aarch64.validator.plugins.module_utils._docker_engine import (
    CONFIG_FILE,
    Api,
    Engine,
    flag_values,
    running_engines,
)
from ansible_collections.aarch64.validator.plugins.module_utils._file_remedy import DOCKER, file_remedy, recorded_entry
from ansible_collections.aarch64.validator.plugins.module_utils._json_edit import BrokenJson, parse_object
from ansible_collections.aarch64.validator.plugins.module_utils._systemd import is_running_here
from ansible_collections.aarch64.validator.plugins.module_utils._unit_remedy import Refusal

if t.TYPE_CHECKING:
    from ansible_collections.aarch64.validator.plugins.module_utils._manager import Manager

_UNIT = "docker.service"
_CLOCK_SECONDS = 0.1  # what two clocks of a host may differ by: /proc/uptime and ticks are told in hundredths
_SEARCHED = os.defpath + ":/usr/sbin:/sbin:/usr/local/bin"


REMEDY = file_remedy(DOCKER, lambda _text: False)  # its text is never ours as a whole


class Settings(t.NamedTuple):
    """A settings file, what it says, and the engine that reads it."""

    path: str
    old: str | None
    config: dict
    engine: Engine | None
    entry: dict | None  # what the state has about it

    @property
    def proven(self) -> bool:
        """Whether the engine surely has read the file as it is: since its start, or as an earlier run has seen."""
        if self.engine is None or self.old is None:
            return True
        seen = (self.entry or {}).get("proof") or {}
        if seen == {"engine": self.engine.identity, "text": _drop_in.digest(self.old)}:
            return True
        found = os.stat(self.path)
        return max(found.st_mtime, found.st_ctime) < self.engine.started - _CLOCK_SECONDS

    def api(self) -> Api:
        """Where the engine answers. Raises Refusal."""
        path = self.engine.socket(self.config.get("hosts") or []) if self.engine else None
        if path is None:
            raise Refusal("the engine listens on no socket of this host, so that nothing could be proven; give it one "
                          "(unix:///var/run/docker.sock). Nothing was changed.")
        check_socket(path)
        return Api(path)


def check_socket(path: str) -> None:
    """Who answers there decides what root does: it must be root's own. Raises Refusal."""
    try:
        check_way(path)
        found = os.stat(path)
    except OSError as error:
        raise Refusal(f"the engine cannot be asked on {path}: {error.strerror}. Nothing was changed.") from None
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != 0:
        raise Refusal(f"{path} is no socket of root's, so that nothing that answers there can be believed. Nothing was changed.")


def find_engine(config_file: str | None) -> Engine | None:
    """The engine that reads this file, or the only one there is. Raises Refusal."""
    engines = running_engines()
    wanted = os.path.realpath(config_file or CONFIG_FILE)
    found = [engine for engine in engines if os.path.realpath(engine.config_file) == wanted]
    if config_file is None and not found:
        found = engines
    if len(found) > 1:
        raise Refusal("config_file: several engines run here, with {}; name one of these".format(
            ", ".join(sorted({engine.config_file for engine in found}))))
    return found[0] if found else None


def read_settings(config_file: str | None) -> Settings | None:
    """The settings of this host's engine; None where there is none. Raises Refusal, OSError."""
    engine = find_engine(config_file)
    path = config_file or (engine.config_file if engine else CONFIG_FILE)
    if engine is None and shutil.which("dockerd", path=_SEARCHED) is None:
        return None
    if os.path.lexists(path) and not os.path.isfile(path):
        raise Refusal(f"{path} is a link to a file that is not there, or no file at all; make it one. Nothing was changed.")
    old = _drop_in.read_drop_in(path)
    return Settings(path, old, checked(path, old or ""), engine, recorded_entry(REMEDY, path))


def checked(path: str, text: str) -> dict:
    """What a settings file says. Raises Refusal where the engine itself could not use it."""
    try:
        text.encode("utf-8")
        config = parse_object(text)
        _docker_plan.shm_of(config)
        _docker_plan.ulimits_of(config)
    except UnicodeEncodeError:
        raise Refusal(f"{path} is not UTF-8; mend it. Nothing was changed.") from None
    except (BrokenJson, _docker_plan.Wrong) as error:
        raise Refusal(f"{path}: {error}. An engine would not start with it; mend it. Nothing was changed.") from None
    return config


def given_flags(manager: Manager, engine: Engine | None) -> dict:
    """The values of FLAGS of an engine, or of the service that would start it."""
    words = engine.arguments if engine else []  # type: t.Sequence[str]
    if engine is None and is_running_here():
        words = manager.show(_UNIT, ["ExecStart"]).get("ExecStart", "").split()
    return {key: flag_values(words, flag) for key, flag in _docker_plan.FLAGS.items()}
