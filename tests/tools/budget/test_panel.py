from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.panel import whole_histories
from bethink.tools.findings import TableError
from bethink.tools.times import Times

DAY = 86_400.0


def panel(users: list[int], times: list[float], dates: bool = False):
    return whole_histories(np.array(users), Times(np.array(times, float), dates), "week")


def codes(found) -> list[str]:
    return [finding.code for finding in found.findings]


def test_rows_in_any_order():
    found = panel([1, 0, 1, 0, 0, 1], [3, 2, 1, 3, 1, 2])
    assert (found.rows.tolist(), found.steps.tolist(), found.horizon) == ([4, 1, 3, 2, 5, 0], [0, 1, 2] * 2, 3)
    assert not found.findings


def test_users_with_gaps_are_left_out_and_counted():
    found = panel([0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3], [1, 2, 3, 1, 3, 1, 2, 3, 1, 2, 3])
    assert found.rows.tolist() == [0, 1, 2, 5, 6, 7, 8, 9, 10]
    assert found.findings[0].numbers == {"users_kept": 3, "users": 4, "steps": 3, "rows_left_out": 2}


def test_users_who_start_when_they_join():
    users = np.repeat(np.arange(10), 4)
    found = panel(users.tolist(), (users + np.tile(np.arange(4), 10)).tolist())
    assert (found.horizon, len(found.rows), codes(found)) == (4, 40, ["own_start"])
    assert found.steps.tolist() == [0, 1, 2, 3] * 10


