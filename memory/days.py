"""Days that a query names: "on May 4th", "yesterday", "in June 2023", "五月四号"; a thought of such a day is meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from bethink.memory.chinese.dates import chinese_dates, chinese_days_of_any_year
from bethink.memory.times import date_mentions
from bethink.memory.words import MONTHS

_MONTH = rf"(?P<{{}}>{'|'.join(month + '|' + month[:3] for month in MONTHS)})\.?"
_DAY = r"(?P<{}>\d{{1,2}})(?:st|nd|rd|th)?"
_EITHER = rf"{_MONTH.format('m1')} {_DAY.format('d1')}|{_DAY.format('d2')}(?: of)? {_MONTH.format('m2')}"
_OF_ANY_YEAR = re.compile(rf"\b(?:{_EITHER})\b(?!,? \d{{4}})", re.IGNORECASE)
_WHOLE_MONTH = re.compile(rf"^(?:in |since |from )?{_MONTH.format('m')},? \d{{4}}$", re.IGNORECASE)
_SPANS = {"week": 7, "weekend": 2, "month": 31, "year": 366}


@dataclass(frozen=True)
class Days:
    """From the first to the last day; or, with ``month`` and ``day``, that day of every year."""

    first: date | None
    last: date | None
    month: int = 0
    day: int = 0


def named_days(text: str, now: datetime) -> list[Days]:
    """The days that a text names, relative ones counted from ``now``; without a year, of every year."""
    found = []
    for mention in date_mentions(text, now):
        words = text[mention.start : mention.end].lower()
        span = next((days for unit, days in _SPANS.items() if re.search(rf"\b{unit}s?\b", words)), 1)
        if _WHOLE_MONTH.match(words):
            span = 31
        elif re.fullmatch(r"(?:in|since|from) \d{4}", words):
            span = 366
        last = mention.day + timedelta(days=span - 1)
        if span == 31:
            last = (mention.day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        elif span == 366:
            last = mention.day.replace(month=12, day=31)
        found.append(Days(mention.day, last))
    for match in _OF_ANY_YEAR.finditer(text):
        name, number = match["m1"] or match["m2"], int(match["d1"] or match["d2"])
        month = [known[:3] for known in MONTHS].index(name[:3].lower()) + 1
        found.append(Days(None, None, month, number))
    found += [Days(named.first, named.last) for named in chinese_dates(text, now.date())]
    return found + [Days(None, None, month, day) for month, day in chinese_days_of_any_year(text)]


def month_day(day: date) -> int:
    """Month and day as one number: 504 for 4 May."""
    return day.month * 100 + day.day


def on_days(named: list[Days], ordinals: np.ndarray, month_days: np.ndarray) -> np.ndarray:
    """How well dates, given as ordinals and as month and day (see :func:`month_day`), fit the days: float32 (n,).

    1 for a single day, 1 / n for one of n days: what is said of a month may be of another one, of a day hardly.
    """
    found = np.zeros(len(ordinals), dtype=np.float32)
    for days in named:
        if days.first is not None and days.last is not None:
            first, last = days.first.toordinal(), days.last.toordinal()
            fits = ((ordinals >= first) & (ordinals <= last)) / np.float32(last - first + 1)
        else:
            fits = (month_days == days.month * 100 + days.day).astype(np.float32)
        found = np.maximum(found, fits)
    return found
