from datetime import UTC, date, datetime

import pytest

from bethink.memory.chinese.dates import (
    chinese_dates,
    chinese_days_of_any_year,
    number,
    with_chinese_dates_written,
)
from bethink.memory.days import Days, named_days

SAID = date(2024, 5, 15)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2023年5月8日", "2023-05-08", "2023-05-08"),
        ("二〇二三年五月八号", "2023-05-08", "2023-05-08"),
        ("2023年5月", "2023-05-01", "2023-05-31"),
        ("我2019年毕业", "2019-01-01", "2019-12-31"),
        ("昨天", "2024-05-14", "2024-05-14"),
        ("大前天", "2024-05-12", "2024-05-12"),
        ("后天", "2024-05-17", "2024-05-17"),
        ("三天前", "2024-05-12", "2024-05-12"),
        ("两个星期前", "2024-04-29", "2024-05-05"),
        ("三个月前", "2024-02-01", "2024-02-29"),
        ("10年前", "2014-01-01", "2014-12-31"),
        ("上周三", "2024-05-08", "2024-05-08"),
        ("上周", "2024-05-06", "2024-05-12"),
        ("这周末", "2024-05-18", "2024-05-19"),
        ("下个月", "2024-06-01", "2024-06-30"),
        ("去年", "2023-01-01", "2023-12-31"),
    ],
)
def test_days_and_spans(text, first, last):
    (found,) = chinese_dates(f"我{text}去了公园", SAID)
    assert (found.first, found.last) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("text", ["2023年13月40日", "2023年2月30日", "今后再说", "一万年", "周瑜", ""])
def test_what_is_no_date_is_none(text):
    assert chinese_dates(text, SAID) == []


@pytest.mark.parametrize("text", ["5月4日", "05月04号", "五月四号", "五月四號那天"])
def test_a_day_of_any_year(text):
    assert chinese_days_of_any_year(f"在{text}我们聊了什么？") == [(5, 4)]
    assert named_days(f"在{text}我们聊了什么？", datetime(2024, 5, 15, tzinfo=UTC)) == [Days(None, None, 5, 4)]


def test_a_day_with_its_year_is_of_that_year_only():
    assert chinese_days_of_any_year("2023年5月4日") == []
    assert chinese_days_of_any_year("十二月三十一号和11月2日") == [(12, 31), (11, 2)]


def test_relative_dates_are_written_out_beside_them():
    said = with_chinese_dates_written("我昨天去了公园，2023年1月2日也去过", SAID)
    assert said == "我昨天（2024年5月14日）去了公园，2023年1月2日也去过"
    assert with_chinese_dates_written("上个月我在北京", SAID) == "上个月（2024年4月）我在北京"


@pytest.mark.parametrize(
    ("text", "value"), [("七", 7), ("十", 10), ("十二", 12), ("三十一", 31), ("31", 31), ("两", 2)]
)
def test_numbers(text, value):
    assert number(text) == value
