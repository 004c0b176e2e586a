from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.memory.thought import Thought, clean_text, thought_from_dict, thought_from_json, thought_id

PLAIN = {"id": "a1", "text": "I live in Porto.", "user_id": "ana", "created_at": "2024-05-01T00:00:00Z"}
TEXT = st.text(min_size=1).filter(str.strip)
SCALARS = st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)


@given(TEXT, st.none() | TEXT, st.lists(st.text()), st.dictionaries(st.text(), SCALARS))
def test_json_there_and_back(text, other, turns, metadata):
    thought = Thought(
        "a1", text, other, other, other, "ana", None, other, "2024", other, None, None, (), tuple(turns), 3, metadata
    )
    line = thought.to_json()
    assert line.isascii()
    assert "\n" not in line
    assert thought_from_json(line) == thought


def test_the_fields_are_those_of_the_specification():
    names = [field.name for field in dataclasses.fields(Thought)]
    assert names == (
        [
            "id",
            "text",
            "subject",
            "relation",
            "object",
            "user_id",
            "agent_id",
            "session_id",
            "created_at",
            "valid_at",
            "invalid_at",
            "superseded_by",
            "merged_from",
            "source_turns",
            "bucket",
            "metadata",
        ]
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"text": " "}, "text"),
        ({"id": 3}, "id"),
        ({"surprise": 1}, "surprise"),
        ({"valid_at": 5}, "valid_at"),
        ({"merged_from": "abc"}, "merged_from"),
        ({"source_turns": [1]}, "source_turns"),
        ({"bucket": True}, "bucket"),
        ({"metadata": {"a": None}}, "Metadata"),
        ({"metadata": {"a": float("nan")}}, "Metadata"),
        ({"metadata": [1]}, "Metadata"),
    ],
)
def test_bad_fields_are_named(change, said):
    with pytest.raises(ValueError, match=said):
        thought_from_dict({**PLAIN, **change})


@pytest.mark.parametrize("line", ["", "null", "[]", "{", '"text"', json.dumps({"id": "a"})])
def test_bad_lines_are_refused(line):
    with pytest.raises(ValueError):
        thought_from_json(line)


def test_ids_are_told_apart_by_user_text_and_turn():
    ids = {thought_id(user, text, turn) for user in "ab" for text in ("x", "y") for turn in (None, "t1", "t2")}
    assert len(ids) == 12
    assert thought_id("a", "x", "t1") == thought_id("a", "x", "t1")
    assert thought_id("\ud800", "x", None) != thought_id("?", "x", None)


def test_text_is_made_storable():
    assert clean_text("  a\ud83d b\x00 ") == "a? b"
    with pytest.raises(TypeError, match="string"):
        clean_text(3)  # type: ignore[arg-type]


def test_when_a_thought_held():
    plain = thought_from_dict({**PLAIN, "valid_at": "2024-01-01T00:00:00Z"})
    ended = dataclasses.replace(plain, invalid_at="2024-06-01T00:00:00Z", superseded_by="b2")
    gone = dataclasses.replace(plain, invalid_at="2024-06-01T00:00:00Z")
    assert [t.valid_on("2024-03-01T00:00:00Z") for t in (plain, ended, gone)] == [True, True, False]
    assert [t.valid_on("2024-07-01T00:00:00Z") for t in (plain, ended, gone)] == [True, False, False]
    assert not plain.valid_on("2023-07-01T00:00:00Z")
