# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask every node ten times a second whether it serves, and draw when it did not."""

from __future__ import annotations

import subprocess
import sys
import time
import typing as t
from pathlib import Path

from fleet.state import leader

if t.TYPE_CHECKING:
    from conftest import HostHandle

# Runs on the machine, in the network of one host. A line for each change: time and 1 or 0.
_PROBE = """
import http.client, sys, time
was = None
while True:
    begin = time.time()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 9944, timeout=1)
        connection.request("GET", "/health")
        now = connection.getresponse().status == 200
        connection.close()
    except OSError:
        now = False
    if now != was:
        print(f"{begin:.3f} {int(now)}", flush=True)
        was = now
    time.sleep(max(0.0, begin + 0.1 - time.time()))
"""
_COLOURS = {True: "#d33", False: "#8b8"}
_ROW, _LEFT, _WIDTH = 22, 90, 900

Span = t.Tuple[float, float]


class Probe:
    """Watches nodes while it is open; afterwards it knows when each was down."""

    def __init__(self, hosts: t.Sequence[HostHandle]) -> None:
        self.hosts = hosts
        self.down: dict[str, list[Span]] = {}
        self.begin = self.end = 0.0

    def __enter__(self) -> Probe:
        self.begin = time.time()
        self._running = {
            host.name: subprocess.Popen(
                ["nsenter", f"--target={leader(host.fleet, host.name)}", "--net", sys.executable, "-IS", "-c", _PROBE],
                stdout=subprocess.PIPE, text=True)
            for host in self.hosts
        }
        return self

    def __exit__(self, *_exception: object) -> None:
        self.end = time.time()
        for name, process in self._running.items():
            process.terminate()
            self.down[name] = self._spans(process.communicate()[0])

    def _spans(self, text: str) -> list[Span]:
        changes = [(float(at), up == "1") for at, up in (line.split() for line in text.splitlines())]
        changes.append((self.end, True))
        return [(at, changes[number + 1][0]) for number, (at, up) in enumerate(changes) if not up]

    def together(self, one: str, other: str) -> float:
        """For how many seconds two nodes were down at the same time."""
        return sum(max(0.0, min(end, later_end) - max(begin, later)) for begin, end in self.down[one]
                   for later, later_end in self.down[other])

    def draw(self, path: Path, labels: t.Mapping[str, str]) -> None:
        """One row for each node, red where it was down."""
        scale = _WIDTH / max(1.0, self.end - self.begin)
        parts = []
        for number, name in enumerate(self.down):
            top = number * _ROW + 4
            parts.append(f'<text x="4" y="{top + 13}">{labels[name]}</text>')
            for begin, end, is_down in [(self.begin, self.end, False), *((*span, True) for span in self.down[name])]:
                x, width = _LEFT + (begin - self.begin) * scale, (end - begin) * scale
                title = f"<title>down for {end - begin:.1f} s</title>" if is_down else ""
                parts.append(f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="{_ROW - 6}" fill="{_COLOURS[is_down]}">'
                             f"{title}</rect>")
        height = len(self.down) * _ROW + 30
        caption = f"{self.end - self.begin:.0f} seconds; red: the node does not answer"
        parts.append(f'<text x="{_LEFT}" y="{height - 8}">{caption}</text>')
        size = f'width="{_LEFT + _WIDTH + 10}" height="{height}"'
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
                        f"{''.join(parts)}</svg>\n")
