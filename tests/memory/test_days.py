from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.memory import ThoughtMemory
from bethink.memory.days import Days, month_day, named_days, on_days

NOW = datetime(2024, 5, 15, 12, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("What did I say yesterday?", "2024-05-14", "2024-05-14"),
        ("And 3 days ago?", "2024-05-12", "2024-05-12"),
        ("What happened on 8 May 2023?", "2023-05-08", "2023-05-08"),
        ("On 2023-05-08, what was it?", "2023-05-08", "2023-05-08"),
        ("What did I do last week?", "2024-05-06", "2024-05-12"),
        ("What did I do last month?", "2024-04-01", "2024-04-30"),
        ("Where was I in February 2024?", "2024-02-01", "2024-02-29"),
        ("Where did I live in 2021?", "2021-01-01", "2021-12-31"),
        ("我在2023年5月8日说了什么？", "2023-05-08", "2023-05-08"),
    ],
)
def test_days_and_spans(text, first, last):
    assert named_days(text, NOW) == [Days(date.fromisoformat(first), date.fromisoformat(last))]


@pytest.mark.parametrize("text", ["On May 4th?", "on the 4th of May", "4 May, what was it?", "5月4日我们聊了什么？"])
def test_a_day_without_a_year_is_that_of_every_year(text):
    assert named_days(text, NOW) == [Days(None, None, 5, 4)]


def test_nothing_is_named():
    assert named_days("Where does Maria live? She may march on.", NOW) == []
    assert named_days("2023年13月40日", NOW) == []


@given(st.text(max_size=80))
def test_any_text_is_read_without_harm(text):
    for days in named_days(text, NOW):
        assert days.first is None or days.first <= days.last


def test_one_day_counts_in_full_and_a_month_little():
    dates = [date(2023, 5, 4), date(2024, 5, 4), date(2023, 5, 20), date(2023, 6, 1)]
    ordinals = np.array([day.toordinal() for day in dates])
    month_days = np.array([month_day(day) for day in dates])
    assert on_days(named_days("On May 4th", NOW), ordinals, month_days).tolist() == [1, 1, 0, 0]
    assert on_days(named_days("4 May 2023", NOW), ordinals, month_days).tolist() == [1, 0, 0, 0]
    month = on_days(named_days("in May 2023", NOW), ordinals, month_days)
    np.testing.assert_allclose(month, [1 / 31, 0, 1 / 31, 0])
    assert not on_days([], ordinals, month_days).any()


def test_what_was_said_on_the_named_day_comes_first(tmp_path, embedder):
    with ThoughtMemory(tmp_path, embedder) as memory:
        for day in range(1, 9):
            memory.insert(f"We talked about topic {day}.", user_id="ana", timestamp=f"2023-05-0{day}")
        found = memory.search("What did we talk about on May 4th?", user_id="ana", k=3)
    assert found[0].thought.date == "2023-05-04"
    assert found[0].channels["day"] > found[1].channels["day"] == 0
