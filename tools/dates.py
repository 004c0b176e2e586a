"""Dates and times of day as they stand in files, all in one of the usual ways of writing them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

EPOCH = datetime(1970, 1, 1)
DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f")
PATTERNS = (*(day + clock for day in DAYS for clock in CLOCKS), "%Y-%m", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f")


class DateError(ValueError):
    """Cells that are no dates: ``index`` is the first that does not fit, None if all fit in two ways."""

    def __init__(self, index: int | None, reason: str) -> None:
        super().__init__(reason)
        self.index = index


def seconds_of(cells: Sequence[str]) -> list[float]:
    """Seconds since 1970 of dates that are all written in one way; those with a time zone are taken to UTC.

    ISO 8601 (``2024-01-31``, ``2024-01-31T12:30:00Z``, ``2024-01``), ``2024/01/31``, ``31.01.2024``, ``31/01/2024``
    and ``01/31/2024`` (where one of the cells shows which), each with or without a time, and times of day alone.

    Raises:
        DateError: cells that fit no way of writing, or two (day and month could be either).

    Example:
        >>> seconds_of(["1970-01-01", "1970-01-02T00:00:01"])
        [0.0, 86401.0]
    """
    try:
        return _all(cells, datetime.fromisoformat)
    except DateError as error:
        furthest = error
    found: list[list[float]] = []
    for pattern in PATTERNS:
        try:
            seconds = _all(cells, lambda cell, pattern=pattern: datetime.strptime(cell, pattern))  # type: ignore[misc]
        except DateError as error:
            furthest = max(furthest, error, key=lambda e: e.index or 0)
            continue
        if seconds not in found:
            found.append(seconds)
    if len(found) > 1:
        raise DateError(None, "day and month could be either way round")
    if not found:
        raise furthest
    return found[0]


def _all(cells: Sequence[str], read: Callable[[str], datetime]) -> list[float]:
    seconds: list[float] = []
    aware = None
    for index, cell in enumerate(cells):
        try:
            when = read(cell)
            offset = when.utcoffset()
            utc = when.replace(tzinfo=None) - (offset or timedelta(0))
        except (ValueError, OverflowError):  # the latter within a day of the years 1 and 9999
            raise DateError(index, "no date") from None
        if aware is None:
            aware = offset is not None
        elif aware != (offset is not None):
            raise DateError(index, "some dates have a time zone and some have none")
        seconds.append((utc - EPOCH).total_seconds())
    return seconds
