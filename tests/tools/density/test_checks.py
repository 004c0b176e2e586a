"""Tables that have no density: each is refused with what is wrong and what to do."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.density.checks import LARGEST, LEAST_ROWS, MOST_COLUMNS, TableError, check_table, tied_columns


def rows(n: int = 50, d: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def with_column(values: np.ndarray, column: np.ndarray, place: int = 1) -> np.ndarray:
    return np.insert(values, place, column, axis=1)


REFUSED = {
    "few rows": (rows(LEAST_ROWS - 1), "9 rows", "At least 10"),
    "many columns": (rows(20, MOST_COLUMNS + 1), "501 columns; 500", "Choose columns"),
    "huge": (with_column(rows(), np.r_[np.ones(49), 1e300] * rows(50, 1)[:, 0]), "in row 49", "Rescale"),
    "constant": (with_column(rows(), np.full(50, 7.5)), "olumn 1 is constant (7.5)", "leave the column out"),
    "zeros": (with_column(rows(), np.zeros(50)), "olumn 1 is constant (0)", "leave the column out"),
    "constant but for rounding": (with_column(rows(), 1e9 + 1e-4 * (np.arange(50) % 2)), "constant", "leave"),
    "a column twice": (with_column(rows(), rows()[:, 2]), "Column 1 and column 3 tell the same", "leave one"),
    "a column in other units": (with_column(rows(), 32 - 1.8 * rows()[:, 0]), "Column 0 and column 1", "leave one"),
    "few different rows": (np.repeat(rows(5), 10, axis=0), "Only 5 different rows are among the 50", "categories"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_and_what_to_do(name):
    values, wrong, advice = REFUSED[name]
    with pytest.raises(TableError) as caught:
        check_table(values)
    assert wrong in caught.value.message
    assert advice in caught.value.hint
    assert str(caught.value) == f"{caught.value.message} {caught.value.hint}"


def test_a_message_begins_with_a_capital_or_a_given_name_and_uses_that_as_it_is():
    constant, twice = with_column(rows(), np.ones(50)), with_column(rows(), rows()[:, 2])
    names = ["iPhone", "eGFR", "b", "c"]
    with pytest.raises(TableError, match=r"eGFR is constant \(1\)"):
        check_table(constant, names)
    with pytest.raises(TableError, match="eGFR and c tell the same"):
        check_table(twice, names)
    for values in (constant, twice):
        with pytest.raises(TableError) as caught:
            check_table(values)
        assert caught.value.message[0].isupper()


def test_what_has_a_density_passes():
    check_table(rows(LEAST_ROWS))
    check_table(rows(30, 1))
    check_table(rows() * 1e90)
    check_table(np.minimum(rows() * 1e100, LARGEST).clip(-LARGEST))
    check_table(np.repeat(rows(LEAST_ROWS), 2, axis=0))
    check_table(with_column(rows(), rows(seed=1)[:, 0] + 1e9))  # far from zero is no constant
    check_table(with_column(rows(), rows()[:, 0] + 1e-3 * rows(seed=1)[:, 0]))


def test_columns_of_tiny_numbers_pass_quietly():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_table(rows() * 1e-90)


@given(st.integers(0, 1000), st.floats(1e-6, 1e6), st.floats(-1e6, 1e6), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_units_do_not_matter(seed, scale, shift, d):
    check_table(rows(30, d, seed) * scale + shift * scale)
    with pytest.raises(TableError, match="tell the same"):
        check_table(with_column(rows(30, d, seed), (rows(30, d, seed)[:, 0] + shift) * scale, d))


def test_tied_columns_are_steps_and_not_measurements():
    chance = np.random.default_rng(0)
    steps, measured = chance.integers(0, 6, 500), chance.normal(size=500)
    assert tied_columns(np.stack([measured, steps, np.round(measured, 1)], 1)) == [1, 2]
    assert tied_columns(measured[:, None]) == []
