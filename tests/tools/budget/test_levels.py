from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bethink.tools.budget.levels import LABEL_LENGTH, MOST, MOST_LEVELS, Levels, levels_of, ways

finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.lists(finite | st.just(math.nan), min_size=1, max_size=30).map(np.array)
texts = st.lists(st.none() | st.text(max_size=50), min_size=1, max_size=30).map(
    lambda values: pd.Categorical(np.array(values, object))
)


@given(st.lists(finite, min_size=2, max_size=MOST_LEVELS, unique_by=lambda value: value + 0.0))
@example([1 + 2.0**-52, 1 + 2.0**-51, 1 + 3 * 2.0**-52])
@example([0.0, 5e-324])
@example([1.6e308, 1.7e308])
@settings(max_examples=150, deadline=None)
def test_few_numbers_have_a_level_each_however_close(values):
    column = pd.Series(values)
    levels = levels_of(column, "x")
    assert levels.ordered
    assert levels.of(column).tolist() == column.rank().sub(1).astype(int).tolist()


@given(numbers | texts, st.text(max_size=50), numbers | texts)
@settings(max_examples=200, deadline=None)
def test_every_way_gives_levels_that_come_back_from_json(values, name, new):
    column = pd.Series(values)
    found = list(ways(column, name))
    assert (found == []) == (column.nunique(dropna=False) < 2) == (levels_of(column, name) is None)
    for levels in found:
        rows = levels.of(column)
        assert rows.min() >= 0
        assert rows.max() < len(levels.names)
        assert (rows[column.isna().to_numpy()] == levels.missing).all()
        stored = json.dumps(levels.to_json(), allow_nan=False)
        again = Levels.from_json(json.loads(stored))
        assert (again.name, again.names, again.number) == (name, levels.names, levels.number)
        assert (again.otherwise, again.missing, again.ordered) == (levels.otherwise, levels.missing, levels.ordered)
        np.testing.assert_array_equal(again.of(column), rows)
        if (column.dtype == float) == (pd.Series(new).dtype == float):
            np.testing.assert_array_equal(again.of(pd.Series(new)), levels.of(pd.Series(new)))


def test_the_finest_way_comes_first():
    column = pd.Series(np.arange(100.0))
    assert [len(levels.names) for levels in ways(column, "x")] == [8, 5, 3, 2]
    assert levels_of(column, "x").names == next(ways(column, "x")).names
    few = pd.Series(pd.Categorical(list("aabbcd")))
    assert [levels.names for levels in ways(few, "x")] == [
        ("x=a", "x=b", "x=c", "x=d"),
        ("x=a", "x=b", "x=other"),
        ("x=a", "x=other"),
    ]
    evil = levels_of(pd.Series(["\n\x1b" * 99, "b"]), "x\ny" * 99)
    assert all(name.isprintable() and len(name) < 2 * LABEL_LENGTH + 10 for name in evil.names)


AGE = Levels("age", ("young", "old", "unknown"), np.array([40.0]), {}, 0, 2)
TOWN = Levels("Ort", ("Köln", "other"), None, {"Köln": 0}, 1, 1)


@pytest.mark.parametrize(
    ("levels", "changes"),
    [
        (TOWN, {"names": []}),
        (TOWN, {"names": "ab"}),
        (TOWN, {"names": ["a", 1]}),
        (TOWN, {"names": ["a", "\x1b[31m"]}),
        (TOWN, {"names": ["a"] * (MOST + 1)}),
        (TOWN, {"name": None}),
        (TOWN, {"texts": ["Köln"]}),
        (TOWN, {"texts": {"Köln": 2}}),
        (TOWN, {"texts": {"Köln": True}}),
        (TOWN, {"texts": {"Köln": 0.0}}),
        (TOWN, {"texts": {str(number): 0 for number in range(MOST + 1)}}),
        (TOWN, {"otherwise": -1}),
        (TOWN, {"otherwise": 10**400}),
        (TOWN, {"missing": "0"}),
        (TOWN, {"more": 1}),
        (AGE, {"edges": [math.nan]}),
        (AGE, {"edges": [math.inf]}),
        (AGE, {"edges": [10**400]}),
        (AGE, {"edges": ["40"]}),
        (AGE, {"edges": [True]}),
        (AGE, {"edges": [[40]]}),
        (AGE, {"edges": 40}),
        (AGE, {"edges": []}),
        (AGE, {"edges": [1.0, 2.0, 3.0]}),
        (AGE, {"edges": [2.0, 2.0], "missing": 0}),
        (AGE, {"edges": [3.0, 2.0], "missing": 0}),
        (AGE, {"missing": 1}),
        (AGE, {"missing": 3}),
        (AGE, {"texts": {"a": 0}}),
    ],
)
def test_levels_that_cannot_be_are_refused(levels, changes):
    stored = levels.to_json()
    assert Levels.from_json(stored).to_json() == stored
    with pytest.raises(ValueError, match=r" .*\.$"):
        Levels.from_json(stored | changes)


@pytest.mark.parametrize("stored", [None, 3, "x", [], {}, {"name": "age"}])
def test_what_is_no_column_is_refused(stored):
    with pytest.raises(ValueError, match=r"A column must be an object with name, .*"):
        Levels.from_json(stored)
