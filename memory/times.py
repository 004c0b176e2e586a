"""Dates: timestamps to ISO-8601 UTC, and "yesterday" to the day it was."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bethink.memory.words import DAYS, MONTHS, NUMBERS

Timestamp = datetime | date | str | float | int | None
_COUNT = rf"(?P<n>\d{{1,3}}|{'|'.join(sorted(NUMBERS, key=len, reverse=True))})"
_MONTH = rf"(?P<month>{'|'.join(m + '|' + m[:3] for m in MONTHS)})\.?"
_RELATIVE = re.compile(
    rf"\b(?:(?P<near>the day before yesterday|yesterday|last night|today|tonight|this morning|this afternoon"
    rf"|this evening|the day after tomorrow|tomorrow)|{_COUNT} (?P<unit>day|week|month|year)s? ago"
    rf"|in {_COUNT.replace('<n>', '<m>')} (?P<unit2>day|week|month|year)s?(?: time)?\b(?! of)"
    rf"|(?P<which>last|next|this|this coming|this past) (?P<period>week|month|year|weekend|{'|'.join(DAYS)}))\b",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(
    rf"\b(?:(?P<y>[12]\d{{3}})-(?P<mo>\d\d)-(?P<d>\d\d)|(?P<d2>\d{{1,2}})\.(?P<mo2>\d{{1,2}})\.(?P<y2>[12]\d{{3}})"
    rf"|(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH},? (?P<y3>[12]\d{{3}})"
    rf"|{_MONTH.replace('<month>', '<month2>')} (?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y4>[12]\d{{3}})"
    rf"|{_MONTH.replace('<month>', '<month3>')},? (?P<y5>[12]\d{{3}})|(?:in|since|from) (?P<y6>(?:19|20)\d\d))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class DateMention:
    """A date in a text: where it stands, the day it starts on, and how to write it in full (empty if it is already)."""

    start: int
    end: int
    day: date
    written: str


def as_datetime(value: Timestamp) -> datetime:
    """A datetime with its time zone; a bare one is taken as UTC, None as now.

    Raises:
        ValueError: not a date, or outside the years 1 to 9999.
    """
    try:
        if value is None:
            return datetime.now(UTC)
        if isinstance(value, bool):
            raise ValueError
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
        if not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError, AttributeError) as problem:
        hint = "Use ISO-8601, as in 2024-05-01 or 2024-05-01T09:30:00Z."
        raise ValueError(f"Not a date: {str(value)[:60]!r}. {hint}") from problem


def to_iso(value: Timestamp = None) -> str:
    """``YYYY-MM-DDTHH:MM:SSZ``: of equal length, so that strings compare as times do."""
    try:
        return as_datetime(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    except OverflowError as problem:
        raise ValueError(f"Not a date: {value!r} is outside the years 1 to 9999.") from problem


def written_date(day: date) -> str:
    """``8 May 2023``."""
    return f"{day.day} {MONTHS[day.month - 1].title()} {day.year}"


def date_mentions(text: str, said: datetime) -> list[DateMention]:
    """Dates in a text, the relative ones counted from the day it was said (in the speaker's time zone)."""
    found = []
    for match in _RELATIVE.finditer(text):
        try:
            day, written = _relative(match, said.date())
        except (ValueError, OverflowError):
            continue
        found.append(DateMention(match.start(), match.end(), day, written))
    for match in _ABSOLUTE.finditer(text):
        day_or_none = _absolute(match)
        if day_or_none:
            found.append(DateMention(match.start(), match.end(), day_or_none, ""))
    return sorted(found, key=lambda mention: mention.start)


def with_dates_written(text: str, said: datetime) -> str:
    """The text with each relative date followed by what it means: "yesterday (30 April 2024)"."""
    for mention in reversed(date_mentions(text, said)):
        if mention.written:
            text = f"{text[: mention.end]} ({mention.written}){text[mention.end :]}"
    return text


def _relative(match: re.Match[str], said: date) -> tuple[date, str]:
    part = {name: value.lower() for name, value in match.groupdict().items() if value}
    if near := part.get("near"):
        step = {"the day before yesterday": -2, "yesterday": -1, "last night": -1, "tomorrow": 1}
        day = said + timedelta(days=step.get(near, 2 if near.startswith("the day after") else 0))
        return day, written_date(day)
    if "unit" in part or "unit2" in part:
        past = "unit" in part
        word = part["n"] if past else part["m"]
        count = int(word) if word.isdigit() else NUMBERS[word]
        return _shift(said, -count if past else count, part["unit"] if past else part["unit2"])
    ahead = {"last": -1, "this past": -1, "next": 1}.get(part["which"], 0)
    period = part["period"]
    if period in DAYS:
        gap = (DAYS.index(period) - said.weekday()) % 7
        day = said + timedelta(days=gap - 7 if ahead < 0 else gap or 7)
        return day, written_date(day)
    if period == "weekend":
        day = said + timedelta(days=5 - said.weekday() + 7 * ahead)
        return day, f"weekend of {written_date(day)}"
    return _shift(said, ahead, period)


def _shift(said: date, count: int, unit: str) -> tuple[date, str]:
    if unit == "day":
        day = said + timedelta(days=count)
        return day, written_date(day)
    if unit == "week":
        day = said + timedelta(days=7 * count - said.weekday())
        return day, f"week of {written_date(day)}"
    if unit == "year":
        return date(said.year + count, 1, 1), str(said.year + count)
    months = said.year * 12 + said.month - 1 + count
    day = date(months // 12, months % 12 + 1, 1)
    return day, f"{MONTHS[day.month - 1].title()} {day.year}"


def _absolute(match: re.Match[str]) -> date | None:
    part = {name: value.lower() for name, value in match.groupdict().items() if value}
    year = next(int(part[name]) for name in ("y", "y2", "y3", "y4", "y5", "y6") if name in part)
    named = part.get("month") or part.get("month2") or part.get("month3")
    number = part.get("mo") or part.get("mo2")
    month = [m[:3] for m in MONTHS].index(named[:3]) + 1 if named else int(number or 1)
    day = next((int(part[name]) for name in ("d", "d2", "d3", "d4") if name in part), 1)
    try:
        return date(year, month, day)
    except ValueError:
        return None