def test_the_horizon_keeps_most_rows_of_unbroken_histories():
    """Lengths 1, 2, 2, 5, 5, 5: four users whole for 5 steps would need 4 x 5; 3 x 5 beats 5 x 2."""
    lengths = [1, 2, 2, 5, 5, 5]
    users = np.repeat(np.arange(6), lengths)
    times = np.concatenate([np.arange(length) + 7 * user for user, length in enumerate(lengths)])
    found = panel(users.tolist(), times.tolist())
    assert (found.horizon, len(found.rows) // 5) == (5, 3)


@pytest.mark.parametrize(
    ("days", "horizon"),
    [
        ([0, 7, 14], 3),
        ([0, 31, 60, 91], 4),  # months of 2024
        ([0, 1, 2], 3),
        ([0.4, 1.3, 2.9], 3),  # with times of day
    ],
)
def test_dates_by_day_week_or_month(days, horizon):
    start = (np.datetime64("2024-01-01") - np.datetime64("1970-01-01")).astype(float)
    users = np.repeat(np.arange(30), len(days))
    jitter = np.repeat(np.random.default_rng(0).uniform(0, 0.05, 30), len(days)) if days[0] else 0.0
    found = panel(users.tolist(), ((start + np.tile(days, 30) + jitter) * DAY).tolist(), True)
    assert (found.horizon, len(found.rows)) == (horizon, 30 * len(days))
    assert codes(found) == []


def test_weeks_that_begin_on_different_days():
    users = np.repeat(np.arange(20), 3)
    days = np.tile([0, 7, 14], 20) + users % 5 + 4 * 0
    found = panel(users.tolist(), (days * DAY).tolist(), True)
    assert (found.horizon, len(found.rows)) == (3, 60)


def test_a_time_that_nobody_has():
    found = panel([0, 0, 0, 1, 1, 1], [1, 2, 5, 1, 2, 5])
    assert found.horizon == 3
    assert found.findings[0].numbers == {"from": "2", "to": "5"}


@pytest.mark.parametrize(
    ("users", "times", "code"),
    [([0, 0, 1], [1, 1, 1], "repeated_rows"), ([0, 1, 0, 1, 0, 1], [0, 1, 2, 3, 4, 5], "gaps")],
)
def test_no_panel(users, times, code):
    with pytest.raises(TableError) as error:
        panel(users, times)
    assert error.value.code == code


def with_gaps(missing: float, steps: int, users: int = 2000, seed: int = 0):
    """Users and times of a grid in which each pair lacks its row with the same chance."""
    kept = np.random.default_rng(seed).random((users, steps)) >= missing
    kept = kept[kept.any(1)]
    return np.nonzero(kept)


@pytest.mark.parametrize("steps", [4, 12, 52])
@pytest.mark.parametrize("missing", [0.56, 0.7, 0.9])
def test_gaps_that_are_the_rule_are_refused(missing, steps):
    users, times = with_gaps(missing, steps)
    for dates, unit in ((False, 1.0), (True, 7 * DAY)):
        with pytest.raises(TableError, match="no fair sample") as error:
            panel(users.tolist(), (times * unit).tolist(), dates)
        assert error.value.code == "gaps"
        assert "write 0" in error.value.hint


@pytest.mark.parametrize("steps", [4, 12, 52])
@pytest.mark.parametrize("missing", [0.05, 0.25, 0.44])
def test_gaps_that_are_not_the_rule_are_told(missing, steps):
    users, times = with_gaps(missing, steps)
    found = panel(users.tolist(), times.tolist())
    assert found.horizon > 1
    assert found.findings[0].numbers["users_kept"] == len(found.rows) // found.horizon


def test_gaps_are_counted_between_first_and_last_rows():
    """Three users: without a gap, with two of four steps missing, with all of three; and two with a single row."""
    with pytest.raises(TableError) as error:
        panel([0, 0, 1, 1, 1, 1, 2, 2, 3, 4], [0, 1, 0, 1, 3, 5, 1, 5, 2, 4])
    assert "5 of 7 steps between" in str(error.value)
    assert "2 of 3 users with more than one row" in str(error.value)


def test_users_who_join_late_or_leave_early_have_no_gaps():
    """Two years of weeks, of which each user is there for a few: nine in ten pairs of the grid have no row."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 14, 500)
    users = np.repeat(np.arange(500), lengths)
    weeks = np.concatenate([start + np.arange(n) for start, n in zip(rng.integers(0, 90, 500), lengths, strict=True)])
    assert len(users) < 0.1 * 500 * 104
    found = panel(users.tolist(), weeks.tolist())
    assert len(found.rows) > 0.5 * len(users)


def test_a_few_users_with_wide_gaps_do_not_spoil_the_rest():
    users, times = np.repeat(np.arange(100), 2), np.tile([0, 1], 100)
    for broken, refused in ((30, False), (40, True)):  # a quarter of 130 is more than 30, of 140 less than 40
        others = np.repeat(np.arange(broken), 2) + 100
        found = result(np.r_[users, others], np.r_[times, np.tile([0, 9], broken)])
        assert (found == "gaps") == refused


def test_one_row_a_month_on_any_day_has_no_gaps():
    rng = np.random.default_rng(0)
    months = np.tile(np.arange("2023-01", "2024-01", dtype="datetime64[M]"), 50).astype("datetime64[D]").astype(int)
    days = months + rng.integers(0, 28, len(months))
    found = panel(np.repeat(np.arange(50), 12).tolist(), (days * DAY).tolist(), True)
    assert (found.horizon, len(found.rows), codes(found)) == (12, 600, [])


def test_too_many_steps():
    with pytest.raises(TableError, match="1,000 steps is the most"):
        panel([0] * 1001 + [1] * 1001, [*range(1001)] * 2)


def result(users, times):
    try:
        return panel(users.tolist(), times.tolist())
    except TableError as error:
        return error.code


@given(st.integers(1, 8), st.integers(2, 6), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_order_does_not_matter(users, steps, seed):
    rng = np.random.default_rng(seed)
    who, when = np.repeat(np.arange(users), steps), np.tile(np.arange(steps) * 3 + 1, users)
    keep = np.sort(rng.permutation(len(who))[: max(users, int(0.9 * len(who)))])
    who, when = np.unique(who[keep], return_inverse=True)[1], when[keep]
    shuffle = rng.permutation(len(who))
    first, second = result(who, when), result(who[shuffle], when[shuffle])
    if isinstance(first, str) or isinstance(second, str):
        assert first == second
        return
    assert first.rows.tolist() == shuffle[second.rows].tolist()
    per_user = who[first.rows].reshape(-1, first.horizon)
    assert (per_user == per_user[:, :1]).all()
    assert (first.steps.reshape(-1, first.horizon) == np.arange(first.horizon)).all()
