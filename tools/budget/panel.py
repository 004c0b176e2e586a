"""Users and times as a regular panel: every user has one row for each step 0..T-1.

Planning over T steps needs whole histories. Rows come in any order; times may be numbers or dates. Steps are the
distinct times, or for dates the days, weeks or months they fall into. Where most users do not cover the whole calendar,
each one's first row becomes step 0. Users with a gap, and rows beyond the horizon, are left out and counted. Where
gaps are the rule, as in tables with a row for each purchase, those without one are no fair sample and nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bethink.tools.budget.cmdp import Ints
from bethink.tools.findings import Finding, TableError, quoted
from bethink.tools.tables import counted
from bethink.tools.times import Times

DAY = 86_400.0
MOST_STEPS = 1_000
ENOUGH = 0.5
"""Share of the users that a way of counting steps must keep whole to be taken before others."""
MOST_MISSING = 0.5
"""Share of the steps between users' first and last rows that may have no row; each of these steps is missing with the
chance that any row is, whatever the users' first and last steps are."""
FEW_BROKEN = 0.25
"""Share of the users with more than one row who may have a gap, however wide: too few to say that gaps are the rule."""
FILL = (
    "Give every user a row for each time, also where nothing was given or done (write 0), or add rows up to longer "
    "steps such as months; or leave out the time column, so that each row counts as a user of its own."
)


class Gaps(NamedTuple):
    """Between first and last rows: steps without a row, all steps; users with such a gap, all with two rows or more."""

    missing: int
    between: int
    broken: int
    several: int

    @property
    def rule(self) -> bool:
        """Whether gaps are the rule."""
        return self.missing > MOST_MISSING * self.between and self.broken >= FEW_BROKEN * self.several


@dataclass(frozen=True, eq=False)
class Panel:
    """Which rows make whole histories.

    Args:
        rows: row numbers [m], by user and step.
        steps: 0-based step of each [m].
        horizon: T.
        own_start: whether step 0 is each user's first row, whenever that was.
        findings: what was left out.
    """

    rows: Ints
    steps: Ints
    horizon: int
    own_start: bool = False
    findings: tuple[Finding, ...] = ()


def whole_histories(users: Ints, times: Times, name: str) -> Panel:
    """Find steps such that whole users remain; O(n log n).

    Args:
        users: dense numbers [n].
        times: without missing values [n].
        name: of the column of times, for messages.

    Raises:
        TableError: ``repeated_rows`` for a user with two rows at a time, ``gaps`` where no user is whole or, however
            times are counted, most steps between users' first and last rows are missing, ``too_many_steps``.

    Example:
        >>> users, weeks = np.array([0, 1, 0, 1, 1]), np.array([7.0, 7, 6, 8, 6])
        >>> panel = whole_histories(users, Times(weeks, False), "week")
        >>> panel.rows, panel.steps, panel.horizon
        (array([4, 1, 3]), array([0, 1, 2]), 3)
    """
    everyone = int(users.max()) + 1
    best: Panel | None = None
    repeated: tuple[int, int] | None = None
    sparse: Gaps | None = None
    for position in _calendars(times):
        order = np.lexsort((position, users))
        same = (np.diff(users[order]) == 0) & (np.diff(position[order]) == 0)
        if same.any():
            first = int(np.argmax(same))
            repeated = repeated or (int(order[first]), int(same.sum()))
            continue
        gaps = _gaps(users, position, order)
        if gaps.rule:
            sparse = sparse or gaps
            continue
        for panel in (_calendar(users, position, order), _own_start(users, position, order)):
            if best is None or len(panel.rows) > len(best.rows):
                best = panel
            if panel.horizon > 1 and len(panel.rows) >= ENOUGH * everyone * panel.horizon:
                return _told(panel, users, everyone, times, name)
    if best is None and sparse is not None:
        message = (
            f"In column {quoted(name)}, {sparse.missing:,} of {counted(sparse.between, 'step')} between users' first "
            f"and last rows have no row ({sparse.broken:,} of {counted(sparse.several, 'user')} with more than one row "
            "have such gaps): users without a gap would be no fair sample."
        )
        raise TableError("gaps", message, FILL)
    if best is None:
        row, count = repeated or (0, 0)
        raise TableError(
            "repeated_rows",
            f"{counted(count, 'row')} of column {quoted(name)} repeat a user and a time, first in row {row + 1:,}.",
            "Keep one row for each user and time: add up what happened in it.",
        )
    if best.horizon < 2:
        message = f"No user has rows at two times that follow each other in column {quoted(name)}."
        raise TableError("gaps", message, FILL)
    return _told(best, users, everyone, times, name)


