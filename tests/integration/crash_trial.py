# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop a module at each of its system calls, and look at what it leaves behind."""

from __future__ import annotations

import collections
import concurrent.futures
import json
import os
import typing as t

import crash_points as points
from crash_machines import FSTAB, Ended, Machine, Seen, run_all

ALL = os.environ.get("CRASH_POINTS") == "all"  # otherwise a part of all, which a test may make smaller still
STATE_DIRECTORY = "/var/lib/aarch64-validator"
TEMPORARY = ".aarch64-validator-new"
TRIES = 4  # to meet a call again whose number depends on how many processes the machine has


class Trial(t.NamedTuple):
    """A module with its options, what comes before it, and what takes it back."""

    name: str
    module: str
    options: dict[str, t.Any]
    before: tuple[tuple[str, dict[str, t.Any]], ...] = ()
    after: tuple[tuple[str, dict[str, t.Any]], ...] = ()


class Ends(t.NamedTuple):
    """A machine before and after a run that was not disturbed, and all the way back."""

    first: tuple[Seen, t.Any]
    old: tuple[Seen, t.Any]
    new: tuple[Seen, t.Any]


def look(machine: Machine) -> tuple[Seen, t.Any]:
    """Files and live state."""
    return machine.files(), machine.live()


def same(machine: Machine, wanted: tuple[Seen, t.Any], problem: str) -> None:
    """Fail with what differs."""
    files, live = look(machine)
    paths = sorted(path for path in {*files, *wanted[0]} if files.get(path) != wanted[0].get(path))
    differing = [f"{path} is {files.get(path)}, not {wanted[0].get(path)}" for path in paths]
    differing += [] if live == wanted[1] else [f"live is {live}, not {wanted[1]}"]
    assert not differing, f"{problem}: {'; '.join(differing)}"


def measured(machine: Machine, trial: Trial) -> tuple[list[points.Point], Ends]:
    """The points of an undisturbed run, and how the machine looks at both its ends. Leaves it as it was first."""
    first = look(machine)
    machine.prepare(trial.before)
    old = look(machine)
    done = machine.traced(trial.module, trial.options, ())
    assert done.answer.get("changed"), f"{trial.name} changes nothing: {done.answer or done.errors}"
    new = look(machine)
    run_all(machine, trial.after)
    same(machine, first, f"{trial.name} cannot be taken back, even undisturbed")
    found = points.points(done.log)
    assert found, "no system call was seen"
    return found, Ends(first, old, new)


def chosen(found: list[points.Point], every: int = 1) -> list[tuple[points.Point, str, bool]]:
    """Point, way, and whether the error lasts: all, or of every so many points a kill and an error.

    The sample depends on nothing but the order of the points.
    """
    tries = []
    for index, point in enumerate(found):
        if not ALL and index % every:
            continue
        possible = points.ways(point)
        errors = possible[1:] if ALL else possible[1:][index % len(points.ERRORS):][:1]
        tries.append((point, points.KILL, False))
        # A program that can open no file at all cannot even say so.
        lasting = (False, True) if ALL else (index % 2 == 1,)
        tries += [(point, error, on) for error in errors for on in lasting if not (on and point.call.startswith("open"))]
    return tries


def attempt(machine: Machine, trial: Trial, ends: Ends, point: points.Point, how: str, lasting: bool, back: bool) -> None:
    """Disturb one run and look at everything. back: take it back at once, and do not let it run to its end first."""
    where = f"{trial.name}: {how}{' from' if lasting else ' at'} {point.call} {point.number}: {point.text}"
    wanted = point
    for _try in range(TRIES):
        machine.prepare(trial.before)
        done = machine.traced(trial.module, trial.options, [points.orders(wanted, how, lasting)])
        if points.hit(done.log):
            break
        wanted = points.moved(point, done.log)
        run_all(machine, trial.after)
    assert points.hit(done.log), f"{where}: not reached: {done.answer or done.errors} {points.writing(done.log)}"
    check_answer(done, how, where)
    check_files(machine, ends, where)
    if not back:
        answer = machine.module(trial.module, trial.options)
        assert not answer.get("failed"), f"{where}: the next run fails: {answer.get('msg')}"
        same(machine, ends.new, f"{where}: the next run does not bring what an undisturbed one brings")
        again = machine.module(trial.module, trial.options, check=True)
        assert again.get("changed") is False, f"{where}: the run after the next would change {again.get('actions')}"
    run_all(machine, trial.after)
    same(machine, ends.first, f"{where}: cannot be taken back to how it was")


def attempts(machines: t.Sequence[Machine], trial: Trial, every: int = 1) -> str:
    """Try every point, on all machines at the same time; a summary. Fails with all that was found."""
    found, ends = measured(machines[0], trial)
    own = [ends, *(measured(other, trial)[1] for other in machines[1:])]
    tries = chosen(found, every)

    def part(index: int) -> list[str]:
        complaints = []
        for number, (point, how, lasting) in enumerate(tries):
            if number % len(machines) == index:
                try:
                    attempt(machines[index], trial, own[index], point, how, lasting, back=number // len(machines) % 2 == 1)
                except AssertionError as error:
                    complaints.append(str(error).partition("\n")[0])
                    run_all(machines[index], trial.after)
                    if look(machines[index]) != own[index].first:
                        return [*complaints, f"{trial.name}: the rest was not tried, since the machine is not as it was"]
        return complaints

    with concurrent.futures.ThreadPoolExecutor(len(machines)) as pool:
        complaints = [each for part_of in pool.map(part, range(len(machines))) for each in part_of]
    assert not complaints, "\n".join(complaints)
    return summary(trial, found, tries)


def check_answer(done: Ended, how: str, where: str) -> None:
    """A module that met an error has said so in words of its own, or could do without."""
    if how == points.KILL:
        return
    assert "Traceback" not in done.errors, f"{where}: {done.errors}"
    if done.answer.get("failed"):
        assert "/" in done.answer["msg"] and ": " in done.answer["msg"], f"{where}: names no path: {done.answer['msg']}"


def check_files(machine: Machine, ends: Ends, where: str) -> None:
    """Each file is the old one or the new one; the state, of which there are several, is whole and for root alone."""
    for path, found in machine.files().items():
        name = path.rpartition("/")[2]
        if name.startswith(".") and name.endswith(TEMPORARY):
            continue  # for the next run to take away
        if path.startswith(STATE_DIRECTORY):
            assert found[1:3] == ("0", "0") and found[0] in ("0o100600", "0o40700"), f"{where}: {path} is {found}"
            if path.endswith(".json"):
                json.loads(machine.read(path))
            continue
        known = (ends.old[0].get(path), ends.new[0].get(path), ends.first[0].get(path))
        assert found in known or machine.between(path), \
            f"{where}: {path} is neither the old file nor the new one: {found}"
    for path in set(ends.old[0]) & set(ends.new[0]):
        assert path in machine.files(), f"{where}: {path} is gone"
    if FSTAB in ends.new[0]:
        machine.run("findmnt", "--verify", "--tab-file", FSTAB)


def summary(trial: Trial, found: list[points.Point], tries: list[t.Any]) -> str:
    """What was tried, for the record of the test run."""
    ways = collections.Counter(f"{how} from there on" if lasting else how for _point, how, lasting in tries)
    shown = ", ".join(f"{count} {way}" for way, count in sorted(ways.items()))
    return f"{trial.name}: {len(found)} points, {len(tries)} runs disturbed ({shown})"
