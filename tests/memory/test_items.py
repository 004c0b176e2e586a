from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime

import pytest

from bethink.memory.items import item_id, item_thought, json_value, stored_item
from bethink.memory.redact import REMOVED
from bethink.memory.thought import MAX_TEXT, thought_from_json


def test_an_item_survives_the_way_through_a_thought():
    value = {"text": "Ann likes tea.", "n": [1, 2.5, None, True], "ü": {"snow": "☃ \ud800"}}
    thought = item_thought(("a", "ü"), "k", json_value(value), ["Ann likes tea."], user_id="ann")
    item = stored_item(thought_from_json(thought.to_json()))
    assert item.data() == value
    assert (item.namespace, item.key, item.indexed) == (("a", "ü"), "k", True)
    assert item.created == item.updated
    assert datetime.fromisoformat(item.created).tzinfo is not None
    assert thought.text == "Ann likes tea."


def test_ids_do_not_confuse_namespaces_with_keys():
    ids = {
        item_id(("a", "b"), "c"),
        item_id(("a",), "b/c"),
        item_id(("a/b",), "c"),
        item_id(("a",), "b"),
        item_id((), "a"),
    }
    assert len(ids) == 5
    assert item_id(["a"], "b") == item_id(("a",), "b")


def test_a_long_text_is_indexed_in_part_and_kept_whole():
    value = {"text": "word " * 5000}
    thought = item_thought(("a",), "k", value, [value["text"]], user_id="ann")
    assert len(thought.text) == MAX_TEXT
    assert stored_item(thought).data() == value


@pytest.mark.parametrize("texts", [[], [""], ["  \x00 "]])
def test_without_a_text_the_label_stands_in(texts):
    thought = item_thought(("notes", "home"), "k1", {}, texts, user_id="ann")
    assert thought.text == "notes/home/k1"
    assert not stored_item(thought).indexed


def test_what_is_no_item_is_none():
    thought = item_thought(("a",), "k", {}, ["x"], user_id="ann")
    assert stored_item(replace(thought, invalid_at=thought.created_at)) is None
    assert stored_item(replace(thought, metadata={})) is None
    assert stored_item(replace(thought, id="merged")) is None
    assert stored_item(replace(thought, metadata={**thought.metadata, "item_namespace": "["})) is None


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"note": "my PIN is 4821"}, {"note": f"my PIN is {REMOVED}"}),
        ({"password": "correct horse battery"}, {"password": REMOVED}),
        (
            {"user_password": "x", "apiKey": "abc", "api_key": "abc"},
            dict.fromkeys(("user_password", "apiKey", "api_key"), REMOVED),
        ),
        ({"pin": 4821}, {"pin": REMOVED}),
        ({"deep": [{"card": "4111 1111 1111 1111"}]}, {"deep": [{"card": REMOVED}]}),
        ({"card": 4111111111111111, "other": "4111111111111111"}, {"card": REMOVED, "other": REMOVED}),
        (("sk-abcdefghijklmnop1234567890", 1), [REMOVED, 1]),
    ],
)
def test_secrets_in_values_go(value, kept):
    assert json_value(value) == kept
    assert json_value(kept) == kept


@pytest.mark.parametrize(
    "value",
    [
        {"password": "not set yet", "pinned": "yes", "pin": True, "passport": "X1", "cvv": ""},
        {"at": 1700000000003, "us": 1700000000000008, "id": "123456789012345678", "day": 20240501093007, "n": -5},
        {"1700000000003": "a time as a name", "x": None, "y": 1.5},
    ],
)
def test_ordinary_values_stay(value):
    assert json_value(value) == value


def test_numbers_that_look_like_cards_to_luhn_stay_when_they_are_times():
    times = [{"at": 1700000000000 + i, "id": str(1100000000000000000 + i)} for i in range(100)]
    assert json_value(times) == times


@pytest.mark.parametrize(
    ("value", "problem", "told"),
    [
        ({"when": datetime(2024, 5, 1)}, TypeError, "datetime in the field 'when'"),
        ({"a": {1: "x"}}, TypeError, "keys must be strings, not int"),
        ({"a": [math.nan]}, ValueError, "the field 'a' is nan"),
        ({"a": {"b"}}, TypeError, "set in the field 'a'"),
        ({"a": b"x"}, TypeError, "bytes in the field 'a'"),
    ],
)
def test_what_is_not_json_is_named(value, problem, told):
    with pytest.raises(problem, match=told):
        json_value(value)
