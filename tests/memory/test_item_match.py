from __future__ import annotations

import pytest

from bethink.memory.item_match import fits_filter, fits_path


@pytest.mark.parametrize(
    ("value", "wanted", "fits"),
    [
        ("red", "red", True),
        ("red", "blue", False),
        (None, None, True),
        (3, {"$gt": 2, "$lte": 3}, True),
        (3, {"$gt": 3}, False),
        ("10", {"$gte": 9}, True),
        ("2024-05-02", {"$gt": "2024-05-01"}, True),
        ("2024-05-02", {"$lt": "2024-05-01"}, False),
        (None, {"$gt": 1}, False),
        ("abc", {"$gt": 1}, False),
        (None, {"$ne": 1}, True),
        ([1, 2], {"$eq": [1, 2]}, True),
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": {"b": 5}}, {"a": {"b": {"$gt": 4}}}, True),
        ({"a": 1}, {"b": None}, True),
        ("x", {"a": 1}, False),
        ([1, 2], [1, 2], True),
        ([1, 2], (1, {"$gt": 1}), True),
        ([1, 2], [1], False),
        ("12", ["1", "2"], False),
    ],
)
def test_filters(value, wanted, fits):
    assert fits_filter(value, wanted) is fits


@pytest.mark.parametrize("wanted", [{"$in": [1]}, {"$gt": 1, "plain": 2}])
def test_unknown_operators_are_named(wanted):
    with pytest.raises(ValueError, match="There is no operator"):
        fits_filter(5, wanted)


@pytest.mark.parametrize(
    ("path", "kind", "fits"),
    [
        (("a",), "prefix", True),
        (("a", "*"), "prefix", True),
        (("*", "b"), "prefix", True),
        (("b",), "prefix", False),
        (("c",), "suffix", True),
        (("b", "*"), "suffix", True),
        (("a", "*"), "suffix", False),
        (("a", "b", "c", "d"), "prefix", False),
        ((), "suffix", True),
    ],
)
def test_paths(path, kind, fits):
    assert fits_path(("a", "b", "c"), path, kind) is fits


def test_another_kind_of_match_is_refused():
    with pytest.raises(ValueError, match="prefix or suffix"):
        fits_path(("a",), ("a",), "infix")
