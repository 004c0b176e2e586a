"""Days as people tell them, and how they are written down.

The fourth part of a triple is as exact as the text: ``2025-03-14`` for a day, ``2025-03`` for a month, ``2019`` for a
year. Counted from the day of the turn: "last Friday" is the latest Friday before it, "next Friday", "this Friday" and
"on Friday" of something to come the first one after it; "in May" is the next May of something to come and the latest
one of something past. Weeks, weekends, seasons, "recently" and "soon" tell no day, so there is no fourth part.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from random import Random

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_COUNT = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 10: "ten"}
Told = tuple[str, str | None]
"""Words, and the day they tell."""


def draw_day(rng: Random) -> date:
    """The day of a turn."""
    return date(2023, 1, 1) + timedelta(days=rng.randrange(1400))


def written(day: date, rng: Random, year: bool = True) -> str:
    """A day in one of the forms people use."""
    month, tail = MONTHS[day.month - 1], f" {day.year}" if year else ""
    th = {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10 if day.day not in (11, 12, 13) else 0, "th")
    comma = f", {day.year}" if year else ""
    forms = [
        f"{day.day} {month}{tail}",
        f"{month} {day.day}{comma}",
        f"the {day.day}{th} of {month}{tail}",
        f"{month} {day.day}{th}{comma}",
        f"{day.day} {month[:3]}{tail}",
    ]
    return rng.choice([*forms, day.isoformat()] if year else forms)


def plain(day: date) -> str:
    """``8 May 2023``, as answers and the memory write it."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _month(day: date) -> str:
    return f"{day.year}-{day.month:02}"


def past(rng: Random, said: date, vague: bool = True) -> Told:
    """Something that is over."""
    kind = rng.random()
    if vague and kind < 0.16:
        words = "recently|the other day|last week|a few weeks ago|last weekend|two weeks ago|not long ago|a while ago"
        return rng.choice(words.split("|")), None
    if kind < 0.34:
        words, back = rng.choice([("yesterday", 1), ("today", 0), ("this morning", 0), ("last night", 1)])
        return words, (said - timedelta(days=back)).isoformat()
    if kind < 0.48:
        gap = rng.randrange(1, 8)
        day = said - timedelta(days=gap)
        return rng.choice(["last ", "on "] if gap < 7 else ["last "]) + DAYS[day.weekday()], day.isoformat()
    if kind < 0.56:
        back = rng.randrange(2, 7)
        return f"{rng.choice([_COUNT[back], str(back)])} days ago", (said - timedelta(days=back)).isoformat()
    if kind < 0.64:
        if rng.random() < 0.5:
            return "last month", _month(said.replace(day=1) - timedelta(days=1))
        back = rng.randrange(2, 10)
        months = said.year * 12 + said.month - 1 - back
        return f"{_COUNT[back]} months ago", f"{months // 12}-{months % 12 + 1:02}"
    if kind < 0.72:
        back = rng.randrange(1, 8)
        words = "last year" if back == 1 else f"{rng.choice([_COUNT[back], str(back)])} years ago"
        return words, str(said.year - back)
    day = said - timedelta(days=rng.randrange(20, 1500))
    if kind < 0.82:
        return f"in {MONTHS[day.month - 1]} {day.year}", _month(day)
    if kind < 0.88:
        return f"in {day.year}", str(day.year)
    if kind < 0.94:
        day = said - timedelta(days=rng.randrange(20, 300))
        return f"on {written(day, rng, False)}", day.isoformat()
    return f"on {written(day, rng)}", day.isoformat()


def future(rng: Random, said: date, vague: bool = True) -> Told:
    """Something to come."""
    kind = rng.random()
    if vague and kind < 0.2:
        words = (
            "next week|soon|at some point|this summer|next weekend|one of these days|in a few weeks|over the holidays"
        )
        return rng.choice(words.split("|")), None
    if kind < 0.36:
        words, ahead = rng.choice([("tomorrow", 1), ("tomorrow morning", 1), ("the day after tomorrow", 2)])
        return words, (said + timedelta(days=ahead)).isoformat()
    if kind < 0.58:
        day = said + timedelta(days=rng.randrange(1, 8))
        return rng.choice(["next ", "on ", "this "]) + DAYS[day.weekday()], day.isoformat()
    if kind < 0.66:
        ahead = rng.randrange(2, 9)
        return f"in {rng.choice([_COUNT[ahead], str(ahead)])} days", (said + timedelta(days=ahead)).isoformat()
    if kind < 0.74:
        return "next month", _month(said.replace(day=28) + timedelta(days=7))
    if kind < 0.78:
        return "next year", str(said.year + 1)
    day = said + timedelta(days=rng.randrange(15, 330))
    if kind < 0.88:
        return f"in {MONTHS[day.month - 1]}{rng.choice(['', f' {day.year}'])}", _month(day)
    return f"on {written(day, rng, rng.random() < 0.4)}", day.isoformat()


def since(rng: Random, said: date) -> Told:
    """The start of something that goes on."""
    if rng.random() < 0.6:
        year = said.year - rng.randrange(1, 16)
        return f"since {year}", str(year)
    day = said - timedelta(days=rng.randrange(40, 1500))
    return f"since {MONTHS[day.month - 1]} {day.year}", _month(day)


_RELATIVE = re.compile(r"\b(?:ago|last|next|this|yesterday|today|tomorrow|tonight|days|month|year)\b|^on \w+day$")


def explained(words: str, day: str | None) -> str:
    """Words with what they mean behind them, as the memory writes them: "yesterday (30 April 2024)"."""
    if day is None or not _RELATIVE.search(words):
        return words
    return f"{words} ({meant(day)})"


def meant(day: str) -> str:
    """``2024-05-08`` as "8 May 2024", ``2024-05`` as "May 2024"."""
    year, *rest = day.split("-")
    if not rest:
        return year
    month = f"{MONTHS[int(rest[0]) - 1]} {year}"
    return month if len(rest) == 1 else f"{int(rest[1])} {month}"
