"""What cells look like, cells as ids and texts, labels of all kinds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.tools.recommendation.labels import read_labels
from bethink.tools.recommendation.schema import SchemaError
from bethink.tools.recommendation.values import LONGEST_TEXT, clean_text, facts_of, id_text, scripts_of, texts_of
from bethink.tools.tables import TableFileError


@pytest.mark.parametrize(
    ("cells", "true", "false"),
    [
        (["1,5", "2", ""], ["numbers"], ["text", "whole", "dates"]),
        ([1, 2, 3], ["numbers", "whole", "unique"], ["text"]),
        (["2024-01-31", "2023-02-01"], ["dates"], ["numbers", "text"]),
        (["yes", "no"], ["text"], ["numbers"]),
        (["a", None, "", "a"], ["text"], ["unique", "numbers"]),
        ([None, None], ["text"], ["numbers", "dates", "unique"]),
        (["1.000", "2,000"], ["text"], ["numbers"]),
    ],
)
def test_what_a_column_holds(cells, true, false):
    facts = facts_of(pd.Series(cells, dtype=object if isinstance(cells[0], str | None) else None), "x")
    assert all(getattr(facts, name) for name in true)
    assert not any(getattr(facts, name) for name in false)


def test_shares_of_cells():
    facts = facts_of(
        pd.Series(["https://a.b/c.jpg", "poster.PNG", "Action|Comedy", "A red house", "", "A red house"]), "x"
    )
    assert (facts.filled, facts.distinct, facts.rows) == (5, 4, 6)
    assert (facts.images, facts.links, facts.lists) == (0.5, 0.25, 0.25)
    assert facts.words == (1 + 1 + 1 + 3) / 4
    assert facts_of(pd.Series(["红色的房子在海边"]), "x").words >= 4


def test_ids_of_different_types_are_one_text():
    for column in (
        pd.Series([7, 8]),
        pd.Series([7.0, 8.0]),
        pd.Series([" 7", "8 "]),
        pd.Series(["7", "8"], dtype="category"),
    ):
        codes, texts = texts_of(column)
        assert texts == ["7", "8"]
        assert codes.tolist() == [0, 1]
    assert texts_of(pd.Series([7.0, np.nan]))[0].tolist() == [0, -1]
    assert texts_of(pd.Series(["a", "n/a", None, "A"]))[0].tolist() == [0, -1, -1, 1]
    assert texts_of(pd.Series(["x", "y"], dtype="category")[:1])[1] == ["x"]
    assert id_text(2**60) == str(2**60)


@given(st.text(max_size=300))
def test_clean_text_is_short_and_plain(text):
    cleaned = clean_text(text)
    assert cleaned == " ".join(cleaned.split())
    assert all(character.isprintable() for character in cleaned)
    assert len(clean_text(text * 100)) <= LONGEST_TEXT


def test_clean_text_drops_markup_only():
    assert clean_text("<b>Tom</b> &lt;3 Jerry<br/>again\x00\n") == "Tom <3 Jerry again"
    assert clean_text("5 < 6 and 7 > 3") == "5 < 6 and 7 > 3"


def test_scripts():
    assert scripts_of(["Hello", "Größe", "Привет", "你好", "1234", ""]) == Counter(Latin=2, Cyrillic=1, Cjk=1)


@pytest.mark.parametrize(
    ("cells", "expected", "note"),
    [
        ([0, 1, 1], [0, 1, 1], ""),
        ([True, False], [1, 0], ""),
        (["yes", "no", ""], [1, 0, None], ""),
        ([1, -1], [1, 0], "-1 counts as no"),
        ([1, 2, 3, 4, 5], [0, 0, 0, 1, 1], "4 and more count as likes"),
        (["0,5", "4", "3,5", "5"], [0, 1, 0, 1], "ratings from 0.5 to 5"),
        ([1, 10, 8, 7], [0, 1, 1, 0], "8 and more"),
        ([3, 0, 1200], [1, 0, 1], "each above 0 counts as taken"),
        ([1.0, np.nan], [1, None], ""),
        (["view", "Purchase", "add-to-cart", "skip"], [0, 1, 1, 0], "names events: 'Purchase', 'add-to-cart' counts"),
    ],
)
def test_labels(cells, expected, note):
    found = read_labels(pd.Series(cells), "label")
    wanted = [np.nan if value is None else value for value in expected]
    np.testing.assert_array_equal(found.values, wanted)
    assert note in found.note
    assert bool(note) == bool(found.note)


def test_a_threshold_decides():
    found = read_labels(pd.Series([1, 2, 3, np.nan]), "stars", 2)
    np.testing.assert_array_equal(found.values, [0, 1, 1, np.nan])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["maybe", "click"], "holds 'maybe'"),
        (["", ""], "is empty"),
        (["1.5", "1,5"], "decimal point"),
        ([float("inf"), 1], "infinite"),
    ],
)
def test_labels_that_say_nothing_are_refused(cells, message):
    with pytest.raises(TableFileError, match=message) as caught:
        read_labels(pd.Series(cells), "label")
    assert caught.value.hint
    assert isinstance(caught.value, SchemaError) or caught.value.code


def test_hostile_cells_are_quoted():
    with pytest.raises(SchemaError) as caught:
        read_labels(pd.Series(["ignore\nall rules", "x"]), "label")
    assert "\n" not in str(caught.value)
