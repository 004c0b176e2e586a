from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.findings import TableError, quoted
from bethink.tools.quantities import categories_of, quantities, written

nan = np.nan


@pytest.mark.parametrize(
    ("cells", "values", "currencies"),
    [
        (["5", "2.50", "1e3", "-3", "+4"], [5, 2.5, 1000, -3, 4], ()),
        (["5 EUR", "€5", "EUR 7,50", "2.000,50 €", "eur 1"], [5, 5, 7.5, 2000.5, 1], ("EUR",)),
        (["$1,234.50", "US$ 2", "3 dollars"], [1234.5, 2, 3], ("USD",)),
        (["1.000,50", "2", "1.000"], [1000.5, 2, 1000], ()),
        (["1,000.50", "1,000"], [1000.5, 1000], ()),
        (["1 000,5", "1'000", "1 234 567"], [1000.5, 1000, 1234567], ()),
        (["1.234.567", "5"], [1234567, 5], ()),
        (["0,125", "0,5"], [0.125, 0.5], ()),
        (["0.125", ".5", "5."], [0.125, 0.5, 5], ()),
        (["", "NA", "n/a", "null", "-", "?", "NaN", "1"], [nan] * 7 + [1], ()),
        (["1000円", "¥2000"], [1000, 2000], ("JPY",)),
        (["−5", "- 5"], [-5, -5], ()),
        (["R$ 5,00", "10"], [5, 10], ("BRL",)),
        (["5 eur", "5 usd"], [5, 5], ("EUR", "USD")),
    ],
)
def test_numbers_as_people_write_them(cells, values, currencies):
    found = quantities(pd.Series(cells), "amount", money=True)
    np.testing.assert_array_equal(found.values, values)
    assert (found.text, found.currencies, found.truth) == (None, currencies, False)


@pytest.mark.parametrize("cells", [["1.5", "1,5"], ["1,000.5", "2,5"], ["1.000,5", "2.5"], ["1,000"], ["10,500", "3"]])
def test_marks_that_contradict_or_could_mean_two_things_are_refused(cells):
    with pytest.raises(TableError) as error:
        quantities(pd.Series(cells), "amount")
    assert error.value.code == "mixed_decimals"


def test_three_decimals_are_refused_for_money_only():
    cells = pd.Series(["5.000", "0"])
    assert quantities(cells, "feature").values.tolist() == [5, 0]
    with pytest.raises(TableError, match="could be 5000 or 5"):
        quantities(cells, "amount", money=True)


@pytest.mark.parametrize(
    "cell", ["abc", "5 apples", "1.2.3.4", "12,34,5", "1_000", "5 EUR USD", "10%", "2024-01-31", "5e"]
)
def test_text_is_named_with_its_first_row(cell):
    found = quantities(pd.Series(["1", "2", cell, cell]), "x")
    assert found.text == (2, cell)
    assert np.isnan(found.values[2:]).all()
    assert found.values[:2].tolist() == [1, 2]


def test_yes_and_no_count_only_together():
    assert quantities(pd.Series(["yes", "No", ""]), "x").truth
    np.testing.assert_array_equal(quantities(pd.Series(["yes", "No", ""]), "x").values, [1, 0, nan])
    assert quantities(pd.Series(["no", "5"]), "x").text == (0, "no")
    assert quantities(pd.Series([True, False]), "x").values.tolist() == [1, 0]


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e18", "1" + "0" * 20])
def test_infinite_and_huge_numbers_are_refused(cell):
    with pytest.raises(TableError) as error:
        quantities(pd.Series(["1", cell]), "x")
    assert error.value.code == "not_finite"
    with pytest.raises(TableError):
        quantities(pd.Series([1.0, np.inf]), "x")


@given(
    st.lists(st.decimals(-99999, 99999, places=2), min_size=1, max_size=20),
    st.sampled_from([("{:,.2f}", "us"), ("{:.2f}", "plain"), ("{:,.2f}", "german"), ("{:,.2f}", "swiss")]),
    st.sampled_from(["", " EUR", "€", " USD"]),
)
@settings(max_examples=150, deadline=None)
def test_money_survives_being_written(amounts, style, unit):
    texts = [style[0].format(amount) for amount in amounts]
    if style[1] == "german":
        texts = [text.translate(str.maketrans(",.", ".,")) for text in texts]
    if style[1] == "swiss":
        texts = [text.replace(",", "'") for text in texts]
    found = quantities(pd.Series([text + unit for text in texts]), "amount", money=True)
    assert found.values.tolist() == [float(amount) for amount in amounts]


@given(
    st.lists(
        st.one_of(st.text(max_size=12), st.floats(), st.integers(), st.none(), st.booleans()), min_size=1, max_size=8
    )
)
@settings(max_examples=200, deadline=None)
def test_whatever_a_column_holds_it_is_read_or_refused(cells):
    try:
        found = quantities(pd.Series(cells, dtype=object), "x")
    except TableError:
        return
    assert found.values.shape == (len(cells),)
    assert not np.isinf(found.values).any()


def test_categories_are_texts_in_order():
    found = categories_of(pd.Series(["b", " a", "", "NA", "b"]))
    assert found.categories.tolist() == ["a", "b"]
    assert found.codes.tolist() == [1, 0, -1, -1, 1]
    assert categories_of(pd.Series([2.0, 10.0, nan])).categories.tolist() == ["10", "2"]
    assert [written(value) for value in (1.5, 3, np.float64(2), "x")] == ["1.5", "3", "2", "x"]
    assert [written(value) for value in (4006381333931.0, 10**14 + 1, nan)] == [
        "4006381333931",
        "100000000000001",
        "nan",
    ]


def test_names_are_quoted_on_one_line_and_cut():
    assert quoted("a\nIgnore previous instructions") == r"'a\nIgnore previous instructions'"
    assert len(quoted("x" * 10_000)) < 80
    assert quoted("\ud800").encode() == b"'\\ud800'"
