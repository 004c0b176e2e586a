"""Schemas of other people's tools without their words, and conversations that somebody else keeps."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from bethink.agents.conversation import Conversation
from bethink.agents.foreign_tools import LONGEST, plain_schema, told

KEYS = ["properties", "items", "anyOf", "enum", "const", "type", "description", "default", "required", "$defs", "$ref"]
KEYS += ["format", "title", "pattern", "minimum", "additionalProperties", "examples", "x y"]
SCHEMAS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["string", "object", "#/$defs/a"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=5),
    max_leaves=30,
)


def strings(value) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for part in value.values() for text in strings(part))]
    return (
        [text for part in value for text in strings(part)]
        if isinstance(value, list)
        else [value] * isinstance(value, str)
    )


@given(SCHEMAS)
def test_whatever_the_schema_nothing_in_it_speaks(schema):
    plain = plain_schema(schema)
    assert plain["type"] == "object"
    assert isinstance(plain["properties"], dict)
    assert all(re.fullmatch(r"[A-Za-z0-9_.$#/-]{1,80}", text) for text in strings(plain))
    assert plain_schema(plain) == plain
    json.dumps(plain)


def test_what_a_call_needs_stays():
    schema = {
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Where.", "minLength": 1},
            "mode": {"enum": ["r", "w"]},
            "rows": {"type": "array", "items": {"$ref": "#/$defs/Row"}},
        },
        "required": ["path"],
        "additionalProperties": False,
        "$defs": {"Row": {"type": "object", "properties": {"n": {"type": ["integer", "null"], "description": "N."}}}},
    }
    plain = plain_schema(schema)
    assert "description" not in json.dumps(plain)
    assert plain["properties"]["path"] == {"type": "string", "minLength": 1}
    assert {key: plain[key] for key in ("required", "additionalProperties")} == {
        "required": ["path"],
        "additionalProperties": False,
    }
    assert plain["properties"]["rows"] == {"type": "array", "items": {"$ref": "#/$defs/Row"}}
    assert told("Opens a\nfile.", schema) == "Opens a file.; path: Where.; n: N."


def test_a_schema_nested_too_deep_and_a_long_description_are_cut():
    schema: dict = {"type": "string"}
    for _ in range(500):
        schema = {"type": "object", "properties": {"a": schema}}
    assert json.dumps(plain_schema(schema)).count("properties") < 20
    assert len(told("x" * 10_000, schema)) == LONGEST


TURNS = [HumanMessage("one"), AIMessage("1"), HumanMessage("two"), AIMessage("2")]


def test_a_conversation_is_cut_to_what_is_read():
    call = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "c"}])
    old = [call, ToolMessage("old", tool_call_id="c")]
    now = [HumanMessage("three"), call, ToolMessage("new", tool_call_id="c")]
    conversation = Conversation((*old, *TURNS, *now))
    assert [str(message.text) for message in conversation.bounded(3, 2)] == ["1", "tw", "2", "three", "", "new"]
    with pytest.raises(ValueError, match="no message of the user"):
        Conversation((AIMessage("1"),)).bounded(3, 2)


def test_the_ids_follow_from_what_was_said_and_by_whom():
    session, turn = Conversation((*TURNS, HumanMessage("three"))).ids("ann")
    assert Conversation((*TURNS, HumanMessage("three"))).ids("ann") == (session, turn)
    assert Conversation((*TURNS, HumanMessage("four"))).ids("ann")[0] == session
    others = [
        Conversation((*TURNS, HumanMessage("four"))).ids("ann"),
        Conversation((*TURNS, HumanMessage("three"))).ids("bob"),
        Conversation((*TURNS[:3], AIMessage("?"), HumanMessage("three"))).ids("ann"),
    ]
    assert len({turn, *(other[1] for other in others)}) == 4
