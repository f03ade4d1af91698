# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback: how far a rollout is."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
type: aggregate
author: aarch64.validator contributors (@aarch64-validator)
version_added: 1.0.0
short_description: Show how far a rollout is
description:
  - Shows of the playbook C(aarch64.validator.remediate) which batch of how many is worked on, how many hosts are done, what is
    waited for and when the run will end at about.
  - On a terminal this is one line below everything else, which is gone before the summary. In a log it is a line for each
    batch, for each restart, and for each slice of a wait with the time of its end.
  - Shows nothing of other playbooks.
requirements:
  - Enable it in the configuration.
"""

EXAMPLES = r"""
# ansible.cfg:
# [defaults]
# callbacks_enabled = aarch64.validator.fleet
"""

import os
import shutil
import sys
import time
import typing as t

from ansible.plugins.callback import CallbackBase

from ansible_collections.aarch64.validator.plugins.plugin_utils._progress import Progress

ERASE = "\r\033[K"


class LiveLine:
    """A line that stays below all other output of this process."""

    def __init__(self, display: t.Any, stream: t.TextIO) -> None:
        self.display, self.stream = display, stream
        self.text = ""
        self.process = os.getpid()
        self.others = display.display
        display.display = self.above  # on this one object, since output of others must not run into the line

    def above(self, *arguments: t.Any, **options: t.Any) -> None:
        """Show what others have to say above the line."""
        if os.getpid() != self.process:  # a worker, which hands its output to this process
            self.others(*arguments, **options)
            return
        self.stream.write(ERASE)
        self.stream.flush()
        self.others(*arguments, **options)
        self.draw()

    def show(self, text: str) -> None:
        self.text = text
        self.draw()

    def draw(self) -> None:
        self.stream.write(ERASE + self.text[:shutil.get_terminal_size((80, 24)).columns - 1])
        self.stream.flush()

    def close(self) -> None:
        """Take the line away for good."""
        self.display.display = self.others
        self.stream.write(ERASE)
        self.stream.flush()


class CallbackModule(CallbackBase):
    """Follows a rollout by the facts that the role sets and by what its modules answer."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "aarch64.validator.fleet"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: t.Any, **options: t.Any) -> None:
        super().__init__(*arguments, **options)
        self.progress = Progress()
        self.live: LiveLine | None = None
        self.coming: dict[str, dict[str, t.Any]] = {}  # by host, the restart that is next

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        """Each batch is a play of its own to a callback; so is all that comes after the last."""
        if not play.get_vars().get("memory_pool_in_batches") or self.progress.stopped or not self.progress.batches:
            self.finish()
            return
        self.progress.next_batch(time.time())
        if self.live is None and sys.stdout.isatty():
            self.live = LiveLine(self._display, sys.stdout)
        self.tell(self.progress.head(time.time()))

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        """A restart says nothing until it is over."""
        if self.progress.running and task.action == "aarch64.validator.service_restart":
            self.wait(host.get_name(), restart_text(self.coming.get(host.get_name(), {}), time.time()))

    def v2_runner_on_ok(self, result: t.Any) -> None:
        answer, host = outcome(result)
        facts = answer.get("ansible_facts") or {}
        if "memory_pool_batches" in facts:
            self.progress.plan(facts["memory_pool_batches"])
        self.progress.stopped = self.progress.stopped or "memory_pool_stopped" in facts
        if not self.progress.running:
            return
        if facts.get("memory_pool_restarted"):
            self.coming[host] = facts["memory_pool_restarted"][-1]
        if "memory_pool_turn_over" in facts or "memory_pool_failure" in facts or facts.get("memory_pool_skipped"):
            self.progress.settle(host)
            self.tell(None)
        elif "memory_pool_lost_until" in facts:
            self.wait(host, "is lost; its timer has started its node by {}".format(facts["memory_pool_lost_until"]))
        elif "seconds_left" in answer and not answer.get("done"):
            self.progress.wait(host, answer)
            self.tell("{}: {}".format(host, answer.get("progress")))

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self.finish()

    def wait(self, host: str, what: str) -> None:
        """A host is at something that takes its time."""
        self.progress.work(host, what)
        self.tell(f"{host} {what}")

    def tell(self, news: str | None) -> None:
        """Draw the line anew on a terminal; in a log add a line if there is something to say."""
        if self.live is not None:
            self.live.show(self.progress.line(time.time()))
        elif news is not None:
            self._display.display("fleet: " + news)

    def finish(self) -> None:
        """The rollout is over, if there was one."""
        if self.live is not None:
            self.live.close()
        self.live = None
        if self.progress.running:
            self.tell(self.progress.result(time.time()))
        self.progress, self.coming = Progress(), {}


def restart_text(restart: dict[str, t.Any], now: float) -> str:
    """``restarts, down until 12:41:07 at the least: polkadot.service``, with the time where a short line still has it."""
    unit, delay = restart.get("unit", "a service"), int(restart.get("delay") or 0)
    when = f", down until {clock(now + delay)} at the least" if delay else f" since {clock(now)}"
    return f"restarts{when}: {unit}"


def clock(when: float) -> str:
    """The time of day, as the clock of this controller shows it."""
    return time.strftime("%H:%M:%S", time.localtime(when))


def outcome(result: t.Any) -> tuple[dict[str, t.Any], str]:
    """What a task answered, and of which host; ansible-core 2.19 has given both other names."""
    answer = result.result if hasattr(result, "result") else result._result
    host = result.host if hasattr(result, "host") else result._host
    return answer, host.get_name()