def _calendars(times: Times) -> Iterator[Ints]:
    """Ways to count times: the distinct ones; for dates also days, weeks from the first day, and months."""
    yield np.unique(times.values, return_inverse=True)[1]
    if not times.dates:
        return
    days = np.floor(times.values / DAY).astype(np.int64)
    if (times.values % DAY).any():
        yield days - days.min()
    yield (days - days.min()) // 7
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    yield months - months.min()


def _gaps(users: Ints, position: Ints, order: Ints) -> Gaps:
    last = np.r_[np.diff(users[order]) > 0, True]
    first = np.r_[True, last[:-1]]
    span = position[order][last] - position[order][first] + 1
    rows = np.bincount(users)
    missing = span - rows
    return Gaps(int(missing.sum()), int(np.maximum(span - 2, 0).sum()), int((missing > 0).sum()), int((rows > 1).sum()))


def _calendar(users: Ints, position: Ints, order: Ints) -> Panel:
    """Users with a row in every step of the calendar."""
    horizon = int(position.max()) + 1
    whole = np.bincount(users) == horizon
    rows = order[whole[users[order]]]
    return Panel(rows, position[rows], horizon)


def _own_start(users: Ints, position: Ints, order: Ints) -> Panel:
    """Step 0 is a user's first row; the horizon is the one that keeps most rows of unbroken histories."""
    sorted_users = users[order]
    starts = np.flatnonzero(np.r_[True, np.diff(sorted_users) > 0])
    offset = position[order] - np.repeat(position[order][starts], np.diff(np.r_[starts, len(order)]))
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    unbroken = np.bincount(sorted_users, offset == place).astype(np.int64)
    lengths = np.arange(1, int(unbroken.max()) + 1)
    reach = np.cumsum(np.bincount(unbroken)[::-1])[::-1][1:]
    horizon = int(lengths[np.argmax(lengths * reach * (lengths > 1))]) if len(lengths) > 1 else 1
    keep = (unbroken[sorted_users] >= horizon) & (place < horizon)
    return Panel(order[keep], place[keep], horizon, True)


def _told(panel: Panel, users: Ints, everyone: int, times: Times, name: str) -> Panel:
    if panel.horizon > MOST_STEPS:
        message = f"Column {quoted(name)} has {panel.horizon:,} distinct times; {MOST_STEPS:,} steps is the most."
        raise TableError("too_many_steps", message, "Use weeks or days as times.")
    findings = []
    kept, rows_left = len(panel.rows) // panel.horizon, len(users) - len(panel.rows)
    if rows_left:
        numbers = {"users_kept": kept, "users": everyone, "steps": panel.horizon, "rows_left_out": rows_left}
        message = (
            f"{kept:,} of {counted(everyone, 'user')} have all {panel.horizon} steps without a gap; "
            f"{counted(rows_left, 'other row')} {'was' if rows_left == 1 else 'were'} left out."
        )
        findings.append(Finding("gaps", message, numbers))
    starts = len(np.unique(times.values[panel.rows[panel.steps == 0]]))
    if panel.own_start and starts > 1:
        message = f"Users start at {starts:,} different times: step 0 is each one's first row."
        findings.append(Finding("own_start", message, {"starts": starts}))
    distinct = np.unique(times.values)
    apart = np.diff(distinct)
    if len(distinct) == panel.horizon and (apart > 1.5 * np.quantile(apart, 0.5, method="lower")).any():
        at = int(np.argmax(apart))
        low, high = (_shown(value, times.dates) for value in distinct[at : at + 2])
        message = f"Nobody has a row between {low} and {high}: the two count as steps that follow each other."
        findings.append(Finding("time_gap", message, {"from": low, "to": high}))
    return Panel(panel.rows, panel.steps, panel.horizon, panel.own_start, tuple(findings))


def _shown(time: float, date: bool) -> str:
    return str(np.datetime64(int(time), "s")).replace("T00:00:00", "") if date else f"{time:.12g}"
