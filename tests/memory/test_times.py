from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from bethink.memory.times import date_mentions, to_iso, with_dates_written

SAID = datetime(2024, 5, 1, 10, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("yesterday", date(2024, 4, 30)),
        ("the day before yesterday", date(2024, 4, 29)),
        ("tomorrow", date(2024, 5, 2)),
        ("today", date(2024, 5, 1)),
        ("three days ago", date(2024, 4, 28)),
        ("a week ago", date(2024, 4, 22)),
        ("last week", date(2024, 4, 22)),
        ("last month", date(2024, 4, 1)),
        ("two months ago", date(2024, 3, 1)),
        ("6 months ago", date(2023, 11, 1)),
        ("last year", date(2023, 1, 1)),
        ("in two weeks", date(2024, 5, 13)),
        ("next Monday", date(2024, 5, 6)),
        ("last Friday", date(2024, 4, 26)),
        ("last Wednesday", date(2024, 4, 24)),
        ("next Wednesday", date(2024, 5, 8)),
        ("last weekend", date(2024, 4, 27)),
        ("2023-12-29", date(2023, 12, 29)),
        ("29.12.2023", date(2023, 12, 29)),
        ("5 May 2023", date(2023, 5, 5)),
        ("May 5th, 2023", date(2023, 5, 5)),
        ("in March 2020", date(2020, 3, 1)),
        ("since 2019", date(2019, 1, 1)),
    ],
)
def test_dates_are_read_from_the_day_of_the_message(text, day):
    assert [mention.day for mention in date_mentions(f"It was {text}.", SAID)] == [day]


@pytest.mark.parametrize(
    "text", ["31.02.2023", "2023-13-45", "I may go", "version 1.2.3", "99999 years ago", "march on"]
)
def test_what_is_no_date_is_left(text):
    assert date_mentions(text, SAID) == []


def test_the_speaker_s_own_day_counts():
    late = datetime(2024, 5, 1, 0, 30, tzinfo=timezone(timedelta(hours=9)))  # still 30 April in UTC
    assert date_mentions("yesterday", late)[0].day == date(2024, 4, 30)
    assert to_iso(late) == "2024-04-30T15:30:00Z"


def test_relative_dates_are_written_out():
    assert with_dates_written("I fell yesterday.", SAID) == "I fell yesterday (30 April 2024)."
    assert with_dates_written("I moved in March 2020.", SAID) == "I moved in March 2020."


@pytest.mark.parametrize(
    "value", ["2024-05-01", date(2024, 5, 1), datetime(2024, 5, 1), 1714521600, "2024-05-01T02:00:00+02:00"]
)
def test_timestamps_of_all_kinds_meet(value):
    assert to_iso(value) == "2024-05-01T00:00:00Z"


@pytest.mark.parametrize(
    "value", ["soon", "", "2024-13-01", float("nan"), float("inf"), 1e30, True, object(), "1:56 pm on 8 May"]
)
def test_bad_timestamps_say_what_is_wanted(value):
    with pytest.raises(ValueError, match="ISO-8601"):
        to_iso(value)
