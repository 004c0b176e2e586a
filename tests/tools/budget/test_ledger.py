import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.ledger import MICRO, MOST_ROWS, Sums, Totals, micro_units

AMOUNTS = (0, 200, 500)
rows = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 10**14), st.integers(-(10**14), 10**14), st.integers(0, 3)), max_size=40
)


def totals_of(users):
    columns = [np.array([user[k] for user in users], np.int64) for k in range(4)]
    return Totals.of(AMOUNTS, *columns, list("abcd"))


@settings(deadline=None)
@given(rows, st.randoms())
def test_any_order_and_partitioning_gives_the_same_totals(users, random):
    whole = totals_of(users)
    random.shuffle(users)
    cut = random.randint(0, len(users))
    parts = totals_of(users[:cut]) + totals_of(users[cut:])
    assert parts == whole
    assert parts.to_json() == whole.to_json()
    assert Totals.from_json(whole.to_json()) == whole
    assert whole + Totals(AMOUNTS, {}) == whole


@settings(deadline=None)
@given(rows)
def test_totals_are_those_of_pythons_whole_numbers(users):
    found = totals_of(users)
    assert found.users == len(users)
    assert found.cost_micro == sum(user[1] for user in users)
    assert found.reward_micro == sum(user[2] for user in users)
    assert found.face_value == sum(AMOUNTS[user[0]] for user in users)
    assert found.users_by_amount == tuple(sum(user[0] == k for user in users) for k in range(3))
    assert set(found.segments) == {"abcd"[user[3]] for user in users}


def test_the_greatest_sums_do_not_overflow():
    most = np.full(MOST_ROWS, 10**14)
    once = Totals.of((0,), np.zeros(MOST_ROWS, np.int64), most, -most)
    assert (once + once + once).cost_micro == 3 * MOST_ROWS * 10**14
    with pytest.raises(ValueError, match="at a time"):
        Totals.of((0,), *np.zeros((3, MOST_ROWS + 1), np.int64))


def test_planned_cost_is_rounded_up_once_and_not_for_every_user():
    third = micro_units(np.full(3_000, 1 / 3), "cost")
    found = Totals.of((0,), np.zeros(3_000, np.int64), third, third)
    assert found.planned_cost() == 100_000  # 999.999 in cents; a cent for each would have been off by 1 %
    assert Totals.of((0,), *np.array([[0], [MICRO + 1], [0]])).planned_cost(scale=1) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.1e8])
def test_what_is_no_money_is_refused(value):
    with pytest.raises(ValueError, match="expected cost"):
        micro_units([0.0, value], "expected cost")


def test_totals_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="do not add up"):
        Totals((0,), {}) + Totals((0, 1), {})
    some = {str(number): Sums((1,), (0,), (0,)) for number in range(6_000)}
    others = {"x" + name: sums for name, sums in some.items()}
    with pytest.raises(ValueError, match="segments"):
        Totals((0,), some) + Totals((0,), others)
    for text in ("{}", "[]", '{"amounts": 1, "segments": {}}', "no"):
        with pytest.raises(ValueError):
            Totals.from_json(text)
