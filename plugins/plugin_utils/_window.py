# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When nodes may be restarted: windows of time such as ``Mon-Fri 02:00-05:00 UTC``. Pure; private to this collection."""

from __future__ import annotations

import datetime
import re
import typing as t

import zoneinfo

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import OptionError

OPTION = "memory_pool_window"
VALID = ("days if not all, times and a time zone, such as 02:00-05:00 UTC or Sat,Sun 23:00-04:30 Europe/Berlin; "
         "between several stands ;")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(r"\A(?:([A-Za-z,-]+) +)?(\d\d):(\d\d) *- *(\d\d):(\d\d)(?: +([A-Za-z0-9_+/-]+))?\Z")
_WEEK = 7


class Window(t.NamedTuple):
    """Times in minutes of the day; one that ends before it begins ends on the next day."""

    days: frozenset
    begin: int
    end: int
    zone: datetime.tzinfo


def restart_window(text: object, now: datetime.datetime) -> dict:
    """``{open, opens_at}``: whether restarts are allowed at this time, and else from when on. Raises OptionError.

    Without a window they always are. now has a time zone, opens_at is in UTC.
    """
    windows = parse(text)
    if not windows:
        return {"open": True, "opens_at": None}
    begins = [(begin, end) for window in windows for begin, end in spans(window, now)]
    if any(begin <= now < end for begin, end in begins):
        return {"open": True, "opens_at": None}
    following = min(begin for begin, _end in begins if begin > now)
    return {"open": False, "opens_at": following.astimezone(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")}


def parse(text: object) -> list:
    """The windows of an option; none for an empty text. Raises OptionError."""
    if text is None or text == "":
        return []
    if not isinstance(text, str):
        raise OptionError(OPTION, text, VALID)
    return [_window(part.strip(), text) for part in text.split(";")]


def spans(window: Window, now: datetime.datetime) -> list:
    """When a window is open in the days around a time, as ``(begin, end)``."""
    today = now.astimezone(window.zone).date()
    days = [today + datetime.timedelta(days=offset) for offset in range(-1, _WEEK + 1)]
    return [(_at(day, window.begin, window.zone), _at(day, window.end + (window.end <= window.begin) * 24 * 60, window.zone))
            for day in days if day.weekday() in window.days]


def _at(day: datetime.date, minutes: int, zone: datetime.tzinfo) -> datetime.datetime:
    """A time of the clock on the wall; arithmetic with one zone is that of the wall, so it is left before comparing."""
    wall = datetime.datetime.combine(day + datetime.timedelta(days=minutes // (24 * 60)), datetime.time(), zone)
    return (wall + datetime.timedelta(minutes=minutes % (24 * 60))).astimezone(datetime.timezone.utc)


def _window(part: str, text: str) -> Window:
    match = _FORM.match(part)
    if not match:
        raise OptionError(OPTION, text, VALID)
    days, zone = match.group(1), match.group(6) or "UTC"
    hours, minutes = (int(match.group(2)), int(match.group(4))), (int(match.group(3)), int(match.group(5)))
    begin, end = (60 * hour + minute for hour, minute in zip(hours, minutes))
    if max(minutes) > 59 or begin >= 24 * 60 or end > 24 * 60 or begin == end:
        raise OptionError(OPTION, text, VALID)
    try:
        place = datetime.timezone.utc if zone in ("UTC", "Z") else zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise OptionError(OPTION, text, f"a time zone that this controller knows, such as UTC, and not {zone}") from None
    return Window(_days(days, text), begin, end % (24 * 60) or 24 * 60, place)


def _days(days: str | None, text: str) -> frozenset:
    if days is None:
        return frozenset(range(_WEEK))
    found = set()  # type: set[int]
    for part in days.lower().split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if first not in DAYS or last not in DAYS:
            raise OptionError(OPTION, text, VALID)
        length = (DAYS.index(last) - DAYS.index(first)) % _WEEK
        found.update((DAYS.index(first) + offset) % _WEEK for offset in range(length + 1))
    return frozenset(found)
