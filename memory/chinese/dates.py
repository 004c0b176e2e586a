"""Dates in Chinese: "2023年5月8日", "五月四号", "昨天", "上周三", "三个月前"."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

_DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
_N = r"(?:\d{1,3}|[一二两三四五六七八九十]{1,3})"
_YEAR = r"(?:[12]\d{3}|[一二][〇零一二三四五六七八九]{3})"
_MONTH = r"(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])"
_DAY = r"(?:3[01]|[12]\d|0?[1-9]|三十一?|二十[一二三四五六七八九]?|十[一二三四五六七八九]?|[一二三四五六七八九])"
_ABSOLUTE = re.compile(rf"(?P<y>{_YEAR})年(?:(?P<m>{_MONTH})月(?:份)?(?:(?P<d>{_DAY})[日号號]|(?!\d))|(?!\d+月))")
_OF_ANY_YEAR = re.compile(rf"(?<![年\d一二三四五六七八九十])(?P<m>{_MONTH})月(?P<d>{_DAY})[日号號]")
_NEAR = {
    "大前天": -3,
    "前天": -2,
    "昨天": -1,
    "昨晚": -1,
    "昨日": -1,
    "今天": 0,
    "今晚": 0,
    "今早": 0,
    "今日": 0,
    "明天": 1,
    "明晚": 1,
    "后天": 2,
}
_NEAR_DAY = re.compile("|".join(_NEAR))
_AGO = re.compile(rf"(?P<n>{_N})(?P<unit>天|周|个?星期|个?礼拜|个月|年)(?:之|以)?(?P<way>前|后)")
_WEEK = re.compile(r"(?P<way>上上|上|这|本|下)个?(?:周|星期|礼拜)(?P<day>[一二三四五六日天末])?")
_PERIOD = re.compile(r"(?P<month>上个?月|这个?月|本月|下个?月)|(?P<year>前年|去年|今年|明年)")


@dataclass(frozen=True)
class Named:
    """A date in a text: where it stands, its first and last day, and how to write it in full ("" if it is already)."""

    start: int
    end: int
    first: date
    last: date
    written: str = ""


def number(text: str) -> int:
    """Of "12", "十二" or "三十一"; below 100."""
    if text.isdigit():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    return (_DIGITS.get(tens, 1) * 10 if ten else 0) + _DIGITS.get(ones, 0)


def chinese_dates(text: str, said: date) -> list[Named]:
    """The dates that a text names, the relative ones counted from the day it was said, in order."""
    found: list[Named] = []
    for read in (_absolute, _near, _ago, _week, _period):
        for match in _PATTERN_OF[read.__name__].finditer(text):
            try:
                first, last = read(match, said)
            except (ValueError, OverflowError):
                continue
            written = "" if read is _absolute else _written(first, last)
            if not any(match.start() < other.end and other.start < match.end() for other in found):
                found.append(Named(match.start(), match.end(), first, last, written))
    return sorted(found, key=lambda each: each.start)


def chinese_days_of_any_year(text: str) -> list[tuple[int, int]]:
    """(month, day) of each day that a text names without a year: "5月4日", "五月四号"."""
    return [(number(match["m"]), number(match["d"])) for match in _OF_ANY_YEAR.finditer(text)]


def with_chinese_dates_written(text: str, said: date) -> str:
    """The text with each relative date followed by what it means: "昨天（2024年4月30日）"."""
    for each in reversed(chinese_dates(text, said)):
        if each.written:
            text = f"{text[: each.end]}（{each.written}）{text[each.end :]}"
    return text


def _year(text: str) -> int:
    return int(text) if text.isdigit() else int("".join(str(_DIGITS[c]) for c in text))


def _absolute(match: re.Match[str], said: date) -> tuple[date, date]:
    year = _year(match["y"])
    if not match["m"]:
        return date(year, 1, 1), date(year, 12, 31)
    month = number(match["m"])
    if not match["d"]:
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    day = date(year, month, number(match["d"]))
    return day, day


def _near(match: re.Match[str], said: date) -> tuple[date, date]:
    day = said + timedelta(days=_NEAR[match.group()])
    return day, day


def _ago(match: re.Match[str], said: date) -> tuple[date, date]:
    count = number(match["n"]) * (-1 if match["way"] == "前" else 1)
    unit = match["unit"]
    if unit == "天":
        day = said + timedelta(days=count)
        return day, day
    if unit == "年":
        return _whole_year(said.year + count)
    if unit == "个月":
        return _whole_month(said, count)
    return _whole_week(said, count)


def _week(match: re.Match[str], said: date) -> tuple[date, date]:
    first, last = _whole_week(said, {"上上": -2, "上": -1, "下": 1}.get(match["way"], 0))
    if not match["day"]:
        return first, last
    if match["day"] == "末":
        return first + timedelta(days=5), last
    day = first + timedelta(days="一二三四五六日".index(match["day"].replace("天", "日")))
    return day, day


def _period(match: re.Match[str], said: date) -> tuple[date, date]:
    if match["month"]:
        return _whole_month(said, {"上": -1, "下": 1}.get(match["month"][0], 0))
    return _whole_year(said.year + {"前年": -2, "去年": -1, "今年": 0, "明年": 1}[match["year"]])


def _whole_year(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 31)


def _whole_month(said: date, count: int) -> tuple[date, date]:
    months = said.year * 12 + said.month - 1 + count
    year, month = months // 12, months % 12 + 1
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def _whole_week(said: date, count: int) -> tuple[date, date]:
    first = said + timedelta(days=7 * count - said.weekday())
    return first, first + timedelta(days=6)


def _written(first: date, last: date) -> str:
    if first == last:
        return f"{first.year}年{first.month}月{first.day}日"
    if (last - first).days > 31:
        return f"{first.year}年"
    if (last - first).days > 6:
        return f"{first.year}年{first.month}月"
    return f"{first.year}年{first.month}月{first.day}日起"


_PATTERN_OF = {"_absolute": _ABSOLUTE, "_near": _NEAR_DAY, "_ago": _AGO, "_week": _WEEK, "_period": _PERIOD}
